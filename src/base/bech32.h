/*
 * Bech32 (BIP 173) and Bech32m (BIP 350): letters that carry 5 bits each after
 * a prefix, and a checksum.  Without the limit of 90 characters, which
 * Lightning invoices don't keep.  Refuses mixed case.
 */
#ifndef BASE_BECH32_H
#define BASE_BECH32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BECH32_TEXT_MAX		7089	/* what a QR code holds */

/* By its checksum. */
enum bech32 {
	BECH32_NONE,		/* it is neither */
	BECH32_FIRST,		/* BIP 173: Lightning, segwit version 0 */
	BECH32_M		/* BIP 350: later segwit versions */
};

/* The whole text, taken apart. */
struct bech32_parts {
	char		hrp[64];	/* in lower case */
	size_t		hrp_len, len;	/* groups, without the checksum's */
	uint8_t		at[BECH32_TEXT_MAX];
};

/* BECH32_NONE: no such text; `*out' is then unspecified. */
enum bech32	bech32_read(const char *text, size_t len,
		    struct bech32_parts *out);
/*
 * The text in lower case, NUL-terminated.  False: `out' is too small, or there
 * is no such kind.
 */
bool		bech32_write(char *out, size_t size, enum bech32, const char *hrp,
		    const uint8_t *groups, size_t n);
/*
 * Bytes to groups, the last one filled up with 0; `out' holds
 * (n * 8 + 4) / 5.  How many there are.
 */
size_t		bech32_groups(const void *bytes, size_t n, uint8_t *out);

#endif
