#include "base/plain.h"

#include <string.h>

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' ||
	    *p == '\r'))
		p++;
	return (p);
}

/* Behind `c', with white space around it; NULL: it is not there. */
static const char *
skip(const char *p, const char *end, char c)
{
	p = skip_space(p, end);
	if (p == end || *p != c)
		return (NULL);
	return (skip_space(p + 1, end));
}

/* Behind the closing quote; NULL: not a text, or not a plain one. */
static const char *
read_text(const char *p, const char *end, struct plain_text *out)
{
	if (p == end || *p != '"')
		return (NULL);
	out->at = ++p;
	while (p < end && *p >= ' ' && *p < 127 && *p != '"' && *p != '\\')
		p++;
	if (p == end || *p != '"')
		return (NULL);
	out->len = (size_t)(p - out->at);
	return (p + 1);
}

static bool
is_named(const struct plain_text *t, const char *name, size_t len)
{
	return (t->len == len && !memcmp(t->at, name, len));
}

/* The last member's name is new: a second one is an error, not ours to word. */
static bool
is_new(const struct plain *o)
{
	const struct plain_text	*last = &o->members[o->count - 1].name;
	unsigned int		 i;

	for (i = 0; i < o->count - 1; i++) {
		if (is_named(&o->members[i].name, last->at, last->len))
			return (false);
	}
	return (true);
}

bool
plain_read(struct plain *out, const char *text, size_t len)
{
	const char	*end = text + len, *p, *next;

	out->count = 0;
	if ((p = skip(text, end, '{')) == NULL)
		return (false);
	if ((next = skip(p, end, '}')) != NULL)
		return (next == end);
	for (;;) {
		if (out->count == PLAIN_MAX)
			return (false);
		if ((p = read_text(p, end,
		    &out->members[out->count].name)) == NULL ||
		    (p = skip(p, end, ':')) == NULL ||
		    (p = read_text(p, end,
		    &out->members[out->count].value)) == NULL)
			return (false);
		out->count++;
		if (!is_new(out))
			return (false);
		if ((next = skip(p, end, ',')) == NULL)
			break;
		p = next;
	}
	return (skip(p, end, '}') == end);
}

const struct plain_text *
plain_find(const struct plain *o, const char *name)
{
	size_t		len = strlen(name);
	unsigned int	i;

	for (i = 0; i < o->count; i++) {
		if (is_named(&o->members[i].name, name, len))
			return (&o->members[i].value);
	}
	return (NULL);
}
