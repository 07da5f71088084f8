/* base/csv: fields as RFC 4180 has them, and no formulas. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/csv.h"

#include <string.h>

static const struct {
	const char	*text, *field;
} cases[] = {
	{ NULL, "" },
	{ "", "" },
	{ "plain", "plain" },
	{ " two words ", " two words " },
	{ "a,b", "\"a,b\"" },
	{ "say \"hi\"", "\"say \"\"hi\"\"\"" },
	{ "\"", "\"\"\"\"" },
	{ "\"\"", "\"\"\"\"\"\"" },
	{ "two\nlines", "\"two\nlines\"" },
	{ "two\r\nlines", "\"two\r\nlines\"" },
	{ "=1+1", "\"'=1+1\"" },
	{ "+1", "\"'+1\"" },
	{ "-1", "\"'-1\"" },
	{ "@SUM(A1)", "\"'@SUM(A1)\"" },
	{ "\t=1", "\"'\t=1\"" },
	{ "\r=1", "\"'\r=1\"" },
	{ "=\"a\",b", "\"'=\"\"a\"\",b\"" },
	{ "a=1", "a=1" },
	{ "1-1", "1-1" },
	{ "'=1", "'=1" },
	{ "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
};

static void
fields_are_quoted_where_they_must_be(void **state)
{
	struct buf	b;
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, 1024);
		buf_puts(&b, "");
		csv_put(&b, cases[i].text, true);
		assert_int_equal(b.len, strlen(cases[i].field));
		assert_memory_equal(b.len == 0 ? "" : b.data, cases[i].field,
		    b.len);
		buf_free(&b);
	}
}

static void
a_line_is_fields_and_commas(void **state)
{
	struct buf	b;

	buf_init(&b, 1024);
	csv_put(&b, NULL, true);
	csv_put(&b, "a", false);
	csv_put(&b, NULL, false);
	csv_end_line(&b);
	assert_string_equal(b.data, ",a,\r\n");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(fields_are_quoted_where_they_must_be),
		cmocka_unit_test(a_line_is_fields_and_commas),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
