/*
 * The web login: one password, sessions by cookie.  The rules of both are in
 * flow/session.c; pages log in by the same steps.
 */
#include "api/api.h"

#include "flow/respond.h"
#include "flow/session.h"

#include "sql.h"

/* ---- the password ---- */

static enum flow_next
password_read(struct flow *f)
{
	struct session_password	*p = flow_state(f);

	p->password = flow_text(f, "password");
	return (FLOW_NEXT);
}

static enum flow_next
password_answer(struct flow *f)
{
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* ---- in ---- */

static enum flow_next
login_read(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	l->password = flow_text(f, "password");
	return (FLOW_NEXT);
}

static enum flow_next
login_answer(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	switch (l->result) {
	case SESSION_NO_PASSWORD:
		return (flow_fail(f, ERR_UNAVAILABLE,
		    "No password is set: POST /v1/admin/web-password."));
	case SESSION_WRONG:
		return (flow_fail(f, ERR_UNAUTHORIZED,
		    "This is not the password."));
	case SESSION_HALF:
		return (flow_json_text(f, 200, l->options));
	default:
		return (flow_send(f, 204, "text/plain", NULL, 0));
	}
}

/* ---- out, and whether ---- */

static enum flow_next
logout_answer(struct flow *f)
{
	return (flow_send(f, 204, "text/plain", NULL, 0));
}

static enum flow_next
status_ask(struct flow *f)
{
	return (FLOW_QUERY(f, session_status,
	    .token_hash = session_token_hash(f)));
}

static enum flow_next
status_answer(struct flow *f)
{
	return (flow_json(f, 200, json_pack("{s:b,s:b}", "has_password",
	    db_true(flow_rows(f), 0, "has_password"), "logged_in",
	    db_true(flow_rows(f), 0, "logged_in"))));
}

/* clang-format off */
const struct endpoint	api_login[] = {
	{ .method = POST, .path = "/v1/admin/web-password", .scope = "master",
	    .confirmed = true,
	    .body = FIELDS(
		{ "password", FIELD_TEXT, FIELD_REQUIRED, 1, 4096,
		    .help = "12 characters or more, 1,024 bytes at most." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(password_read),
		SESSION_PASSWORD_STEPS,
		FLOW_STEP(password_answer)),
	    .state = sizeof(struct session_password),
	    .summary = "Set the password of the web login; all sessions end.",
	    .answer = "`{ok:true}`." },
	{ .method = POST, .path = "/admin/login", .limit = LIMIT_LOGIN,
	    .repeatable = true,
	    .body = FIELDS(
		{ "password", FIELD_TEXT, FIELD_REQUIRED, 0, 4096,
		    .help = "That of the web login." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(login_read),
		SESSION_LOGIN_STEPS,
		FLOW_STEP(login_answer)),
	    .state = sizeof(struct session_login),
	    .is_empty = true,
	    .errors = "401",
	    .summary = "Log in.",
	    .answer = "204, and the cookie `" SESSION_COOKIE "`: it opens what "
	        "the master key opens, for 24 hours after its last use, 7 "
	        "days at most. Where a passkey is wanted, too: 200 and "
	        "`{publicKey:{…}}` for `navigator.credentials.get()`, and no "
	        "cookie before `POST /admin/login/passkey`." },
	{ .method = POST, .path = "/admin/logout", .limit = LIMIT_CATALOGUE,
	    .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(session_leave),	/* sql  session_end */
		FLOW_STEP(logout_answer)),
	    .is_empty = true,
	    .summary = "Log out.",
	    .answer = "204; the session, if there is one, has ended." },
	{ .method = GET, .path = "/admin/login/status",
	    .limit = LIMIT_CATALOGUE,
	    .steps = FLOW_STEPS(
		FLOW_STEP(status_ask),		/* sql  session_status */
		FLOW_STEP(status_answer)),
	    .summary = "Can one log in, and is one logged in?",
	    .answer = "`{has_password,logged_in}`." },
	{ .method = GET, .path = "/v1/admin/sessions", .scope = "master",
	    .query = FIELDS(
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_session_list,
	    .summary = "Sessions of the web login, newest first.",
	    .answer = "`{sessions:[{id,created_at,last_seen_at,"
	        "reauthenticated_at,ip,user_agent|null,current}],next_cursor}`." },
	{ .method = DELETE, .path = "/v1/admin/sessions/:id",
	    .scope = "master",
	    .sql = &sql_session_end_one,
	    .summary = "End a session.",
	    .answer = "`{ok:true}`." },
	{ .method = POST, .path = "/v1/admin/sessions/end-others",
	    .scope = "master",
	    .sql = &sql_session_end_others,
	    .summary = "End all sessions but the one that asks.",
	    .answer = "`{ok,ended}`." },
	ENDPOINT_END
};
/* clang-format on */
