/* db/rows: columns by name, and what is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "db/rows.h"

#include "rows.h"

#include <stdlib.h>

static struct db_rows *
sample(void)
{
	static const char *const	names[] = { "name", "n", "yes", NULL };
	static const char *const	values[] = { "Ana", "-42", "t",
	    NULL, NULL, NULL, "", "9223372036854775807", "f" };

	return (rows_make(names, values, 3));
}

static void
texts(void **state)
{
	struct db_rows	*r = sample();

	assert_int_equal(db_rows_count(r), 3);
	assert_string_equal(db_text(r, 0, "name"), "Ana");
	assert_string_equal(db_text(r, 2, "name"), "");
	assert_null(db_text(r, 1, "name"));	/* NULL */
	assert_null(db_text(r, 0, "nome"));	/* no such column */
	assert_null(db_text(r, 3, "name"));	/* no such row */
	assert_null(db_text(r, UINT32_MAX, "name"));
	db_rows_free(r);
}

static void
numbers(void **state)
{
	struct db_rows	*r = sample();

	assert_int_equal(db_integer(r, 0, "n", 7), -42);
	assert_int_equal(db_integer(r, 1, "n", 7), 7);
	assert_true(db_integer(r, 2, "n", 7) == INT64_MAX);
	assert_int_equal(db_integer(r, 0, "m", 7), 7);
	assert_int_equal(db_integer(r, 3, "n", -1), -1);
	db_rows_free(r);
}

static void
booleans(void **state)
{
	struct db_rows	*r = sample();

	assert_true(db_true(r, 0, "yes"));
	assert_false(db_true(r, 1, "yes"));
	assert_false(db_true(r, 2, "yes"));
	assert_false(db_true(r, 0, "no"));
	db_rows_free(r);
}

static void
bytes(void **state)
{
	struct db_rows	*r = sample();
	size_t		 len = 9;

	assert_memory_equal(db_bytes(r, 0, 0, &len), "Ana", 3);
	assert_int_equal(len, 3);
	assert_null(db_bytes(r, 1, 0, &len));
	assert_int_equal(len, 0);
	assert_non_null(db_bytes(r, 2, 0, &len));
	assert_int_equal(len, 0);
	db_rows_free(r);
}

/* A flow that never asked has no rows; steps may look all the same. */
static void
no_rows_at_all(void **state)
{
	assert_int_equal(db_rows_count(NULL), 0);
	assert_null(db_text(NULL, 0, "name"));
	assert_int_equal(db_integer(NULL, 0, "n", 7), 7);
	assert_false(db_true(NULL, 0, "yes"));
	db_rows_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(numbers),
		cmocka_unit_test(booleans),
		cmocka_unit_test(bytes),
		cmocka_unit_test(no_rows_at_all),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
