/* flow/fail: faults and their messages, from code and from statements. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/fail.h"

#include "rows.h"

#include <stdlib.h>

static int
begin(void **state)
{
	struct flow	*f = calloc(1, sizeof(*f));

	arena_init(&f->arena);
	*state = f;
	return (0);
}

static int
end(void **state)
{
	struct flow	*f = *state;

	db_rows_free(f->rows);
	arena_reset(&f->arena);
	free(f);
	return (0);
}

static void
messages(void **state)
{
	struct flow	*f = *state;
	char		 name[] = "demo";

	assert_int_equal(flow_fail(f, ERR_CONFLICT, "%s is taken, %d times",
	    name, 2), FLOW_DONE);
	name[0] = 'x';
	assert_int_equal(f->fault, ERR_CONFLICT);
	assert_string_equal(f->fault_message, "demo is taken, 2 times");

	/* The last one counts. */
	flow_fail(f, ERR_NOT_FOUND, "Gone.");
	assert_int_equal(f->fault, ERR_NOT_FOUND);
	assert_string_equal(f->fault_message, "Gone.");
}

static void
long_messages(void **state)
{
	struct flow	*f = *state;
	char		 text[2000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	flow_fail(f, ERR_BAD_REQUEST, "%s", text);
	assert_int_equal(strlen(f->fault_message), 511);
	assert_memory_equal(f->fault_message, text, 511);
}

static void
answers_of_statements(void **state)
{
	static const struct {
		const char	*fault, *message;
		bool		 refused;
		enum err	 want;
		const char	*said;
	} rows[] = {
		{ NULL, NULL, false, ERR_NONE, NULL },
		{ NULL, "never mind", false, ERR_NONE, NULL },
		{ "conflict", "taken", true, ERR_CONFLICT, "taken" },
		{ "bad_request", "100% wrong", true, ERR_BAD_REQUEST,
		    "100% wrong" },
		{ "not_found", NULL, true, ERR_NOT_FOUND, "" },
		{ "upstream_error", "", true, ERR_UPSTREAM, "" },
		{ "no_such_code", "oh", true, ERR_INTERNAL, "oh" },
	};
	static const char *const	names[] = { "fault", "message", NULL };
	struct flow			*f = *state;
	const char			*values[2];
	size_t				 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		values[0] = rows[i].fault;
		values[1] = rows[i].message;
		f->fault = ERR_NONE;
		f->fault_message = NULL;
		f->rows = rows_make(names, values, 1);
		if (flow_refused(f) != rows[i].refused ||
		    f->fault != rows[i].want)
			fail_msg("row %zu", i);
		if (rows[i].said == NULL)
			assert_null(f->fault_message);
		else
			assert_string_equal(f->fault_message, rows[i].said);
		db_rows_free(f->rows);
		f->rows = NULL;
	}
}

static void
no_row(void **state)
{
	static const char *const	names[] = { "fault", "message", NULL };
	struct flow			*f = *state;

	f->rows = rows_make(names, NULL, 0);
	assert_true(flow_refused(f));
	assert_int_equal(f->fault, ERR_NOT_FOUND);
	assert_string_equal(f->fault_message, "There is no such thing.");
}

/* A statement without a `fault' column refuses nothing. */
static void
no_such_column(void **state)
{
	static const char *const	names[] = { "body", NULL };
	static const char *const	values[] = { "{}" };
	struct flow			*f = *state;

	f->rows = rows_make(names, values, 1);
	assert_false(flow_refused(f));
	assert_int_equal(f->fault, ERR_NONE);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(messages),
		TEST(long_messages),
		TEST(answers_of_statements),
		TEST(no_row),
		TEST(no_such_column),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
