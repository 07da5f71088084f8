/* domain/discount: the published discounts, and arguments that are absurd. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/discount.h"

#include "vectors.h"

#define ROW(...)	{ __VA_ARGS__ }

static void
published_discounts(void **state)
{
	json_t			*vectors = vectors_load(), *row;
	enum discount_kind	 kind;
	size_t			 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "discount"), i, row) {
		kind = discount_kind_parse(vectors_text(row, "kind"));
		assert_int_not_equal(kind, DISCOUNT_NONE);
		assert_int_equal(discount_of(kind,
		    json_integer_value(json_object_get(row, "amount")),
		    json_integer_value(json_object_get(row, "base"))),
		    json_integer_value(json_object_get(row, "discount")));
	}
	assert_int_equal(i, 10);
	json_decref(vectors);
}

/* Keysat 4.6, and D11: a free license is everything. */
static void
discounts(void **state)
{
	static const struct {
		enum discount_kind	kind;
		int64_t			amount, base, discount;
	} rows[] = {
		{ DISCOUNT_NONE, 5000, 100, 0 },
		{ DISCOUNT_PERCENT, 0, 100, 0 },
		{ DISCOUNT_PERCENT, 9999, 10000, 9999 },
		{ DISCOUNT_PERCENT, 9999, 9999, 9998 },
		{ DISCOUNT_PERCENT, 10001, 100, 100 },
		{ DISCOUNT_PERCENT, INT64_MAX, INT64_MAX, INT64_MAX },
		{ DISCOUNT_PERCENT, 9999, INT64_MAX,
		    INT64_C(9222449699651090329) },
		{ DISCOUNT_PERCENT, -1, 100, 0 },
		{ DISCOUNT_PERCENT, INT64_MIN, INT64_MAX, 0 },
		{ DISCOUNT_FIXED, 0, 100, 0 },
		{ DISCOUNT_FIXED, 100, 100, 100 },
		{ DISCOUNT_FIXED, INT64_MAX, 1, 1 },
		{ DISCOUNT_FIXED, -5, 100, 0 },
		{ DISCOUNT_SET_PRICE, 0, 100, 100 },
		{ DISCOUNT_SET_PRICE, 1, 100, 99 },
		{ DISCOUNT_SET_PRICE, -5, 100, 100 },
		{ DISCOUNT_SET_PRICE, INT64_MIN, INT64_MAX, INT64_MAX },
		{ DISCOUNT_FREE, 0, 100, 100 },
		{ DISCOUNT_FREE, 10000, INT64_MAX, INT64_MAX },
		{ DISCOUNT_FREE, 0, 0, 0 },
		{ DISCOUNT_FREE, 0, -5, 0 },
		{ DISCOUNT_PERCENT, 5000, -100, 0 },
		{ DISCOUNT_FIXED, 5, -100, 0 },
		{ DISCOUNT_SET_PRICE, 5, INT64_MIN, 0 },
	};
	size_t	i;
	int64_t	got;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got = discount_of(rows[i].kind, rows[i].amount, rows[i].base);
		if (got != rows[i].discount)
			fail_msg("row %zu: %lld", i, (long long)got);
	}
}

static void
kinds(void **state)
{
	static const struct {
		const char		*word;
		enum discount_kind	 kind;
	} rows[] = {
		ROW("percent", DISCOUNT_PERCENT),
		ROW("fixed_sats", DISCOUNT_FIXED),
		ROW("set_price", DISCOUNT_SET_PRICE),
		ROW("free_license", DISCOUNT_FREE),
		ROW("", DISCOUNT_NONE),
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(discount_kind_parse(rows[i].word),
		    rows[i].kind);
		assert_string_equal(discount_kind_name(rows[i].kind),
		    rows[i].word);
	}
	assert_int_equal(discount_kind_parse(NULL), DISCOUNT_NONE);
	assert_int_equal(discount_kind_parse("Percent"), DISCOUNT_NONE);
	assert_int_equal(discount_kind_parse("percent "), DISCOUNT_NONE);
	assert_int_equal(discount_kind_parse("fixed"), DISCOUNT_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_discounts),
		cmocka_unit_test(discounts),
		cmocka_unit_test(kinds),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
