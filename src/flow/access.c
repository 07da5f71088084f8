#include "flow/access.h"

#include "base/conf.h"
#include "base/stat.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "crypto/token.h"
#include "domain/role.h"
#include "flow/customer.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"

#include "sql.h"

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

enum flow_next
access_limit(struct flow *f)
{
	enum limit_kind	kind = f->endpoint->limit;

	if (kind == LIMIT_NONE || limit_take(kind, f->client))
		return (FLOW_NEXT);
	f->limited = kind;
	return (flow_fail(f, ERR_RATE_LIMITED, "Too many requests; wait."));
}

static const char *
bearer(const char *header)
{
	if (strncasecmp(header, "Bearer ", 7))
		return (NULL);
	return (header + 7 + strspn(header + 7, " "));
}

/*
 * Not even the right key is taken from an address that has guessed too often:
 * else guessing went on at full speed.
 */
static enum flow_next
ask_key(struct flow *f, const char *token)
{
	char	*holders;

	if (limit_is_spent(LIMIT_WRONG_KEY, f->client)) {
		f->limited = LIMIT_WRONG_KEY;
		return (flow_fail(f, ERR_RATE_LIMITED,
		    "Too many wrong keys from this address; wait."));
	}
	token_hash_hex(token, strlen(token), f->actor_hash);
	if (secret_equal(token, strlen(token), conf.admin_key,
	    strlen(conf.admin_key))) {
		f->actor_kind = "admin_api_key";
		return (FLOW_NEXT);
	}
	f->actor_kind = "scoped_api_key";
	holders = arena_alloc(&f->arena, ROLE_LIST_SIZE);
	role_holders(f->endpoint->scope, holders);
	return (FLOW_QUERY(f, access_key, .token_hash = f->actor_hash,
	    .scope = f->endpoint->scope, .roles = holders));
}

/* A person without a session is sent to log in, a program is told. */
static enum flow_next
refuse_nobody(struct flow *f, const char *why)
{
	const char	*door = customer_is_asked(f) ? CUSTOMER_LOGIN_PATH :
			    SESSION_LOGIN_PATH;

	if (!f->endpoint->is_page)
		return (flow_fail(f, ERR_UNAUTHORIZED, "%s", why));
	flow_header(f, "location", f->endpoint->method == GET ?
	    session_door(f, door) : door);
	return (flow_send(f, 303, "text/plain", NULL, 0));
}

/* No key opens what is a customer's, whatever it opens else. */
static enum flow_next
ask_customer(struct flow *f)
{
	const char	*token = customer_token(f);

	return (token != NULL ? customer_ask(f, token) : refuse_nobody(f,
	    "Only a customer's session opens this: POST /v1/portal/sign-in."));
}

enum flow_next
access_ask(struct flow *f)
{
	const char	*header, *token;

	if (f->endpoint->scope == NULL)
		return (FLOW_NEXT);
	if (customer_is_asked(f))
		return (ask_customer(f));
	header = flow_request_header(f, "authorization");
	if (header != NULL && !f->endpoint->is_page) {
		if ((token = bearer(header)) != NULL)
			return (ask_key(f, token));
	} else if ((token = session_token(f)) != NULL) {
		return (session_ask(f, token));
	}
	return (refuse_nobody(f,
	    "Send Authorization: Bearer with an admin key."));
}

static enum flow_next
judge_session(struct flow *f)
{
	if (!session_found(f))
		return (refuse_nobody(f, "This session is over."));
	if (f->endpoint->method != GET && session_check_site(f) != FLOW_NEXT)
		return (FLOW_DONE);
	if (f->endpoint->confirmed && !session_is_fresh(f))
		return (session_refuse_stale(f));
	return (FLOW_NEXT);
}

static enum flow_next
judge_customer(struct flow *f)
{
	if (!customer_found(f))
		return (refuse_nobody(f, "This session is over."));
	if (f->endpoint->method != GET && session_check_site(f) != FLOW_NEXT)
		return (FLOW_DONE);
	if (f->endpoint->confirmed && !customer_is_fresh(f))
		return (customer_refuse_stale(f));
	return (FLOW_NEXT);
}

static enum flow_next
judge_key(struct flow *f)
{
	const struct db_rows	*rows = flow_rows(f);

	if (db_rows_count(rows) == 0) {
		(void)limit_take(LIMIT_WRONG_KEY, f->client);
		stat_add(STAT_WRONG_KEYS, 1);
		return (flow_fail(f, ERR_FORBIDDEN,
		    "This key opens nothing here."));
	}
	if (!db_true(rows, 0, "allowed"))
		return (flow_fail(f, ERR_FORBIDDEN,
		    "This key lacks the scope %s.", f->endpoint->scope));
	f->role = arena_strdup(&f->arena, db_text(rows, 0, "role"));
	f->scopes = arena_strdup(&f->arena, db_text(rows, 0, "scopes"));
	return (FLOW_NEXT);
}

enum flow_next
access_judge(struct flow *f)
{
	if (customer_is_asked(f))
		return (judge_customer(f));
	if (f->session != NULL)
		return (judge_session(f));
	if (f->endpoint->scope == NULL ||
	    !strcmp(f->actor_kind, "admin_api_key"))
		return (FLOW_NEXT);
	return (judge_key(f));
}

bool
access_allows(const struct flow *f, const char *scope)
{
	if (f->session != NULL)
		return (f->session->customer == NULL);
	if (f->role == NULL)
		return (!strcmp(f->actor_kind, "admin_api_key"));
	return (role_allows(f->role, scope) ||
	    (!strcmp(scope, ROLE_EXTRA_SCOPE) &&
	    strstr(f->scopes, scope) != NULL));
}
