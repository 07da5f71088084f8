#include "flow/session.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/stat.h"
#include "crypto/hmac.h"
#include "crypto/password.h"
#include "crypto/token.h"
#include "flow/aside.h"
#include "flow/cookie.h"
#include "flow/form.h"
#include "flow/passkey.h"
#include "flow/request.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

#define COOKIE_KEPT	86400	/* s, in the browser */

/* ---- the cookie ---- */

static const struct cookie	cookie = { SESSION_COOKIE, "Strict" };

const char *
session_token(struct flow *f)
{
	return (cookie_token(f, &cookie));
}

static const char *
hash_of(struct flow *f, const char *token)
{
	char	*hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);

	token_hash_hex(token, strlen(token), hash);
	return (hash);
}

const char *
session_token_hash(struct flow *f)
{
	const char	*token = session_token(f);

	return (token == NULL ? NULL : hash_of(f, token));
}

/* ---- who has one ---- */

enum flow_next
session_ask(struct flow *f, const char *token)
{
	arena_wipe_later(&f->arena);
	f->session = arena_alloc(&f->arena, sizeof(*f->session));
	f->session->token = token;
	f->actor_kind = "web_ui";
	token_hash_hex(token, strlen(token), f->actor_hash);
	return (FLOW_QUERY(f, access_session, .token_hash = f->actor_hash));
}

/*
 * The form's token is made of the session's own, which no other site can read;
 * of its hash, which the audit trail shows, it could not be.
 */
bool
session_found(struct flow *f)
{
	struct session	*s = f->session;

	if (db_rows_count(flow_rows(f)) == 0)
		return (false);
	s->reauthenticated_s = db_integer(flow_rows(f), 0,
	    "reauthenticated_s", 0);
	hmac_sha256_hex(s->token, strlen(s->token), "csrf", 4, s->csrf);
	if (db_true(flow_rows(f), 0, "is_prolonged"))
		cookie_prolong(f, &cookie, s->token, COOKIE_KEPT);
	return (true);
}

/* Is `origin' this server, as its settings or the request's Host say? */
static bool
is_here(const struct flow *f, const char *origin)
{
	const char	*host = flow_request_header(f, "host");
	const char	*at = strstr(origin, "://");
	size_t		 len = strlen(origin);

	if (!strncasecmp(origin, conf.public_url, len) &&
	    (conf.public_url[len] == '/' || conf.public_url[len] == '\0'))
		return (true);
	return (host != NULL && at != NULL && !strcasecmp(at + 3, host));
}

/* Browsers send Origin with all that may change something. */
static bool
is_same_site(const struct flow *f)
{
	const char	*site = flow_request_header(f, "sec-fetch-site");
	const char	*origin = flow_request_header(f, "origin");

	if (site != NULL && strcmp(site, "same-origin") &&
	    strcmp(site, "none"))
		return (false);
	return (origin == NULL || is_here(f, origin));
}

enum flow_next
session_check_site(struct flow *f)
{
	if (is_same_site(f))
		return (FLOW_NEXT);
	return (flow_fail(f, ERR_FORBIDDEN, "Another site makes your browser "
	    "send this. Open the page here, and send it from there."));
}

bool
session_form_ok(struct flow *f)
{
	const char	*given = form_text(f, "csrf");

	if (f->session != NULL && secret_equal(given, strlen(given),
	    f->session->csrf, strlen(f->session->csrf)))
		return (true);
	flow_fail(f, ERR_FORBIDDEN,
	    "This form is not of this session; load the page again.");
	return (false);
}

bool
session_is_fresh(const struct flow *f)
{
	return (f->session == NULL ||
	    f->session->reauthenticated_s <= SESSION_FRESH_S);
}

/* Somebody else may sit at the browser. */
enum flow_next
session_refuse_stale(struct flow *f)
{
	const char	*accept = flow_request_header(f, "accept");

	if (f->endpoint->method != GET || accept == NULL ||
	    strstr(accept, "text/html") == NULL)
		return (flow_fail(f, ERR_CONFIRM, "The password was typed too "
		    "long ago for this; type it again at "
		    SESSION_CONFIRM_PATH ", or log in anew."));
	flow_header(f, "location", session_door(f, SESSION_CONFIRM_PATH));
	return (flow_send(f, 303, "text/plain", NULL, 0));
}

const char *
session_door(struct flow *f, const char *path)
{
	const char	*query = flow_request_query(f), *door;
	struct buf	 b;

	buf_init(&b, 16384);
	buf_printf(&b, "%s?next=", path);
	buf_put_url(&b, flow_request_path(f));
	if (*query != '\0') {
		buf_put_url(&b, "?");
		buf_put_url(&b, query);
	}
	door = arena_strdup(&f->arena, b.failed ? path : b.data);
	buf_free(&b);
	return (door);
}

/* ---- logging in and out ---- */

enum flow_next
session_login_find(struct flow *f)
{
	return (FLOW_QUERY(f, web_password_get, .none = NULL));
}

enum flow_next
session_login_check(struct flow *f)
{
	struct session_login	*l = flow_state(f);
	const char		*hash = db_text(flow_rows(f), 0, "hash");

	l->result = SESSION_NO_PASSWORD;
	if (hash == NULL)
		return (flow_skip_to(f, session_login_end));
	l->result = SESSION_WRONG;
	arena_wipe_later(&f->arena);
	l->work = arena_alloc(&f->arena, sizeof(*l->work));
	l->hash = arena_strdup(&f->arena, hash);
	if (!password_work_set(l->work, l->password, hash))
		return (FLOW_NEXT);	/* too long to be it: not ok */
	return (flow_aside(f, password_verify, l->work, sizeof(*l->work)));
}

static enum flow_next
confirm(struct flow *f, const struct session_login *l)
{
	return (FLOW_QUERY(f, session_confirm, .token_hash = f->actor_hash,
	    .hash = l->hash, .request_ip = f->client,
	    .user_agent = f->user_agent));
}

enum flow_next
session_login_begin(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	if (!l->work->ok)
		return (FLOW_QUERY(f, session_refuse,
		    .token_hash = l->confirms ? f->actor_hash : NULL,
		    .request_ip = f->client, .user_agent = f->user_agent));
	if (l->confirms)
		return (confirm(f, l));
	token_new(l->token);
	return (FLOW_LOCKED_QUERY(f, passkey_share, (.none = NULL),
	    session_begin, .token_hash = hash_of(f, l->token), .hash = l->hash,
	    .challenge_hash = passkey_challenge(f, l->challenge),
	    .request_ip = f->client, .user_agent = f->user_agent));
}

void
session_keep(struct flow *f, const char *token)
{
	cookie_put(f, &cookie, token, COOKIE_KEPT);
}

/* Who typed the password is in, unless a passkey is wanted, too. */
static enum session_result
judge_begin(struct flow *f, struct session_login *l)
{
	const char	*named;

	if (l->confirms)
		return (SESSION_IN);
	named = db_text(flow_rows(f), 0, "named");
	if (named == NULL) {
		session_keep(f, l->token);
		return (SESSION_IN);
	}
	l->options = passkey_options(f, l->challenge, named, false);
	return (SESSION_HALF);
}

enum flow_next
session_login_end(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	if (l->result == SESSION_WRONG && l->work->ok &&
	    db_rows_count(flow_rows(f)) == 1) {
		l->result = judge_begin(f, l);
		if (l->result == SESSION_HALF)
			return (l->options == NULL ? FLOW_DONE : FLOW_NEXT);
	}
	if (l->result != SESSION_NO_PASSWORD)
		stat_add(l->result == SESSION_IN ? STAT_LOGINS_OK :
		    STAT_LOGINS_WRONG, 1);
	return (FLOW_NEXT);
}

enum flow_next
session_leave(struct flow *f)
{
	const char	*hash = session_token_hash(f);

	cookie_clear(f, &cookie);
	if (hash == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, session_end, .token_hash = hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

/* ---- another password ---- */

/* Characters, of text that is UTF-8. */
static size_t
length(const char *s)
{
	size_t	n = 0;

	for (; *s != '\0'; s++)
		n += (*s & 0xc0) != 0x80;
	return (n);
}

enum flow_next
session_password_hash(struct flow *f)
{
	struct session_password	*p = flow_state(f);

	arena_wipe_later(&f->arena);
	p->work = arena_alloc(&f->arena, sizeof(*p->work));
	if (length(p->password) < PASSWORD_MIN ||
	    !password_work_set(p->work, p->password, ""))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "password: must have %d characters, and %d bytes at most", PASSWORD_MIN,
		    PASSWORD_MAX));
	return (flow_aside(f, password_hash, p->work, sizeof(*p->work)));
}

enum flow_next
session_password_keep(struct flow *f)
{
	struct session_password	*p = flow_state(f);

	if (!p->work->ok)
		return (flow_fail(f, ERR_UNAVAILABLE,
		    "There is no memory for this now; try again."));
	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, web_password_lock, (.none = NULL),
	    web_password_set, .hash = p->work->hash,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}
