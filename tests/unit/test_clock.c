/* base/clock: RFC 3339 both ways, and a clock that is moved. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

#include <string.h>

static void
both_ways(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 seconds;
	}	rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1999-12-31T23:59:59Z", 946684799 },
		{ "2000-02-29T12:00:00Z", 951825600 },
		{ "2026-01-31T12:00:00Z", 1769860800 },
		{ "2038-01-19T03:14:08Z", INT64_C(2147483648) },
		{ "2100-02-28T23:59:59Z", INT64_C(4107542399) },
		{ "9999-12-31T23:59:59Z", INT64_C(253402300799) },
	};
	char	text[CLOCK_TEXT_SIZE];
	int64_t	seconds;
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clock_format(rows[i].seconds, text);
		assert_string_equal(text, rows[i].text);
		assert_true(clock_parse(rows[i].text, &seconds));
		assert_int_equal(seconds, rows[i].seconds);
	}
}

static void
microseconds(void **state)
{
	char	text[CLOCK_TEXT_SIZE];

	clock_format_us(INT64_C(1769860800123456), text);
	assert_string_equal(text, "2026-01-31T12:00:00.123456Z");
	clock_format_us(INT64_C(1769860800000007), text);
	assert_string_equal(text, "2026-01-31T12:00:00.000007Z");
}

static void
other_forms(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 seconds;
	}	rows[] = {
		{ "2026-01-31t12:00:00z", 1769860800 },
		{ "2026-01-31T12:00:00.9Z", 1769860800 },
		{ "2026-01-31T12:00:00.123456789012Z", 1769860800 },
		{ "2026-01-31T12:00:00+00:00", 1769860800 },
		{ "2026-01-31T12:00:00-00:00", 1769860800 },
		{ "2026-01-31T14:30:00+02:30", 1769860800 },
		{ "2026-01-31T07:00:00.5-05:00", 1769860800 },
		{ "2026-02-01T11:59:00+23:59", 1769860800 },
		{ "1970-01-01T01:00:00+01:00", 0 },
	};
	int64_t	seconds;
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!clock_parse(rows[i].text, &seconds) ||
		    seconds != rows[i].seconds)
			fail_msg("%s", rows[i].text);
	}
}

static void
everything_else_is_refused(void **state)
{
	static const char *const	rows[] = {
		"", "now", "2026", "2026-01-31", "2026-01-31T12:00:00",
		"2026-01-31 12:00:00Z", "2026-01-31T12:00Z", "1769860800",
		"26-01-31T12:00:00Z", "2026-1-31T12:00:00Z",
		"2026-01-31T12:00:00.Z", "2026-01-31T12:00:00,5Z",
		"2026-01-31T12:00:00ZZ", "2026-01-31T12:00:00Z ",
		" 2026-01-31T12:00:00Z", "2026-01-31T12:00:00+1:00",
		"2026-01-31T12:00:00+0100", "2026-01-31T12:00:00+24:00",
		"2026-01-31T12:00:00+01:60", "2026-01-31T12:00:00+",
		"2026-00-31T12:00:00Z", "2026-13-01T12:00:00Z",
		"2026-01-00T12:00:00Z", "2026-01-32T12:00:00Z",
		"2026-02-29T12:00:00Z", "2026-04-31T12:00:00Z",
		"2100-02-29T12:00:00Z", "2026-01-31T24:00:00Z",
		"2026-01-31T12:60:00Z", "2026-01-31T12:00:60Z",
		"1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00",
		"-2026-01-31T12:00:00Z", "+026-01-31T12:00:00Z",
		"2026-01-31T12:00:00Z\n", "10000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-00:01",
	};
	int64_t	seconds;
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (clock_parse(rows[i], &seconds))
			fail_msg("%s: taken", rows[i]);
	}
}

static void
every_prefix_is_refused(void **state)
{
	static const char	whole[] = "2026-01-31T12:00:00.25+01:30";
	char			part[sizeof(whole)];
	int64_t			seconds;
	size_t			n;

	assert_true(clock_parse(whole, &seconds));
	for (n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(part, whole, n);
		part[n] = '\0';
		assert_false(clock_parse(part, &seconds));
	}
}

static void
the_clocks_run(void **state)
{
	uint64_t	before = clock_steady_ns();

	assert_true(clock_now_us() > INT64_C(1700000000000000));
	assert_true(clock_steady_ns() >= before);
}

static void
a_shift_moves_what_rules_go_by(void **state)
{
	static const int64_t	shifts[] = { INT64_C(86400000000), -1500000,
	    INT64_C(-3155760000000000), 0 };
	int64_t			before, now, after;
	size_t			i;

	for (i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		clock_shift_us(shifts[i]);	/* of the true time, each */
		before = clock_now_us();
		now = clock_time_us();
		after = clock_now_us();
		assert_true(before + shifts[i] <= now);
		assert_true(now <= after + shifts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(microseconds),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(the_clocks_run),
		cmocka_unit_test(a_shift_moves_what_rules_go_by),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
