/*
 * The answers of the guard itself: one whole HTTP response a status, with the
 * JSON error envelope.  Knows no Kore.
 */
#ifndef SERVE_REFUSAL_H
#define SERVE_REFUSAL_H

#include <stddef.h>

#define REFUSAL_MAX	512

/*
 * Writes the response for one of the statuses listed in guard.h to `out',
 * which has room for REFUSAL_MAX bytes.  Returns its length.
 */
size_t	refusal_render(int status, char *out, size_t size);

#endif
