/* domain/money: the published amounts, and texts that are no money. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/money.h"

#include "vectors.h"

#define ROW(...)	{ __VA_ARGS__ }
#define ALL	INT64_C(2100000000000000)	/* 21 million BTC */

static void
published_amounts(void **state)
{
	json_t		*vectors = vectors_load(), *row;
	const char	*btc;
	int64_t		 sats, got;
	char		 text[MONEY_TEXT_SIZE];
	size_t		 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "sats"), i, row) {
		sats = json_integer_value(json_object_get(row, "sats"));
		btc = vectors_text(row, "btcDecimal");
		money_sats_to_btc(sats, text);
		assert_string_equal(text, btc);
		assert_true(money_btc_to_sats(btc, &got));
		assert_int_equal(got, sats);
	}
	assert_int_equal(i, 4);
	json_decref(vectors);
}

static void
written_amounts(void **state)
{
	static const struct {
		int64_t		 sats;
		const char	*btc;
	} rows[] = {
		{ 0, "0.00000000" },
		{ 9, "0.00000009" },
		{ 99999999, "0.99999999" },
		{ 100000001, "1.00000001" },
		{ 123456789, "1.23456789" },
		{ ALL - 1, "20999999.99999999" },
		{ INT64_MAX, "92233720368.54775807" },	/* it still fits */
	};
	char	text[MONEY_TEXT_SIZE];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		money_sats_to_btc(rows[i].sats, text);
		assert_string_equal(text, rows[i].btc);
	}
}

static void
check(bool (*read)(const char *, int64_t *), const char *text, int64_t sats)
{
	int64_t	got = -2;
	bool	ok = read(text, &got);

	if (ok != (sats >= 0))
		fail_msg("\"%s\" is %s", text, ok ? "accepted" : "refused");
	if (ok && got != sats)
		fail_msg("\"%s\" is read as %lld", text, (long long)got);
}

static void
read_btc(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 sats;		/* -1: refused */
	} rows[] = {
		ROW("0", 0), ROW("0.0", 0), ROW("00", 0),
		ROW("0.0005", 50000), ROW("0.00050000", 50000),
		ROW("0.000500000000", 50000),
		ROW("00000000000000000000000000000001", 100000000),
		ROW("0.1", 10000000), ROW("1", 100000000), ROW("1.0", 100000000),
		ROW("0.29", 29000000),	/* no double on the way */
		ROW("20999999.99999999", ALL - 1), ROW("21000000", ALL),
		ROW("21000000.000", ALL),

		ROW("", -1), ROW(".", -1), ROW(".5", -1), ROW("5.", -1),
		ROW("-0.1", -1), ROW("+1", -1), ROW(" 1", -1), ROW("1 ", -1),
		ROW("1,5", -1), ROW("1.2.3", -1), ROW("1e-5", -1), ROW("0x1", -1),
		ROW("1.5BTC", -1), ROW("NaN", -1), ROW("inf", -1),
		ROW("0.000000001", -1), ROW("0.000000009999", -1),
		ROW("1.000000005", -1),
		ROW("21000000.00000001", -1), ROW("21000001", -1),
		ROW("92233720368.54775807", -1),
		ROW("99999999999999999999999999999999999999", -1),
		ROW("0.99999999999999999999999999999999999", -1),
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(money_btc_to_sats, rows[i].text, rows[i].sats);
}

static void
read_sats(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 sats;
	} rows[] = {
		ROW("0", 0), ROW("1", 1), ROW("50000", 50000),
		ROW("50000.0", 50000), ROW("50000.00000000", 50000),
		ROW("2100000000000000", ALL),

		ROW("", -1), ROW(".0", -1), ROW("1.", -1), ROW("-1", -1),
		ROW("+1", -1), ROW(" 1", -1), ROW("1 ", -1), ROW("5.9", -1),
		ROW("5.01", -1), ROW("5.0x", -1), ROW("2100000000000001", -1),
		ROW("9223372036854775808", -1),
		ROW("18446744073709551617", -1),
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(money_text_to_sats, rows[i].text, rows[i].sats);
}

static void
published_conversions(void **state)
{
	json_t	*vectors = vectors_load(), *row;
	int64_t	 rate, sats;
	size_t	 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "fiatToSats"), i, row) {
		assert_true(money_rate_parse(vectors_text(row, "unitsPerBtc"),
		    &rate));
		assert_int_equal(rate,
		    json_integer_value(json_object_get(row, "rateX10000")));
		assert_true(money_fiat_to_sats(json_integer_value(
		    json_object_get(row, "cents")), rate, &sats));
		assert_int_equal(sats,
		    json_integer_value(json_object_get(row, "sats")));
	}
	assert_int_equal(i, 5);
	json_decref(vectors);
}

/* Keysat 4.7: units per bitcoin times 10,000, rounded half away from zero. */
static void
rates(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 rate;		/* -1: refused */
	} rows[] = {
		ROW("65000", 650000000), ROW("65000.0", 650000000),
		ROW("65231.80000", 652318000), ROW("97123.45", 971234500),
		ROW("0.0001", 1), ROW("0.00005", 1), ROW("1", 10000),
		ROW("64999.99995", 650000000), ROW("0.99994", 9999),
		ROW("64999.99994999999999999999", 649999999),
		ROW("1.00005000000000000000000000000001", 10001),
		ROW("1.0000499999999999999999999999999", 10000),
		ROW("999999999999.9999", MONEY_RATE_MAX - 1),
		ROW("1000000000000", MONEY_RATE_MAX),
		ROW("1000000000000.00004", MONEY_RATE_MAX),
		ROW("9.7e4", 970000000), ROW("9.712345E+4", 971234500),
		ROW("6500000e-2", 650000000), ROW("1e12", MONEY_RATE_MAX),
		ROW("0.000000000065e15", 650000000), ROW("5e-5", 1),
		ROW("65e0", 650000), ROW("65E000000000000000000003", 650000000),
		ROW("0.00000000000000000000000000001e29", 10000),
		ROW("10000000000000000000000000000000e-31", 10000),

		ROW("", -1), ROW("0", -1), ROW("0.0", -1), ROW("0e9", -1),
		ROW("0.00004999", -1), ROW("4e-5", -1), ROW("1e-99999999999", -1),
		ROW("-1", -1), ROW("+1", -1), ROW(" 1", -1), ROW("1 ", -1),
		ROW("1.", -1), ROW(".5", -1), ROW("01", -1), ROW("00.5", -1),
		ROW("1,5", -1), ROW("1.2.3", -1), ROW("1e", -1), ROW("1e+", -1),
		ROW("1e5.0", -1), ROW("e5", -1), ROW("1e5e5", -1),
		ROW("0x10", -1), ROW("NaN", -1), ROW("Infinity", -1),
		ROW("1_000", -1), ROW("65000 USD", -1),
		ROW("1000000000000.0001", -1), ROW("1000000000001", -1),
		ROW("1e13", -1), ROW("1e17", -1), ROW("1e99999999999999999", -1),
		ROW("99999999999999999999999999999999", -1),
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(money_rate_parse, rows[i].text, rows[i].rate);
}

/* Keysat 4.7: round(cents * 1,000,000 / units per bitcoin), exactly. */
static void
conversions(void **state)
{
	static const struct {
		int64_t	cents, rate, sats;	/* -1: refused */
	} rows[] = {
		{ 0, 650000000, 0 },
		{ 1, 650000000, 15 },		/* 15.38 */
		{ 1, INT64_C(20000000000), 1 },	/* 0.5: away from zero */
		{ 1, INT64_C(20000000001), 0 },	/* just below a half */
		{ 3, INT64_C(20000000000), 2 },	/* 1.5 */
		{ 5, INT64_C(20000000000), 3 },	/* 2.5: not to even */
		{ 1, 1, INT64_C(10000000000) },
		{ 100, 10000, 100000000 },	/* one unit, one bitcoin */
		{ INT64_MAX, MONEY_RATE_MAX, INT64_C(9223372036855) },
		{ INT64_MAX, INT64_C(10000000000), INT64_MAX },
		{ INT64_MAX, INT64_C(9999999999), -1 },
		{ INT64_MAX, 1, -1 },
		{ 1, INT64_MAX, 0 },
		{ INT64_MAX, INT64_MAX, INT64_C(10000000000) },
		{ -1, 650000000, -1 },
		{ INT64_MIN, 650000000, -1 },
		{ 100, 0, -1 },
		{ 100, -1, -1 },
		{ 100, INT64_MIN, -1 },
	};
	int64_t	got;
	size_t	i;
	bool	ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok = money_fiat_to_sats(rows[i].cents, rows[i].rate, &got);
		if (ok != (rows[i].sats >= 0) || (ok && got != rows[i].sats))
			fail_msg("row %zu: %lld", i, ok ? (long long)got : -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_amounts),
		cmocka_unit_test(written_amounts),
		cmocka_unit_test(read_btc),
		cmocka_unit_test(read_sats),
		cmocka_unit_test(published_conversions),
		cmocka_unit_test(rates),
		cmocka_unit_test(conversions),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
