/* pages/value: names looked up, and values in the words that people read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pages/value.h"

#include "arena.h"
#include "tree.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define N(rows)	(sizeof(rows) / sizeof(rows[0]))

static const char	gathered[] = "{\"a\":{\"b\":\"x\",\"n\":7,\"f\":false,"
    "\"t\":true,\"none\":null,\"empty\":\"\",\"list\":[],\"full\":[1]},"
    "\"name\":\"outer\",\"evil\":\"\\\"><b>/?&{a.b}%\","
    "\"url\":\"https://example.com/?a=1\",\"js\":\"javascript:alert(1)\"}";

static void
names(void **state)
{
	/* clang-format off */
	static const struct {
		const char	*name, *text;	/* NULL: not found */
	} rows[] = {
		{ "name", "inner" }, { "a.b", "x" }, { "a.n", "7" },
		{ "a.f", "false" }, { "a.none", "" }, { "a.list", "" },
		{ "a", "" }, { "a.b.c", NULL }, { "nope", NULL },
		{ "", NULL }, { ".", NULL }, { "a.", NULL }, { "a..b", NULL },
	};
	/* clang-format on */
	json_t		*all = tree(gathered), *row;
	const json_t	*v;
	size_t		 i;

	row = tree("{\"name\":\"inner\",\"a\":5}");
	for (i = 0; i < N(rows); i++) {
		v = value_find(row, all, rows[i].name);
		if (rows[i].text == NULL) {
			if (v != NULL)
				fail_msg("%s is found", rows[i].name);
			continue;
		}
		if (!strcmp(rows[i].name, "a"))	/* the row's own comes first */
			assert_int_equal(json_integer_value(v), 5);
		else
			assert_string_equal(value_text(&arena, v),
			    rows[i].text);
	}
	assert_null(value_find(NULL, NULL, "a"));
	assert_string_equal(value_text(&arena, NULL), "");
	json_decref(row);
	json_decref(all);
}

static void
conditions(void **state)
{
	/* clang-format off */
	static const struct {
		const char	*when;
		bool		 holds;
	} rows[] = {
		{ NULL, true },
		{ "a.b", true }, { "!a.b", false }, { "a.b=x", true },
		{ "a.b=y", false }, { "a.b=y|x", true }, { "a.b=xx", false },
		{ "a.b=", false }, { "!a.b=x", false }, { "!a.b=y", true },
		{ "a.n=7", true }, { "a.n=77|7", true }, { "a.t", true },
		{ "a.f", false }, { "a.f=false", true }, { "a.none", false },
		{ "a.empty", false }, { "a.empty=", true },
		{ "a.list", false }, { "a.full", true }, { "nope", false },
		{ "nope=", true }, { "!nope", true },
		{ "a.b&a.n=7", true }, { "a.b&a.n=8", false },
		{ "a.b=x&!a.f", true }, { "!a.b&a.n=7", false },
	};
	/* clang-format on */
	json_t	*all = tree(gathered);
	size_t	 i;

	for (i = 0; i < N(rows); i++) {
		if (value_holds(rows[i].when, all) != rows[i].holds)
			fail_msg("%s", rows[i].when);
	}
	json_decref(all);
}

static void
patterns(void **state)
{
	/* clang-format off */
	static const struct {
		const char	*pattern, *text, *link;
	} rows[] = {
		{ "plain", "plain", "plain" },
		{ "{a.b}", "x", "x" },
		{ "/to/{a.b}/{a.n}", "/to/x/7", "/to/x/7" },
		{ "{nope}", "", "" }, { "/{nope}", "/", "/" },
		{ "{", "", "" }, { "a{b", "a", "a" }, { "{}x", "x", "x" },
		/* What is filled in is not looked at again. */
		{ "/{evil}", "/\"><b>/?&{a.b}%",
		    "/%22%3E%3Cb%3E%2F%3F%26%7Ba.b%7D%25" },
		/* An address by itself is one, if a browser may go there. */
		{ "{url}", "https://example.com/?a=1",
		    "https://example.com/?a=1" },
		{ "/{url}", "/https://example.com/?a=1",
		    "/https%3A%2F%2Fexample.com%2F%3Fa%3D1" },
		{ "{js}", "javascript:alert(1)", "javascript%3Aalert%281%29" },
	};
	/* clang-format on */
	json_t	*all = tree(gathered), *long_one;
	char	 text[6000];
	size_t	 i;

	for (i = 0; i < N(rows); i++) {
		assert_string_equal(value_expand(&arena, rows[i].pattern, NULL,
		    all, false), rows[i].text);
		assert_string_equal(value_expand(&arena, rows[i].pattern, NULL,
		    all, true), rows[i].link);
	}
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	long_one = json_pack("{s:s}", "long", text);
	assert_string_equal(value_expand(&arena, "/{long}", NULL, long_one,
	    true), "");
	json_decref(long_one);
	json_decref(all);
}

static void
grouping(void **state)
{
	/* clang-format off */
	static const struct {
		long long	 n;
		const char	*text;
	} rows[] = {
		{ 0, "0" }, { 1, "1" }, { 999, "999" }, { 1000, "1,000" },
		{ 1234567, "1,234,567" }, { -1, "-1" }, { -999, "-999" },
		{ -1000, "-1,000" },
		{ LLONG_MAX, "9,223,372,036,854,775,807" },
		{ LLONG_MIN, "-9,223,372,036,854,775,808" },
	};
	/* clang-format on */
	size_t	i;

	for (i = 0; i < N(rows); i++)
		assert_string_equal(value_grouped(&arena, rows[i].n),
		    rows[i].text);
}

static void
money(void **state)
{
	/* clang-format off */
	static const struct {
		long long	 n;
		const char	*currency, *plain, *grouped;
	} rows[] = {
		{ 0, "SAT", "0", "0" }, { 4900, "SAT", "4900", "4,900" },
		{ 4900, "USD", "49.00", "49.00" }, { 5, "EUR", "0.05", "0.05" },
		{ 0, "EUR", "0.00", "0.00" },
		{ 123456789, "USD", "1234567.89", "1,234,567.89" },
		{ -5, "USD", "-0.05", "-0.05" },
		{ -100, "USD", "-1.00", "-1.00" },
		{ -123456, "USD", "-1234.56", "-1,234.56" },
		{ -4900, "SAT", "-4900", "-4,900" },
		{ LLONG_MAX, "USD", "92233720368547758.07",
		    "92,233,720,368,547,758.07" },
		{ LLONG_MIN, "USD", "-92233720368547758.08",
		    "-92,233,720,368,547,758.08" },
	};
	/* clang-format on */
	size_t	i;

	for (i = 0; i < N(rows); i++) {
		assert_string_equal(value_money(&arena, rows[i].n,
		    rows[i].currency, false), rows[i].plain);
		assert_string_equal(value_money(&arena, rows[i].n,
		    rows[i].currency, true), rows[i].grouped);
	}
}

static void
durations(void **state)
{
	/* clang-format off */
	static const struct {
		long long	 seconds;
		const char	*text;
	} rows[] = {
		{ 0, "0 days" }, { 1, "1 second" }, { 59, "59 seconds" },
		{ 60, "1 minute" }, { 90, "90 seconds" }, { 5400, "90 minutes" },
		{ 3600, "1 hour" }, { 86400, "1 day" }, { 2592000, "30 days" },
		{ 86401, "86401 seconds" }, { -86400, "-1 days" },
		{ LLONG_MAX, "9223372036854775807 seconds" },
	};
	/* clang-format on */
	size_t	i;

	for (i = 0; i < N(rows); i++)
		assert_string_equal(value_duration(&arena, rows[i].seconds),
		    rows[i].text);
}

static void
choices(void **state)
{
	static const char	list[] = "a=b=c|ab=d|=e|x=";
	/* clang-format off */
	static const struct {
		const char	*key, *text;
	} rows[] = {
		{ "a", "b=c" }, { "ab", "d" }, { "", "e" }, { "x", "" },
		{ "b", NULL }, { "abc", NULL }, { "a=b", "c" }, { "|", NULL },
	};
	/* clang-format on */
	const char	*got;
	size_t		 i;

	for (i = 0; i < N(rows); i++) {
		got = value_choice(&arena, list, rows[i].key);
		if (rows[i].text == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].text);
	}
	assert_null(value_choice(&arena, NULL, "a"));
}

/* clang-format off */
static const struct {
	struct column	 column;
	const char	*row, *text, *href;
} cells_rows[] = {
	{ { "L", "v" }, "{\"v\":\"<b>\"}", "<b>", NULL },
	{ { "L", "v", .with = "none" }, "{}", "none", NULL },
	{ { "L", "v", CELL_NUMBER }, "{\"v\":1234567}", "1,234,567", NULL },
	{ { "L", "v", CELL_NUMBER, "none" }, "{\"v\":0}", "none", NULL },
	{ { "L", "v", CELL_COUNT, "none" }, "{\"v\":0}", "none", NULL },
	{ { "L", "v", CELL_COUNT }, "{\"v\":10000}", "10,000", NULL },
	{ { "L", "v", CELL_COUNT }, "{\"v\":10001}", "more than 10,000", NULL },
	{ { "L", "v", CELL_NUMBER }, "{\"v\":65000.5}", "65,000.5", NULL },
	{ { "L", "v", CELL_NUMBER }, "{\"v\":\"<1\"}", "<1", NULL },
	{ { "L", "v", CELL_SATS }, "{\"v\":50000}", "50,000 sats", NULL },
	{ { "L", "v", CELL_MONEY, "c" }, "{\"v\":4900,\"c\":\"USD\"}",
	    "49.00 USD", NULL },
	{ { "L", "v", CELL_MONEY, "c" }, "{\"v\":4900}", "4,900 sats", NULL },
	{ { "L", "v", CELL_PERCENT }, "{\"v\":1250}", "12.50 %", NULL },
	{ { "L", "v", CELL_PERCENT }, "{\"v\":1200}", "12 %", NULL },
	{ { "L", "v", CELL_PERCENT }, "{\"v\":-50}", "-0.50 %", NULL },
	{ { "L", "v", CELL_AMOUNT, "c" },
	    "{\"v\":1000,\"kind\":\"percent\"}", "10 %", NULL },
	{ { "L", "v", CELL_AMOUNT, "c" },
	    "{\"v\":1000,\"kind\":\"fixed\",\"c\":\"EUR\"}", "10.00 EUR", NULL },
	{ { "L", "v", CELL_AMOUNT, "c" },
	    "{\"v\":0,\"kind\":\"free_license\"}", "", NULL },
	{ { "L", "v", CELL_SECONDS, "for ever" }, "{\"v\":0}", "for ever",
	    NULL },
	{ { "L", "v", CELL_RATE }, "{\"v\":650005000}", "65,000.5000", NULL },
	{ { "L", "v", CELL_TIME }, "{\"v\":\"2026-11-22T14:05:06Z\"}",
	    "2026-11-22 14:05 UTC", NULL },
	{ { "L", "v", CELL_TIME, "Never" }, "{\"v\":null}", "Never", NULL },
	{ { "L", "v", CELL_TIME }, "{\"v\":\"2026-11-2é\"}", "2026-11-2é",
	    NULL },
	{ { "L", "v", CELL_TIME }, "{\"v\":\"2026-11-22T14:0é:06Z\"}",
	    "2026-11-22T14:0é:06Z", NULL },
	{ { "L", "v", CELL_LIST, "every" }, "{\"v\":[]}", "every", NULL },
	{ { "L", "v", CELL_LIST }, "{\"v\":[\"a\",\"<b>\",1]}", "a, <b>, 1",
	    NULL },
	{ { "L", "v", CELL_BADGE, "true=good=On|x=bad=Off" }, "{\"v\":true}",
	    "On", NULL },
	{ { "L", "v", CELL_BADGE, "x=bad=Off" }, "{\"v\":\"new\"}", "new",
	    NULL },
	{ { "L", "v", CELL_URL, "There" },
	    "{\"v\":\"https://a.example/\"}", "There", NULL },
	{ { "L", "v", CELL_URL, "There" },
	    "{\"v\":\"https://a.example/x\"}", "There",
	    "https://a.example/x" },
	{ { "L", "v", CELL_URL, "There" },
	    "{\"v\":\"javascript:alert(1)\"}", "javascript:alert(1)", NULL },
	{ { "L", "v", .link = "/x/{id}" }, "{\"v\":\"a\",\"id\":\"<1>\"}", "a",
	    "/x/%3C1%3E" },
	/* Links that lead to nothing are none. */
	{ { "L", "v", .link = "/x/{id}" }, "{\"v\":\"a\"}", "a", NULL },
	{ { "L", "v", .link = "/x/{id}" }, "{\"id\":\"1\"}", "", NULL },
};
/* clang-format on */

static void
cells(void **state)
{
	json_t		*row, *cell;
	const char	*href;
	size_t		 i;

	for (i = 0; i < N(cells_rows); i++) {
		row = tree(cells_rows[i].row);
		cell = value_cell(&arena, &cells_rows[i].column, row, NULL);
		assert_non_null(cell);
		assert_string_equal(json_text(cell, "text"), cells_rows[i].text);
		assert_int_equal(json_is_true(json_object_get(cell, "is_empty")),
		    *cells_rows[i].text == '\0');
		href = json_text(cell, "href");
		if (cells_rows[i].href == NULL)
			assert_null(href);
		else
			assert_string_equal(href, cells_rows[i].href);
		json_decref(cell);
		json_decref(row);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test_setup_teardown(conditions, begin, end),
		cmocka_unit_test_setup_teardown(patterns, begin, end),
		cmocka_unit_test_setup_teardown(grouping, begin, end),
		cmocka_unit_test_setup_teardown(money, begin, end),
		cmocka_unit_test_setup_teardown(durations, begin, end),
		cmocka_unit_test_setup_teardown(choices, begin, end),
		cmocka_unit_test_setup_teardown(cells, begin, end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
