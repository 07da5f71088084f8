/* base/err: the table of faults is one that clients can rely on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/err.h"

#include <string.h>

static void
every_fault_is_whole(void **state)
{
	static const char	letters[] = "abcdefghijklmnopqrstuvwxyz_";
	const struct err_info	*info;
	size_t			 n;
	int			 e;

	for (e = 1; e < ERR_COUNT; e++) {
		info = err_info((enum err)e);
		n = strlen(info->code);
		if (info->status < 400 || info->status > 599 || n == 0 ||
		    strspn(info->code, letters) != n ||
		    info->help[0] == '\0' ||
		    info->help[strlen(info->help) - 1] != '.')
			fail_msg("fault %d: %s", e, info->code);
	}
}

static void
codes_are_their_own(void **state)
{
	int	e;

	for (e = 1; e < ERR_COUNT; e++) {
		if (err_by_code(err_info((enum err)e)->code) != (enum err)e)
			fail_msg("%s twice", err_info((enum err)e)->code);
	}
}

static void
the_unknown_is_internal(void **state)
{
	static const char *const	rows[] = { "", "nonsense",
	    "Bad_Request", "bad_request " };
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(err_by_code(rows[i]), ERR_INTERNAL);
	assert_int_equal(err_info(ERR_COUNT)->status, 500);
	assert_int_equal(err_info((enum err)999)->status, 500);
}

/* What client libraries compare with. */
static void
published_codes(void **state)
{
	static const struct {
		enum err	 e;
		int		 status;
		const char	*code;
	}	rows[] = {
		{ ERR_NONE, 200, "" },
		{ ERR_BAD_REQUEST, 400, "bad_request" },
		{ ERR_UNAUTHORIZED, 401, "unauthorized" },
		{ ERR_FORBIDDEN, 403, "forbidden" },
		{ ERR_NOT_FOUND, 404, "not_found" },
		{ ERR_CONFLICT, 409, "conflict" },
		{ ERR_RATE_LIMITED, 429, "rate_limited" },
		{ ERR_INTERNAL, 500, "internal_error" },
		{ ERR_UPSTREAM, 502, "upstream_error" },
		{ ERR_NO_PROVIDER, 503, "btcpay_not_configured" },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(err_info(rows[i].e)->status, rows[i].status);
		assert_string_equal(err_info(rows[i].e)->code, rows[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_is_whole),
		cmocka_unit_test(codes_are_their_own),
		cmocka_unit_test(the_unknown_is_internal),
		cmocka_unit_test(published_codes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
