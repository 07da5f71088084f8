/* domain/backoff: the contract's waits, what comes after, open circuits. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/backoff.h"

#include <limits.h>

#define HOUR	3600
#define DAY	(24 * HOUR)

/* Keysat 5: after attempts 1 to 9. */
static void
first_nine(void **state)
{
	static const int	wait[] = { 0, 5, 10, 30, 60, 300, 900, 1800,
				    3600, 7200 };
	unsigned int		i;

	for (i = 0; i < 10; i++) {
		assert_int_equal(backoff_seconds(i, 0), wait[i]);
		/* However late: they are owed their tries. */
		assert_int_equal(backoff_seconds(i, 30 * DAY), wait[i]);
	}
}

static void
later(void **state)
{
	static const struct {
		unsigned int	attempts;
		int64_t		age;
		int		wait;
	} rows[] = {
		{ 10, 0, HOUR },
		{ 10, 13665, HOUR },
		{ 30, DAY - 1, HOUR },
		{ 30, DAY, 6 * HOUR },
		{ 31, 3 * DAY - 1, 6 * HOUR },
		{ 10, 3 * DAY, BACKOFF_DEAD },
		{ 99, 3 * DAY, BACKOFF_DEAD },
		{ UINT_MAX, INT64_MAX, BACKOFF_DEAD },
		{ UINT_MAX, -1, HOUR },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(backoff_seconds(rows[i].attempts,
		    rows[i].age), rows[i].wait);
}

/* A message that never arrives: how often it is tried, and how long. */
static void
whole_life(void **state)
{
	unsigned int	tries = 0;
	int64_t		age = 0;
	int		wait;

	while ((wait = backoff_seconds(++tries, age)) != BACKOFF_DEAD)
		age += wait;
	assert_in_range(age, 3 * DAY, 3 * DAY + 6 * HOUR);
	assert_in_range(tries, 35, 45);
}

static void
probes(void **state)
{
	static const int	wait[] = { 5, 10, 20, 40, 80, 160, 300, 300 };
	unsigned int		i;

	for (i = 0; i <= BACKOFF_CIRCUIT; i++)
		assert_int_equal(backoff_probe_seconds(i), 5);
	for (i = 0; i < 8; i++)
		assert_int_equal(backoff_probe_seconds(BACKOFF_CIRCUIT + i),
		    wait[i]);
	assert_int_equal(backoff_probe_seconds(UINT_MAX), 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_nine),
		cmocka_unit_test(later),
		cmocka_unit_test(whole_life),
		cmocka_unit_test(probes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
