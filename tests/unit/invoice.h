/*
 * Makes Lightning invoices of any groups, with the checksum they need (BIP
 * 173), so that tests and fuzzers get past it.
 */
#ifndef TEST_INVOICE_H
#define TEST_INVOICE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INVOICE_ALPHABET	"qpzry9x8gf2tvdw0s3jn54khce6mua7l"

static inline uint32_t
invoice_sum(uint32_t sum, unsigned int value)
{
	const uint32_t	terms[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
			    0x3d4233dd, 0x2a1462b3 };
	uint32_t	next = ((sum & 0x1ffffff) << 5) ^ value;
	int		i;

	for (i = 0; i < 5; i++)
		next ^= (sum >> (25 + i)) & 1 ? terms[i] : 0;
	return (next);
}

/*
 * Writes prefix, 1, `n' groups of 5 bits and the checksum to `out', which holds
 * len + n + 8.
 */
static inline char *
invoice_make(char *out, const char *prefix, size_t len, const uint8_t *groups,
    size_t n)
{
	size_t		i;
	uint32_t	sum = 1;
	char		*p = out;

	for (i = 0; i < len; i++)
		sum = invoice_sum(sum, (unsigned char)prefix[i] >> 5);
	sum = invoice_sum(sum, 0);
	for (i = 0; i < len; i++)
		sum = invoice_sum(sum, (unsigned char)prefix[i] & 31);
	memcpy(p, prefix, len);
	p += len;
	*p++ = '1';
	for (i = 0; i < n; i++) {
		sum = invoice_sum(sum, groups[i] & 31);
		*p++ = INVOICE_ALPHABET[groups[i] & 31];
	}
	for (i = 0; i < 6; i++)
		sum = invoice_sum(sum, 0);
	for (i = 0; i < 6; i++)
		*p++ = INVOICE_ALPHABET[((sum ^ 1) >> (25 - 5 * i)) & 31];
	*p = '\0';
	return (out);
}

/* The groups before the signature, as they grow. */
struct invoice {
	uint8_t	groups[8000];
	size_t	n;
};

static inline void
invoice_number(struct invoice *in, uint64_t value, unsigned int groups)
{
	for (; groups > 0; groups--)
		in->groups[in->n++] = (uint8_t)(groups > 13 ? 0 :
		    (value >> (5 * (groups - 1))) & 31);
}

/* Type and length; the data's groups follow. */
static inline void
invoice_head(struct invoice *in, unsigned int type, unsigned int groups)
{
	invoice_number(in, type, 1);
	invoice_number(in, groups, 2);
}

/* A field of bytes, padded with 0. */
static inline void
invoice_bytes(struct invoice *in, unsigned int type, const void *data,
    size_t len)
{
	const uint8_t	*bytes = data;
	size_t		 i, groups = (len * 8 + 4) / 5, bit;
	unsigned int	 b, value;

	invoice_head(in, type, (unsigned int)groups);
	for (i = 0; i < groups; i++) {
		for (value = b = 0; b < 5; b++) {
			bit = i * 5 + b;
			value = value << 1 | (bit >= len * 8 ? 0 :
			    (bytes[bit / 8] >> (7 - bit % 8)) & 1U);
		}
		in->groups[in->n++] = (uint8_t)value;
	}
}

/* Adds a signature that nobody checks, and writes it all. */
static inline char *
invoice_end(struct invoice *in, const char *prefix, char *out)
{
	memset(in->groups + in->n, 1, 104);
	return (invoice_make(out, prefix, strlen(prefix), in->groups,
	    in->n + 104));
}

#endif
