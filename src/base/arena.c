#include "base/arena.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN	8192
#define ALIGN(n)	(((n) + 15) & ~(size_t)15)

struct arena_chunk {
	struct arena_chunk	*next;
	size_t			 size;
	char			 data[] __attribute__((aligned(16)));
};

void
arena_init(struct arena *a)
{
	a->chunks = NULL;
	a->wipes = 0;
	a->at = a->first;
	a->end = a->first + sizeof(a->first);
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk	*c;

	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		if (a->wipes)
			explicit_bzero(c->data, c->size);
		free(c);
	}
	if (a->wipes)
		explicit_bzero(a->first, sizeof(a->first));
	arena_init(a);
}

void
arena_wipe_later(struct arena *a)
{
	a->wipes = 1;
}

/* A large piece gets a chunk of its own and leaves the current one open. */
static void *
grow(struct arena *a, size_t n)
{
	struct arena_chunk	*c;
	size_t			 size = n > CHUNK_MIN / 2 ? n : CHUNK_MIN;

	if (n > SIZE_MAX / 2 || (c = malloc(sizeof(*c) + size)) == NULL) {
		LOG(LOG_CRIT, "memory.exhausted", LI("bytes", n));
		abort();
	}
	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	if (size == CHUNK_MIN) {
		a->at = c->data + n;
		a->end = c->data + size;
	}
	return (c->data);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void	*p;

	n = ALIGN(n);
	if ((size_t)(a->end - a->at) >= n) {
		p = a->at;
		a->at += n;
	} else {
		p = grow(a, n);
	}
	return (memset(p, 0, n));
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	return (memcpy(arena_alloc(a, n + 1), s, n));
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return (arena_strndup(a, s, strlen(s)));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list	ap;
	char	*s;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return (arena_strdup(a, ""));
	s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (s);
}
