/*
 * UUID text and bytes.  Refuses braces, URNs and missing hyphens: one UUID has
 * one text, up to case.
 */
#include "base/uuid.h"

#include "base/text.h"

#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>

static bool	hyphen_before(int byte);

void
uuid_format(const uint8_t id[16], char out[37])
{
	static const char	hex[] = "0123456789abcdef";
	int			i;

	for (i = 0; i < UUID_LEN; i++) {
		if (hyphen_before(i))
			*out++ = '-';
		*out++ = hex[id[i] >> 4];
		*out++ = hex[id[i] & 15];
	}
	*out = '\0';
}

bool
uuid_parse(const char *text, size_t len, uint8_t out[16])
{
	int	i, high, low;

	if (len != UUID_TEXT_LEN)
		return (false);
	for (i = 0; i < UUID_LEN; i++) {
		if (hyphen_before(i) && *text++ != '-')
			return (false);
		high = text_hex_value(*text++);
		low = text_hex_value(*text++);
		if (high < 0 || low < 0)
			return (false);
		out[i] = (uint8_t)(high << 4 | low);
	}

	return (true);
}

void
uuid_random(uint8_t out[16])
{
	/* Up to 256 bytes come whole; EINTR is possible only early at boot. */
	while (getrandom(out, UUID_LEN, 0) != UUID_LEN) {
		if (errno != EINTR)
			abort();
	}
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x40);
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

static bool
hyphen_before(int byte)
{
	return (byte == 4 || byte == 6 || byte == 8 || byte == 10);
}
