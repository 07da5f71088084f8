/*
 * Any bytes as a Lightning invoice: no overrun, nothing out of bounds, and an
 * invoice that is read is refused once one character of it is another.
 *
 * The first byte says what the rest is: T a whole text; anything else a prefix,
 * a byte 0xff and groups, which get the checksum and half of the time a
 * signature.
 */
#include "pay/bolt11.h"

#include "base/utf8.h"

#include "../unit/invoice.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)
#define END		0xff	/* of the prefix */
#define ALL_MSAT	INT64_C(2100000000000000000)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_fields(const struct bolt11 *b)
{
	size_t	len = strnlen(b->description, sizeof(b->description));

	REQUIRE(b->network >= BOLT11_MAINNET && b->network <= BOLT11_REGTEST);
	REQUIRE(b->amount_msat == -1 ||
	    (b->amount_msat > 0 && b->amount_msat <= ALL_MSAT));
	REQUIRE(b->timestamp >= 0 && b->timestamp < INT64_C(1) << 35);
	REQUIRE(b->expiry_sec >= 0 && b->expiry_sec <= INT64_C(1) << 40);
	REQUIRE(len <= BOLT11_DESCRIPTION_MAX);
	REQUIRE(utf8_valid(b->description, len));
	REQUIRE(len == 0 || b->has_description);
}

/* An exact copy on the heap, so that reading past it shows. */
static bool
read_copy(const char *text, size_t len, struct bolt11 *out)
{
	char	*copy = malloc(len + (len == 0));
	bool	 ok;

	memcpy(copy, text, len);
	ok = bolt11_read(copy, len, out);
	free(copy);
	return (ok);
}

static void
check_others(char *text, size_t len, const struct bolt11 *b)
{
	struct bolt11	other;
	size_t		i = (size_t)b->payment_hash[0] * 7 % len;
	char		was = text[i];

	text[i] = was == 'q' || was == 'Q' ? 'p' : 'q';
	REQUIRE(!read_copy(text, len, &other));
	text[i] = was;
	REQUIRE(!read_copy(text, len - 1, &other));
	for (i = 0; i < len; i++)
		text[i] = (char)toupper((unsigned char)text[i]);
	REQUIRE(read_copy(text, len, &other));
	REQUIRE(memcmp(&other, b, sizeof(other)) == 0);
}

static void
read_text(char *text, size_t len)
{
	static const struct bolt11	zero;
	struct bolt11			b;

	memset(&b, 0x55, sizeof(b));
	if (!read_copy(text, len, &b)) {
		REQUIRE(memcmp(&b, &zero, sizeof(b)) == 0);
		return;
	}
	REQUIRE(len <= BOLT11_TEXT_MAX && len > 110);
	check_fields(&b);
	check_others(text, len, &b);
}

static void
read_made(const uint8_t *data, size_t size)
{
	const uint8_t	*end = memchr(data, END, size);
	size_t		 n = end == NULL ? 0 : size - (size_t)(end + 1 - data);
	size_t		 len;
	uint8_t		*groups;
	char		*text;

	if (end == NULL)
		return;
	groups = calloc(1, n + 104);
	memcpy(groups, end + 1, n);
	if (size % 2 == 0)
		n += 104;
	len = (size_t)(end - data);
	text = malloc(len + n + 8);
	invoice_make(text, (const char *)data, len, groups, n);
	read_text(text, len + n + 7);
	free(text);
	free(groups);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*text;

	if (size == 0)
		return (0);
	if (*data != 'T') {
		read_made(data + 1, size - 1);
		return (0);
	}
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	read_text(text, size - 1);
	free(text);

	return (0);
}
