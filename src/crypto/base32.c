/*
 * Base32, eight characters and five bytes at a time: this runs on every
 * license key that comes in, valid or not.
 */
#include "crypto/base32.h"

#define XX		0xff	/* not a digit; no digit has its high bits */
#define FOREIGN_BITS	0xe0

static const char	digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* What the characters below 128 stand for. */
static const uint8_t	values[128] = {
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, 26, 27, 28, 29, 30, 31,
	XX, XX, XX, XX, XX, XX, XX, XX,
	XX,  0,  1,  2,  3,  4,  5,  6,
	 7,  8,  9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 25, XX, XX, XX, XX, XX,
	XX,  0,  1,  2,  3,  4,  5,  6,
	 7,  8,  9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 25, XX, XX, XX, XX, XX,
};

static inline uint8_t	decode_group(uint8_t out[5], const char in[8]);
static inline uint32_t	decode_half(const uint8_t c[4], uint8_t *foreign);

size_t
base32_encode(char *out, const uint8_t *bytes, size_t len)
{
	char		*start = out;
	uint64_t	 group;
	size_t		 i;
	int		 shift;

	for (; len >= 5; len -= 5, bytes += 5) {
		group = 0;
		for (i = 0; i < 5; i++)
			group = group << 8 | bytes[i];
		for (shift = 35; shift >= 0; shift -= 5)
			*out++ = digits[group >> shift & 31];
	}
	if (len > 0) {
		group = 0;
		for (i = 0; i < 5; i++)
			group = group << 8 | (i < len ? bytes[i] : 0);
		for (i = 0; i < BASE32_TEXT_LEN(len); i++)
			*out++ = digits[group >> (35 - 5 * i) & 31];
	}

	return ((size_t)(out - start));
}

bool
base32_decode(uint8_t *out, const char *text, size_t len)
{
	uint8_t	last[5], foreign = 0;
	char	group[8];
	size_t	i, bytes;

	for (; len >= 8; len -= 8, text += 8, out += 5)
		foreign |= decode_group(out, text);
	if (len == 0)
		return (foreign == 0);
	if (len == 1 || len == 3 || len == 6)
		return (false);

	/* Missing characters read as zero, so unused bits show up behind. */
	for (i = 0; i < sizeof(group); i++)
		group[i] = i < len ? text[i] : digits[0];
	foreign |= decode_group(last, group);
	bytes = BASE32_BYTES_LEN(len);
	for (i = 0; i < bytes; i++)
		out[i] = last[i];

	return (foreign == 0 && last[bytes] == 0);
}

/* Returns 0 if all eight are digits. */
static inline uint8_t
decode_group(uint8_t out[5], const char in[8])
{
	const uint8_t	*c = (const uint8_t *)in;
	uint8_t		 foreign = 0;
	uint32_t	 high = decode_half(c, &foreign);
	uint32_t	 low = decode_half(c + 4, &foreign);

	out[0] = (uint8_t)(high >> 12);
	out[1] = (uint8_t)(high >> 4);
	out[2] = (uint8_t)(high << 4 | low >> 16);
	out[3] = (uint8_t)(low >> 8);
	out[4] = (uint8_t)low;

	return (foreign);
}

/* Four characters, 20 bits; *foreign is changed if they aren't all digits. */
static inline uint32_t
decode_half(const uint8_t c[4], uint8_t *foreign)
{
	uint32_t	v0 = values[c[0] & 0x7f], v1 = values[c[1] & 0x7f];
	uint32_t	v2 = values[c[2] & 0x7f], v3 = values[c[3] & 0x7f];

	*foreign |= ((v0 | v1 | v2 | v3) & FOREIGN_BITS) |
	    ((c[0] | c[1] | c[2] | c[3]) & 0x80);

	return (v0 << 15 | v1 << 10 | v2 << 5 | v3);
}
