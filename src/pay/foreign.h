/*
 * Texts that a provider sent: what may go on, into a URL or the audit trail.
 */
#ifndef PAY_FOREIGN_H
#define PAY_FOREIGN_H

#include "base/arena.h"

#include <stdbool.h>

/* May this be an id: 1 to 200 letters, digits, `_' and `-'?  NULL isn't one. */
bool		 foreign_is_id(const char *);
/* A text as one segment of a path, or one value of a query; in the arena. */
const char	*foreign_escape(struct arena *, const char *);
/* Its words for the audit trail, as far as they look like words; else "?". */
const char	*foreign_word(const char *);

#endif
