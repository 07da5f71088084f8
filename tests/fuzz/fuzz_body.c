/*
 * Any bytes as a body, a query or a path parameter: whatever is kept obeys its
 * row of the table, and a body is refused only for a reason.
 *
 * The first byte says what the rest is: B the body of a POST, P of a PATCH, V
 * one of texts only, read with and without a tree; Q a query; I or U an id and
 * S a slug in the path.
 */
#include "flow/body.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)

/* Compilers let what is missing pass when something has a name. */
#define FIELD(...)	{ __VA_ARGS__, .help = NULL }

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct field	body_fields[] = {
	FIELD("text", FIELD_TEXT, FIELD_REQUIRED, 1, 12),
	FIELD("note", FIELD_TEXT, FIELD_NULLABLE, 0, 0),
	FIELD("name", FIELD_NAME, FIELD_NULLABLE, 0, 8),
	FIELD("slug", FIELD_SLUG, 0),
	FIELD("uuid", FIELD_UUID, FIELD_NULLABLE),
	FIELD("email", FIELD_EMAIL, 0),
	FIELD("url", FIELD_URL, FIELD_NULLABLE),
	FIELD("time", FIELD_TIME, FIELD_NULLABLE),
	FIELD("integer", FIELD_INTEGER, FIELD_NULLABLE, -5, 1000),
	FIELD("large", FIELD_INTEGER, 0, INT64_MIN, INT64_MAX),
	FIELD("boolean", FIELD_BOOLEAN, 0),
	FIELD("choice", FIELD_CHOICE, 0, .choices = "day|month|for ever"),
	FIELD("texts", FIELD_TEXTS, FIELD_NULLABLE, 1, 8),
	FIELD("object", FIELD_OBJECT, 0),
	FIELD("objects", FIELD_OBJECTS, FIELD_NULLABLE),
	{ 0 }
};

static const struct field	query_fields[] = {
	FIELD("text", FIELD_TEXT, FIELD_REQUIRED, 1, 12),
	FIELD("name", FIELD_NAME, 0, 1, 8),
	FIELD("slug", FIELD_SLUG, 0),
	FIELD("uuid", FIELD_UUID, 0),
	FIELD("email", FIELD_EMAIL, 0),
	FIELD("url", FIELD_URL, 0),
	FIELD("time", FIELD_TIME, 0),
	FIELD("integer", FIELD_INTEGER, 0, -5, 1000),
	FIELD("boolean", FIELD_BOOLEAN, 0),
	FIELD("choice", FIELD_CHOICE, 0, .choices = "day|month|for ever"),
	{ 0 }
};

static const struct field	text_fields[] = {
	FIELD("text", FIELD_TEXT, FIELD_REQUIRED, 1, 12),
	FIELD("note", FIELD_TEXT, FIELD_NULLABLE, 0, 0),
	FIELD("name", FIELD_NAME, 0, 0, 8),
	FIELD("slug", FIELD_SLUG, 0),
	FIELD("uuid", FIELD_UUID, 0),
	FIELD("email", FIELD_EMAIL, 0),
	FIELD("url", FIELD_URL, 0),
	FIELD("time", FIELD_TIME, 0),
	FIELD("choice", FIELD_CHOICE, 0, .choices = "day|month|for ever"),
	{ 0 }
};

static const struct endpoint	post = { .method = POST, .path = "/v1/things",
				    .body = body_fields };
static const struct endpoint	patch = { .method = PATCH,
				    .path = "/v1/things/:id",
				    .body = body_fields };
static const struct endpoint	tree = { .path = "/v1/a", .body = text_fields };
static const struct endpoint	plain = {
	.path = "/v1/a", .body = text_fields, .plain_body = true
};
static const struct endpoint	get = { .method = GET, .path = "/v1/things",
				    .query = query_fields };
static const struct endpoint	bare = { .method = GET, .path = "/v1/bare" };

/* ---- what a kept text has to be, said once more ---- */

static bool
has_bytes_below(const char *s, unsigned char low)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < low || *s == 0x7f)
			return (true);
	}
	return (false);
}

static bool
is_uuid(const char *s)
{
	size_t	i;

	for (i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' :
		    !isxdigit((unsigned char)s[i]))
			return (false);
	}
	return (s[36] == '\0');
}

static bool
is_email(const char *s)
{
	const char	*at = strchr(s, '@');

	return (at != NULL && at == strrchr(s, '@') && at != s &&
	    at[1] != '\0' && strlen(s) < 255 && !has_bytes_below(s, '!'));
}

static bool
is_url(const char *s)
{
	const char	*host = strstr(s, "://");
	size_t		 n = host == NULL ? 0 : (size_t)(host - s);

	if ((n != 4 || strncasecmp(s, "http", 4) != 0) &&
	    (n != 5 || strncasecmp(s, "https", 5) != 0))
		return (false);
	return (strcspn(host + 3, "/?#:@") > 0 && strlen(s) < 2049 &&
	    !has_bytes_below(s, '!'));
}

/* RFC 3339 in UTC to the second, of a day that there is. */
static bool
is_canonical_time(const char *s)
{
	char		again[64];
	struct tm	tm = { 0 };
	const char	*rest = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t		t;

	if (rest == NULL || *rest != '\0' || strlen(s) != 20)
		return (false);
	t = timegm(&tm);
	strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
	return (t >= 0 && !strcmp(s, again));
}

static bool
is_slug(const char *s)
{
	size_t	n;

	for (n = 0; s[n] != '\0'; n++) {
		if (!islower((unsigned char)s[n]) &&
		    !isdigit((unsigned char)s[n]) && (s[n] != '-' || n == 0))
			return (false);
	}
	return (n > 0 && n < 64);
}

static bool
is_name(const char *s)
{
	return (*s == '\0' ||
	    (!has_bytes_below(s, ' ') && s[strspn(s, " ")] != '\0'));
}

static bool
has_length(const struct field *fd, size_t n)
{
	return (n >= (size_t)fd->min && (fd->max == 0 || n <= (size_t)fd->max));
}

static bool
is_number(const struct field *fd, const char *s)
{
	char		again[32];
	long long	n = strtoll(s, NULL, 10);

	snprintf(again, sizeof(again), "%lld", n);
	return (!strcmp(s, again) && n >= fd->min && n <= fd->max);
}

static bool
fits(const struct field *fd, const json_t *v)
{
	const json_t	*one;
	size_t		 i;

	if (fd->type == FIELD_OBJECT)
		return (json_is_object(v));
	if (!json_is_array(v))
		return (false);
	json_array_foreach(v, i, one) {
		if (fd->type == FIELD_OBJECTS ? !json_is_object(one) :
		    !json_is_string(one) ||
		    !has_length(fd, strlen(json_string_value(one))))
			return (false);
	}
	return (true);
}

static bool
obeys(const struct field *fd, const char *s)
{
	switch (fd->type) {
	case FIELD_TEXT:
		return (has_length(fd, strlen(s)));
	case FIELD_NAME:
		return (has_length(fd, strlen(s)) && is_name(s));
	case FIELD_SLUG:
		return (is_slug(s));
	case FIELD_UUID:
		return (is_uuid(s));
	case FIELD_EMAIL:
		return (is_email(s));
	case FIELD_URL:
		return (is_url(s));
	case FIELD_TIME:
		return (is_canonical_time(s));
	case FIELD_INTEGER:
		return (is_number(fd, s));
	case FIELD_BOOLEAN:
		return (!strcmp(s, "true") || !strcmp(s, "false"));
	case FIELD_CHOICE:
		return (!strcmp(s, "day") || !strcmp(s, "month") ||
		    !strcmp(s, "for ever"));
	default:
		return (false);
	}
}

/* Trees are kept as JSON that means the same. */
static bool
obeys_as_tree(const struct field *fd, const char *s, const json_t *sent)
{
	json_t	*v = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	bool	 ok = v != NULL && fits(fd, v) && json_equal(v, sent);

	json_decref(v);
	return (ok);
}

static bool
is_tree(const struct field *fd)
{
	return (fd->type == FIELD_TEXTS || fd->type == FIELD_OBJECT ||
	    fd->type == FIELD_OBJECTS);
}

/* ---- what came of it ---- */

static void
check_refusal(const struct flow *f, enum err fault)
{
	REQUIRE(f->fault == fault);
	REQUIRE(f->fault_message != NULL && *f->fault_message != '\0');
	REQUIRE(utf8_valid(f->fault_message, strlen(f->fault_message)));
	REQUIRE(!has_bytes_below(f->fault_message, ' '));
}

/* A bad value's message begins with the field's name. */
static bool
names_field(const struct flow *f, const struct field *fd)
{
	for (; fd->name != NULL; fd++) {
		if (!strncmp(f->fault_message, fd->name, strlen(fd->name)) &&
		    f->fault_message[strlen(fd->name)] == ':')
			return (true);
	}
	return (false);
}

static void
check_kept(const struct flow *f, const struct field *fields)
{
	const struct field	*fd;
	const char		*s;
	unsigned int		 i, n, found = 0;

	REQUIRE(f->fault == ERR_NONE && f->fault_message == NULL);
	for (fd = fields; fd->name != NULL; fd++) {
		for (i = n = 0; i < f->nvalues; i++)
			n += !strcmp(f->values[i].name, fd->name);
		REQUIRE(n <= 1 && flow_given(f, fd->name) == (n == 1));
		found += n;
		s = flow_text(f, fd->name);
		REQUIRE(s != NULL || !(fd->flags & FIELD_REQUIRED));
		if (s == NULL)
			continue;
		REQUIRE(utf8_valid(s, strlen(s)));
		REQUIRE(is_tree(fd) || obeys(fd, s));
	}
	REQUIRE(found == f->nvalues);
}

static bool
is_acceptable(const struct field *fd, const json_t *v)
{
	char	number[32];

	switch (fd->type) {
	case FIELD_INTEGER:
		snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(v));
		return (json_is_integer(v) && is_number(fd, number));
	case FIELD_BOOLEAN:
		return (json_is_boolean(v));
	case FIELD_TEXTS:
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
		return (fits(fd, v));
	default:
		return (json_is_string(v) && obeys(fd, json_string_value(v)));
	}
}

/* Is there a reason to refuse this body?  A time's may be any. */
static bool
is_blameless(const struct flow *f)
{
	const struct field	*fd;
	const json_t		*v;

	for (fd = f->endpoint->body; fd->name != NULL; fd++) {
		v = json_object_get(f->body, fd->name);
		if (v == NULL || json_is_null(v)) {
			if ((fd->flags & FIELD_REQUIRED) || (v != NULL &&
			    f->endpoint->method == PATCH &&
			    !(fd->flags & FIELD_NULLABLE)))
				return (false);
		} else if (!is_acceptable(fd, v)) {
			return (false);
		}
	}
	return (true);
}

/* Each field that was sent is kept, and means what it meant. */
static void
check_complete(const struct flow *f)
{
	const struct field	*fd;
	const json_t		*v;
	const char		*s;

	for (fd = f->endpoint->body; fd->name != NULL; fd++) {
		v = json_object_get(f->body, fd->name);
		s = flow_text(f, fd->name);
		REQUIRE((v != NULL) == flow_given(f, fd->name));
		REQUIRE((v == NULL || json_is_null(v)) == (s == NULL));
		if (s == NULL)
			continue;
		if (is_tree(fd))
			REQUIRE(obeys_as_tree(fd, s, v));
		else if (json_is_string(v) && fd->type != FIELD_TIME)
			REQUIRE(!strcmp(s, json_string_value(v)));
		else if (json_is_integer(v))
			REQUIRE(flow_integer(f, fd->name, 0) ==
			    json_integer_value(v));
		else if (json_is_boolean(v))
			REQUIRE((*s == 't') == json_is_true(v));
	}
}

static void
read_body(struct flow *f, const struct endpoint *ep, const uint8_t *data,
    size_t size)
{
	f->endpoint = ep;
	if (body_read(f, data, size)) {
		check_kept(f, ep->body);
		check_complete(f);
		return;
	}
	check_refusal(f, ERR_BAD_REQUEST);
	if (json_is_object(f->body)) {
		REQUIRE(names_field(f, ep->body));
		REQUIRE(!is_blameless(f));
	}
}

static void
begin(struct flow *f)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena);
}

static void
end(struct flow *f)
{
	json_decref(f->body);
	arena_reset(&f->arena);
}

/* The short way has to end where the long one does, to the last word. */
static void
read_both(struct flow *f, const uint8_t *data, size_t size)
{
	static struct flow	 g;
	const char		*a, *b;
	unsigned int		 i;
	bool			 ok;

	read_body(f, &tree, data, size);
	begin(&g);
	g.endpoint = &plain;
	ok = body_read(&g, data, size);
	REQUIRE(ok == (f->fault == ERR_NONE) && g.fault == f->fault);
	REQUIRE(ok || !strcmp(f->fault_message, g.fault_message));
	REQUIRE(f->nvalues == g.nvalues);
	for (i = 0; i < f->nvalues; i++) {
		a = f->values[i].text;
		b = g.values[i].text;
		REQUIRE(f->values[i].name == g.values[i].name);
		REQUIRE(a == NULL || b == NULL ? a == b : !strcmp(a, b));
	}
	end(&g);
}

static void
read_query(struct flow *f, const char *text)
{
	char	*query = strdup(text);

	f->endpoint = &bare;
	REQUIRE(body_read_query(f, query) && f->nvalues == 0);
	f->endpoint = &get;
	if (body_read_query(f, query)) {
		check_kept(f, get.query);
	} else {
		check_refusal(f, ERR_BAD_REQUEST);
		REQUIRE(names_field(f, get.query));
	}
	REQUIRE(!strcmp(query, text));
	free(query);
}

static void
read_path(struct flow *f, const char *name, const uint8_t *data, size_t size)
{
	const char	*s;
	bool		 is_id = strcmp(name, "slug") != 0;

	f->endpoint = &patch;
	if (!body_read_path(f, name, (const char *)data, size)) {
		check_refusal(f, ERR_NOT_FOUND);
		s = arena_strndup(&f->arena, (const char *)data, size);
		REQUIRE(*s == '\0' || strchr(s, '%') != NULL ||
		    !utf8_valid(s, strlen(s)) || (is_id && !is_uuid(s)));
		return;
	}
	REQUIRE(f->fault == ERR_NONE && f->nvalues == 1);
	s = flow_text(f, name);
	REQUIRE(s != NULL && *s != '\0' && strlen(s) <= size);
	REQUIRE(utf8_valid(s, strlen(s)));
	REQUIRE(!is_id || is_uuid(s));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow	 f;
	char			*text;

	if (size == 0)
		return (0);
	begin(&f);
	switch (*data++) {
	case 'P':
		read_body(&f, &patch, data, size - 1);
		break;
	case 'V':
		read_both(&f, data, size - 1);
		break;
	case 'Q':
		text = strndup((const char *)data, size - 1);
		read_query(&f, text);
		free(text);
		break;
	case 'I':
		read_path(&f, "id", data, size - 1);
		break;
	case 'U':
		read_path(&f, "policy_id", data, size - 1);
		break;
	case 'S':
		read_path(&f, "slug", data, size - 1);
		break;
	default:
		read_body(&f, &post, data, size - 1);
		break;
	}
	end(&f);

	return (0);
}
