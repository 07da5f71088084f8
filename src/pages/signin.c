/*
 * In and out of the dashboard: the password, asked for at the door and again
 * before what must not be done by whoever finds the browser open.  The rules
 * are flow/session.h's; these are its pages.
 */
#include "pages/page.h"
#include "pages/pages.h"

#include "flow/form.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pages/chrome.h"
#include "pages/door.h"
#include "pages/forms.h"

#include "sql.h"

#include <string.h>

#define WELCOME	"/admin/welcome"

static json_t *
password_input(const char *wrong)
{
	return (door_input("password", "Password", "password",
	    "current-password", NULL, wrong));
}

/* ---- in ---- */

static enum flow_next
signin_ask(struct flow *f)
{
	return (FLOW_QUERY(f, session_status,
	    .token_hash = session_token_hash(f)));
}

/* Has the last page said that somebody left? */
static bool
has_left(struct flow *f)
{
	json_t	*query = forms_read_query(&f->arena, flow_request_query(f));
	bool	 left = json_text(query, "said") != NULL &&
		    !strcmp(json_text(query, "said"), "left");

	json_decref(query);
	return (left);
}

static enum flow_next
signin_page(struct flow *f, int status, const char *wrong)
{
	return (door_send(f, status, json_pack("{s:s,s:s?,s:[o],s:s}",
	    "page_title", "Sign in to Licet",
	    "said", wrong == NULL && has_left(f) ? "You are signed out." : NULL,
	    "inputs", password_input(wrong), "submit", "Sign in")));
}

static enum flow_next
signin_show(struct flow *f)
{
	if (!db_true(flow_rows(f), 0, "has_password"))
		return (chrome_go(f, WELCOME, NULL));
	if (db_true(flow_rows(f), 0, "logged_in"))
		return (chrome_go(f, door_next(f), NULL));
	return (signin_page(f, 200, NULL));
}

/* No session, no token of one: only where the form comes from can be asked. */
static enum flow_next
signin_read(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	if (!session_is_same_site(f))
		return (flow_fail(f, ERR_FORBIDDEN,
		    "Another site makes your browser send this."));
	arena_wipe_later(&f->arena);
	l->password = form_text(f, "password");
	return (FLOW_NEXT);
}

static enum flow_next
signin_done(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	switch (l->result) {
	case SESSION_NO_PASSWORD:
		return (chrome_go(f, WELCOME, NULL));
	case SESSION_WRONG:
		return (signin_page(f, 401, "This is not the password."));
	default:
		return (chrome_go(f, door_next(f), NULL));
	}
}

/* ---- out ---- */

static enum flow_next
signout_check(struct flow *f)
{
	return (session_form_ok(f) ? FLOW_NEXT : FLOW_DONE);
}

static enum flow_next
signout_done(struct flow *f)
{
	return (chrome_go(f, SESSION_LOGIN_PATH, "left"));
}

/* ---- again ---- */

static enum flow_next
confirm_page(struct flow *f, int status, const char *wrong)
{
	return (door_send(f, status, json_pack("{s:s,s:s,s:s,s:[o],s:s,"
	    "s:{s:s,s:s}}", "page_title", "Type your password again",
	    "intro", "In case somebody else sits at your screen: what comes "
	    "next needs your password.", "csrf", f->session->csrf, "inputs", password_input(wrong),
	    "submit", "Go on",
	    "link", "href", "/admin/", "label", "Leave it")));
}

static enum flow_next
confirm_show(struct flow *f)
{
	return (confirm_page(f, 200, NULL));
}

static enum flow_next
confirm_read(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	if (!session_form_ok(f))
		return (FLOW_DONE);
	arena_wipe_later(&f->arena);
	l->password = form_text(f, "password");
	l->confirms = true;
	return (FLOW_NEXT);
}

static enum flow_next
confirm_done(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	if (l->result != SESSION_IN)
		return (confirm_page(f, 401, "This is not the password."));
	return (chrome_go(f, door_next(f), NULL));
}

/* clang-format off */
const struct endpoint	pages_signin[] = {
	{ .method = GET, .path = SESSION_LOGIN_PATH, .limit = LIMIT_CATALOGUE,
	    .hidden = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(signin_ask),		/* sql  session_status */
		FLOW_STEP(signin_show)),
	    .summary = "A form for the password." },
	{ .method = POST, .path = SESSION_LOGIN_PATH, .limit = LIMIT_LOGIN,
	    .hidden = true, .raw_body = true, .repeatable = true,
	    .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(signin_read),
		SESSION_LOGIN_STEPS,
		FLOW_STEP(signin_done)),
	    .state = sizeof(struct session_login),
	    .summary = "In." },
	{ .method = POST, .path = "/admin/sign-out", .scope = "session",
	    .is_page = true, .hidden = true, .raw_body = true,
	    .repeatable = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(signout_check),
		FLOW_STEP(session_leave),	/* sql  session_end */
		FLOW_STEP(signout_done)),
	    .summary = "Out." },
	{ .method = GET, .path = SESSION_CONFIRM_PATH, .scope = "session",
	    .is_page = true, .hidden = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(FLOW_STEP(confirm_show)),
	    .summary = "A form for the password, again." },
	{ .method = POST, .path = SESSION_CONFIRM_PATH, .scope = "session",
	    .limit = LIMIT_LOGIN, .is_page = true, .hidden = true,
	    .raw_body = true, .repeatable = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(confirm_read),
		SESSION_LOGIN_STEPS,
		FLOW_STEP(confirm_done)),
	    .state = sizeof(struct session_login),
	    .summary = "And on." },
	ENDPOINT_END
};
/* clang-format on */
