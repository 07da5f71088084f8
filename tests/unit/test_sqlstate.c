/* db/sqlstate: what a client may be told of PostgreSQL's errors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "db/sqlstate.h"

#include <string.h>

/* Codes by their names in PostgreSQL 15, appendix A. */
static const struct {
	const char	*state, *name;
	enum err	 error;
	bool		 ours, again;
} rows[] = {
	{ "LC400", "ours", ERR_BAD_REQUEST, true, false },
	{ "LC403", "ours", ERR_FORBIDDEN, true, false },
	{ "LC404", "ours", ERR_NOT_FOUND, true, false },
	{ "LC409", "ours", ERR_CONFLICT, true, false },
	{ "LC40R", "ours", ERR_KEY_RUNNING, true, false },
	{ "40001", "serialization_failure", ERR_UNAVAILABLE, false, true },
	{ "40P01", "deadlock_detected", ERR_UNAVAILABLE, false, true },
	{ "55P03", "lock_not_available", ERR_UNAVAILABLE, false, true },
	{ "57014", "query_canceled", ERR_UNAVAILABLE, false, false },
	{ "57P01", "admin_shutdown", ERR_UNAVAILABLE, false, false },
	{ "57P02", "crash_shutdown", ERR_UNAVAILABLE, false, false },
	{ "57P03", "cannot_connect_now", ERR_UNAVAILABLE, false, false },
	{ "53100", "disk_full", ERR_UNAVAILABLE, false, false },
	{ "53200", "out_of_memory", ERR_UNAVAILABLE, false, false },
	{ "53300", "too_many_connections", ERR_UNAVAILABLE, false, false },
	{ "08006", "connection_failure", ERR_UNAVAILABLE, false, false },
	{ "25006", "read_only_sql_transaction", ERR_UNAVAILABLE, false,
	    false },
	{ "22P02", "invalid_text_representation", ERR_BAD_REQUEST, false,
	    false },
	{ "22003", "numeric_value_out_of_range", ERR_BAD_REQUEST, false,
	    false },
	{ "22021", "character_not_in_repertoire", ERR_BAD_REQUEST, false,
	    false },
	{ "23505", "unique_violation", ERR_CONFLICT, false, false },
	{ "23503", "foreign_key_violation", ERR_CONFLICT, false, false },
	{ "23502", "not_null_violation", ERR_BAD_REQUEST, false, false },
	{ "23514", "check_violation", ERR_BAD_REQUEST, false, false },
	{ "42P01", "undefined_table", ERR_INTERNAL, false, false },
	{ "0A000", "feature_not_supported", ERR_UNAVAILABLE, false, true },
	{ "26000", "invalid_sql_statement_name", ERR_UNAVAILABLE, false, true },
	{ "42601", "syntax_error", ERR_INTERNAL, false, false },
	{ "42501", "insufficient_privilege", ERR_INTERNAL, false, false },
	{ "40002", "transaction_integrity_constraint_violation", ERR_INTERNAL,
	    false, false },
	{ "25P02", "in_failed_sql_transaction", ERR_INTERNAL, false, false },
	{ "P0001", "raise_exception", ERR_INTERNAL, false, false },
	{ "XX000", "internal_error", ERR_INTERNAL, false, false },
	{ "LC999", "none of ours", ERR_INTERNAL, false, false },
	{ "lc400", "none of ours", ERR_INTERNAL, false, false },
	{ "00000", "successful_completion", ERR_INTERNAL, false, false },
	{ "", "nothing", ERR_INTERNAL, false, false },
	{ NULL, "no connection", ERR_UNAVAILABLE, false, false },
};

static void
codes(void **state)
{
	struct sqlstate_verdict	v;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = sqlstate_judge(rows[i].state);
		if (v.error != rows[i].error || v.ours != rows[i].ours ||
		    v.again != rows[i].again)
			fail_msg("%s: %s", rows[i].name,
			    err_info(v.error)->code);
	}
}

/* Ours bring their message; all others get one that gives nothing away. */
static void
messages(void **state)
{
	struct sqlstate_verdict	v;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = sqlstate_judge(rows[i].state);
		assert_non_null(v.message);
		if ((*v.message == '\0') != rows[i].ours)
			fail_msg("%s: \"%s\"", rows[i].name, v.message);
	}
}

/* What is repeated must be what was rolled back, and no fault of the asker's. */
static void
only_the_unavailable_is_repeated(void **state)
{
	char			code[6] = "00000";
	struct sqlstate_verdict	v;
	const char		*set = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	unsigned int		 i, repeated = 0;

	for (i = 0; i < 36 * 36 * 36 * 36; i++) {
		code[0] = set[i / (36 * 36 * 36)];
		code[1] = set[i / (36 * 36) % 36];
		code[2] = set[i / 36 % 36];
		code[3] = '0';
		code[4] = set[i % 36];
		v = sqlstate_judge(code);
		assert_true(!v.again || v.error == ERR_UNAVAILABLE);
		assert_true(v.error != ERR_NONE && v.error < ERR_COUNT);
		repeated += v.again;
	}
	assert_int_equal(repeated, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(messages),
		cmocka_unit_test(only_the_unavailable_is_repeated),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
