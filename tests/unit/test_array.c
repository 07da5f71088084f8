/*
 * db/array: arrays byte by byte against what array_recv() reads (PostgreSQL
 * 15, src/backend/utils/adt/arrayfuncs.c), written out by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "db/array.h"

#include <string.h>

#define MANY	100000

/* Dimensions, has-nulls, type, length, lower bound: 32 bits each. */
#define HEAD(nulls, type, n)						\
	    0, 0, 0, 1, 0, 0, 0, (nulls), 0, 0, (type) >> 8, (type) & 255, \
	    0, 0, 0, (n), 0, 0, 0, 1
#define NONE	0xff, 0xff, 0xff, 0xff

static void
check(struct db_array *a, const uint8_t *want, size_t len)
{
	assert_true(db_array_end(a));
	assert_int_equal(a->bytes.len, len);
	assert_memory_equal(a->bytes.data, want, len);
}

static void
texts_and_nulls(void **state)
{
	static const uint8_t	want[] = { HEAD(1, 25, 4),
		0, 0, 0, 3, 'a', 0xc3, 0xa9,
		NONE,
		0, 0, 0, 0,
		0, 0, 0, 1, 'b' };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_TEXT);
	db_array_put_text(&a, "a\xc3\xa9");
	db_array_put_text(&a, NULL);
	db_array_put_text(&a, "");
	db_array_put_text(&a, "b");
	check(&a, want, sizeof(want));
	db_array_free(&a);
}

static void
bytes_with_nul(void **state)
{
	static const uint8_t	want[] = { HEAD(0, 17, 1),
		0, 0, 0, 3, 0, 1, 0 };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_BYTEA);
	db_array_put(&a, "\0\1\0", 3);
	check(&a, want, sizeof(want));
	db_array_free(&a);
}

static void
uuids(void **state)
{
	static const uint8_t	id[16] = { 0x2b, 0x6f, 0x1c, 0x9e };
	static const uint8_t	want[] = { HEAD(1, 2950, 2),
		0, 0, 0, 16, 0x2b, 0x6f, 0x1c, 0x9e,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		NONE };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_UUID);
	db_array_put(&a, id, sizeof(id));
	db_array_put(&a, NULL, sizeof(id));
	check(&a, want, sizeof(want));
	db_array_free(&a);
}

static void
booleans_and_floats(void **state)
{
	static const uint8_t	bools[] = { HEAD(0, 16, 2),
		0, 0, 0, 1, 1,
		0, 0, 0, 1, 0 };
	/* IEEE 754: 1.5 and -2, most significant byte first. */
	static const uint8_t	floats[] = { HEAD(0, 701, 2),
		0, 0, 0, 8, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 8, 0xc0, 0, 0, 0, 0, 0, 0, 0 };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_BOOL);
	db_array_put_bool(&a, true);
	db_array_put_bool(&a, false);
	check(&a, bools, sizeof(bools));
	db_array_begin(&a, DB_TYPE_FLOAT8);
	db_array_put_float(&a, 1.5);
	db_array_put_float(&a, -2.0);
	check(&a, floats, sizeof(floats));
	db_array_free(&a);
}

/* One dimension of no elements: array_recv() takes it. */
static void
nothing(void **state)
{
	static const uint8_t	want[] = { HEAD(0, 25, 0) };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_TEXT);
	check(&a, want, sizeof(want));
	db_array_free(&a);
}

/* Nulls and elements of the array before are forgotten. */
static void
begun_anew(void **state)
{
	static const uint8_t	want[] = { HEAD(0, 25, 1), 0, 0, 0, 1, 'x' };
	struct db_array		a;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_UUID);
	db_array_put_text(&a, NULL);
	db_array_put_text(&a, "longer than what comes");
	assert_true(db_array_end(&a));
	db_array_begin(&a, DB_TYPE_TEXT);
	db_array_put_text(&a, "x");
	check(&a, want, sizeof(want));
	db_array_free(&a);
}

static void
more_than_a_byte_counts(void **state)
{
	struct db_array	 a;
	const uint8_t	*p;
	int		 i;

	db_array_init(&a, MANY);
	db_array_begin(&a, DB_TYPE_BOOL);
	for (i = 0; i < 0x0203; i++)
		db_array_put_bool(&a, i & 1);
	assert_true(db_array_end(&a));
	assert_int_equal(a.bytes.len, 20 + 0x0203 * 5);
	p = (const uint8_t *)a.bytes.data;
	assert_memory_equal(p + 12, "\0\0\2\3", 4);
	db_array_free(&a);
}

static void
a_ceiling(void **state)
{
	static const uint8_t	want[] = { HEAD(0, 25, 1),
		0, 0, 0, 4, 'f', 'i', 't', 's' };
	struct db_array		a;

	db_array_init(&a, sizeof(want));
	db_array_begin(&a, DB_TYPE_TEXT);
	db_array_put_text(&a, "fits");
	check(&a, want, sizeof(want));
	db_array_put_text(&a, "");
	assert_false(db_array_end(&a));

	/* And works again. */
	db_array_begin(&a, DB_TYPE_TEXT);
	db_array_put_text(&a, "fits");
	check(&a, want, sizeof(want));
	db_array_free(&a);

	db_array_init(&a, 19);
	db_array_begin(&a, DB_TYPE_TEXT);
	assert_false(db_array_end(&a));
	db_array_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_nulls),
		cmocka_unit_test(bytes_with_nul),
		cmocka_unit_test(uuids),
		cmocka_unit_test(booleans_and_floats),
		cmocka_unit_test(nothing),
		cmocka_unit_test(begun_anew),
		cmocka_unit_test(more_than_a_byte_counts),
		cmocka_unit_test(a_ceiling),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
