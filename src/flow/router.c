#include "flow/router.h"

#include "base/log.h"
#include "base/stat.h"
#include "flow/access.h"
#include "flow/bind.h"
#include "flow/body.h"
#include "flow/idempotency.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "serve/guard.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES_MAX	512
#define SEGMENTS_MAX	12

struct route {
	const struct endpoint	*endpoint;
	struct route		*next;		/* as deep as this one */
	unsigned int		 nsegments;
	const char		*segments[SEGMENTS_MAX];
	size_t			 lengths[SEGMENTS_MAX];
};

struct split {
	unsigned int	 n;
	const char	*at[SEGMENTS_MAX];
	size_t		 len[SEGMENTS_MAX];
};

static const struct resource	*tables;
static struct route		 routes[ROUTES_MAX];
static unsigned int		 nroutes;
/* By number of segments, so that a request looks at few of some hundreds. */
static struct route		*by_depth[SEGMENTS_MAX + 1];
static const char		*names[ROUTES_MAX + 1];

static const char *const	method_names[] = {
	[GET] = "GET", [POST] = "POST", [PUT] = "PUT", [PATCH] = "PATCH",
	[DELETE] = "DELETE"
};

const char *
method_name(enum method m)
{
	return (method_names[m]);
}

const struct resource *
router_resources(void)
{
	return (tables);
}

const char *const *
router_names(unsigned int *count)
{
	*count = nroutes;
	return (names);
}

/* "/a/b" is two segments; a trailing slash is one more, empty. */
static bool
split_path(const char *path, struct split *s)
{
	size_t	len;

	for (s->n = 0; *path == '/'; path += len) {
		if (s->n == SEGMENTS_MAX)
			return (false);
		len = strcspn(++path, "/");
		s->at[s->n] = path;
		s->len[s->n++] = len;
	}
	return (true);
}

static bool
is_parameter(const struct route *r, unsigned int i)
{
	return (r->lengths[i] > 0 && r->segments[i][0] == ':');
}

/* Bodies that are read without a tree hold texts and nothing else. */
static bool
takes_plain_body(const struct endpoint *ep)
{
	const struct field	*fd;

	for (fd = ep->body; fd != NULL && fd->name != NULL; fd++) {
		if (fd->type != FIELD_TEXT)
			return (false);
	}
	return (ep->body != NULL);
}

static void
add(const struct endpoint *ep)
{
	struct route	*r = &routes[nroutes], **last;
	struct split	 s;
	const char	*missing;
	char		*name;
	unsigned int	 i;

	if (nroutes == ROUTES_MAX || !split_path(ep->path, &s))
		fatal("router: no room for %s", ep->path);
	if ((missing = bind_missing(ep)) != NULL)
		fatal("%s %s: nothing fills @%s of %s",
		    method_name(ep->method), ep->path, missing,
		    ep->sql->name);
	if ((ep->sql == NULL) == (ep->steps == NULL))
		fatal("%s: either a statement or steps", ep->path);
	if (ep->plain_body && !takes_plain_body(ep))
		fatal("%s: a plain body has texts only", ep->path);
	for (i = 0; i < nroutes; i++) {
		if (routes[i].endpoint->method == ep->method &&
		    routes[i].endpoint->for_html == ep->for_html &&
		    !strcmp(routes[i].endpoint->path, ep->path))
			fatal("router: %s twice", ep->path);
	}
	r->endpoint = ep;
	r->nsegments = s.n;
	memcpy(r->segments, s.at, sizeof(s.at));
	memcpy(r->lengths, s.len, sizeof(s.len));
	for (last = &by_depth[s.n]; *last != NULL; last = &(*last)->next)
		;
	*last = r;
	if (asprintf(&name, "%s %s%s", method_name(ep->method), ep->path,
	    ep->for_html ? " (html)" : "") < 0)
		fatal("no memory");
	names[nroutes++] = name;
}

void
router_open(const struct resource *resources)
{
	const struct endpoint	*ep;

	tables = resources;
	for (; resources->name != NULL; resources++) {
		for (ep = resources->endpoints; ep->path != NULL; ep++)
			add(ep);
	}
	names[nroutes++] = "unknown";	/* the last: what no route took */
}

static bool
matches(const struct route *r, const struct split *s)
{
	unsigned int	i;

	for (i = 0; i < s->n; i++) {
		if (!is_parameter(r, i) && (r->lengths[i] != s->len[i] ||
		    memcmp(r->segments[i], s->at[i], s->len[i])))
			return (false);
	}
	return (true);
}

/* A route that spells a segment out beats one with a parameter there. */
static bool
is_closer(const struct route *a, const struct route *b)
{
	unsigned int	i;

	for (i = 0; i < a->nsegments; i++) {
		if (is_parameter(a, i) != is_parameter(b, i))
			return (is_parameter(b, i));
	}
	return (a->endpoint->for_html);
}

static int
method_of(const struct http_request *req)
{
	switch (req->method) {
	case HTTP_METHOD_GET:
	case HTTP_METHOD_HEAD:
		return (GET);
	case HTTP_METHOD_POST:
		return (POST);
	case HTTP_METHOD_PUT:
		return (PUT);
	case HTTP_METHOD_PATCH:
		return (PATCH);
	case HTTP_METHOD_DELETE:
		return (DELETE);
	default:
		return (-1);
	}
}

/*
 * The endpoint for that request (NULL: for a page, which wants no HTML), or
 * NULL; then `allowed' has the methods of the path.
 */
static const struct route *
find(const struct flow *f, int method, const struct split *s,
    unsigned int *allowed)
{
	const struct route	*r, *best = NULL;

	*allowed = 0;
	for (r = by_depth[s->n]; r != NULL; r = r->next) {
		if (!matches(r, s) || (r->endpoint->for_html &&
		    (f == NULL || !flow_wants_html(f))))
			continue;
		*allowed |= 1u << r->endpoint->method;
		if ((int)r->endpoint->method == method &&
		    (best == NULL || is_closer(r, best)))
			best = r;
	}
	return (best);
}

/* Of the route that the path was found to have. */
static bool
read_path(struct flow *f, const struct route *r, const char *path)
{
	struct split	s;
	char		name[40];
	unsigned int	i;

	if (strchr(r->endpoint->path, ':') == NULL)
		return (true);
	(void)split_path(path, &s);
	for (i = 0; i < r->nsegments; i++) {
		if (!is_parameter(r, i))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)r->lengths[i] - 1,
		    r->segments[i] + 1);
		if (!body_read_path(f, arena_strdup(&f->arena, name),
		    s.at[i], s.len[i]))
			return (false);
	}
	return (true);
}

const struct endpoint *
router_find(enum method method, const char *path)
{
	const struct route	*r;
	struct split		 s;
	unsigned int		 allowed;

	r = split_path(path, &s) ? find(NULL, (int)method, &s, &allowed) : NULL;
	return (r == NULL ? NULL : r->endpoint);
}

bool
router_read_path(struct flow *f, const char *path)
{
	const struct route	*r = routes;

	while (r->endpoint != f->endpoint)
		r++;
	return (read_path(f, r, path));
}

/* A browser asks first; the answer is always yes, credentials are never. */
static void
preflight(struct flow *f)
{
	flow_header(f, "access-control-allow-methods",
	    "GET, POST, PUT, PATCH, DELETE, OPTIONS");
	flow_header(f, "access-control-allow-headers",
	    "*, authorization");
	flow_header(f, "access-control-max-age", "86400");
	flow_send(f, 200, "text/plain", NULL, 0);
}

static void
refuse(struct flow *f, unsigned int allowed)
{
	char		list[64] = "OPTIONS";
	int		m;

	if (allowed == 0) {
		flow_fail(f, ERR_NOT_FOUND, "There is no such endpoint.");
		return;
	}
	for (m = GET; m <= DELETE; m++) {
		if (allowed & (1u << m)) {
			(void)strncat(list, ", ",
			    sizeof(list) - strlen(list) - 1);
			(void)strncat(list, method_name((enum method)m),
			    sizeof(list) - strlen(list) - 1);
		}
	}
	flow_header(f, "allow", list);
	flow_fail(f, ERR_METHOD, "This path takes %s.", list);
}

static enum flow_next
read_request(struct flow *f)
{
	const struct endpoint	*ep = f->endpoint;
	const void		*body;
	size_t			 len;

	if (!read_path(f, &routes[f->route], f->req->path) ||
	    !body_read_query(f, f->req->query_string))
		return (FLOW_DONE);
	if (ep->body != NULL && !ep->raw_body) {
		body = flow_request_body(f, &len);
		if (!body_read(f, body, len))
			return (FLOW_DONE);
	}
	return (FLOW_NEXT);
}

static enum flow_next
enter(struct flow *f)
{
	const struct endpoint	*ep = f->endpoint;

	if (ep->state > 0)
		f->state = arena_alloc(&f->arena, ep->state);
	return (flow_enter(f, ep->steps != NULL ? ep->steps :
	    flow_plain_steps));
}

/* What every request goes through before its endpoint's own steps. */
static const struct flow_step	prelude[] = {
	ACCESS_STEPS,			/* limit; who asks; may they */
	FLOW_STEP(read_request),	/* path, query, body */
	IDEMPOTENCY_STEPS,		/* was it asked before? */
	FLOW_STEP(enter),
	{ NULL, NULL }
};

/* False: answered, or failed with a fault to answer. */
static bool
begin(struct flow *f)
{
	const struct route	*r;
	struct split		 s = { .n = 0 };
	unsigned int		 allowed = 0;

	f->route = nroutes - 1;
	access_identify(f);
	if (f->req->method == HTTP_METHOD_OPTIONS) {
		preflight(f);
		return (false);
	}
	r = split_path(f->req->path, &s) ? find(f, method_of(f->req), &s,
	    &allowed) : NULL;
	if (r == NULL) {
		refuse(f, allowed);
		return (false);
	}
	f->endpoint = r->endpoint;
	f->route = (unsigned int)(r - routes);
	f->at = prelude;
	return (true);
}

/* The request is being freed: answered long ago, or its client has left. */
static void
on_free(struct http_request *req)
{
	struct flow	**slot = http_state_get(req);

	if (*slot == NULL)
		return;
	if (!(*slot)->answered)
		stat_add(STAT_CLIENTS_GONE, 1);
	flow_drop(*slot);
	*slot = NULL;
}

int
dispatch(struct http_request *req)
{
	struct flow	**slot, *f;

	if (http_state_exists(req)) {
		slot = http_state_get(req);
		f = *slot;
	} else {
		f = flow_new();
		f->req = req;
		if (!begin(f)) {
			if (!f->answered)
				flow_answer_fault(f);
			flow_drop(f);
			return (KORE_RESULT_OK);
		}
		slot = http_state_create(req, sizeof(*slot), on_free);
		*slot = f;
	}
	/* Woken without reason: what it waits for is still under way. */
	if (f->waiting) {
		http_request_sleep(req);
		return (KORE_RESULT_RETRY);
	}
	if (!flow_run(f))
		return (KORE_RESULT_RETRY);
	*slot = NULL;
	flow_drop(f);
	return (KORE_RESULT_OK);
}
