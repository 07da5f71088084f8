#include "flow/cookie.h"

#include "base/conf.h"
#include "crypto/token.h"
#include "flow/request.h"
#include "flow/respond.h"

#include <string.h>

/* The value of the first cookie PREFIX NAME that is as long as a token. */
static const char *
find(const struct flow *f, const char *prefix, const char *name)
{
	const char	*p = flow_request_header(f, "cookie");
	size_t		 before = strlen(prefix), len;
	size_t		 all = before + strlen(name);

	for (; p != NULL && *p != '\0'; p += len) {
		p += strspn(p, "; ");
		len = strcspn(p, ";");
		if (len == all + 1 + TOKEN_LEN && p[all] == '=' &&
		    !strncmp(p, prefix, before) &&
		    !strncmp(p + before, name, all - before))
			return (p + all + 1);
	}
	return (NULL);
}

const char *
cookie_token(struct flow *f, const struct cookie *c)
{
	const char	*found = find(f, COOKIE_PREFIX, c->name);

	if (found == NULL)
		found = find(f, "", c->name);
	return (found == NULL ? NULL : arena_strndup(&f->arena, found,
	    TOKEN_LEN));
}

static void
put(struct flow *f, const struct cookie *c, const char *prefix,
    const char *token, int seconds)
{
	flow_header(f, "set-cookie", arena_printf(&f->arena,
	    "%s%s=%s; Path=/; HttpOnly; Secure; SameSite=%s; Max-Age=%d",
	    prefix, c->name, token, c->same_site, seconds));
}

/* Browsers say how they came wherever they log in, by POST. */
static const char *
prefix_of(const struct flow *f)
{
	const char	*origin = flow_request_header(f, "origin");

	if (origin == NULL)
		origin = conf.public_url;
	return (strncasecmp(origin, "https://", 8) ? "" : COOKIE_PREFIX);
}

void
cookie_put(struct flow *f, const struct cookie *c, const char *token,
    int seconds)
{
	put(f, c, prefix_of(f), token, seconds);
}

void
cookie_prolong(struct flow *f, const struct cookie *c, const char *token,
    int seconds)
{
	put(f, c, find(f, COOKIE_PREFIX, c->name) != NULL ? COOKIE_PREFIX : "",
	    token, seconds);
}

void
cookie_clear(struct flow *f, const struct cookie *c)
{
	bool	is_host = find(f, COOKIE_PREFIX, c->name) != NULL;
	bool	is_plain = find(f, "", c->name) != NULL;

	if (is_host)
		put(f, c, COOKIE_PREFIX, "", 0);
	if (is_plain || !is_host)
		put(f, c, is_plain ? "" : prefix_of(f), "", 0);
}
