/* domain/tier: the published prorations and each rule of a quote. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/tier.h"

#include "vectors.h"

#define ROW(...)	{ __VA_ARGS__ }
#define DAY	INT64_C(86400000000)
#define NOW	INT64_C(1767225600000000)
#define NONE	TIER_UNRANKED

/* A buyer's way up from 1,000 to 2,500 every 30 days, at half of a cycle. */
static const struct tier_facts	usual = {
	.mode = TIER_BUYER, .has_policy = true, .same_product = true,
	.from = { 1000, 1, true, 30, true },
	.to = { 2500, 2, true, 30, true },
	.subscription = TIER_SUBSCRIPTION_ACTIVE, .period_days = 30,
	.next_renewal_us = NOW + 15 * DAY, .now_us = NOW
};

static int64_t
number(const json_t *row, const char *name)
{
	return (json_integer_value(json_object_get(row, name)));
}

static struct tier_quote
quote(const struct tier_facts *f)
{
	struct tier_quote	q;

	assert_int_equal(tier_quote(f, &q), TIER_OK);
	return (q);
}

/* 2.8 and the vectors "proration"; by rank, so that prices may go down. */
static void
published_prorations(void **state)
{
	json_t			*vectors = vectors_load(), *row;
	struct tier_facts	 f = usual;
	size_t			 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "proration"), i, row) {
		f.from.listed_value = number(row, "fromListed");
		f.to.listed_value = number(row, "toListed");
		f.period_days = (int)number(row, "periodDays");
		f.next_renewal_us = NOW + number(row, "daysRemaining") * DAY;
		assert_int_equal(quote(&f).charge_value,
		    number(row, "charge"));
	}
	assert_int_equal(i, 7);
	json_decref(vectors);
}

/* 2.8: the first that holds, in this order. */
static void
faults(void **state)
{
	struct tier_facts	f = usual;
	struct tier_quote	q;

	f.has_policy = f.same_product = f.to.is_active = false;
	f.same_policy = true;
	f.from.rank = NONE;
	assert_int_equal(tier_quote(&f, &q), TIER_NO_POLICY);
	f.has_policy = true;
	assert_int_equal(tier_quote(&f, &q), TIER_SAME_POLICY);
	f.same_policy = false;
	assert_int_equal(tier_quote(&f, &q), TIER_OTHER_PRODUCT);
	f.same_product = true;
	assert_int_equal(tier_quote(&f, &q), TIER_INACTIVE);
	f.mode = TIER_ADMIN;
	assert_int_equal(tier_quote(&f, &q), TIER_INACTIVE);
	f.mode = TIER_BUYER;
	f.to.is_active = true;
	f.from.is_active = false;
	assert_int_equal(tier_quote(&f, &q), TIER_NO_RANK);
	f.from.rank = 1;
	f.to.rank = NONE;
	assert_int_equal(tier_quote(&f, &q), TIER_NO_RANK);
	f.from.rank = NONE;
	assert_int_equal(tier_quote(&f, &q), TIER_NO_RANK);
	f.from.rank = f.to.rank = 0;
	assert_int_equal(tier_quote(&f, &q), TIER_EQUAL_RANK);
	f.from.rank = 1;
	f.to.is_recurring = false;
	assert_int_equal(tier_quote(&f, &q), TIER_DOWN_FROM_RENEWALS);
	assert_int_equal(q.charge_value, 0);
	assert_false(q.immediate || q.has_next || q.effective_us != 0);
	f.to.rank = 2;
	assert_int_equal(tier_quote(&f, &q), TIER_OK);
}

static void
messages(void **state)
{
	int	i, j;

	assert_null(tier_fault_message(TIER_OK));
	for (i = TIER_NO_POLICY; i <= TIER_DOWN_FROM_RENEWALS; i++) {
		assert_non_null(tier_fault_message((enum tier_fault)i));
		for (j = TIER_NO_POLICY; j < i; j++)
			assert_string_not_equal(
			    tier_fault_message((enum tier_fault)i),
			    tier_fault_message((enum tier_fault)j));
	}
	assert_string_equal(tier_direction_name(TIER_UPGRADE), "upgrade");
	assert_string_equal(tier_direction_name(TIER_DOWNGRADE), "downgrade");
}

/* 2.8: a buyer goes by rank alone, the vendor by rank where it tells. */
static void
directions(void **state)
{
	static const struct {
		enum tier_mode		mode;
		int			from_rank, to_rank;
		int64_t			from, to;
		enum tier_direction	want;
	} rows[] = {
		{ TIER_BUYER, 1, 2, 1000, 2500, TIER_UPGRADE },
		{ TIER_BUYER, 1, 2, 2500, 1000, TIER_UPGRADE },
		{ TIER_BUYER, 2, 1, 1000, 2500, TIER_DOWNGRADE },
		{ TIER_BUYER, 0, 1000, 0, 0, TIER_UPGRADE },
		{ TIER_ADMIN, 1, 2, 2500, 1000, TIER_UPGRADE },
		{ TIER_ADMIN, 2, 1, 1000, 2500, TIER_DOWNGRADE },
		{ TIER_ADMIN, 1, 1, 1000, 2500, TIER_UPGRADE },
		{ TIER_ADMIN, 1, 1, 2500, 1000, TIER_DOWNGRADE },
		{ TIER_ADMIN, 1, 1, 1000, 1000, TIER_UPGRADE },
		{ TIER_ADMIN, NONE, 1, 1000, 1000, TIER_UPGRADE },
		{ TIER_ADMIN, NONE, 1, 1001, 1000, TIER_DOWNGRADE },
		{ TIER_ADMIN, 1, NONE, 1001, 1000, TIER_DOWNGRADE },
		{ TIER_ADMIN, 1, NONE, 1000, 1001, TIER_UPGRADE },
		{ TIER_ADMIN, NONE, NONE, 1000, 1001, TIER_UPGRADE },
	};
	struct tier_facts	f = usual;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.mode = rows[i].mode;
		f.from.rank = rows[i].from_rank;
		f.to.rank = rows[i].to_rank;
		f.from.listed_value = rows[i].from;
		f.to.listed_value = rows[i].to;
		if (quote(&f).direction != rows[i].want)
			fail_msg("row %zu", i);
	}
}

/* 2.8: the difference, at once, and no renewal after it. */
static void
to_perpetual(void **state)
{
	struct tier_facts	f = usual;
	struct tier_quote	q;

	f.to.is_recurring = false;
	f.to.period_days = 0;
	q = quote(&f);
	assert_int_equal(q.charge_value, 1500);
	assert_true(q.immediate);
	assert_int_equal(q.effective_us, NOW);
	assert_false(q.has_next);
	assert_int_equal(q.next_renewal_charge, 0);

	f.subscription = TIER_SUBSCRIPTION_NONE;
	f.from.is_recurring = false;
	assert_int_equal(quote(&f).charge_value, 1500);
	f.from.listed_value = 2501;
	assert_int_equal(quote(&f).charge_value, 0);

	f.mode = TIER_ADMIN;
	f.to.rank = 0;
	q = quote(&f);
	assert_int_equal(q.direction, TIER_DOWNGRADE);
	assert_int_equal(q.charge_value, 0);
	assert_true(q.immediate);
	assert_false(q.has_next);
	f.from.listed_value = 1000;
	assert_int_equal(quote(&f).charge_value, 1500);
	f.from.listed_value = 0;
	f.to.listed_value = INT64_MAX;
	assert_int_equal(quote(&f).charge_value, INT64_MAX);
}

/* 2.8: the part of the cycle that is left; then the new price. */
static void
up_within_a_cycle(void **state)
{
	struct tier_facts	f = usual;
	struct tier_quote	q = quote(&f);

	assert_int_equal(q.direction, TIER_UPGRADE);
	assert_int_equal(q.charge_value, 750);
	assert_true(q.immediate && q.has_next);
	assert_int_equal(q.effective_us, NOW);
	assert_int_equal(q.next_renewal_charge, 2500);
	assert_int_equal(q.next_renewal_period_days, 30);

	/* P is the subscription's, the next period the target's. */
	f.to.period_days = 365;
	f.period_days = 20;
	q = quote(&f);
	assert_int_equal(q.charge_value, 1125);
	assert_int_equal(q.next_renewal_period_days, 365);

	f = usual;
	f.to.listed_value = INT64_MAX;
	f.from.listed_value = 0;
	f.next_renewal_us = NOW + 29 * DAY;
	assert_int_equal(quote(&f).charge_value,
	    INT64_C(8915926302292949946));
}

/* Days are whole, counted from now, and never more than the period. */
static void
days(void **state)
{
	static const struct {
		int64_t	left;
		int64_t	charge;		/* 50 a day */
	} rows[] = {
		ROW(0, 0), ROW(1, 0), ROW(DAY - 1, 0), ROW(DAY, 50),
		ROW(2 * DAY - 1, 50), ROW(29 * DAY + DAY / 2, 1450),
		ROW(30 * DAY - 1, 1450), ROW(30 * DAY, 1500),
		ROW(31 * DAY, 1500), ROW(4000 * DAY, 1500),
		ROW(-1, 0), ROW(-40 * DAY, 0), ROW(INT64_MAX - NOW, 1500),
		ROW(INT64_MIN, 0),
	};
	struct tier_facts	f = usual;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.next_renewal_us = NOW + rows[i].left;
		if (quote(&f).charge_value != rows[i].charge)
			fail_msg("row %zu: %lld", i,
			    (long long)quote(&f).charge_value);
	}
}

/*
 * Which subscriptions have a cycle to prorate, 2.8; and D7: without one an
 * upgrade pays the first cycle of a new one.
 */
static void
subscriptions(void **state)
{
	static const struct {
		enum tier_subscription	status;
		bool			from_recurring;
		int64_t			left;	/* days */
		int64_t			charge;
		bool			next;
	} rows[] = {
		{ TIER_SUBSCRIPTION_NONE, true, 15, 2500, true },
		{ TIER_SUBSCRIPTION_NONE, false, 15, 2500, true },
		{ TIER_SUBSCRIPTION_ACTIVE, true, 15, 750, true },
		{ TIER_SUBSCRIPTION_ACTIVE, false, 15, 750, true },
		{ TIER_SUBSCRIPTION_ACTIVE, true, -1, 0, true },
		{ TIER_SUBSCRIPTION_PAST_DUE, true, -1, 0, true },
		{ TIER_SUBSCRIPTION_PAST_DUE, true, 15, 750, true },
		{ TIER_SUBSCRIPTION_CANCELLED, true, 15, 750, false },
		{ TIER_SUBSCRIPTION_CANCELLED, true, 0, 2500, true },
		{ TIER_SUBSCRIPTION_CANCELLED, true, -1, 2500, true },
		{ TIER_SUBSCRIPTION_CANCELLED, false, 15, 2500, true },
		{ TIER_SUBSCRIPTION_LAPSED, true, -9, 2500, true },
		{ TIER_SUBSCRIPTION_LAPSED, true, 15, 2500, true },
	};
	struct tier_facts	f = usual;
	struct tier_quote	q;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.subscription = rows[i].status;
		f.from.is_recurring = rows[i].from_recurring;
		f.next_renewal_us = NOW + rows[i].left * DAY;
		q = quote(&f);
		if (q.charge_value != rows[i].charge ||
		    q.has_next != rows[i].next || !q.immediate ||
		    q.effective_us != NOW)
			fail_msg("row %zu: %lld, %d", i,
			    (long long)q.charge_value, q.has_next);
	}
}

/* 2.8: nothing to pay, at the next renewal; at once if there is none. */
static void
down_to_recurring(void **state)
{
	static const struct {
		enum tier_subscription	status;
		int64_t			left;	/* days */
		bool			immediate, next;
	} rows[] = {
		{ TIER_SUBSCRIPTION_ACTIVE, 15, false, true },
		{ TIER_SUBSCRIPTION_PAST_DUE, -2, false, true },
		{ TIER_SUBSCRIPTION_CANCELLED, 15, false, false },
		{ TIER_SUBSCRIPTION_CANCELLED, -1, true, true },
		{ TIER_SUBSCRIPTION_LAPSED, -1, true, true },
		{ TIER_SUBSCRIPTION_NONE, 0, true, true },
	};
	struct tier_facts	f = usual;
	struct tier_quote	q;
	size_t			i;

	f.to = (struct tier_policy){ 400, 0, true, 7, true };
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.subscription = rows[i].status;
		f.next_renewal_us = NOW + rows[i].left * DAY;
		q = quote(&f);
		assert_int_equal(q.direction, TIER_DOWNGRADE);
		assert_int_equal(q.charge_value, 0);
		if (q.immediate != rows[i].immediate ||
		    q.has_next != rows[i].next || q.effective_us !=
		    (rows[i].immediate ? NOW : f.next_renewal_us))
			fail_msg("row %zu", i);
		assert_int_equal(q.next_renewal_charge, q.has_next ? 400 : 0);
		assert_int_equal(q.next_renewal_period_days,
		    q.has_next ? 7 : 0);
	}
}

static void
statuses(void **state)
{
	assert_int_equal(tier_subscription_parse("active"),
	    TIER_SUBSCRIPTION_ACTIVE);
	assert_int_equal(tier_subscription_parse("past_due"),
	    TIER_SUBSCRIPTION_PAST_DUE);
	assert_int_equal(tier_subscription_parse("cancelled"),
	    TIER_SUBSCRIPTION_CANCELLED);
	assert_int_equal(tier_subscription_parse("lapsed"),
	    TIER_SUBSCRIPTION_LAPSED);
	assert_int_equal(tier_subscription_parse(""), TIER_SUBSCRIPTION_NONE);
	assert_int_equal(tier_subscription_parse("paused"),
	    TIER_SUBSCRIPTION_NONE);
	assert_int_equal(tier_subscription_parse(NULL),
	    TIER_SUBSCRIPTION_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_prorations),
		cmocka_unit_test(faults),
		cmocka_unit_test(messages),
		cmocka_unit_test(directions),
		cmocka_unit_test(to_perpetual),
		cmocka_unit_test(up_within_a_cycle),
		cmocka_unit_test(days),
		cmocka_unit_test(subscriptions),
		cmocka_unit_test(down_to_recurring),
		cmocka_unit_test(statuses),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
