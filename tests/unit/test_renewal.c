/* domain/renewal: when a renewal is tried again, how long it can be paid. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/renewal.h"

#define MINUTE	INT64_C(60000000)
#define DAY	(24 * 60 * MINUTE)
#define NOW	INT64_C(1767225600000000)

/* Keysat 4.8: after 5 min, 30 min, 2 h, 6 h, then stop at 5. */
static void
retries(void **state)
{
	assert_int_equal(renewal_retry_seconds(0), 0);
	assert_int_equal(renewal_retry_seconds(1), 300);
	assert_int_equal(renewal_retry_seconds(2), 1800);
	assert_int_equal(renewal_retry_seconds(3), 7200);
	assert_int_equal(renewal_retry_seconds(4), 21600);
	assert_int_equal(renewal_retry_seconds(5), -1);
	assert_int_equal(renewal_retry_seconds(6), -1);
	assert_int_equal(renewal_retry_seconds(UINT32_MAX), -1);
}

static void
expirations(void **state)
{
	static const struct {
		int64_t	now, lapse;
		int	minutes;
	} rows[] = {
		{ NOW, NOW + 7 * DAY, 7 * 24 * 60 },
		{ NOW, NOW + 7 * DAY - 1, 7 * 24 * 60 - 1 },
		{ NOW, NOW + 61 * MINUTE, 61 },
		{ NOW, NOW + 61 * MINUTE - 1, 60 },
		{ NOW, NOW + 60 * MINUTE, 60 },
		{ NOW, NOW + 59 * MINUTE, 60 },
		{ NOW, NOW + 1, 60 },
		{ NOW, NOW, 60 },
		{ NOW, NOW - 5 * DAY, 60 },
		{ NOW, NOW + 30 * DAY, 43200 },
		{ NOW, NOW + 30 * DAY - MINUTE, 43199 },
		{ NOW, NOW + 30 * DAY + 1, 43200 },
		{ NOW, NOW + 90 * DAY, 43200 },
		{ INT64_MIN, INT64_MAX, 43200 },
		{ INT64_MAX, INT64_MIN, 60 },
	};
	size_t	i;
	int	got;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got = renewal_expiration_minutes(rows[i].now, rows[i].lapse);
		if (got != rows[i].minutes)
			fail_msg("row %zu: %d", i, got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retries),
		cmocka_unit_test(expirations),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
