/* base/utf8: against the table of RFC 3629, exhaustively where it is small. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* In a buffer of the exact size, so that sanitizers see an overrun. */
static bool
valid(const char *text, size_t len)
{
	char	*exact = malloc(len + (len == 0));
	bool	 ok;

	memcpy(exact, text, len);
	ok = utf8_valid(exact, len);
	free(exact);

	return (ok);
}

static size_t
encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return (1);
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return (2);
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return (3);
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));

	return (4);
}

static void
every_code_point(void **state)
{
	char		text[4];
	uint32_t	c;
	size_t		len;
	bool		want;

	for (c = 0; c < 0x120000; c++) {
		len = encode(c, text);
		want = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		if (utf8_valid(text, len) != want)
			fail_msg("U+%04X", c);
	}
}

static void
every_pair_of_bytes(void **state)
{
	char	text[2];
	int	a, b;
	bool	want;

	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			want = (a < 0x80 && b < 0x80) || (a >= 0xc2 &&
			    a <= 0xdf && b >= 0x80 && b <= 0xbf);
			if (utf8_valid(text, 2) != want)
				fail_msg("%02x %02x", a, b);
		}
	}
}

static void
samples(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len;
		bool		 ok;
	} rows[] = {
#define ROW(text, ok)	{ text, sizeof(text) - 1, ok }
		ROW("", true), ROW("a\0b", true), ROW("m\xc3\xa4quina", true),
		ROW("12345678\xe2\x82\xac", true),
		ROW("1234567\xe2\x82\xac" "12345678", true),
		ROW("12345678\xe2\x82", false), ROW("1234567\x80", false),
		ROW("\xc0\x80", false), ROW("\xe0\x9f\xbf", false),
		ROW("\xf0\x8f\xbf\xbf", false), ROW("\xed\xa0\x80", false),
		ROW("\xf4\x90\x80\x80", false), ROW("\xf5\x80\x80\x80", false),
		ROW("\xf8\x88\x80\x80\x80", false), ROW("\xff", false),
		ROW("\xf0\x9f\x94\x91", true), ROW("\xf0\x9f\x94", false),
		ROW("\xf0\x9f\x41\x91", false), ROW("\xe2\x28\xa1", false),
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (valid(rows[i].text, rows[i].len) != rows[i].ok)
			fail_msg("row %zu", i);
	}
}

static void
a_bad_byte_is_found_anywhere(void **state)
{
	char	text[40];
	size_t	len, at;

	for (len = 1; len <= sizeof(text); len++) {
		for (at = 0; at < len; at++) {
			memset(text, 'a', sizeof(text));
			assert_true(valid(text, len));
			text[at] = '\xbf';
			assert_false(valid(text, len));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(every_pair_of_bytes),
		cmocka_unit_test(samples),
		cmocka_unit_test(a_bad_byte_is_found_anywhere),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
