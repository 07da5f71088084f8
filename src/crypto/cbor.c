#include "crypto/cbor.h"

#define UNSIGNED	0
#define NEGATIVE	1
#define BYTES		2
#define TEXT		3
#define ARRAY		4
#define MAP		5
#define SIMPLE		7

/* The first bytes: how many, and the number in them.  0: not all are there. */
static size_t
head_len(const uint8_t *p, size_t len, uint64_t *n)
{
	unsigned int	info = p[0] & 31;
	size_t		i, bytes;

	*n = info;
	if (info < 24)
		return (1);
	if (info > 27)		/* reserved, or of no definite length */
		return (0);
	bytes = (size_t)1 << (info - 24);
	if (len <= bytes)
		return (0);
	for (*n = 0, i = 1; i <= bytes; i++)
		*n = *n << 8 | p[i];
	return (1 + bytes);
}

static size_t
items_len(const uint8_t *p, size_t len, uint64_t count, unsigned int depth)
{
	size_t	at = 0, n;

	for (; count > 0; count--) {
		if ((n = cbor_item_len(p + at, len - at, depth)) == 0)
			return (0);
		at += n;
	}
	return (at);
}

size_t
cbor_item_len(const uint8_t *p, size_t len, unsigned int depth)
{
	uint64_t	n;
	size_t		head, rest;

	if (len == 0 || (head = head_len(p, len, &n)) == 0)
		return (0);
	switch (p[0] >> 5) {
	case UNSIGNED:
	case NEGATIVE:
		return (head);
	case BYTES:
	case TEXT:
		return (n <= len - head ? head + n : 0);
	case ARRAY:
	case MAP:
		if (n == 0)
			return (head);
		if (depth == 0 || n > len - head)
			return (0);
		rest = items_len(p + head, len - head,
		    p[0] >> 5 == MAP ? 2 * n : n, depth - 1);
		return (rest == 0 ? 0 : head + rest);
	case SIMPLE:
		return (head == 1 && n >= 20 && n <= 22 ? head : 0);
	default:
		return (0);
	}
}
