#include "flow/body.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/plain.h"
#include "base/text.h"
#include "base/uuid.h"
#include "flow/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
refuse(struct flow *f, const struct field *fd, const char *why)
{
	flow_fail(f, ERR_BAD_REQUEST, "%s: %s", fd->name, why);
	return (false);
}

static bool
keep(struct flow *f, const char *name, const char *text)
{
	if (f->nvalues == FLOW_VALUES_MAX) {
		LOG(LOG_CRIT, "flow.values", LS("path", f->endpoint->path));
		abort();	/* a table with too many fields */
	}
	f->values[f->nvalues].name = name;
	f->values[f->nvalues].text = text;
	f->nvalues++;
	return (true);
}

/* ---- single values, already text ---- */

static bool
is_name(const char *s)
{
	bool	blank = true;

	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 32 || *s == 127)
			return (false);
		blank = blank && *s == ' ';
	}
	return (!blank);
}

static bool
is_choice(const char *choices, const char *s)
{
	size_t	n = strlen(s), len;

	for (; n > 0; choices += len + 1) {
		len = strcspn(choices, "|");
		if (len == n && !strncmp(choices, s, n))
			return (true);
		if (choices[len] == '\0')
			break;
	}
	return (false);
}

/* Its time must fit a bigint, and PostgreSQL's calendar. */
static bool
is_cursor(const char *s)
{
	size_t	digits = strspn(s, "0123456789");
	uint8_t	id[16];

	return (digits > 0 && digits <= 17 && s[digits] == '_' &&
	    uuid_parse(s + digits + 1, strlen(s + digits + 1), id));
}

static bool
keep_time(struct flow *f, const struct field *fd, const char *s)
{
	char	canonical[CLOCK_TEXT_SIZE];
	int64_t	seconds;

	if (!clock_parse(s, &seconds))
		return (refuse(f, fd, "must be an RFC 3339 time"));
	clock_format(seconds, canonical);
	return (keep(f, fd->name, arena_strdup(&f->arena, canonical)));
}

/* Checks text and keeps it; `s' must stay as long as the flow. */
static bool
keep_text(struct flow *f, const struct field *fd, const char *s)
{
	long long	n = (long long)strlen(s);
	uint8_t		id[16];

	switch (fd->type) {
	case FIELD_SLUG:
		if (!text_is_slug(s))
			return (refuse(f, fd, "must be 1 to 63 of a-z, 0-9 "
			    "and -, not beginning with -"));
		break;
	case FIELD_UUID:
		if (!uuid_parse(s, (size_t)n, id))
			return (refuse(f, fd, "must be a UUID"));
		break;
	case FIELD_CURSOR:
		if (!is_cursor(s))
			return (refuse(f, fd, "must be the next_cursor of a "
			    "page before"));
		break;
	case FIELD_EMAIL:
		if (!text_is_email(s))
			return (refuse(f, fd, "must be an e-mail address"));
		break;
	case FIELD_URL:
		if (!text_is_url(s))
			return (refuse(f, fd, "must be an http or https URL"));
		break;
	case FIELD_TIME:
		return (keep_time(f, fd, s));
	case FIELD_CHOICE:
		if (!is_choice(fd->choices, s))
			return (refuse(f, fd, arena_printf(&f->arena,
			    "must be one of %s", fd->choices)));
		break;
	default:
		if (n < fd->min || (fd->max > 0 && n > fd->max))
			return (refuse(f, fd, arena_printf(&f->arena,
			    "must be %lld to %lld bytes long", fd->min,
			    fd->max)));
		if (fd->type == FIELD_NAME && n > 0 && !is_name(s))
			return (refuse(f, fd, "must be readable text without "
			    "control characters"));
		break;
	}
	return (keep(f, fd->name, s));
}

static bool
keep_integer(struct flow *f, const struct field *fd, long long n)
{
	if (n < fd->min || n > fd->max)
		return (refuse(f, fd, arena_printf(&f->arena,
		    "must be %lld to %lld", fd->min, fd->max)));
	return (keep(f, fd->name, arena_printf(&f->arena, "%lld", n)));
}

/* ---- the query ---- */

static const struct field *
find(const struct field *fields, const char *name)
{
	for (; fields != NULL && fields->name != NULL; fields++) {
		if (!strcmp(fields->name, name))
			return (fields);
	}
	return (NULL);
}

static bool
keep_query(struct flow *f, const struct field *fd, const char *s)
{
	long long	n;

	if (*s == '\0')
		return (true);	/* `?x=' is as good as nothing */
	switch (fd->type) {
	case FIELD_INTEGER:
		if (!text_integer(s, fd->min, fd->max, &n))
			return (refuse(f, fd, arena_printf(&f->arena,
			    "must be a number, %lld to %lld", fd->min,
			    fd->max)));
		return (keep_integer(f, fd, n));
	case FIELD_BOOLEAN:
		if (is_choice("true|1|yes", s))
			return (keep(f, fd->name, "true"));
		if (is_choice("false|0|no", s))
			return (keep(f, fd->name, "false"));
		return (refuse(f, fd, "must be true or false"));
	default:
		return (keep_text(f, fd, s));
	}
}

bool
body_read_query(struct flow *f, char *query)
{
	const struct field	*fd;
	char			*pair, *value;

	if (f->endpoint->query == NULL)
		return (true);
	if (query != NULL)
		query = arena_strdup(&f->arena, query);
	while ((pair = strsep(&query, "&")) != NULL) {
		if ((value = strchr(pair, '=')) == NULL)
			continue;
		*value++ = '\0';
		if (!text_url_decode(pair, true) ||
		    (fd = find(f->endpoint->query, pair)) == NULL)
			continue;
		if (!text_url_decode(value, true))
			return (refuse(f, fd, "is not properly URL-encoded"));
		if (flow_given(f, fd->name))
			return (refuse(f, fd, "is given twice"));
		if (!keep_query(f, fd, value))
			return (false);
	}
	for (fd = f->endpoint->query; fd->name != NULL; fd++) {
		if ((fd->flags & FIELD_REQUIRED) && !flow_given(f, fd->name))
			return (refuse(f, fd, "is required"));
	}
	return (true);
}

/* ---- the path ---- */

bool
body_read_path(struct flow *f, const char *name, const char *value, size_t len)
{
	char	*s = arena_strndup(&f->arena, value, len);
	size_t	 n = strlen(name);
	uint8_t	 id[16];
	bool	 is_id;

	is_id = !strcmp(name, "id") ||
	    (n > 3 && !strcmp(name + n - 3, "_id"));
	if (!text_url_decode(s, false) || *s == '\0' ||
	    (is_id && !uuid_parse(s, strlen(s), id))) {
		flow_fail(f, ERR_NOT_FOUND, "There is no such thing.");
		return (false);
	}
	return (keep(f, name, s));
}

/* ---- the body ---- */

static bool
keep_dump(struct flow *f, const struct field *fd, const json_t *v)
{
	char	*text;

	if ((text = json_dumps(v, JSON_COMPACT)) == NULL)
		return (refuse(f, fd, "is too large"));
	keep(f, fd->name, arena_strdup(&f->arena, text));
	free(text);
	return (true);
}

static bool
keep_texts(struct flow *f, const struct field *fd, const json_t *v)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(v, i, one) {
		if (!json_is_string(one) ||
		    (long long)json_string_length(one) < fd->min ||
		    (long long)json_string_length(one) > fd->max)
			return (refuse(f, fd, arena_printf(&f->arena,
			    "must be an array of texts of %lld to %lld bytes",
			    fd->min, fd->max)));
	}
	return (keep_dump(f, fd, v));
}

static bool
keep_tree(struct flow *f, const struct field *fd, const json_t *v)
{
	const json_t	*one;
	size_t		 i;

	if (fd->type == FIELD_OBJECTS) {
		json_array_foreach(v, i, one) {
			if (!json_is_object(one))
				return (refuse(f, fd,
				    "must be an array of objects"));
		}
	}
	return (keep_dump(f, fd, v));
}

static bool
keep_json(struct flow *f, const struct field *fd, const json_t *v)
{
	if (json_is_null(v)) {
		if (fd->flags & FIELD_REQUIRED)
			return (refuse(f, fd, "is required"));
		return (keep(f, fd->name, NULL));
	}
	switch (fd->type) {
	case FIELD_INTEGER:
		if (!json_is_integer(v))
			return (refuse(f, fd, "must be a whole number"));
		return (keep_integer(f, fd, json_integer_value(v)));
	case FIELD_BOOLEAN:
		if (!json_is_boolean(v))
			return (refuse(f, fd, "must be true or false"));
		return (keep(f, fd->name, json_is_true(v) ? "true" : "false"));
	case FIELD_TEXTS:
		if (!json_is_array(v))
			return (refuse(f, fd, "must be an array"));
		return (keep_texts(f, fd, v));
	case FIELD_OBJECT:
		if (!json_is_object(v))
			return (refuse(f, fd, "must be an object"));
		return (keep_tree(f, fd, v));
	case FIELD_OBJECTS:
		if (!json_is_array(v))
			return (refuse(f, fd, "must be an array"));
		return (keep_tree(f, fd, v));
	default:
		if (!json_is_string(v))
			return (refuse(f, fd, "must be text"));
		return (keep_text(f, fd, json_string_value(v)));
	}
}

/* Texts only, and no tree of them in f->body: nothing asks for one. */
static bool
keep_plain(struct flow *f, const struct plain *all)
{
	const struct field	*fd;
	const struct plain_text	*v;

	for (fd = f->endpoint->body; fd->name != NULL; fd++) {
		if ((v = plain_find(all, fd->name)) == NULL) {
			if (fd->flags & FIELD_REQUIRED)
				return (refuse(f, fd, "is required"));
		} else if (!keep_text(f, fd, arena_strndup(&f->arena, v->at,
		    v->len))) {
			return (false);
		}
	}
	return (true);
}

bool
body_read(struct flow *f, const void *data, size_t len)
{
	const struct field	*fd;
	const json_t		*v;
	json_t			*all;
	struct plain		 plain;
	char			 why[96];

	if (f->endpoint->plain_body && plain_read(&plain, data, len))
		return (keep_plain(f, &plain));
	all = len == 0 ? json_object() : json_read(data, len, why,
	    sizeof(why));
	if (all == NULL) {
		flow_fail(f, ERR_BAD_REQUEST, "%s", why);
		return (false);
	}
	f->body = all;
	if (!json_is_object(all)) {
		flow_fail(f, ERR_BAD_REQUEST, "the body must be an object");
		return (false);
	}
	for (fd = f->endpoint->body; fd->name != NULL; fd++) {
		if ((v = json_object_get(all, fd->name)) == NULL) {
			if (fd->flags & FIELD_REQUIRED)
				return (refuse(f, fd, "is required"));
		} else if (json_is_null(v) && !(fd->flags & FIELD_NULLABLE) &&
		    f->endpoint->method == PATCH) {
			return (refuse(f, fd, "cannot be null"));
		} else if (!keep_json(f, fd, v)) {
			return (false);
		}
	}
	return (true);
}

/* ---- what steps ask ---- */

static const struct flow_value *
value(const struct flow *f, const char *name)
{
	unsigned int	i;

	for (i = 0; i < f->nvalues; i++) {
		if (!strcmp(f->values[i].name, name))
			return (&f->values[i]);
	}
	return (NULL);
}

const char *
flow_text(const struct flow *f, const char *name)
{
	const struct flow_value	*v = value(f, name);

	return (v == NULL ? NULL : v->text);
}

long long
flow_integer(const struct flow *f, const char *name, long long missing)
{
	const char	*s = flow_text(f, name);

	return (s == NULL ? missing : strtoll(s, NULL, 10));
}

bool
flow_given(const struct flow *f, const char *name)
{
	return (value(f, name) != NULL);
}
