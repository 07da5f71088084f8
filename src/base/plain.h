/*
 * The JSON that clients send all day: one object whose members are texts of
 * printable ASCII without escapes.  Read in one pass, without a tree and
 * without memory.  Anything else, malformed or merely richer, is left to
 * json_read(): what is accepted here means the same there.
 */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#define PLAIN_MAX	16	/* members */

/* Borrowed from the text, without a NUL. */
struct plain_text {
	const char	*at;
	size_t		 len;
};

struct plain {
	unsigned int	 count;
	struct {
		struct plain_text	name, value;
	} members[PLAIN_MAX];
};

/* False: not of this kind; `out' is then unspecified. */
bool	plain_read(struct plain *out, const char *text, size_t len);

/* The member's value, or NULL. */
const struct plain_text	*plain_find(const struct plain *, const char *name);

#endif
