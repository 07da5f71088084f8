/* pages/input: what a form's input shows, and what is made of what was typed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pages/input.h"

#include "arena.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(rows)	(sizeof(rows) / sizeof(rows[0]))

static void
shown(void **state)
{
	/* clang-format off */
	static const struct {
		struct input	 in;
		const char	*record, *text;
	} rows[] = {
		{ { "v", "" }, "{\"v\":\"<\\\"'&>\"}", "<\"'&>" },
		{ { "v", "" }, "{\"v\":null}", "" }, { { "v", "" }, "{}", "" },
		{ { "v", "", INPUT_SECRET }, "{\"v\":\"hidden\"}", "" },
		{ { "v", "", INPUT_NUMBER }, "{\"v\":1234567}", "1234567" },
		{ { "v", "", INPUT_MONEY, .with = "c" },
		    "{\"v\":4900,\"c\":\"USD\"}", "49.00" },
		{ { "v", "", INPUT_MONEY, .with = "c" }, "{\"v\":4900}", "4900" },
		{ { "v", "", INPUT_MONEY, .with = "c" },
		    "{\"v\":4900,\"c\":\"\"}", "4900" },
		{ { "v", "", INPUT_MONEY }, "{\"v\":\"x\"}", "" },
		{ { "v", "", INPUT_PERCENT }, "{\"v\":0}", "0" },
		{ { "v", "", INPUT_PERCENT }, "{\"v\":1000}", "10" },
		{ { "v", "", INPUT_PERCENT }, "{\"v\":1250}", "12.5" },
		{ { "v", "", INPUT_PERCENT }, "{\"v\":1205}", "12.05" },
		{ { "v", "", INPUT_PERCENT }, "{\"v\":-50}", "-0.5" },
		{ { "v", "", INPUT_AMOUNT, .with = "c" },
		    "{\"v\":1250,\"kind\":\"percent\",\"c\":\"USD\"}", "12.5" },
		{ { "v", "", INPUT_AMOUNT, .with = "c" },
		    "{\"v\":1250,\"kind\":\"fixed\",\"c\":\"USD\"}", "12.50" },
		{ { "v", "", INPUT_DAYS }, "{\"v\":2592000}", "30" },
		{ { "v", "", INPUT_DAYS }, "{\"v\":43200}", "12 hours" },
		{ { "v", "", INPUT_DAYS }, "{\"v\":0}", "0" },
		{ { "v", "", INPUT_DAYS }, "{}", "" },
		{ { "v", "", INPUT_TIME }, "{\"v\":\"2026-11-22T14:05:06Z\"}",
		    "2026-11-22T14:05" },
		{ { "v", "", INPUT_TIME }, "{\"v\":\"2026\"}", "" },
		{ { "v", "", INPUT_LINES }, "{\"v\":[\"a\",\"b\"]}", "a\nb\n" },
		{ { "v", "", INPUT_JSON }, "{\"v\":{}}", "" },
		{ { "v", "", INPUT_JSON }, "{\"v\":{\"a\":1}}", "{\n  \"a\": 1\n}" },
	};
	/* clang-format on */
	json_t	*record;
	size_t	 i;

	for (i = 0; i < N(rows); i++) {
		record = tree(rows[i].record);
		assert_string_equal(input_show(&arena, &rows[i].in, record),
		    rows[i].text);
		json_decref(record);
	}
}

/* As JSON; NULL: it makes no sense, "": it is left out. */
static const char *
got(const struct input *in, const struct field *fd, enum method method,
    json_t *typed)
{
	const char	*why, *copy;
	char		*text;
	json_t		*v;

	v = input_read(&arena, in, fd, method, typed, &why);
	if (v == NULL)
		return (why == NULL ? "" : NULL);
	assert_null(why);
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	copy = arena_strdup(&arena, text);
	free(text);
	json_decref(v);
	return (copy);
}

static void
check(const char *typed, const char *is, const char *wanted)
{
	if (is == NULL || wanted == NULL) {
		if (is != wanted)
			fail_msg("\"%s\": %s, not %s", typed, is == NULL ?
			    "refused" : is, wanted == NULL ? "refused" : wanted);
		return;
	}
	if (strcmp(is, wanted))
		fail_msg("\"%s\": %s, not %s", typed, is, wanted);
}

/* clang-format off */
static const struct {
	const char	*typed, *sats, *units, *percent, *number;
} numbers_rows[] = {	/* of what was typed as each kind; NULL: refused */
	{ "0", "0", "0", "0", "0" },
	{ "49", "49", "4900", "4900", "49" },
	{ "49.5", NULL, "4950", "4950", NULL },
	{ "49.50", NULL, "4950", "4950", NULL },
	{ "49.", NULL, "4900", "4900", NULL },
	{ ".5", NULL, "50", "50", NULL },
	{ "49.505", NULL, NULL, NULL, NULL },
	{ "49,50", NULL, NULL, NULL, NULL },
	{ "49,500", "49500", "4950000", "4950000", "49500" },
	{ "1 234 567", "1234567", "123456700", "123456700", "1234567" },
	{ "1_000", "1000", "100000", "100000", "1000" },
	{ "1,234.56", NULL, "123456", "123456", NULL },
	{ "1234,567", NULL, NULL, NULL, NULL },
	{ "1,23", NULL, NULL, NULL, NULL },
	{ "1,000 000", NULL, NULL, NULL, NULL },
	{ "1,,000", NULL, NULL, NULL, NULL },
	{ ",000", NULL, NULL, NULL, NULL },
	{ "1.000,00", NULL, NULL, NULL, NULL },
	{ "1.5.0", NULL, NULL, NULL, NULL },
	{ "  7  ", "7", "700", "700", "7" },
	{ "-5", "-5", "-500", "-500", "-5" },
	{ "-1,000", "-1000", "-100000", "-100000", "-1000" },
	{ "--5", NULL, NULL, NULL, NULL }, { "5-", NULL, NULL, NULL, NULL },
	{ "-", NULL, NULL, NULL, NULL }, { ".", NULL, NULL, NULL, NULL },
	{ " ", NULL, NULL, NULL, NULL }, { "+5", NULL, NULL, NULL, NULL },
	{ "5e3", NULL, NULL, NULL, NULL },
	{ "0x10", NULL, NULL, NULL, NULL },
	{ "NaN", NULL, NULL, NULL, NULL }, { "∞", NULL, NULL, NULL, NULL },
	{ "٥", NULL, NULL, NULL, NULL },
	{ "5 USD", NULL, NULL, NULL, NULL },
	{ "<script>", NULL, NULL, NULL, NULL },
	{ "1'; DROP TABLE x", NULL, NULL, NULL, NULL },
	{ "1000000000000000", "1000000000000000", NULL, NULL,
	    "1000000000000000" },
	{ "1000000000000001", NULL, NULL, NULL, NULL },
	{ "9223372036854775808", NULL, NULL, NULL, NULL },
	{ "99999999999999999999999999999999", NULL, NULL, NULL, NULL },
	{ "000000000000000000000000000000001", NULL, NULL, NULL, NULL },
};
/* clang-format on */

static void
numbers(void **state)
{
	static const struct field	integer = { "v", FIELD_INTEGER };
	static const struct input	money = { "v", "", INPUT_MONEY, .with = "c" };
	static const struct input	percent = { "v", "", INPUT_PERCENT };
	static const struct input	number = { "v", "", INPUT_NUMBER };
	json_t				*typed;
	size_t				 i;

	for (i = 0; i < N(numbers_rows); i++) {
		typed = json_pack("{s:s,s:s}", "v", numbers_rows[i].typed, "c", "SAT");
		check(numbers_rows[i].typed, got(&money, &integer, POST, typed),
		    numbers_rows[i].sats);
		json_object_set_new(typed, "c", json_string("EUR"));
		check(numbers_rows[i].typed, got(&money, &integer, POST, typed),
		    numbers_rows[i].units);
		check(numbers_rows[i].typed, got(&percent, &integer, POST, typed),
		    numbers_rows[i].percent);
		check(numbers_rows[i].typed, got(&number, &integer, POST, typed),
		    numbers_rows[i].number);
		json_decref(typed);
	}
}

static void
durations(void **state)
{
	static const struct field	integer = { "v", FIELD_INTEGER };
	static const struct input	days = { "v", "", INPUT_DAYS };
	/* clang-format off */
	static const struct {
		const char	*typed, *seconds;
	} rows[] = {
		{ "30", "2592000" }, { "0", "0" }, { "1.5", "129600" },
		{ "30 days", "2592000" }, { "1 day", "86400" },
		{ "12 hours", "43200" }, { "12hours", "43200" },
		{ "90 minutes", "5400" }, { "1 second", "1" },
		{ "1.5 hours", "5400" }, { "30 days  ", "2592000" },
		{ "1,000", "86400000" },
		{ "0.5 seconds", NULL },	/* no whole second */
		{ "0.000001", NULL }, { "0.0000001", NULL },
		{ "-1", NULL }, { "days", NULL }, { "1 week", NULL },
		{ "1 dayss", NULL }, { "1 s", NULL }, { "1 day 2 hours", NULL },
		{ "one", NULL }, { "1 Day", NULL },
		{ "10000000", "864000000000" }, { "10000001", NULL },
		{ "99999999999999999999", NULL },
	};
	/* clang-format on */
	json_t	*typed;
	size_t	 i;

	for (i = 0; i < N(rows); i++) {
		typed = json_pack("{s:s}", "v", rows[i].typed);
		check(rows[i].typed, got(&days, &integer, POST, typed),
		    rows[i].seconds);
		json_decref(typed);
	}
}

#define OPTIONAL(t)	{ "v", t, 0, 0, 100 }
#define REQUIRED(t)	{ "v", t, FIELD_REQUIRED, 0, 100 }
#define CLEARED(t)	{ "v", t, FIELD_NULLABLE, 0, 100 }

/* Nothing typed says another thing to each kind of field. */
static void
nothing(void **state)
{
	/* clang-format off */
	static const struct {
		struct field	 field;
		enum input_kind	 kind;
		const char	*post, *patch;
	} rows[] = {
		{ OPTIONAL(FIELD_TEXT), INPUT_TEXT, "", "\"\"" },
		{ OPTIONAL(FIELD_NAME), INPUT_TEXT, "", "\"\"" },
		{ OPTIONAL(FIELD_UUID), INPUT_TEXT, "", "" },
		{ OPTIONAL(FIELD_INTEGER), INPUT_NUMBER, "", "" },
		{ OPTIONAL(FIELD_OBJECT), INPUT_JSON, "", "{}" },
		{ OPTIONAL(FIELD_TEXTS), INPUT_LINES, "", "[]" },
		{ OPTIONAL(FIELD_TEXT), INPUT_SECRET, "", "" },
		{ REQUIRED(FIELD_TEXT), INPUT_TEXT, "\"\"", "\"\"" },
		{ REQUIRED(FIELD_NAME), INPUT_TEXT, "", "\"\"" },
		{ CLEARED(FIELD_TEXT), INPUT_TEXT, "null", "null" },
		{ CLEARED(FIELD_TIME), INPUT_TIME, "null", "null" },
		{ CLEARED(FIELD_INTEGER), INPUT_DAYS, "null", "null" },
		{ CLEARED(FIELD_TEXT), INPUT_SECRET, "", "" },
	};
	/* clang-format on */
	struct input	 in = { "v", "" };
	json_t		*typed = tree("{\"v\":\"\"}"), *none = tree("{}");
	size_t		 i;

	for (i = 0; i < N(rows); i++) {
		in.kind = rows[i].kind;
		check("", got(&in, &rows[i].field, POST, typed), rows[i].post);
		check("", got(&in, &rows[i].field, PATCH, typed),
		    rows[i].patch);
		check("", got(&in, &rows[i].field, POST, none), "");
	}
	json_decref(none);
	json_decref(typed);
}

static void
others(void **state)
{
	/* clang-format off */
	static const struct {
		struct field	 field;
		struct input	 in;
		const char	*typed, *value;
	} rows[] = {
		{ OPTIONAL(FIELD_TEXT), { "v", "" },
		    "{\"v\":\"<\\\"'&>é\"}", "\"<\\\"'&>é\"" },
		{ OPTIONAL(FIELD_TIME), { "v", "", INPUT_TIME },
		    "{\"v\":\"2026-11-22T14:05\"}", "\"2026-11-22T14:05:00Z\"" },
		{ OPTIONAL(FIELD_TIME), { "v", "", INPUT_TIME },
		    "{\"v\":\"2026-11-22T14:05:06\"}", "\"2026-11-22T14:05:06\"" },
		{ OPTIONAL(FIELD_TIME), { "v", "", INPUT_TIME },
		    "{\"v\":\"%s%n%n\"}", "\"%s%n%n\"" },
		{ OPTIONAL(FIELD_BOOLEAN), { "v", "", INPUT_CHECK },
		    "{\"v\":\"on\"}", "true" },
		{ OPTIONAL(FIELD_BOOLEAN), { "v", "", INPUT_CHECK }, "{}", "false" },
		{ OPTIONAL(FIELD_BOOLEAN), { "v", "", INPUT_HIDDEN },
		    "{\"v\":\"true\"}", "true" },
		{ OPTIONAL(FIELD_BOOLEAN), { "v", "", INPUT_HIDDEN },
		    "{\"v\":\"yes\"}", "false" },
		{ OPTIONAL(FIELD_TEXTS), { "v", "", INPUT_PICK },
		    "{\"v\":\"one\"}", "[\"one\"]" },
		{ OPTIONAL(FIELD_TEXTS), { "v", "", INPUT_LINES },
		    "{\"v\":\"a\\r\\n\\r\\n b \\nc\"}", "[\"a\",\" b \",\"c\"]" },
		{ OPTIONAL(FIELD_TEXTS), { "v", "", INPUT_LINES },
		    "{\"v\":\"\\r\\n\"}", "[]" },
		{ OPTIONAL(FIELD_TEXTS), { "v", "", INPUT_CHECKS },
		    "{\"v.a\":\"on\",\"v.b.c\":\"on\",\"vx\":\"on\",\"w.a\":\"on\"}",
		    "[\"a\",\"b.c\"]" },
		{ OPTIONAL(FIELD_TEXTS), { "v", "", INPUT_CHECKS },
		    "{\"v\":\"x\\ny\"}", "[\"x\",\"y\"]" },
		{ OPTIONAL(FIELD_OBJECT), { "v", "", INPUT_JSON },
		    "{\"v\":\"{\\\"a\\\": [1]}\"}", "{\"a\":[1]}" },
		{ OPTIONAL(FIELD_OBJECT), { "v", "", INPUT_JSON },
		    "{\"v\":\"{a: 1}\"}", NULL },
		{ OPTIONAL(FIELD_OBJECT), { "v", "", INPUT_JSON },
		    "{\"v\":\"{} {}\"}", NULL },
		{ OPTIONAL(FIELD_OBJECT), { "v", "", INPUT_JSON },
		    "{\"v\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}", NULL },
		{ OPTIONAL(FIELD_OBJECTS), { "v", "", INPUT_ROWS,
		    .with = "slug=Slug|name=Name" },
		    "{\"v.0.slug\":\"a\",\"v.0.name\":\"A\",\"v.1.slug\":\"\","
		    "\"v.1.name\":\"\",\"v.2.slug\":\"b\",\"v.4.slug\":\"far\"}",
		    "[{\"name\":\"A\",\"slug\":\"a\"},{\"slug\":\"b\"}]" },
	};
	/* clang-format on */
	json_t	*typed;
	size_t	 i;

	for (i = 0; i < N(rows); i++) {
		typed = tree(rows[i].typed);
		check(rows[i].typed, got(&rows[i].in, &rows[i].field, POST,
		    typed), rows[i].value);
		json_decref(typed);
	}
}

/* What is there but can't be chosen any more stays ticked. */
static void
boxes(void **state)
{
	static const struct input	in = { "v", "", INPUT_CHECKS,
	    .with = "all.rows slug name" };
	json_t	*all, *record, *j;

	all = tree("{\"all\":{\"rows\":[{\"slug\":\"a\",\"name\":\"A\"},"
	    "{\"slug\":\"b\",\"name\":\"\"}]}}");
	record = tree("{\"v\":[\"b\",\"gone\"]}");
	j = input_checks(&arena, &in, all, record, NULL);
	assert_int_equal(json_array_size(j), 3);
	assert_string_equal(json_text(json_array_get(j, 0), "name"), "v.a");
	assert_false(json_is_true(json_object_get(json_array_get(j, 0),
	    "selected")));
	assert_string_equal(json_text(json_array_get(j, 1), "label"), "b");
	assert_true(json_is_true(json_object_get(json_array_get(j, 1),
	    "selected")));
	assert_string_equal(json_text(json_array_get(j, 2), "name"), "v.gone");
	json_decref(j);
	json_decref(record);
	json_decref(all);
}

static void
spare_rows(void **state)
{
	static const struct input	in = { "v", "", INPUT_ROWS,
	    .with = "slug=Slug|name=Name" };
	json_t		*record, *j;
	const json_t	*cell;

	record = tree("{\"v\":[{\"slug\":\"a\",\"name\":\"<b>\"}]}");
	j = input_rows(&arena, &in, record, NULL);
	assert_int_equal(json_array_size(j), 1 + INPUT_ROWS_SPARE);
	cell = json_array_get(json_object_get(json_array_get(j, 0),
	    "row_cells"), 1);
	assert_string_equal(json_text(cell, "name"), "v.0.name");
	assert_string_equal(json_text(cell, "value"), "<b>");
	assert_string_equal(json_text(cell, "label"), "Name 1");
	json_decref(j);
	json_decref(record);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(shown, begin, end),
		cmocka_unit_test_setup_teardown(numbers, begin, end),
		cmocka_unit_test_setup_teardown(durations, begin, end),
		cmocka_unit_test_setup_teardown(nothing, begin, end),
		cmocka_unit_test_setup_teardown(others, begin, end),
		cmocka_unit_test_setup_teardown(boxes, begin, end),
		cmocka_unit_test_setup_teardown(spare_rows, begin, end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
