/* domain/tip: the published tips, and what is not sent. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/tip.h"

#include "vectors.h"

static void
published_tips(void **state)
{
	json_t	*vectors = vectors_load(), *row;
	size_t	 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "tip"), i, row)
		assert_int_equal(tip_sats(
		    json_integer_value(json_object_get(row, "paidSats")),
		    (int)json_integer_value(json_object_get(row, "bps"))),
		    json_integer_value(json_object_get(row, "tipSats")));
	assert_int_equal(i, 4);
	json_decref(vectors);
}

/* Keysat 4.11: 0 and more than 5,000,000 sats are skipped. */
static void
tips(void **state)
{
	static const struct {
		int64_t	paid;
		int	bps;
		int64_t	tip;
		bool	sent;
	} rows[] = {
		{ 50000, 0, 0, false },
		{ 0, 10000, 0, false },
		{ -5, 100, 0, false },
		{ -50000, 100, 0, false },
		{ INT64_MIN, 10000, 0, false },
		{ 50000, -1, 0, false },
		{ 9999, 1, 0, false },
		{ 10000, 1, 1, true },
		{ 50000, 10001, 50000, true },
		{ 5000000, 10000, 5000000, true },
		{ 5000001, 10000, 5000001, false },
		{ 500000099, 100, 5000000, true },
		{ 500000100, 100, 5000001, false },
		{ INT64_MAX, 10000, INT64_MAX, false },
		{ INT64_MAX, 2500, INT64_C(2305843009213693951), false },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(tip_sats(rows[i].paid, rows[i].bps),
		    rows[i].tip);
		if (tip_is_sent(rows[i].tip) != rows[i].sent)
			fail_msg("row %zu", i);
	}
	assert_false(tip_is_sent(-1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_tips),
		cmocka_unit_test(tips),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
