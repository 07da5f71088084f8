/*
 * A growing string with a ceiling.  Past the ceiling, or without memory, it
 * drops what comes and remembers that it failed: check once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char	*data;		/* NUL-terminated once anything was put */
	size_t	 len, size, max;
	bool	 failed;
};

void	buf_init(struct buf *, size_t max);
void	buf_free(struct buf *);
/* Empties it but keeps its memory. */
void	buf_reset(struct buf *);

void	buf_put(struct buf *, const void *, size_t);
void	buf_puts(struct buf *, const char *);
void	buf_printf(struct buf *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
/* A JSON string, quotes and all; the bytes must be UTF-8. */
void	buf_put_json(struct buf *, const char *, size_t);
/* As a value of a query: all but letters, digits and -_.~ as %XX. */
void	buf_put_url(struct buf *, const char *);

#endif
