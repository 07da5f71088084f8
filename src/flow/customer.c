#include "flow/customer.h"

#include "crypto/hmac.h"
#include "crypto/token.h"
#include "flow/cookie.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"

#include "sql.h"

#include <bsd/string.h>
#include <string.h>

#define COOKIE_KEPT	86400	/* s, in the browser */

/* Lax: who follows the link of a letter is in, if they were. */
static const struct cookie	cookie = { CUSTOMER_COOKIE, "Lax" };

bool
customer_is_asked(const struct flow *f)
{
	return (f->endpoint->scope != NULL &&
	    !strcmp(f->endpoint->scope, CUSTOMER_SCOPE));
}

const char *
customer_token(struct flow *f)
{
	return (cookie_token(f, &cookie));
}

enum flow_next
customer_ask(struct flow *f, const char *token)
{
	char	hash[TOKEN_HASH_HEX_SIZE];

	arena_wipe_later(&f->arena);
	f->session = arena_alloc(&f->arena, sizeof(*f->session));
	f->session->token = token;
	f->session->customer = arena_alloc(&f->arena,
	    sizeof(*f->session->customer));
	token_hash_hex(token, strlen(token), hash);
	return (FLOW_QUERY(f, access_customer,
	    .token_hash = arena_strdup(&f->arena, hash)));
}

static const char *
kept(struct flow *f, const char *column)
{
	const char	*text = db_text(flow_rows(f), 0, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

bool
customer_found(struct flow *f)
{
	struct session	*s = f->session;

	if (db_rows_count(flow_rows(f)) == 0) {
		f->session = NULL;
		return (false);
	}
	s->customer->session_id = kept(f, "id");
	s->customer->email = kept(f, "email");
	s->customer->license_id = kept(f, "license_id");
	s->customer->license_hint = kept(f, "license_hint");
	s->reauthenticated_s = db_integer(flow_rows(f), 0,
	    "reauthenticated_s", 0);
	hmac_sha256_hex(s->token, strlen(s->token), "csrf", 4, s->csrf);
	f->actor_kind = "customer";
	(void)strlcpy(f->actor_hash, db_text(flow_rows(f), 0, "actor_hash"),
	    sizeof(f->actor_hash));
	if (db_true(flow_rows(f), 0, "is_prolonged"))
		cookie_prolong(f, &cookie, s->token, COOKIE_KEPT);
	return (true);
}

void
customer_keep(struct flow *f, const char *token)
{
	cookie_put(f, &cookie, token, COOKIE_KEPT);
}

void
customer_forget(struct flow *f)
{
	cookie_clear(f, &cookie);
}

bool
customer_is_fresh(const struct flow *f)
{
	return (f->session->reauthenticated_s <= CUSTOMER_FRESH_S);
}

enum flow_next
customer_refuse_stale(struct flow *f)
{
	const char	*accept = flow_request_header(f, "accept");

	if (!f->endpoint->is_page && (f->endpoint->method != GET ||
	    accept == NULL || strstr(accept, "text/html") == NULL))
		return (flow_fail(f, ERR_CONFIRM, "This wants a code or key "
		    "of the last ten minutes: POST /v1/portal/confirm."));
	flow_header(f, "location", session_door(f, CUSTOMER_CONFIRM_PATH));
	return (flow_send(f, 303, "text/plain", NULL, 0));
}
