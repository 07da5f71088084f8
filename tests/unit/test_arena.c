/* base/arena: pieces are aligned, zeroed and apart, whatever their sizes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"

#include <string.h>

#define PIECES	2000

/* Sizes around every limit inside: the first block, a chunk, half of one. */
static size_t
size_of(size_t i)
{
	static const size_t	sizes[] = { 1, 0, 15, 16, 17, 100, 2048, 2049,
	    4095, 4096, 4097, 8191, 8192, 8193, 20000 };

	return (sizes[i * 7 % (sizeof(sizes) / sizeof(sizes[0]))]);
}

static void
pieces(void **state)
{
	static uint8_t	*at[PIECES];
	struct arena	 a;
	size_t		 i, k;

	arena_init(&a);
	for (i = 0; i < PIECES; i++) {
		at[i] = arena_alloc(&a, size_of(i));
		assert_int_equal((uintptr_t)at[i] % 16, 0);
		for (k = 0; k < size_of(i); k++) {
			if (at[i][k] != 0)
				fail_msg("piece %zu is not zeroed", i);
		}
		memset(at[i], (int)(i % 251) + 1, size_of(i));
	}
	for (i = 0; i < PIECES; i++) {
		for (k = 0; k < size_of(i); k++) {
			if (at[i][k] != i % 251 + 1)
				fail_msg("piece %zu was overwritten", i);
		}
	}
	arena_reset(&a);
}

/* What the arena itself held is gone; its chunks go the same way to free(). */
static void
secrets_are_wiped(void **state)
{
	static const char	zero[sizeof(((struct arena *)0)->first)];
	struct arena		a;

	arena_init(&a);
	memset(arena_alloc(&a, 2000), 's', 2000);
	arena_reset(&a);
	assert_memory_not_equal(a.first, zero, 8);
	arena_wipe_later(&a);
	memset(arena_alloc(&a, 2000), 's', 2000);
	memset(arena_alloc(&a, 20000), 'x', 20000);
	arena_reset(&a);
	assert_memory_equal(a.first, zero, sizeof(a.first));
	assert_int_equal(a.wipes, 0);
}

static void
small_arenas_take_no_memory(void **state)
{
	struct arena	a;
	size_t		i;

	arena_init(&a);
	for (i = 0; i < sizeof(a.first) / 16; i++)
		arena_alloc(&a, 16);
	assert_null(a.chunks);
	arena_alloc(&a, 1);
	assert_non_null(a.chunks);
	arena_reset(&a);
	assert_null(a.chunks);
}

static void
used_anew_it_is_zeroed(void **state)
{
	struct arena	a;
	uint8_t		*p;
	size_t		i;

	arena_init(&a);
	memset(arena_alloc(&a, 500), 0xff, 500);
	arena_reset(&a);
	p = arena_alloc(&a, 500);
	for (i = 0; i < 500; i++)
		assert_int_equal(p[i], 0);
	arena_reset(&a);
}

static void
a_large_piece_leaves_the_chunk_open(void **state)
{
	struct arena	a;
	char		*before, *after;

	arena_init(&a);
	arena_alloc(&a, sizeof(a.first));
	before = arena_alloc(&a, 16);
	arena_alloc(&a, 100000);
	after = arena_alloc(&a, 16);
	assert_ptr_equal(after, before + 16);
	arena_reset(&a);
}

static void
texts(void **state)
{
	struct arena	a;
	char		long_text[5000], *copy;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	arena_init(&a);
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, "abc", 0), "");
	assert_string_equal(arena_printf(&a, "%s-%d", "a", 5), "a-5");
	copy = arena_printf(&a, "%s%s", long_text, "!");
	assert_int_equal(strlen(copy), sizeof(long_text));
	assert_string_equal(arena_strdup(&a, long_text), long_text);
	arena_reset(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(secrets_are_wiped),
		cmocka_unit_test(small_arenas_take_no_memory),
		cmocka_unit_test(used_anew_it_is_zeroed),
		cmocka_unit_test(a_large_piece_leaves_the_chunk_open),
		cmocka_unit_test(texts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
