/* domain/community: the four buckets of an uptime, to the second. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/community.h"

static void
buckets(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t	 seconds;
		const char	*want;
	} rows[] = {
		{ 0, "<1d" }, { 86399, "<1d" },
		{ 86400, "1-7d" }, { 604799, "1-7d" },
		{ 604800, "1-4w" }, { 2419199, "1-4w" },
		{ 2419200, ">4w" }, { UINT64_MAX, ">4w" },
	};
	/* clang-format on */
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(community_bucket(rows[i].seconds),
		    rows[i].want);
}

static void
it_counts_from_the_start(void **state)
{
	community_begin();
	assert_string_equal(community_uptime(), "<1d");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(it_counts_from_the_start),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
