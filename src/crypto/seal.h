/*
 * Secrets that must be in the database, sealed with a key that is not: version
 * (1 byte, 1), nonce (24), ciphertext, tag (16).  XChaCha20-Poly1305; the key
 * is derived from the ring for a purpose ("table.column"), the row's id is
 * associated data: a sealed value copied to another row or column won't open.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_OVERHEAD	41

struct keyring;

/* What a sealed value belongs to; all borrowed. */
struct seal_place {
	const char	*purpose;
	const void	*row_id;	/* the form in use must stay the same */
	size_t		 row_id_len;
};

/* Writes len + SEAL_OVERHEAD bytes to `out' and returns that number. */
size_t	seal(const struct keyring *ring, const struct seal_place *place,
	    const void *plain, size_t len, uint8_t *out);

/*
 * Writes len - SEAL_OVERHEAD bytes to `out' and their number to *out_len; the
 * caller wipes them.  False, with `out' unspecified, if the value was altered,
 * cut, moved or sealed by another ring.
 */
bool	unseal(const struct keyring *ring, const struct seal_place *place,
	    const void *sealed, size_t len, uint8_t *out, size_t *out_len);

#endif
