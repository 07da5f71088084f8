/* base/buf: it grows to its ceiling and says when something is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"

#include <string.h>

static void
puts_and_prints(void **state)
{
	struct buf	b;

	buf_init(&b, 1000);
	buf_puts(&b, "one ");
	buf_put(&b, "two!", 3);
	buf_printf(&b, " %d%s", 3, "");
	assert_string_equal(b.data, "one two 3");
	assert_int_equal(b.len, 9);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	buf_puts(&b, "");
	assert_string_equal(b.data, "");
	buf_put(&b, "a\0b", 3);
	assert_memory_equal(b.data, "a\0b", 4);
	assert_int_equal(b.len, 3);
	assert_false(b.failed);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 1000);
}

/* Of what does not fit nothing comes, and nothing after it either. */
static void
ceilings(void **state)
{
	static const struct {
		size_t		 max;
		const char	*first, *second, *third;
		bool		 failed;
		const char	*want;
	}	rows[] = {
		{ 3, "abc", "", "", false, "abc" },
		{ 3, "ab", "cd", "e", true, "ab" },
		{ 3, "abc", "d", "", true, "abc" },
		{ 3, "", "abcd", "abc", true, "" },
		{ 6, "ab", "cd", "ef", false, "abcdef" },
		{ 0, "", "", "", false, "" },
		{ 0, "", "a", "", true, "" },
	};
	struct buf	b;
	size_t		i;
	bool		print;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		print = i % 2 == 1;
		buf_init(&b, rows[i / 2].max);
		buf_puts(&b, rows[i / 2].first);
		if (print)
			buf_printf(&b, "%s", rows[i / 2].second);
		else
			buf_puts(&b, rows[i / 2].second);
		buf_puts(&b, rows[i / 2].third);
		if (b.failed != rows[i / 2].failed ||
		    strcmp(b.data, rows[i / 2].want))
			fail_msg("row %zu: %s", i / 2, b.data);
		/* A fresh start forgets the failure. */
		buf_reset(&b);
		assert_false(b.failed);
		buf_free(&b);
	}
}

static void
huge_pieces_do_not_wrap_around(void **state)
{
	struct buf	b;

	buf_init(&b, SIZE_MAX - 1);
	buf_puts(&b, "x");
	b.max = 100;
	buf_put(&b, "", SIZE_MAX);
	assert_true(b.failed);
	assert_int_equal(b.len, 1);
	buf_free(&b);
}

static void
growth_keeps_the_text(void **state)
{
	struct buf	b;
	size_t		i;

	buf_init(&b, 100000);
	for (i = 0; i < 10000; i++)
		buf_printf(&b, "%05zu", i);
	assert_false(b.failed);
	assert_int_equal(b.len, 50000);
	assert_memory_equal(b.data, "0000000001", 10);
	assert_memory_equal(b.data + 49990, "0999809999", 11);
	buf_free(&b);
}

static void
json_strings(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len;
		const char	*want;
	}	rows[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "\"\\/", 3, "\"\\\"\\\\/\"" },
		{ "a\nb\tc", 5, "\"a\\u000ab\\u0009c\"" },
		{ "\0\x1f", 2, "\"\\u0000\\u001f\"" },
		{ "\xc3\xa9\x7f", 3, "\"\xc3\xa9\x7f\"" },
		{ "</script>", 9, "\"</script>\"" },
	};
	struct buf	b;
	size_t		i;

	buf_init(&b, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		buf_put_json(&b, rows[i].text, rows[i].len);
		assert_string_equal(b.data, rows[i].want);
	}
	buf_free(&b);
}

/* As browsers and the router read it back. */
static void
values_of_queries(void **state)
{
	static const char	*const rows[][2] = {
		{ "", "" },
		{ "aZ09-_.~", "aZ09-_.~" },
		{ "/admin/?a=b&c", "%2Fadmin%2F%3Fa%3Db%26c" },
		{ "+ %\n\"", "%2B%20%25%0A%22" },
		{ "\xc3\xa9", "%C3%A9" },
	};
	struct buf	b;
	size_t		i;

	buf_init(&b, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		buf_puts(&b, "");
		buf_put_url(&b, rows[i][0]);
		assert_string_equal(b.data, rows[i][1]);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_and_prints),
		cmocka_unit_test(ceilings),
		cmocka_unit_test(huge_pieces_do_not_wrap_around),
		cmocka_unit_test(growth_keeps_the_text),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(values_of_queries),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
