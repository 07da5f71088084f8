/* domain/price: codes and currencies, down to the last satoshi. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/money.h"
#include "domain/price.h"

#include <stdlib.h>

#define RATE	650000000	/* 65,000 units a bitcoin */
#define DEAR	MONEY_RATE_MAX	/* a cent is 0.000001 sat */

struct row {
	struct price_terms	terms;
	struct price		want;
	bool			refused;
};

static void
check(const struct row *rows, size_t n)
{
	struct price	got;
	size_t		i;

	for (i = 0; i < n; i++) {
		if (price_quote(&rows[i].terms, &got) == rows[i].refused)
			fail_msg("row %zu is %s", i,
			    rows[i].refused ? "accepted" : "refused");
		if (got.base_sats != rows[i].want.base_sats ||
		    got.charged_value != rows[i].want.charged_value ||
		    got.amount_sats != rows[i].want.amount_sats ||
		    got.discount_sats != rows[i].want.discount_sats ||
		    got.is_free != rows[i].want.is_free)
			fail_msg("row %zu: %lld %lld %lld %lld %d", i,
			    (long long)got.base_sats,
			    (long long)got.charged_value,
			    (long long)got.amount_sats,
			    (long long)got.discount_sats, got.is_free);
	}
}

#define ROWS(r)	r, sizeof(r) / sizeof(r[0])

/* 2.2 steps 3 to 6, without fiat; D11: what is discounted to 0 is free. */
static void
in_satoshis(void **state)
{
	static const struct row	rows[] = {
		{ { 50000, 0, DISCOUNT_NONE, 0, false },
		    { 50000, 50000, 50000, 0, false }, false },
		{ { 50000, 0, DISCOUNT_PERCENT, 5000, false },
		    { 50000, 25000, 25000, 25000, false }, false },
		{ { 101, 0, DISCOUNT_PERCENT, 3333, false },
		    { 101, 68, 68, 33, false }, false },
		{ { 50000, 0, DISCOUNT_PERCENT, 10000, false },
		    { 50000, 0, 0, 50000, true }, false },
		{ { 50000, 0, DISCOUNT_FIXED, 60000, false },
		    { 50000, 0, 0, 50000, true }, false },
		{ { 50000, 0, DISCOUNT_FIXED, 49999, false },
		    { 50000, 1, 1, 49999, false }, false },
		{ { 50000, 0, DISCOUNT_SET_PRICE, 21000, false },
		    { 50000, 21000, 21000, 29000, false }, false },
		{ { 50000, 0, DISCOUNT_SET_PRICE, 70000, false },
		    { 50000, 50000, 50000, 0, false }, false },
		{ { 50000, 0, DISCOUNT_FREE, 0, false },
		    { 50000, 0, 0, 50000, true }, false },
		{ { 0, 0, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, true }, false },
		{ { 0, 0, DISCOUNT_PERCENT, 5000, false },
		    { 0, 0, 0, 0, true }, false },
		{ { MONEY_SATS_MAX, 0, DISCOUNT_NONE, 0, false },
		    { MONEY_SATS_MAX, MONEY_SATS_MAX, MONEY_SATS_MAX, 0,
		    false }, false },
		{ { MONEY_SATS_MAX + 1, 0, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
		{ { MONEY_SATS_MAX + 1, 0, DISCOUNT_FREE, 0, false },
		    { 0, 0, 0, 0, false }, true },
		{ { INT64_MAX, 0, DISCOUNT_PERCENT, 9999, false },
		    { 0, 0, 0, 0, false }, true },
		{ { -1, 0, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
	};

	check(ROWS(rows));
}

/* D12: the code works on cents, and what is left is changed into satoshis. */
static void
in_fiat(void **state)
{
	static const struct row	rows[] = {
		{ { 5000, RATE, DISCOUNT_NONE, 0, false },
		    { 76923, 5000, 76923, 0, false }, false },
		{ { 5000, RATE, DISCOUNT_PERCENT, 200, false },
		    { 76923, 4900, 75385, 1538, false }, false },
		{ { 5000, RATE, DISCOUNT_FIXED, 100, false },
		    { 76923, 4900, 75385, 1538, false }, false },
		{ { 5000, RATE, DISCOUNT_SET_PRICE, 4900, false },
		    { 76923, 4900, 75385, 1538, false }, false },
		{ { 5000, RATE, DISCOUNT_FREE, 0, false },
		    { 76923, 0, 0, 76923, true }, false },
		{ { 5000, RATE, DISCOUNT_FIXED, 5000, false },
		    { 76923, 0, 0, 76923, true }, false },
		{ { 5000, RATE, DISCOUNT_SET_PRICE, 1, false },
		    { 76923, 1, 15, 76908, false }, false },
		/* Rounds to no satoshi, and yet is not free. */
		{ { 5000, DEAR, DISCOUNT_NONE, 0, false },
		    { 1, 5000, 1, 0, false }, false },
		{ { INT64_C(100000000000000), DEAR, DISCOUNT_SET_PRICE, 1,
		    false }, { 100000000, 1, 1, 99999999, false }, false },
		{ { 5000, DEAR, DISCOUNT_FREE, 0, false },
		    { 1, 0, 0, 1, true }, false },
		{ { 0, RATE, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, true }, false },
		/* 21 million BTC at one unit each, and a cent more. */
		{ { INT64_C(2100000000), 10000, DISCOUNT_NONE, 0, false },
		    { MONEY_SATS_MAX, INT64_C(2100000000), MONEY_SATS_MAX, 0,
		    false }, false },
		{ { INT64_C(2100000001), 10000, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
		{ { INT64_MAX, 1, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
		{ { -1, RATE, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
		{ { 5000, -1, DISCOUNT_NONE, 0, false },
		    { 0, 0, 0, 0, false }, true },
	};

	check(ROWS(rows));
}

/* 2.2 step 4: no code, amounts 0; and no rate can be missing. */
static void
trials(void **state)
{
	static const struct row	rows[] = {
		{ { 50000, 0, DISCOUNT_NONE, 0, true },
		    { 0, 0, 0, 0, true }, false },
		{ { 5000, RATE, DISCOUNT_PERCENT, 5000, true },
		    { 0, 0, 0, 0, true }, false },
		{ { INT64_MAX, 1, DISCOUNT_NONE, 0, true },
		    { 0, 0, 0, 0, true }, false },
	};

	check(ROWS(rows));
}

static void
changed(void **state)
{
	int64_t	sats;

	assert_true(price_in_sats(4900, RATE, &sats));
	assert_int_equal(sats, 75385);
	assert_true(price_in_sats(4900, 0, &sats));
	assert_int_equal(sats, 4900);
	assert_true(price_in_sats(1, DEAR, &sats));
	assert_int_equal(sats, 1);
	assert_true(price_in_sats(0, DEAR, &sats));
	assert_int_equal(sats, 0);
	assert_false(price_in_sats(-1, 0, &sats));
	assert_false(price_in_sats(1, -1, &sats));
	assert_false(price_in_sats(MONEY_SATS_MAX + 1, 0, &sats));
}

static int64_t
draw(int64_t below)
{
	return ((int64_t)((((uint64_t)(unsigned int)rand() << 31) ^
	    (uint64_t)(unsigned int)rand()) % (uint64_t)below));
}

/* Whatever is asked: nothing is negative, nothing adds up wrong. */
static void
any_terms(void **state)
{
	struct price_terms	t;
	struct price		p;
	int			i;

	srand(21);
	for (i = 0; i < 200000; i++) {
		t.listed_value = draw(i % 2 ? 100 : INT64_C(1000000000000));
		t.rate_e4 = i % 3 ? draw(i % 5 ? MONEY_RATE_MAX : 1000000) : 0;
		t.kind = (enum discount_kind)(i % 7 % 5);
		t.amount = draw(i % 11 ? 10001 : INT64_C(1000000000000));
		t.is_trial = i % 13 == 0;
		if (!price_quote(&t, &p))
			continue;
		assert_true(p.amount_sats >= 0 && p.charged_value >= 0 &&
		    p.base_sats <= MONEY_SATS_MAX);
		assert_int_equal(p.discount_sats,
		    p.base_sats - p.amount_sats);
		assert_true(p.discount_sats >= 0);
		assert_int_equal(p.is_free, p.amount_sats == 0);
		assert_int_equal(p.is_free, p.charged_value == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_satoshis),
		cmocka_unit_test(in_fiat),
		cmocka_unit_test(trials),
		cmocka_unit_test(changed),
		cmocka_unit_test(any_terms),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
