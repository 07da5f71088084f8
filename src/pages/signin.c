/*
 * In and out of the dashboard: password and passkeys, asked for at the door and
 * again before what must not be done by whoever finds the browser open.  The
 * rules are flow/session.h's and flow/passkey.h's; these are their pages.
 */
#include "pages/page.h"
#include "pages/pages.h"

#include "flow/form.h"
#include "flow/passkey.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pages/chrome.h"
#include "pages/door.h"
#include "pages/forms.h"
#include "pages/passkeys.h"
#include "pages/value.h"

#include "sql.h"

#include <string.h>

#define WELCOME		"/admin/welcome"
#define SIGNIN_PASSKEY	SESSION_LOGIN_PATH "/passkey"
#define CONFIRM_PASSKEY	SESSION_CONFIRM_PATH "/passkey"

/* This door, and then the page that was asked for. */
static const char *
with_next(struct flow *f, const char *path)
{
	json_t		*next = json_pack("{s:s}", "next", door_next(f));
	const char	*all;

	all = arena_printf(&f->arena, "%s?%s", path, value_expand(&f->arena,
	    "next={next}", next, NULL, true));
	json_decref(next);
	return (all);
}

/* Beside the password, where a passkey does instead; NULL: it doesn't. */
static json_t *
or_passkey(struct flow *f, const char *path, const char *begin,
    const char *label)
{
	if (!db_true(flow_rows(f), 0, "has_passkey") || !passkeys_are_here())
		return (NULL);
	return (passkeys_button(with_next(f, path), f->session == NULL ? NULL :
	    f->session->csrf, begin, NULL, label));
}

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

/* After signin_ask(). */
static enum flow_next
signin_page(struct flow *f, int status, const char *wrong, const char *fault)
{
	bool	both = db_true(flow_rows(f), 0, "wants_both");

	return (door_send(f, status, json_pack("{s:s,s:s?,s:s?,s:[o],s:s,s:s,"
	    "s:o?}", "page_title", "Sign in to Licet",
	    "said", status == 200 && has_left(f) ? "You are signed out." :
	    NULL, "fault", fault, "inputs", password_input(wrong), "submit",
	    "Sign in", "action", with_next(f, SESSION_LOGIN_PATH), "passkey",
	    both ? NULL : or_passkey(f, SIGNIN_PASSKEY, PASSKEY_ASK_PATH,
	    "Sign in with a passkey"))));
}

static enum flow_next
signin_show(struct flow *f)
{
	if (!db_true(flow_rows(f), 0, "has_password"))
		return (chrome_go(f, WELCOME, NULL));
	if (db_true(flow_rows(f), 0, "logged_in"))
		return (chrome_go(f, door_next(f), NULL));
	return (signin_page(f, 200, NULL, NULL));
}

/* No session, no token of one: only where the form comes from can be asked. */
static enum flow_next
signin_read(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	arena_wipe_later(&f->arena);
	l->password = form_text(f, "password");
	return (FLOW_NEXT);
}

static enum flow_next
signin_half(struct flow *f, const char *options)
{
	return (door_send(f, 200, json_pack("{s:s,s:s,s:o,s:{s:s,s:s}}",
	    "page_title", "Now your passkey",
	    "intro", "The password is right. Here signing in takes a passkey, "
	    "too.", "passkey", passkeys_button(with_next(f, SIGNIN_PASSKEY),
	    NULL, "", options, "Use a passkey"),
	    "link", "href", SESSION_LOGIN_PATH, "label", "Start over")));
}

static enum flow_next
signin_done(struct flow *f)
{
	struct session_login	*l = flow_state(f);

	switch (l->result) {
	case SESSION_NO_PASSWORD:
		return (chrome_go(f, WELCOME, NULL));
	case SESSION_WRONG:
		return (signin_ask(f));
	case SESSION_HALF:
		return (signin_half(f, l->options));
	default:
		return (chrome_go(f, door_next(f), NULL));
	}
}

static enum flow_next
signin_again(struct flow *f)
{
	return (signin_page(f, 401, "This is not the password.", NULL));
}

static enum flow_next
passkey_read(struct flow *f)
{
	passkey_read_form(f);
	return (FLOW_NEXT);
}

static enum flow_next
passkey_done(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	return (t->result == PASSKEY_IN ? chrome_go(f, door_next(f), NULL) :
	    signin_ask(f));
}

static enum flow_next
passkey_again(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	return (signin_page(f, 401, NULL, t->why));
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

/* After signin_ask(). */
static enum flow_next
confirm_page(struct flow *f, int status, const char *wrong, const char *fault)
{
	return (door_send(f, status, json_pack("{s:s,s:s,s:s?,s:s,s:[o],s:s,"
	    "s:s,s:o?,s:{s:s,s:s}}",
	    "page_title", "Type your password again",
	    "intro", "In case somebody else sits at your screen: what comes "
	    "next needs your password.", "fault", fault,
	    "csrf", f->session->csrf, "inputs", password_input(wrong),
	    "submit", "Go on", "action", with_next(f, SESSION_CONFIRM_PATH),
	    "passkey", or_passkey(f, CONFIRM_PASSKEY, PASSKEY_ASK_AGAIN_PATH,
	    "Use a passkey"), "link", "href", "/admin/", "label",
	    "Leave it")));
}

static enum flow_next
confirm_show(struct flow *f)
{
	return (confirm_page(f, 200, NULL, NULL));
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

	return (l->result == SESSION_IN ? chrome_go(f, door_next(f), NULL) :
	    signin_ask(f));
}

static enum flow_next
confirm_again(struct flow *f)
{
	return (confirm_page(f, 401, "This is not the password.", NULL));
}

static enum flow_next
reconfirm_read(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	if (!session_form_ok(f))
		return (FLOW_DONE);
	passkey_read_form(f);
	t->confirms = true;
	return (FLOW_NEXT);
}

static enum flow_next
reconfirm_again(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	return (confirm_page(f, 401, NULL, t->why));
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
		FLOW_STEP(session_check_site),
		FLOW_STEP(signin_read),
		SESSION_LOGIN_STEPS,
		FLOW_STEP(signin_done),		/* sql  session_status */
		FLOW_STEP(signin_again)),
	    .state = sizeof(struct session_login),
	    .summary = "In." },
	{ .method = POST, .path = SIGNIN_PASSKEY, .limit = LIMIT_LOGIN,
	    .hidden = true, .raw_body = true, .repeatable = true,
	    .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(session_check_site),
		FLOW_STEP(passkey_read),
		PASSKEY_STEPS,
		FLOW_STEP(passkey_done),	/* sql  session_status */
		FLOW_STEP(passkey_again)),
	    .state = sizeof(struct passkey_try),
	    .summary = "In, by a passkey." },
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
	    .steps = FLOW_STEPS(
		FLOW_STEP(signin_ask),		/* sql  session_status */
		FLOW_STEP(confirm_show)),
	    .summary = "A form for the password, again." },
	{ .method = POST, .path = SESSION_CONFIRM_PATH, .scope = "session",
	    .limit = LIMIT_LOGIN, .is_page = true, .hidden = true,
	    .raw_body = true, .repeatable = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(confirm_read),
		SESSION_LOGIN_STEPS,
		FLOW_STEP(confirm_done),	/* sql  session_status */
		FLOW_STEP(confirm_again)),
	    .state = sizeof(struct session_login),
	    .summary = "And on." },
	{ .method = POST, .path = CONFIRM_PASSKEY, .scope = "session",
	    .limit = LIMIT_LOGIN, .is_page = true, .hidden = true,
	    .raw_body = true, .repeatable = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(reconfirm_read),
		PASSKEY_STEPS,
		FLOW_STEP(passkey_done),	/* sql  session_status */
		FLOW_STEP(reconfirm_again)),
	    .state = sizeof(struct passkey_try),
	    .summary = "And on, by a passkey." },
	ENDPOINT_END
};
/* clang-format on */
