#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX	64

/*
 * Jansson recurses 2,048 levels deep; nothing that we accept needs that, and
 * PostgreSQL's own parser would be next in line.
 */
static bool
too_deep(const char *p, size_t len)
{
	const char	*end = p + len;
	int		depth = 0;
	bool		quoted = false;

	for (; p < end; p++) {
		if (quoted) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				quoted = false;
		} else if (*p == '"') {
			quoted = true;
		} else if (*p == '{' || *p == '[') {
			if (++depth > DEPTH_MAX)
				return (true);
		} else if (*p == '}' || *p == ']') {
			depth--;
		}
	}
	return (false);
}

json_t *
json_read(const char *text, size_t len, char *error, size_t size)
{
	json_error_t	why;
	json_t		*j;

	if (too_deep(text, len)) {
		snprintf(error, size, "JSON nested more than %d deep",
		    DEPTH_MAX);
		return (NULL);
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
	    &why);
	if (j == NULL)
		snprintf(error, size, "malformed JSON, line %d column %d",
		    why.line, why.column);
	return (j);
}

const char *
json_text(const json_t *object, const char *name)
{
	return (json_string_value(json_object_get(object, name)));
}

const char *
json_text2(const json_t *object, const char *outer, const char *name)
{
	return (json_text(json_object_get(object, outer), name));
}

bool
json_is_something(const json_t *v)
{
	switch (v == NULL ? JSON_NULL : json_typeof(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return (false);
	case JSON_ARRAY:
		return (json_array_size(v) > 0);
	case JSON_STRING:
		return (json_string_length(v) > 0);
	default:
		return (true);
	}
}
