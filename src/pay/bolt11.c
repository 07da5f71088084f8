/*
 * BOLT 11 (github.com/lightning/bolts, 11-payment-encoding.md) over bech32
 * (BIP 173) without its limit of 90 characters.
 *
 *	lnbc2500u 1 <timestamp 7> <fields> <signature 104> <checksum 6>
 *
 * where the numbers count groups of 5 bits, one character each, and a field is
 * <type 1> <length 2> <data of that many groups>.
 */
#include "pay/bolt11.h"

#include "base/utf8.h"

#include <string.h>

#define TIMESTAMP_LEN	7
#define SIGNATURE_LEN	104
#define HASH_LEN	52	/* 256 bits and 4 that are 0 */
#define NODE_LEN	53
#define EXPIRY_MAX	(INT64_C(1) << 40)

/* All there is of bitcoin, in units that amounts are written and kept in. */
#define ALL_MSAT	INT64_C(2100000000000000000)
#define ALL_PICO	((__int128)ALL_MSAT * 10)

/* Characters are types of fields, as BOLT 11 names them. */
enum field {
	FIELD_FEATURES = 5, FIELD_PAYMENT_HASH = 1, FIELD_EXPIRY = 6,
	FIELD_DESCRIPTION = 13, FIELD_SECRET = 16, FIELD_NODE = 19,
	FIELD_DESCRIPTION_HASH = 23, FIELD_CLTV = 24
};

/* Digits without a leading 0 and a multiplier; the number is of bitcoin. */
static bool
read_amount(const char *p, int64_t *msat)
{
	__int128	pico = 0;

	if (*p < '1' || *p > '9')
		return (false);
	for (; *p >= '0' && *p <= '9'; p++) {
		pico = pico * 10 + (*p - '0');
		if (pico > ALL_PICO)
			return (false);
	}
	switch (*p) {
	case '\0': pico *= INT64_C(1000000000000); break;
	case 'm': pico *= 1000000000; break;
	case 'u': pico *= 1000000; break;
	case 'n': pico *= 1000; break;
	case 'p': break;
	default: return (false);
	}
	/* Nothing less than a millisatoshi can be paid. */
	if ((*p != '\0' && p[1] != '\0') || pico > ALL_PICO || pico % 10 != 0)
		return (false);
	*msat = (int64_t)(pico / 10);
	return (true);
}

static bool
read_prefix(const char *hrp, struct bolt11 *out)
{
	/* Longer ones first: "lnbcrt" begins as "lnbc" does. */
	static const struct {
		const char		*prefix;
		enum bolt11_network	 network;
	} rows[] = {
		{ "lnbcrt", BOLT11_REGTEST },
		{ "lnbc", BOLT11_MAINNET },
		{ "lntbs", BOLT11_SIGNET },
		{ "lntb", BOLT11_TESTNET },
	};
	size_t	i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = strlen(rows[i].prefix);
		if (strncmp(hrp, rows[i].prefix, n))
			continue;
		out->network = rows[i].network;
		out->amount_msat = -1;
		return (hrp[n] == '\0' ||
		    read_amount(hrp + n, &out->amount_msat));
	}
	return (false);
}

/*
 * Groups to bytes; `out' holds n * 5 / 8.  False: bits are left over that are
 * not padding.
 */
static bool
read_bytes(const uint8_t *groups, size_t n, uint8_t *out)
{
	uint32_t	bits = 0;
	unsigned int	count = 0;
	size_t		i;

	for (i = 0; i < n; i++) {
		bits = (bits << 5 | groups[i]) & 0xfff;
		if ((count += 5) >= 8) {
			count -= 8;
			*out++ = (uint8_t)(bits >> count);
		}
	}
	return (count < 5 && (bits & ((1U << count) - 1)) == 0);
}

static bool
read_expiry(const uint8_t *groups, size_t n, int64_t *seconds)
{
	size_t	i;

	for (*seconds = 0, i = 0; i < n; i++) {
		*seconds = *seconds << 5 | groups[i];
		if (*seconds > EXPIRY_MAX)
			return (false);
	}
	return (true);
}

static bool
read_description(const uint8_t *groups, size_t n, struct bolt11 *out)
{
	size_t	len = n * 5 / 8;

	out->has_description = true;
	return (read_bytes(groups, n, (uint8_t *)out->description) &&
	    memchr(out->description, '\0', len) == NULL &&
	    utf8_valid(out->description, len));
}

/* Fields that are not known here are the node's business. */
static bool
read_field(unsigned int type, const uint8_t *data, size_t n,
    struct bolt11 *out)
{
	switch (type) {
	case FIELD_PAYMENT_HASH:
		return (n == HASH_LEN &&
		    read_bytes(data, n, out->payment_hash));
	case FIELD_DESCRIPTION_HASH:
		out->has_description_hash = true;
		return (n == HASH_LEN &&
		    read_bytes(data, n, out->description_hash));
	case FIELD_DESCRIPTION:
		return (read_description(data, n, out));
	case FIELD_EXPIRY:
		return (read_expiry(data, n, &out->expiry_sec));
	case FIELD_SECRET:
		return (n == HASH_LEN);
	case FIELD_NODE:
		return (n == NODE_LEN);
	default:
		return (true);
	}
}

static bool
read_fields(const uint8_t *p, const uint8_t *end, struct bolt11 *out)
{
	static const uint32_t	once = 1U << FIELD_PAYMENT_HASH |
				    1U << FIELD_DESCRIPTION_HASH |
				    1U << FIELD_DESCRIPTION |
				    1U << FIELD_EXPIRY | 1U << FIELD_SECRET |
				    1U << FIELD_NODE | 1U << FIELD_CLTV |
				    1U << FIELD_FEATURES;
	uint32_t		seen = 0;
	unsigned int		type;
	size_t			n;

	while (p < end) {
		if (end - p < 3)
			return (false);
		type = p[0];
		n = (size_t)p[1] << 5 | p[2];
		p += 3;
		if (n > (size_t)(end - p) || (seen & once & 1U << type) ||
		    !read_field(type, p, n, out))
			return (false);
		seen |= 1U << type;
		p += n;
	}
	return (seen & 1U << FIELD_PAYMENT_HASH);
}

bool
bolt11_read(const char *text, size_t len, struct bolt11 *out)
{
	struct bech32_parts	g;
	size_t			i;

	*out = (struct bolt11){ .expiry_sec = BOLT11_EXPIRY_DEFAULT };
	if (bech32_read(text, len, &g) != BECH32_FIRST ||
	    !read_prefix(g.hrp, out) ||
	    g.len < TIMESTAMP_LEN + SIGNATURE_LEN)
		goto bad;
	for (i = 0; i < TIMESTAMP_LEN; i++)
		out->timestamp = out->timestamp << 5 | g.at[i];
	if (!read_fields(g.at + TIMESTAMP_LEN,
	    g.at + g.len - SIGNATURE_LEN, out))
		goto bad;
	return (true);
bad:
	memset(out, 0, sizeof(*out));
	return (false);
}

bool
bolt11_is_expired(const struct bolt11 *invoice, int64_t now_sec)
{
	return (now_sec >= invoice->timestamp + invoice->expiry_sec);
}
