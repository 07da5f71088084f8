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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_amounts),
		cmocka_unit_test(written_amounts),
		cmocka_unit_test(read_btc),
		cmocka_unit_test(read_sats),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
