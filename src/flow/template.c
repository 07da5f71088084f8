/*
 * The run time of compiled templates: looks names up, escapes, repeats.
 * Refuses to hand out a page that lacks a piece: anything that goes wrong
 * marks the template as failed, and template_take then gives nothing.
 */
#include "flow/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t	*template_find(const struct template *, const char *);
static void		 template_put(struct template *, const char *, bool);
static void		 template_escape(struct template *, const char *, size_t);

static const char	*const entities[256] = {
	['&'] = "&amp;",
	['<'] = "&lt;",
	['>'] = "&gt;",
	['"'] = "&quot;",
	['\''] = "&#39;",
};

void
template_init(struct template *t, const json_t *values)
{
	memset(t, 0, sizeof(*t));
	t->stack[0] = values;
}

char *
template_take(struct template *t, size_t *len)
{
	char	*page;

	template_text(t, "", 1);
	if (t->failed) {
		template_free(t);
		return (NULL);
	}
	page = t->out;
	*len = t->len - 1;
	t->out = NULL;
	template_free(t);
	return (page);
}

void
template_free(struct template *t)
{
	free(t->out);
	memset(t, 0, sizeof(*t));
}

void
template_text(struct template *t, const char *text, size_t len)
{
	size_t	 size;
	char	*grown;

	if (t->failed)
		return;
	if (len > TEMPLATE_OUTPUT_MAX - t->len) {
		t->failed = true;
		return;
	}
	if (len > t->size - t->len) {
		size = (t->len + len) * 2 + 4096;
		if ((grown = realloc(t->out, size)) == NULL) {
			t->failed = true;
			return;
		}
		t->out = grown;
		t->size = size;
	}
	memcpy(t->out + t->len, text, len);
	t->len += len;
}

void
template_value(struct template *t, const char *name)
{
	template_put(t, name, true);
}

void
template_raw(struct template *t, const char *name)
{
	template_put(t, name, false);
}

bool
template_true(const struct template *t, const char *name)
{
	return (json_is_something(template_find(t, name)));
}

struct template_iter
template_begin(const struct template *t, const char *name)
{
	struct template_iter	it = { NULL, 0, false };

	if (template_true(t, name))
		it.value = template_find(t, name);
	return (it);
}

/* Leaves the element before and enters the next; false after the last. */
bool
template_next(struct template *t, struct template_iter *it)
{
	const json_t	*v = NULL;

	if (it->pushed)
		t->depth--;
	it->pushed = false;
	if (it->value == NULL || t->failed)
		return (false);
	if (json_is_array(it->value))
		v = json_array_get(it->value, it->at);
	else if (it->at == 0)
		v = it->value;
	it->at++;
	if (v == NULL)
		return (false);
	if (t->depth == TEMPLATE_DEPTH) {
		t->failed = true;
		return (false);
	}
	t->stack[++t->depth] = v;
	it->pushed = true;
	return (true);
}

/*
 * "." is the element itself.  "a.b" is member b of the innermost a: a dot
 * looks into one object and no further out, so a missing member stays empty.
 */
static const json_t *
template_find(const struct template *t, const char *name)
{
	const json_t	*v = NULL;
	size_t		 len = strcspn(name, ".");
	int		 i;

	if (strcmp(name, ".") == 0)
		return (t->stack[t->depth]);
	for (i = t->depth; i >= 0 && v == NULL; i--)
		v = json_object_getn(t->stack[i], name, len);
	while (v != NULL && name[len] == '.') {
		name += len + 1;
		len = strcspn(name, ".");
		v = json_object_getn(v, name, len);
	}
	return (v);
}

static void
template_put(struct template *t, const char *name, bool escaped)
{
	const json_t	*v = template_find(t, name);
	char		 number[32];
	int		 len;

	if (json_is_string(v)) {
		if (escaped)
			template_escape(t, json_string_value(v),
			    json_string_length(v));
		else
			template_text(t, json_string_value(v),
			    json_string_length(v));
	} else if (json_is_integer(v)) {
		len = snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v));
		template_text(t, number, (size_t)len);
	} else if (json_is_real(v)) {
		len = snprintf(number, sizeof(number), "%.15g",
		    json_real_value(v));
		template_text(t, number, (size_t)len);
	}
}

static void
template_escape(struct template *t, const char *s, size_t len)
{
	const char	*end = s + len, *p, *entity;

	for (p = s; p < end; p++) {
		if ((entity = entities[(unsigned char)*p]) == NULL)
			continue;
		template_text(t, s, (size_t)(p - s));
		template_text(t, entity, strlen(entity));
		s = p + 1;
	}
	template_text(t, s, (size_t)(end - s));
}
