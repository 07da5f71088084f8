/*
 * Reads a Lightning invoice (BOLT 11): what is asked for, by which hash, until
 * when.  The checksum is checked and every length; the signature is not: who
 * signed is the business of the node that pays.  Refuses what has two
 * meanings: mixed case, a field twice, a field of the wrong length, stray bits.
 */
#ifndef PAY_BOLT11_H
#define PAY_BOLT11_H

#include "base/bech32.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOLT11_TEXT_MAX		BECH32_TEXT_MAX
#define BOLT11_DESCRIPTION_MAX	639	/* bytes that 1,023 groups hold */
#define BOLT11_EXPIRY_DEFAULT	3600

enum bolt11_network {
	BOLT11_MAINNET,		/* lnbc */
	BOLT11_TESTNET,		/* lntb */
	BOLT11_SIGNET,		/* lntbs */
	BOLT11_REGTEST		/* lnbcrt */
};

struct bolt11 {
	enum bolt11_network	network;
	int64_t			amount_msat;	/* -1: any amount */
	int64_t			timestamp;	/* seconds since 1970 */
	int64_t			expiry_sec;	/* after the timestamp */
	uint8_t			payment_hash[32];
	bool			has_description;
	bool			has_description_hash;
	uint8_t			description_hash[32];
	char			description[BOLT11_DESCRIPTION_MAX + 1];
};

/*
 * False: no invoice, or one that is not to be paid; `*out' is then all zeros.
 * An invoice has a payment hash; text without a prefix like "lightning:" and
 * without white space around it.
 */
bool	bolt11_read(const char *text, size_t len, struct bolt11 *out);

/* From the end of its time on; `now_sec' is seconds since 1970. */
bool	bolt11_is_expired(const struct bolt11 *, int64_t now_sec);

#endif
