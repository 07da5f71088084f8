/*
 * flow/body: for each type of field what is kept and what is refused, out of
 * bodies, queries and paths.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEN	"0123456789"
#define SIXTY	TEN TEN TEN TEN TEN TEN
#define UUID	"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define NONE	"(none)"	/* read, but nothing is kept */

/* `value' as JSON or as in a query. */
struct row {
	const char	*value;
	const char	*kept;	/* NULL: refused */
	const char	*why;	/* NULL: for any reason */
};

#define GOOD(v, k)	{ .value = (v), .kept = (k) }
#define BAD(v)		{ .value = (v) }
#define WHY(v, w)	{ .value = (v), .why = (w) }

#define ROW(...)	{ __VA_ARGS__ }

/* A field `x' of this type and more, against a table of rows. */
#define CHECK(how, rows, ...)						\
	check(how, &(const struct field){ .name = "x", .type = __VA_ARGS__ }, \
	    rows, sizeof(rows) / sizeof(rows[0]))

static const struct field	two[] = {
	{ .name = "a", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .max = 4 },
	{ .name = "b b", .type = FIELD_TEXT, .max = 4 },
	{ 0 }
};
static const struct endpoint	two_fields = { .method = POST, .path = "/x",
				    .query = two, .body = two };

static struct flow *
begin(struct flow *f, const struct endpoint *ep)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena);
	f->endpoint = ep;
	return (f);
}

static void
end(struct flow *f)
{
	json_decref(f->body);
	arena_reset(&f->arena);
}

/* In memory of exactly that size, so that sanitizers see an overrun. */
static bool
read_exact(struct flow *f, const char *text)
{
	size_t	n = strlen(text);
	char	*exact = malloc(n + (n == 0));
	bool	 ok;

	memcpy(exact, text, n);
	ok = body_read(f, exact, n);
	free(exact);
	return (ok);
}

/* How a lone field `x' gets to be read. */
static bool
as_body(struct flow *f, const char *value)
{
	char	text[4096];

	snprintf(text, sizeof(text), "{\"x\":%s}", value);
	return (read_exact(f, text));
}

static bool
as_query(struct flow *f, const char *value)
{
	char	text[4096];

	snprintf(text, sizeof(text), "x=%s", value);
	return (body_read_query(f, text));
}

static void
check(bool (*read)(struct flow *, const char *), const struct field *field,
    const struct row *rows, size_t n)
{
	const struct field	fields[] = { *field, { 0 } };
	const struct endpoint	ep = { .method = POST, .path = "/x",
				    .body = fields, .query = fields };
	struct flow		f;
	const char		*got;
	size_t			i;

	for (i = 0; i < n; i++) {
		if (!read(begin(&f, &ep), rows[i].value)) {
			got = f.fault_message;
			if (rows[i].kept != NULL)
				fail_msg("%s is refused: %s", rows[i].value, got);
			assert_int_equal(f.fault, ERR_BAD_REQUEST);
			assert_int_equal(strncmp(got, "x: ", 3), 0);
			if (rows[i].why != NULL)
				assert_string_equal(got + 3, rows[i].why);
		} else {
			got = flow_given(&f, "x") ? flow_text(&f, "x") : NONE;
			if (rows[i].kept == NULL)
				fail_msg("%s is accepted", rows[i].value);
			assert_int_equal(f.fault, ERR_NONE);
			assert_non_null(got);
			assert_string_equal(got, rows[i].kept);
		}
		end(&f);
	}
}

static void
texts(void **state)
{
	static const char	length[] = "must be 1 to 10 bytes long";
	static const struct row	rows[] = {
		GOOD("\"a\"", "a"), GOOD("\"" TEN "\"", TEN),
		GOOD("\"\\u00e9\\n\"", "\xc3\xa9\n"), GOOD("\" \"", " "),
		GOOD("\"12345678\\u00e9\"", "12345678\xc3\xa9"),
		WHY("\"\"", length), WHY("\"" TEN "x\"", length),
		WHY("\"123456789\\u00e9\"", length), WHY("1", "must be text"),
		WHY("true", "must be text"), WHY("[\"a\"]", "must be text"),
		WHY("{}", "must be text"),
	};
	static const struct row	free_rows[] = {
		GOOD("\"\"", ""), GOOD("\"" SIXTY SIXTY "\"", SIXTY SIXTY),
	};

	CHECK(as_body, rows, FIELD_TEXT, .min = 1, .max = 10);
	CHECK(as_body, free_rows, FIELD_TEXT);
}

static void
names(void **state)
{
	static const struct row	rows[] = {
		GOOD("\"Ana Mar\\u00eda\"", "Ana Mar\xc3\xad" "a"),
		GOOD("\" a \"", " a "), BAD("\"\""), BAD("\" \""),
		BAD("\"a\\nb\""), BAD("\"a\\tb\""), BAD("\"a\\u007f\""),
		BAD("\"\\u0001\""),
		WHY("\"" TEN TEN "x\"", "must be 1 to 20 bytes long"),
	};
	static const struct row	optional[] = { GOOD("\"\"", ""), BAD("\" \"") };

	CHECK(as_body, rows, FIELD_NAME, .min = 1, .max = 20);
	CHECK(as_body, optional, FIELD_NAME, .min = 0, .max = 20);
}

static void
slugs_and_uuids(void **state)
{
	static const struct row	slugs[] = {
		GOOD("\"a\"", "a"), GOOD("\"9-\"", "9-"),
		GOOD("\"" SIXTY "abc\"", SIXTY "abc"),
		BAD("\"" SIXTY "abcd\""), BAD("\"\""), BAD("\"-a\""),
		BAD("\"A\""), BAD("\"a_b\""), BAD("\"a b\""),
		BAD("\"\\u00e9\""), BAD("7"),
	};
	static const struct row	uuids[] = {
		GOOD("\"" UUID "\"", UUID),
		GOOD("\"2B6F1C9E-3A51-4C0E-9D6F-0A1B2C3D4E5F\"",
		    "2B6F1C9E-3A51-4C0E-9D6F-0A1B2C3D4E5F"),
		WHY("\"\"", "must be a UUID"), BAD("\"" UUID "0\""),
		BAD("\"{" UUID "}\""),
		BAD("\"2b6f1c9e3a514c0e9d6f0a1b2c3d4e5f\""),
		BAD("\"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5g\""),
	};

	CHECK(as_body, slugs, FIELD_SLUG);
	CHECK(as_body, uuids, FIELD_UUID);
}

static void
addresses(void **state)
{
	static const struct row	emails[] = {
		GOOD("\"a@b\"", "a@b"),
		GOOD("\"a+b@c.example\"", "a+b@c.example"),
		WHY("\"\"", "must be an e-mail address"), BAD("\"a\""),
		BAD("\"@b\""), BAD("\"a@\""), BAD("\"a@b@c\""),
		BAD("\"a b@c\""), BAD("\"a@b\\r\\nBcc: c@d\""),
	};
	static const struct row	urls[] = {
		GOOD("\"https://a.example/b?c#d\"", "https://a.example/b?c#d"),
		GOOD("\"HTTP://a\"", "HTTP://a"),
		GOOD("\"https://[::1]:8/\"", "https://[::1]:8/"),
		WHY("\"\"", "must be an http or https URL"),
		BAD("\"a.example\""), BAD("\"/a\""), BAD("\"//a\""),
		BAD("\"ftp://a\""), BAD("\"javascript:alert(1)\""),
		BAD("\"https://\""), BAD("\"https:///a\""),
		BAD("\"https://@a\""), BAD("\"https://a b\""),
		BAD("\"https://a\\n\""), BAD("\" https://a\""),
	};

	CHECK(as_body, emails, FIELD_EMAIL);
	CHECK(as_body, urls, FIELD_URL);
}

static void
times(void **state)
{
	static const struct row	rows[] = {
		GOOD("\"2026-01-31T12:00:00Z\"", "2026-01-31T12:00:00Z"),
		GOOD("\"2026-01-31t12:00:00.999z\"", "2026-01-31T12:00:00Z"),
		GOOD("\"2026-01-01T00:30:00+01:00\"", "2025-12-31T23:30:00Z"),
		GOOD("\"1970-01-01T00:00:00-00:00\"", "1970-01-01T00:00:00Z"),
		GOOD("\"9999-12-31T23:59:59Z\"", "9999-12-31T23:59:59Z"),
		BAD("\"9999-12-31T23:59:59-00:01\""),
		BAD("\"1970-01-01T00:00:00+00:01\""),
		WHY("\"2026-01-31\"", "must be an RFC 3339 time"),
		BAD("\"2026-02-29T00:00:00Z\""),
		BAD("\"2026-01-31 12:00:00Z\""),
		BAD("\"2026-01-31T12:00:00\""), BAD("\"\""),
		WHY("1767225600", "must be text"),
	};

	CHECK(as_body, rows, FIELD_TIME);
}

static void
numbers_and_booleans(void **state)
{
	static const char	range[] = "must be -5 to 1000";
	static const char	whole[] = "must be a whole number";
	static const struct row	integers[] = {
		GOOD("-5", "-5"), GOOD("0", "0"), GOOD("-0", "0"),
		GOOD("1000", "1000"), WHY("-6", range), WHY("1001", range),
		WHY("1.0", whole), WHY("1e2", whole), WHY("\"1\"", whole),
		WHY("true", whole), WHY("[]", whole),
	};
	static const struct row	large[] = {
		GOOD("9223372036854775807", "9223372036854775807"),
		GOOD("-9223372036854775808", "-9223372036854775808"),
	};
	static const struct row	booleans[] = {
		GOOD("true", "true"), GOOD("false", "false"),
		WHY("1", "must be true or false"), BAD("0"), BAD("\"true\""),
		BAD("{}"),
	};

	CHECK(as_body, integers, FIELD_INTEGER, .min = -5, .max = 1000);
	CHECK(as_body, large, FIELD_INTEGER,
	    .min = INT64_MIN, .max = INT64_MAX);
	CHECK(as_body, booleans, FIELD_BOOLEAN);
}

static void
choices(void **state)
{
	static const struct row	rows[] = {
		GOOD("\"day\"", "day"), GOOD("\"for ever\"", "for ever"),
		GOOD("\"month\"", "month"),
		WHY("\"\"", "must be one of day|for ever|month"),
		BAD("\"da\""), BAD("\"days\""), BAD("\"Day\""),
		BAD("\"day|for ever\""), BAD("\"|\""), BAD("\"mont\""),
		BAD("1"),
	};

	CHECK(as_body, rows, FIELD_CHOICE, .choices = "day|for ever|month");
}

static void
trees(void **state)
{
	static const char	each[] =
	    "must be an array of texts of 1 to 4 bytes";
	static const struct row	texts_rows[] = {
		GOOD("[]", "[]"),
		GOOD("[ \"a\", \"1234\" ]", "[\"a\",\"1234\"]"),
		GOOD("[\"\\u00e9\"]", "[\"\xc3\xa9\"]"),
		GOOD("[\"a\",\"a\"]", "[\"a\",\"a\"]"), WHY("[\"\"]", each),
		WHY("[\"12345\"]", each), WHY("[\"a\",1]", each),
		WHY("[null]", each), WHY("[[\"a\"]]", each),
		WHY("\"a\"", "must be an array"), BAD("{}"),
	};
	static const struct row	object[] = {
		GOOD("{}", "{}"),
		GOOD("{ \"b\": [1, 2.5, null], \"a\": {\"c\": \"\\\"\"} }",
		    "{\"b\":[1,2.5,null],\"a\":{\"c\":\"\\\"\"}}"),
		WHY("[]", "must be an object"), BAD("\"{}\""), BAD("1"),
	};
	static const struct row	objects[] = {
		GOOD("[]", "[]"),
		GOOD("[{},{\"a\":1}]", "[{},{\"a\":1}]"),
		WHY("[{},1]", "must be an array of objects"), BAD("[[]]"),
		BAD("[null]"), WHY("{}", "must be an array"),
	};

	CHECK(as_body, texts_rows, FIELD_TEXTS, .min = 1, .max = 4);
	CHECK(as_body, object, FIELD_OBJECT);
	CHECK(as_body, objects, FIELD_OBJECTS);
}

static void
queries(void **state)
{
	static const char	number[] = "must be a number, -5 to 1000";
	static const struct row	texts_rows[] = {
		GOOD("a+b%20c", "a b c"), GOOD("%C3%A9", "\xc3\xa9"),
		GOOD("a%3D%26", "a=&"), GOOD("a=b", "a=b"), GOOD("", NONE),
		WHY("%zz", "is not properly URL-encoded"), BAD("%"), BAD("%4"),
		BAD("%00"), BAD("%FF"), WHY("a&x=b", "is given twice"),
		WHY(TEN "x", "must be 1 to 10 bytes long"),
	};
	static const struct row	integers[] = {
		GOOD("-5", "-5"), GOOD("1000", "1000"), GOOD("007", "7"),
		GOOD("", NONE), WHY("-6", number), WHY("1001", number),
		BAD("1.0"), BAD("1x"), BAD("+1"), BAD("%201"), BAD("0x1"),
		BAD("-"), WHY("99999999999999999999", number),
	};
	static const struct row	booleans[] = {
		GOOD("true", "true"), GOOD("1", "true"), GOOD("yes", "true"),
		GOOD("false", "false"), GOOD("0", "false"),
		GOOD("no", "false"), GOOD("", NONE),
		WHY("TRUE", "must be true or false"), BAD("2"),
		BAD("true%7C1"),
	};
	static const struct row	slugs[] = { GOOD("a-1", "a-1"), BAD("A") };

	CHECK(as_query, texts_rows, FIELD_TEXT, .min = 1, .max = 10);
	CHECK(as_query, integers, FIELD_INTEGER, .min = -5, .max = 1000);
	CHECK(as_query, booleans, FIELD_BOOLEAN);
	CHECK(as_query, slugs, FIELD_SLUG);
}

static void
whole_queries(void **state)
{
	static const struct endpoint	bare = { .path = "/x" };
	char				text[] = "&c=%zz&b%20b=2&d&%zz=3&a=1&";
	struct flow			f;

	assert_true(body_read_query(begin(&f, &two_fields), text));
	assert_string_equal(text, "&c=%zz&b%20b=2&d&%zz=3&a=1&");
	assert_int_equal(f.nvalues, 2);
	assert_string_equal(flow_text(&f, "a"), "1");
	assert_string_equal(flow_text(&f, "b b"), "2");
	end(&f);

	assert_false(body_read_query(begin(&f, &two_fields), (char[]){ "a=" }));
	assert_string_equal(f.fault_message, "a: is required");
	end(&f);

	/* An endpoint without a table doesn't look at it. */
	assert_true(body_read_query(begin(&f, &bare), (char[]){ "a=1&a=2" }));
	assert_int_equal(f.nvalues, 0);
	end(&f);
}

/* What null does depends on the flags and on the method. */
static void
nulls(void **state)
{
	static const struct {
		unsigned int	flags;
		enum method	method;
		bool		ok;
	} rows[] = {
		ROW(0, POST, true), ROW(0, PUT, true), ROW(0, PATCH, false),
		ROW(FIELD_NULLABLE, POST, true), ROW(FIELD_NULLABLE, PATCH, true),
		ROW(FIELD_REQUIRED, POST, false),
		ROW(FIELD_REQUIRED | FIELD_NULLABLE, PATCH, false),
	};
	struct field	fields[] = {
	    { .name = "x", .type = FIELD_TEXT, .max = 4 }, { 0 } };
	struct endpoint	ep = { .path = "/x", .body = fields };
	struct flow	f;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fields[0].flags = rows[i].flags;
		ep.method = rows[i].method;
		if (as_body(begin(&f, &ep), "null") != rows[i].ok)
			fail_msg("row %zu", i);
		assert_int_equal(flow_given(&f, "x"), rows[i].ok);
		assert_null(flow_text(&f, "x"));
		assert_int_equal(flow_integer(&f, "x", 7), 7);
		end(&f);
	}
}

static void
whole_bodies(void **state)
{
	static const struct {
		const char	*text;
		const char	*why;	/* NULL: accepted; "": for any reason */
	} rows[] = {
		ROW("{\"a\":\"1\"}", NULL),
		ROW(" {\"a\":\"1\"}\r\n", NULL),
		ROW("{\"a\":\"1\",\"unknown\":[]}", NULL),
		ROW("", "a: is required"), ROW("{}", "a: is required"),
		ROW("[]", "the body must be an object"),
		ROW("null", "the body must be an object"),
		ROW("\"a\"", "the body must be an object"),
		ROW("{\"a\":\"1\"", "malformed JSON, line 1 column 8"),
		ROW("{\"a\":\"1\"}}", "malformed JSON, line 1 column 10"),
		ROW("{\"a\":\"\\u0000\"}", "malformed JSON, line 1 column 13"),
		ROW(" ", "malformed JSON, line 1 column 1"),
		ROW("{\"a\":\"\xff\"}", ""), ROW("{\"a\":\"\xed\xa0\x80\"}", ""),
		ROW("{\"a\":\"\\ud800\"}", ""), ROW("{\"a\":\"1\",\"a\":\"2\"}", ""),
		ROW("{\"a\":'1'}", ""), ROW("{a:\"1\"}", ""),
		ROW("{\"a\":\"1\",}", ""), ROW("{\"a\":\"1\"}{}", ""),
		ROW("\xef\xbb\xbf{\"a\":\"1\"}", ""),
		ROW("{\"a\":\"1\",\"n\":9223372036854775808}", ""),
		ROW("{\"a\":\"1\",\"n\":1e999}", ""),
		ROW("{\"a\":\"1\",\"n\":NaN}", ""),
		ROW("{\"a\":\"1\",\"n\":{\"\\u0000\":1}}", ""),
	};
	struct flow	f;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_exact(begin(&f, &two_fields), rows[i].text) !=
		    (rows[i].why == NULL))
			fail_msg("%s", rows[i].text);
		if (rows[i].why != NULL) {
			assert_int_equal(f.fault, ERR_BAD_REQUEST);
			assert_true(*rows[i].why == '\0' ||
			    !strcmp(f.fault_message, rows[i].why));
		} else {
			assert_int_equal(f.nvalues, 1);
		}
		end(&f);
	}
}

static void
paths(void **state)
{
	static const struct {
		const char	*name, *value, *kept;	/* NULL: 404 */
	} rows[] = {
		ROW("id", UUID, UUID), ROW("policy_id", UUID, UUID),
		ROW("id", "%32b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f", UUID),
		ROW("slug", "demo", "demo"), ROW("slug", "a%2Fb+c", "a/b+c"),
		ROW("slug", "%C3%A9", "\xc3\xa9"), ROW("_id", "any", "any"),
		ROW("id", "", NULL), ROW("id", "1", NULL),
		ROW("id", UUID "0", NULL), ROW("license_id", "nope", NULL),
		ROW("slug", "", NULL), ROW("slug", "%00", NULL),
		ROW("slug", "%ff", NULL), ROW("slug", "%", NULL),
	};
	struct flow	f;
	char		value[80];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* The rest of a path follows. */
		snprintf(value, sizeof(value), "%s/more", rows[i].value);
		if (body_read_path(begin(&f, NULL), rows[i].name, value,
		    strlen(rows[i].value)) != (rows[i].kept != NULL))
			fail_msg("%s %s", rows[i].name, rows[i].value);
		assert_int_equal(f.fault, rows[i].kept != NULL ? ERR_NONE :
		    ERR_NOT_FOUND);
		if (rows[i].kept != NULL)
			assert_string_equal(flow_text(&f, rows[i].name),
			    rows[i].kept);
		end(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(names),
		cmocka_unit_test(slugs_and_uuids),
		cmocka_unit_test(addresses),
		cmocka_unit_test(times),
		cmocka_unit_test(numbers_and_booleans),
		cmocka_unit_test(choices),
		cmocka_unit_test(trees),
		cmocka_unit_test(queries),
		cmocka_unit_test(whole_queries),
		cmocka_unit_test(nulls),
		cmocka_unit_test(whole_bodies),
		cmocka_unit_test(paths),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
