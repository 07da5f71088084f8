#include "flow/access.h"

#include "base/conf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "crypto/token.h"
#include "flow/respond.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <string.h>

static struct address_set	trusted;

void
access_open(void)
{
	char	why[128];

	if (!address_set_parse(&trusted, conf.trusted_proxies, why,
	    sizeof(why)))
		fatal("LICET_TRUSTED_PROXIES: %s", why);
}

/*
 * X-Forwarded-For as one list: a proxy may add a line of its own after those
 * that the client made up.
 */
static const char *
forwarded_for(struct flow *f)
{
	struct http_header	*h;
	const char		*all = NULL;

	TAILQ_FOREACH(h, &f->req->req_headers, list) {
		if (strcasecmp(h->header, "x-forwarded-for"))
			continue;
		all = all == NULL ? h->value :
		    arena_printf(&f->arena, "%s, %s", all, h->value);
	}
	return (all);
}

static void
identify_client(struct flow *f)
{
	struct connection	*c = f->req->owner;
	const struct sockaddr	*peer = NULL;

	if (c->family == AF_INET)
		peer = (const struct sockaddr *)(const void *)&c->addr.ipv4;
	else if (c->family == AF_INET6)
		peer = (const struct sockaddr *)(const void *)&c->addr.ipv6;
	else
		peer = (const struct sockaddr *)(const void *)&c->addr.sun;
	address_client(f->client, peer, trusted.count == 0 ? NULL :
	    forwarded_for(f), &trusted);
}

static bool
is_request_id(const char *s)
{
	size_t	n = strlen(s);

	return (n >= 8 && n <= 36 && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n);
}

/* Random enough to find a line in a log; nothing is trusted to it. */
static void
make_request_id(char out[40])
{
	static uint64_t	prefix, count;
	uint8_t		id[16];
	uint64_t	v[2];

	if (prefix == 0) {
		uuid_random(id);
		memcpy(&prefix, id, sizeof(prefix));
	}
	v[0] = prefix;
	v[1] = __builtin_bswap64(++count);
	text_hex(v, sizeof(v), out);
}

void
access_identify(struct flow *f)
{
	const char	*id;
	size_t		 n;

	identify_client(f);
	if (http_request_header(f->req, "x-request-id", &id) &&
	    is_request_id(id))
		(void)kore_strlcpy(f->request_id, id, sizeof(f->request_id));
	else
		make_request_id(f->request_id);
	/* It lands in the database, which takes UTF-8 only. */
	if (f->req->agent != NULL && *f->req->agent != '\0' &&
	    utf8_valid(f->req->agent, strlen(f->req->agent))) {
		n = strlen(f->req->agent);
		f->user_agent = n <= 256 ? f->req->agent :
		    arena_strndup(&f->arena, f->req->agent, 256);
		if (n > 256 && !utf8_valid(f->user_agent, 256))
			f->user_agent = NULL;
	}
	f->actor_kind = "buyer_self_service";
}

static bool
check_admin(struct flow *f)
{
	const char	*h, *token;

	if (!http_request_header(f->req, "authorization", &h) ||
	    strncasecmp(h, "Bearer ", 7)) {
		flow_fail(f, ERR_UNAUTHORIZED,
		    "Send Authorization: Bearer with an admin key.");
		return (false);
	}
	for (token = h + 7; *token == ' '; token++)
		;
	if (!secret_equal(token, strlen(token), conf.admin_key,
	    strlen(conf.admin_key))) {
		flow_fail(f, ERR_FORBIDDEN, "This key opens nothing here.");
		return (false);
	}
	f->actor_kind = "admin_api_key";
	token_hash_hex(token, strlen(token), f->actor_hash);
	return (true);
}

bool
access_check(struct flow *f)
{
	const struct endpoint	*ep = f->endpoint;

	if (ep->limit != LIMIT_NONE && !limit_take(ep->limit, f->client)) {
		flow_fail(f, ERR_RATE_LIMITED, "Too many requests; wait.");
		return (false);
	}
	return (ep->scope == NULL || check_admin(f));
}

/* The master key alone opens anything yet, and opens everything. */
bool
access_allows(const struct flow *f, const char *scope)
{
	(void)scope;
	return (!strcmp(f->actor_kind, "admin_api_key"));
}
