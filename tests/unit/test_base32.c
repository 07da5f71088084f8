/* crypto/base32: one text for each byte string, up to case. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/base32.h"

#include <sodium.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char	digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Decodes in buffers of the exact size, so that sanitizers see an overrun. */
static bool
decodes(const char *text, size_t len)
{
	char	*copy = malloc(len + 1);
	uint8_t	*out = malloc(BASE32_BYTES_LEN(len) + (len == 0));
	bool	 ok;

	memcpy(copy, text, len);
	copy = realloc(copy, len + (len == 0));
	ok = base32_decode(out, copy, len);
	free(copy);
	free(out);

	return (ok);
}

static void
rfc4648_examples(void **state)
{
	static const struct {
		const char	*bytes, *text;
	} rows[] = {
		/* clang-format off */
		{ "", "" }, { "f", "MY" }, { "fo", "MZXQ" },
		{ "foo", "MZXW6" }, { "foob", "MZXW6YQ" },
		{ "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" },
		/* clang-format on */
	};
	uint8_t	bytes[8];
	char	text[16];
	size_t	i, len, text_len;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].bytes);
		text_len = strlen(rows[i].text);
		assert_int_equal(BASE32_TEXT_LEN(len), text_len);
		assert_int_equal(BASE32_BYTES_LEN(text_len), len);
		assert_int_equal(base32_encode(text,
		    (const uint8_t *)rows[i].bytes, len), text_len);
		assert_memory_equal(text, rows[i].text, text_len);
		assert_true(base32_decode(bytes, rows[i].text, text_len));
		assert_memory_equal(bytes, rows[i].bytes, len);
	}
}

static void
every_length_comes_back(void **state)
{
	uint8_t	bytes[300], back[300];
	char	text[BASE32_TEXT_LEN(300)];
	size_t	len, i, text_len;

	for (len = 0; len <= sizeof(bytes); len++) {
		randombytes_buf(bytes, len);
		text_len = base32_encode(text, bytes, len);
		assert_int_equal(text_len, BASE32_TEXT_LEN(len));
		for (i = 0; i < text_len; i++)
			assert_non_null(memchr(digits, text[i], 32));
		assert_true(decodes(text, text_len));
		assert_true(base32_decode(back, text, text_len));
		assert_memory_equal(back, bytes, len);

		for (i = 0; i < text_len; i++)
			text[i] = (char)tolower(text[i]);
		memset(back, 0, sizeof(back));
		assert_true(base32_decode(back, text, text_len));
		assert_memory_equal(back, bytes, len);
	}
}

static void
impossible_lengths_are_refused(void **state)
{
	char	text[40];
	size_t	len;
	bool	possible;

	memset(text, 'A', sizeof(text));
	for (len = 0; len < sizeof(text); len++) {
		possible = len % 8 != 1 && len % 8 != 3 && len % 8 != 6;
		assert_int_equal(decodes(text, len), possible);
	}
}

static void
foreign_characters_are_refused(void **state)
{
	char	text[15];
	size_t	at;
	int	c;

	for (at = 0; at < sizeof(text); at++) {
		for (c = 0; c < 256; c++) {
			memset(text, 'A', sizeof(text));
			text[at] = (char)c;
			if (c != 0 && c < 128 &&
			    strchr(digits, toupper(c)) != NULL)
				continue;
			assert_false(decodes(text, sizeof(text)));
		}
	}
}

static void
unused_bits_must_be_zero(void **state)
{
	static const struct {
		size_t	len;
		int	unused;
	} rows[] = { { 2, 2 }, { 4, 4 }, { 5, 1 }, { 7, 3 } };
	char	text[8];
	size_t	i;
	int	value;

	memset(text, '7', sizeof(text));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (value = 0; value < 32; value++) {
			text[rows[i].len - 1] = digits[value];
			assert_int_equal(decodes(text, rows[i].len),
			    (value & ((1 << rows[i].unused) - 1)) == 0);
		}
		text[rows[i].len - 1] = '7';
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc4648_examples),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(foreign_characters_are_refused),
		cmocka_unit_test(unused_bits_must_be_zero),
	};

	if (sodium_init() < 0)
		return (1);

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
