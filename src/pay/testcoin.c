/*
 * The signature is one that needs no key: its nonce is 1, so that r is the
 * generator's x, and for any s there is a key that it belongs to, which is what
 * a reader recovers.  Nobody holds what it promises.
 */
#include "pay/testcoin.h"

#include "base/bech32.h"
#include "crypto/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GROUPS_MAX	320
#define DESCRIPTION	"Sandbox: play money"

/* Types of fields, as BOLT 11 numbers them. */
enum field {
	FIELD_PAYMENT_HASH = 1, FIELD_FEATURES = 5, FIELD_EXPIRY = 6,
	FIELD_DESCRIPTION = 13, FIELD_SECRET = 16, FIELD_CLTV = 24
};

/* The x of secp256k1's generator; its y is even. */
static const uint8_t	generator_x[32] = {
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95,
    0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9,
    0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98 };

struct groups {
	size_t	n;
	uint8_t	at[GROUPS_MAX];
};

static void
hash_of(const char *what, const char *seed, uint8_t out[SHA256_LEN])
{
	char	text[512];
	int	n = snprintf(text, sizeof(text), "licet sandbox %s %s", what,
		    seed);

	sha256(text, n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n :
	    sizeof(text) - 1, out);
}

static void
put_number(struct groups *g, uint64_t n, unsigned int groups)
{
	while (groups-- > 0)
		g->at[g->n++] = (uint8_t)(n >> 5 * groups & 31);
}

static void
put_field(struct groups *g, enum field type, size_t groups)
{
	g->at[g->n++] = (uint8_t)type;
	put_number(g, groups, 2);
}

static void
put_bytes(struct groups *g, enum field type, const void *bytes, size_t len)
{
	put_field(g, type, (len * 8 + 4) / 5);
	g->n += bech32_groups(bytes, len, g->at + g->n);
}

/* As short as it goes: the number is of bitcoin, m, u and n are parts of it. */
static void
put_prefix(char out[64], int64_t sats)
{
	static const char	units[] = "num";
	int64_t			n = sats * 10;
	size_t			i = 0;

	for (; n % 1000 == 0 && i < 2; i++)
		n /= 1000;
	(void)snprintf(out, 64, "lnbcrt%" PRId64 "%c", n, units[i]);
}

void
testcoin_address(char out[TESTCOIN_SIZE], const char *seed)
{
	uint8_t	program[SHA256_LEN], groups[1 + 32];

	hash_of("address", seed, program);
	groups[0] = 0;		/* segwit version */
	bech32_groups(program, 20, groups + 1);
	bech32_write(out, TESTCOIN_SIZE, BECH32_FIRST, "bcrt", groups,
	    1 + 32);
}

void
testcoin_bolt11(char out[TESTCOIN_SIZE], const char *seed, int64_t sats,
    int64_t at, int64_t seconds)
{
	uint8_t		hash[SHA256_LEN], secret[SHA256_LEN], signature[65];
	struct groups	g = { .n = 0 };
	char		hrp[64];

	hash_of("hash", seed, hash);
	hash_of("secret", seed, secret);
	put_prefix(hrp, sats < 1 ? 1 : sats);
	put_number(&g, (uint64_t)(at < 0 ? 0 : at), 7);
	put_bytes(&g, FIELD_SECRET, secret, sizeof(secret));
	put_bytes(&g, FIELD_PAYMENT_HASH, hash, sizeof(hash));
	put_bytes(&g, FIELD_DESCRIPTION, DESCRIPTION, strlen(DESCRIPTION));
	put_field(&g, FIELD_EXPIRY, 6);
	put_number(&g, (uint64_t)(seconds < 1 ? 1 : seconds), 6);
	put_field(&g, FIELD_CLTV, 1);
	put_number(&g, 18, 1);
	/* Bits 8 and 14: an onion of variable length, with the secret. */
	put_field(&g, FIELD_FEATURES, 3);
	put_number(&g, 1 << 8 | 1 << 14, 3);
	memcpy(signature, generator_x, 32);
	hash_of("signature", seed, signature + 32);
	signature[32] &= 0x3f;	/* low, as nodes want it */
	signature[64] = 0;	/* y is even */
	g.n += bech32_groups(signature, sizeof(signature), g.at + g.n);
	bech32_write(out, TESTCOIN_SIZE, BECH32_FIRST, hrp, g.at, g.n);
}
