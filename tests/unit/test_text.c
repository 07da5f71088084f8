/* base/text: the forms that we take from strangers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TEN	"0123456789"
#define FIFTY	TEN TEN TEN TEN TEN

struct row {
	const char	*text;
	bool		 ok;
};

#define CHECK(is, rows)	check(is, #is, rows, sizeof(rows) / sizeof(rows[0]))

static void
check(bool (*is)(const char *), const char *name, const struct row *rows,
    size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		if (is(rows[i].text) != rows[i].ok)
			fail_msg("%s(\"%s\")", name, rows[i].text);
	}
}

static void
hex(void **state)
{
	char	out[11];

	text_hex("\x00\x7f\xab\xff\x10", 5, out);
	assert_string_equal(out, "007fabff10");
	text_hex("", 0, out);
	assert_string_equal(out, "");
}

static void
url_decoding(void **state)
{
	static const struct {
		const char	*in, *path, *form;	/* NULL: refused */
	}	rows[] = {
		{ "", "", "" },
		{ "abc", "abc", "abc" },
		{ "a+b", "a+b", "a b" },
		{ "a%20b%2B", "a b+", "a b+" },
		{ "%c3%A9", "\xc3\xa9", "\xc3\xa9" },
		{ "%25%32%35", "%25", "%25" },
		{ "%", NULL, NULL },
		{ "%4", NULL, NULL },
		{ "%4g", NULL, NULL },
		{ "%g4", NULL, NULL },
		{ "%%41", NULL, NULL },
		{ "a%00b", NULL, NULL },
		{ "%ff", NULL, NULL },
		{ "%c3", NULL, NULL },
		{ "\xff", NULL, NULL },
		{ "%ed%a0%80", NULL, NULL },
	};
	const char	*want;
	char		 s[64];
	size_t		 i;
	bool		 form, ok;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		form = i % 2 == 1;
		want = form ? rows[i / 2].form : rows[i / 2].path;
		(void)snprintf(s, sizeof(s), "%s", rows[i / 2].in);
		ok = text_url_decode(s, form);
		if (ok != (want != NULL) || (ok && strcmp(s, want)))
			fail_msg("%s gives %s", rows[i / 2].in, s);
	}
}

static void
integers(void **state)
{
	static const struct {
		const char	*text;
		long long	 min, max, value;
		bool		 ok;
	}	rows[] = {
		{ "0", 0, 0, 0, true },
		{ "-0", 0, 0, 0, true },
		{ "007", 0, 9, 7, true },
		{ "-5", -5, 5, -5, true },
		{ "10", 0, 9, 0, false },
		{ "-1", 0, 9, 0, false },
		{ "9223372036854775807", 0, LLONG_MAX, LLONG_MAX, true },
		{ "9223372036854775808", 0, LLONG_MAX, 0, false },
		{ "-9223372036854775808", LLONG_MIN, 0, LLONG_MIN, true },
		{ "-9223372036854775809", LLONG_MIN, 0, 0, false },
		{ "", 0, 9, 0, false },
		{ "-", -9, 9, 0, false },
		{ "--1", -9, 9, 0, false },
		{ "+1", 0, 9, 0, false },
		{ " 1", 0, 9, 0, false },
		{ "1 ", 0, 9, 0, false },
		{ "1\n", 0, 9, 0, false },
		{ "1.0", 0, 9, 0, false },
		{ "1e0", 0, 9, 0, false },
		{ "0x1", 0, 9, 0, false },
		{ "one", 0, 9, 0, false },
	};
	long long	value;
	size_t		i;
	bool		ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok = text_integer(rows[i].text, rows[i].min, rows[i].max,
		    &value);
		if (ok != rows[i].ok || (ok && value != rows[i].value))
			fail_msg("\"%s\"", rows[i].text);
	}
}

static void
slugs(void **state)
{
	static const struct row	rows[] = {
		{ "a", true },
		{ "0", true },
		{ "pro-2", true },
		{ "a-", true },
		{ "a--b", true },
		{ FIFTY TEN "123", true },
		{ FIFTY TEN "1234", false },
		{ "", false },
		{ "-a", false },
		{ "A", false },
		{ "a_b", false },
		{ "a b", false },
		{ "a.b", false },
		{ "\xc3\xa9", false },
		{ "a\n", false },
	};

	CHECK(text_is_slug, rows);
}

static void
emails(void **state)
{
	static const struct row	rows[] = {
		{ "a@b", true },
		{ "first.last+tag@x.test", true },
		{ "\xc3\xa9@x.test", true },
		{ FIFTY FIFTY FIFTY FIFTY FIFTY "@abc", true },
		{ FIFTY FIFTY FIFTY FIFTY FIFTY "@abcd", false },
		{ "", false }, { "a", false }, { "@", false },
		{ "a@", false }, { "@b", false }, { "a@b@c", false },
		{ "a b@c", false }, { "a@b ", false }, { "a@b\n", false },
		{ "a\t@b", false }, { "a\x7f@b", false },
	};

	CHECK(text_is_email, rows);
}

static void
urls(void **state)
{
	static const struct row	rows[] = {
		{ "http://x", true },
		{ "https://x.test/a?b#c", true },
		{ "HTTPS://x", true },
		{ "http://127.0.0.1:8080", true },
		{ "http://[::1]/", true },
		{ "", false },
		{ "x", false },
		{ "//x", false },
		{ "ftp://x", false },
		{ "http:/x", false },
		{ "http://", false },
		{ "http:///x", false },
		{ "http://?x", false },
		{ "http://#x", false },
		{ "http://:80", false },
		{ "http://@x", false },
		{ "javascript:alert(1)", false },
		{ " http://x", false },
		{ "http://x y", false },
		{ "http://x\r\nA: b", false },
		{ "http://x\x7f", false },
	};
	char	longest[2050];

	CHECK(text_is_url, rows);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "http://", 7);
	longest[2048] = '\0';
	assert_true(text_is_url(longest));
	longest[2048] = 'a';
	longest[2049] = '\0';
	assert_false(text_is_url(longest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(url_decoding),
		cmocka_unit_test(integers),
		cmocka_unit_test(slugs),
		cmocka_unit_test(emails),
		cmocka_unit_test(urls),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
