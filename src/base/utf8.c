/*
 * Well-formed UTF-8 by the table of RFC 3629: the first byte says how long the
 * sequence is and which second bytes are possible.
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS	UINT64_C(0x8080808080808080)

static size_t	sequence_len(const uint8_t *p, size_t left);

bool
utf8_valid(const void *text, size_t len)
{
	const uint8_t	*p = text, *end = p + len;
	uint64_t	 word;
	size_t		 n;

	while (p < end) {
		if (end - p >= (ptrdiff_t)sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			if ((word & HIGH_BITS) == 0) {
				p += sizeof(word);
				continue;
			}
		}
		if (*p < 0x80) {
			p++;
			continue;
		}
		if ((n = sequence_len(p, (size_t)(end - p))) == 0)
			return (false);
		p += n;
	}

	return (true);
}

/* Length of the sequence that begins here, of 2 to 4 bytes; 0 if ill-formed. */
static size_t
sequence_len(const uint8_t *p, size_t left)
{
	uint8_t	first = p[0], low = 0x80, high = 0xbf;
	size_t	i, n;

	if (first >= 0xc2 && first <= 0xdf)
		n = 2;
	else if (first >= 0xe0 && first <= 0xef)
		n = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		n = 4;
	else
		return (0);

	if (first == 0xe0)		/* shorter forms exist below */
		low = 0xa0;
	else if (first == 0xed)		/* surrogates above */
		high = 0x9f;
	else if (first == 0xf0)		/* shorter forms exist below */
		low = 0x90;
	else if (first == 0xf4)		/* U+110000 and up above */
		high = 0x8f;

	if (left < n || p[1] < low || p[1] > high)
		return (0);
	for (i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	}

	return (n);
}
