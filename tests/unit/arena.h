/* An arena of a test's own: its setup and teardown. */
#ifndef TEST_ARENA_H
#define TEST_ARENA_H

#include "base/arena.h"

static struct arena	arena;

static int
begin(void **state)
{
	arena_init(&arena);
	return (0);
}

static int
end(void **state)
{
	arena_reset(&arena);
	return (0);
}

#endif
