/*
 * Memory that lives as long as its owner, mostly a flow: allocated piece by
 * piece, given back all at once.  Nothing in it is freed singly.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* `first' is used before anything is taken from malloc. */
struct arena {
	char			*at, *end;
	struct arena_chunk	*chunks;
	int			 wipes;
	char			 first[2048] __attribute__((aligned(16)));
};

void	 arena_init(struct arena *);
/* Gives all of it back; the arena may be used anew. */
void	 arena_reset(struct arena *);

/* Holds a secret from now on: its memory is wiped before it is given back. */
void	 arena_wipe_later(struct arena *);

/* Zeroed, aligned for anything.  Never NULL: without memory the worker ends. */
void	*arena_alloc(struct arena *, size_t);
char	*arena_strdup(struct arena *, const char *);
char	*arena_strndup(struct arena *, const char *, size_t);
char	*arena_printf(struct arena *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
