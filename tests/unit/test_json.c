/* base/json: what strangers may send, and what they may not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"

#include <string.h>

#define ROW(s, ok)	{ (s), sizeof(s) - 1, (ok) }

static void
samples(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len;
		bool		 ok;
	}	rows[] = {
		ROW("{}", true),
		ROW("[]", true),
		ROW("null", true),
		ROW("\"a\"", true),
		ROW(" 1 ", true),
		ROW("-0.5e3", true),
		ROW("{\"a\":{\"a\":1},\"b\":[1,2]}", true),
		ROW("\"\xc3\xa9\"", true), ROW("\"\\u00e9\"", true),
		ROW("\"\\ud83d\\ude00\"", true),
		ROW("9223372036854775807", true),
		ROW("", false), ROW(" ", false), ROW("{", false),
		ROW("{}x", false), ROW("{} {}", false), ROW("[1,]", false),
		ROW("{\"a\":1,}", false), ROW("{a:1}", false),
		ROW("{'a':1}", false), ROW("{\"a\":1,\"a\":2}", false),
		ROW("{\"a\":1,\"\\u0061\":2}", false),
		ROW("\"\\u0000\"", false), ROW("\"a\0b\"", false),
		ROW("{}\0", false), ROW("\"\xff\"", false),
		ROW("\"\xed\xa0\x80\"", false), ROW("\"\\ud800\"", false),
		ROW("\"\n\"", false), ROW("\"\\x\"", false), ROW("01", false),
		ROW("+1", false), ROW(".5", false), ROW("0x1", false),
		ROW("NaN", false), ROW("Infinity", false), ROW("True", false),
		ROW("1e999", false), ROW("99999999999999999999", false),
		ROW("/**/{}", false), ROW("\xef\xbb\xbf{}", false),
	};
	char	error[128];
	json_t	*j;
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error[0] = '\0';
		j = json_read(rows[i].text, rows[i].len, error,
		    sizeof(error));
		if ((j != NULL) != rows[i].ok)
			fail_msg("%s: %s", rows[i].text, error);
		if (j == NULL && error[0] == '\0')
			fail_msg("%s: refused in silence", rows[i].text);
		json_decref(j);
	}
}

static void
only_the_bytes_given_are_read(void **state)
{
	char	error[128];
	json_t	*j;

	assert_non_null(j = json_read("[1]garbage", 3, error, sizeof(error)));
	json_decref(j);
	assert_null(json_read("[1]", 2, error, sizeof(error)));
}

/* Depth is counted outside of strings, and closing gives it back. */
static void
depth(void **state)
{
	static const struct {
		const char	*repeat;	/* opened, then closed in turn */
		const char	*close;
		size_t		 times;
		bool		 ok;
	}	rows[] = {
		{ "[", "]", 64, true },
		{ "[", "]", 65, false },
		{ "{\"a\":", "}", 63, true },
		{ "{\"a\":", "}", 65, false },
		{ "[", "", 100000, false },
	};
	static char	text[700000];
	char		error[128];
	size_t		i, k, len;
	json_t		*j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (len = 0, k = 0; k < rows[i].times; k++) {
			memcpy(text + len, rows[i].repeat,
			    strlen(rows[i].repeat));
			len += strlen(rows[i].repeat);
		}
		if (*rows[i].repeat == '{')
			text[len++] = '1';
		for (k = 0; k < rows[i].times; k++) {
			memcpy(text + len, rows[i].close,
			    strlen(rows[i].close));
			len += strlen(rows[i].close);
		}
		j = json_read(text, len, error, sizeof(error));
		if ((j != NULL) != rows[i].ok)
			fail_msg("row %zu: %s", i, error);
		json_decref(j);
	}
}

static void
brackets_in_strings_are_not_depth(void **state)
{
	static char	text[400];
	char		error[128];
	size_t		len = 0;
	json_t		*j;

	text[len++] = '"';
	text[len++] = '\\';
	text[len++] = '"';
	memset(text + len, '[', 300);
	len += 300;
	text[len++] = '"';
	assert_non_null(j = json_read(text, len, error, sizeof(error)));
	json_decref(j);
}

static void
members(void **state)
{
	static const char	text[] = "{\"a\":\"x\",\"n\":1,\"z\":null,"
	    "\"o\":{\"b\":\"y\",\"c\":[]}}";
	char			error[128];
	json_t			*j;

	assert_non_null(j = json_read(text, sizeof(text) - 1, error,
	    sizeof(error)));
	assert_string_equal(json_text(j, "a"), "x");
	assert_null(json_text(j, "n"));
	assert_null(json_text(j, "z"));
	assert_null(json_text(j, "missing"));
	assert_null(json_text(NULL, "a"));
	assert_string_equal(json_text2(j, "o", "b"), "y");
	assert_null(json_text2(j, "o", "c"));
	assert_null(json_text2(j, "a", "b"));
	assert_null(json_text2(j, "missing", "b"));
	json_decref(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(only_the_bytes_given_are_read),
		cmocka_unit_test(depth),
		cmocka_unit_test(brackets_in_strings_are_not_depth),
		cmocka_unit_test(members),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
