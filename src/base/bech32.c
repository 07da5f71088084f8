#include "base/bech32.h"

#include <string.h>

#define CHECKSUM_LEN	6

static const char	alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* What a checksum comes to, by kind. */
static const uint32_t	residue[] = { [BECH32_FIRST] = 1,
			    [BECH32_M] = 0x2bc830a3 };

static uint32_t
step(uint32_t sum, uint32_t value)
{
	static const uint32_t	generator[] = { 0x3b6a57b2, 0x26508e6d,
				    0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	uint32_t		top = sum >> 25;
	unsigned int		i;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (i = 0; i < 5; i++) {
		if (top >> i & 1)
			sum ^= generator[i];
	}
	return (sum);
}

/* BIP 173: high bits of the prefix, 0, its low bits, the data. */
static uint32_t
checksum(const char *hrp, size_t hrp_len, const uint8_t *groups, size_t n)
{
	uint32_t	sum = 1;
	size_t		i;

	for (i = 0; i < hrp_len; i++)
		sum = step(sum, (uint32_t)hrp[i] >> 5);
	sum = step(sum, 0);
	for (i = 0; i < hrp_len; i++)
		sum = step(sum, (uint32_t)hrp[i] & 31);
	for (i = 0; i < n; i++)
		sum = step(sum, groups[i]);
	return (sum);
}

static bool
has_both_cases(const char *text, size_t len)
{
	bool	lower = false, upper = false;
	size_t	i;

	for (i = 0; i < len; i++) {
		lower |= text[i] >= 'a' && text[i] <= 'z';
		upper |= text[i] >= 'A' && text[i] <= 'Z';
	}
	return (lower && upper);
}

static char
to_lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

enum bech32
bech32_read(const char *text, size_t len, struct bech32_parts *out)
{
	const char	*separator, *place;
	uint32_t	 sum;
	size_t		 i;
	char		 c;

	if (len > BECH32_TEXT_MAX || has_both_cases(text, len) ||
	    (separator = memrchr(text, '1', len)) == NULL)
		return (BECH32_NONE);
	out->hrp_len = (size_t)(separator - text);
	if (out->hrp_len >= sizeof(out->hrp))
		return (BECH32_NONE);
	for (i = 0; i < out->hrp_len; i++)
		out->hrp[i] = to_lower(text[i]);
	out->hrp[i] = '\0';
	if (strspn(out->hrp, "abcdefghijklmnopqrstuvwxyz0123456789") !=
	    out->hrp_len)
		return (BECH32_NONE);
	out->len = len - out->hrp_len - 1;
	for (i = 0; i < out->len; i++) {
		c = to_lower(separator[1 + i]);
		if (c == '\0' || (place = strchr(alphabet, c)) == NULL)
			return (BECH32_NONE);
		out->at[i] = (uint8_t)(place - alphabet);
	}
	if (out->len < CHECKSUM_LEN)
		return (BECH32_NONE);
	sum = checksum(out->hrp, out->hrp_len, out->at, out->len);
	out->len -= CHECKSUM_LEN;
	return (sum == residue[BECH32_FIRST] ? BECH32_FIRST :
	    sum == residue[BECH32_M] ? BECH32_M : BECH32_NONE);
}

bool
bech32_write(char *out, size_t size, enum bech32 kind, const char *hrp,
    const uint8_t *groups, size_t n)
{
	size_t		hrp_len = strlen(hrp), i;
	uint32_t	sum;
	char		*p = out;

	if (kind == BECH32_NONE || size < hrp_len + 1 + n + CHECKSUM_LEN + 1)
		return (false);
	sum = checksum(hrp, hrp_len, groups, n);
	for (i = 0; i < CHECKSUM_LEN; i++)
		sum = step(sum, 0);
	sum ^= residue[kind];
	memcpy(p, hrp, hrp_len);
	p += hrp_len;
	*p++ = '1';
	for (i = 0; i < n; i++)
		*p++ = alphabet[groups[i] & 31];
	for (i = 0; i < CHECKSUM_LEN; i++)
		*p++ = alphabet[sum >> (25 - 5 * i) & 31];
	*p = '\0';
	return (true);
}

size_t
bech32_groups(const void *bytes, size_t n, uint8_t *out)
{
	const uint8_t	*p = bytes;
	uint32_t	 bits = 0;
	unsigned int	 count = 0;
	size_t		 i, at = 0;

	for (i = 0; i < n; i++) {
		bits = (bits << 8 | p[i]) & 0xfff;
		for (count += 8; count >= 5; ) {
			count -= 5;
			out[at++] = (uint8_t)(bits >> count & 31);
		}
	}
	if (count > 0)
		out[at++] = (uint8_t)(bits << (5 - count) & 31);
	return (at);
}
