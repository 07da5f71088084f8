/*
 * Reading JSON that strangers sent: strict, with bounds, as Jansson values.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Parses one value and nothing after it: UTF-8, no NUL in strings, no
 * duplicate names, at most 64 levels deep.  The caller owns the result; NULL
 * leaves a message for people in `error'.
 */
json_t		*json_read(const char *text, size_t len, char *error,
		    size_t size);

/* The member's text, borrowed; NULL when missing or no string. */
const char	*json_text(const json_t *object, const char *name);
/* The same one level down: json_text2(o, "metadata", "orderId"). */
const char	*json_text2(const json_t *object, const char *outer,
		    const char *name);

/*
 * Does it say something?  Not: missing, null, false, an empty text, an empty
 * list.
 */
bool		 json_is_something(const json_t *);

#endif
