/*
 * The portal's door, for people: the form for an address or a license key, the
 * one for the code of the letter, the page that the letter's link opens, and
 * the same again before what wants it fresh.  What they send is for the API's
 * endpoints to judge (api/customer.c).
 *
 * The link's page only has a button: programs that look at mail open links, and
 * would use it up.
 */
#include "pages/pages.h"

#include "base/json.h"
#include "flow/customer.h"
#include "flow/form.h"
#include "flow/inner.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "mail/settings.h"
#include "pages/chrome.h"
#include "pages/forms.h"
#include "pages/front.h"

#include "templates.h"

#include <stdio.h>
#include <string.h>

#define NEXT_MAX	1024
#define ENTER_PATH	"/portal/enter"

enum way {
	BY_MAIL,
	BY_CODE,
	BY_KEY
};

struct door {
	enum way	 way;
	const char	*next;
	const char	*email;
	const char	*challenge;
};

/* ---- where to go ---- */

/* Of the portal, and nothing that a header or a browser reads otherwise. */
static const char *
checked_next(struct flow *f, const char *s)
{
	size_t	i;

	if (s == NULL || strlen(s) > NEXT_MAX || (strncmp(s, "/portal/", 8) &&
	    strcmp(s, "/v1/portal/data")))
		return (CUSTOMER_HOME_PATH);
	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '\\')
			return (CUSTOMER_HOME_PATH);
	}
	return (arena_strdup(&f->arena, s));
}

/* Of the query; in the arena, "" when it did not come. */
static const char *
asked(struct flow *f, const char *name)
{
	json_t		*query;
	const char	*text;

	query = forms_read_query(&f->arena, flow_request_query(f));
	text = json_text(query, name);
	text = text == NULL ? "" : arena_strdup(&f->arena, text);
	json_decref(query);
	return (text);
}

static bool
is_again(const struct flow *f)
{
	return (f->session != NULL);
}

static const char *
here(const struct flow *f)
{
	return (is_again(f) ? CUSTOMER_CONFIRM_PATH : CUSTOMER_LOGIN_PATH);
}

/* ---- the page ---- */

static const char *
intro_of(struct flow *f, const struct door *d, bool has_code)
{
	const struct customer	*c = is_again(f) ? f->session->customer : NULL;

	if (has_code)
		return (arena_printf(&f->arena, "A letter with a code is on its "
		    "way to %s%s. The code is good for 15 minutes.", d->email,
		    c == NULL ? ", if that is a customer’s address" : ""));
	if (c != NULL && c->email != NULL)
		return (arena_printf(&f->arena, "In case somebody else sits at "
		    "your screen: what comes next wants a new code, which goes "
		    "to %s.", c->email));
	if (c != NULL)
		return ("In case somebody else sits at your screen: what comes "
		    "next wants the license key again.");
	return (mail_is_on() ? "With a code that we mail to the address you "
	    "bought with; there is no password." : "With the key of a license: "
	    "this shop sends no mail.");
}

static enum flow_next
door_page(struct flow *f, const struct door *d, int status, const char *said,
    const char *fault)
{
	const struct customer	*c = is_again(f) ? f->session->customer : NULL;
	bool			 code = d->challenge != NULL;
	bool			 mail, key;
	json_t			*v;

	mail = !code && mail_is_on() && (c == NULL || c->email != NULL);
	key = !code && (c == NULL || c->email == NULL);
	v = json_pack("{s:s,s:s?,s:s,s:s?,s:s,s:s,s:s,s:s?}", "page_title",
	    is_again(f) ? "Is it still you?" : code ? "Look into your mail" :
	    "Sign in", "said", said, "intro", intro_of(f, d, code),
	    "fault", fault, "action", here(f), "next", d->next,
	    "email", d->email == NULL ? "" : d->email,
	    "challenge", d->challenge);
	json_object_set_new(v, "go", json_string(c == NULL ? "Sign in" : "Go on"));
	json_object_set_new(v, "go_key", json_string(c == NULL ? "Sign in with the key" : "Go on"));
	json_object_set_new(v, "mail", mail ? json_pack("{s:b}", "asks", c == NULL) : json_null());
	json_object_set_new(v, "code", code ? json_pack("{s:s}", "again", here(f)) : json_null());
	json_object_set_new(v, "key", key ? json_pack("{s:b}", "beside", mail) : json_null());
	return (front_send(f, status, template_portal_door, v));
}

/* ---- asked for ---- */

static enum flow_next
signin_look(struct flow *f)
{
	const char	*token = customer_token(f);

	return (token == NULL ? FLOW_NEXT : customer_ask(f, token));
}

static const char *
said_of(const char *word)
{
	return (!strcmp(word, "left") ? "You are signed out." :
	    !strcmp(word, "deleted") ? "Your data is deleted. Your license "
	    "keys stay good; keep them." : NULL);
}

static enum flow_next
signin_show(struct flow *f)
{
	struct door	*d = flow_state(f);

	d->next = checked_next(f, asked(f, "next"));
	if (f->session != NULL && customer_found(f))
		return (chrome_go(f, d->next, NULL));
	return (door_page(f, d, 200, said_of(asked(f, "said")), NULL));
}

static enum flow_next
confirm_show(struct flow *f)
{
	struct door	*d = flow_state(f);

	d->next = checked_next(f, asked(f, "next"));
	return (door_page(f, d, 200, NULL, NULL));
}

/* ---- sent ---- */

static enum flow_next
door_read(struct flow *f)
{
	struct door	*d = flow_state(f);
	const char	*way;

	arena_wipe_later(&f->arena);
	if (is_again(f) && !session_form_ok(f))
		return (FLOW_DONE);
	way = form_text(f, "way");
	d->way = !strcmp(way, "code") ? BY_CODE : !strcmp(way, "key") ?
	    BY_KEY : BY_MAIL;
	d->next = checked_next(f, form_text(f, "next"));
	d->email = is_again(f) ? f->session->customer->email :
	    form_text(f, "email");
	return (FLOW_NEXT);
}

static enum flow_next
door_do(struct flow *f)
{
	struct door	*d = flow_state(f);
	const char	*path;
	enum flow_next	 next;
	json_t		*body;

	if (d->way == BY_MAIL) {
		path = "/v1/portal/sign-in";
		body = json_pack("{s:s}", "email", d->email == NULL ? "" :
		    d->email);
	} else if (d->way == BY_CODE) {
		path = "/v1/portal/sign-in/code";
		d->challenge = form_text(f, "challenge");
		body = json_pack("{s:s,s:s}", "challenge", d->challenge,
		    "code", form_text(f, "code"));
	} else {
		path = "/v1/portal/sign-in/key";
		body = json_pack("{s:s}", "license_key",
		    form_text(f, "license_key"));
	}
	if (is_again(f) && d->way != BY_MAIL)
		path = "/v1/portal/confirm";
	next = inner_run(f, POST, path, NULL, body);
	json_decref(body);
	return (next);
}

/* In words of the page; what is wrong with a field says its name first. */
static const char *
fault_of(const struct door *d, const struct inner_answer *a)
{
	if (a->status != 400)
		return (a->message);
	return (d->way == BY_MAIL ? "Type an e-mail address, like "
	    "you@example.com." : d->way == BY_CODE ?
	    "Type the eight digits of the letter." :
	    "Paste the whole license key.");
}

static enum flow_next
door_refused(struct flow *f, const struct inner_answer *a)
{
	struct door	*d = flow_state(f);

	if (a->status >= 500)
		return (flow_fail(f, a->fault, "%s", a->message));
	if (a->fault == ERR_RATE_LIMITED && f->retry_after > 0)
		flow_header(f, "retry-after", arena_printf(&f->arena, "%u",
		    f->retry_after));
	return (door_page(f, d, a->status, NULL, fault_of(d, a)));
}

static enum flow_next
door_done(struct flow *f)
{
	struct door			*d = flow_state(f);
	const struct inner_answer	*a = inner_answer(f);
	const char			*challenge;
	json_t				*answer;
	char				 why[96];

	if (a->fault != ERR_NONE)
		return (door_refused(f, a));
	if (d->way != BY_MAIL)
		return (chrome_go(f, d->next, NULL));
	answer = json_read(a->body, a->len, why, sizeof(why));
	challenge = json_text(answer, "challenge");
	d->challenge = arena_strdup(&f->arena, challenge == NULL ? "" :
	    challenge);
	json_decref(answer);
	return (door_page(f, d, 200, NULL, NULL));
}

/* ---- the letter's link ---- */

static enum flow_next
enter_page(struct flow *f, int status, const char *token, const char *fault)
{
	return (front_send(f, status, template_portal_door, json_pack(
	    "{s:s,s:s?,s:s?,s:o?,s:s?}", "page_title", "Sign in",
	    "intro", fault == NULL ? "One more step, since programs that look "
	    "at mail open links, too." : NULL, "fault", fault, "link",
	    fault == NULL ? json_pack("{s:s}", "token", token) : NULL,
	    "door", fault == NULL ? NULL : CUSTOMER_LOGIN_PATH)));
}

static enum flow_next
enter_show(struct flow *f)
{
	const char	*token;

	arena_wipe_later(&f->arena);
	token = asked(f, "token");
	return (enter_page(f, *token == '\0' ? 400 : 200, token,
	    *token == '\0' ? "This link lacks its end; copy all of it." :
	    NULL));
}

static enum flow_next
enter_do(struct flow *f)
{
	json_t		*body;
	enum flow_next	 next;

	arena_wipe_later(&f->arena);
	body = json_pack("{s:s}", "token", form_text(f, "token"));
	next = inner_run(f, POST, "/v1/portal/sign-in/link", NULL, body);
	json_decref(body);
	return (next);
}

static enum flow_next
enter_done(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);

	if (a->status >= 500)
		return (flow_fail(f, a->fault, "%s", a->message));
	if (a->fault != ERR_NONE)
		return (enter_page(f, a->status, NULL, a->status == 400 ?
		    "This link lacks its end; copy all of it." : a->message));
	return (chrome_go(f, CUSTOMER_HOME_PATH, NULL));
}

/* ---- out ---- */

static enum flow_next
signout_do(struct flow *f)
{
	if (!session_form_ok(f))
		return (FLOW_DONE);
	return (inner_run(f, POST, "/v1/portal/sign-out", NULL, NULL));
}

static enum flow_next
signout_done(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);

	if (a->fault != ERR_NONE)
		return (flow_fail(f, a->fault, "%s", a->message));
	return (chrome_go(f, CUSTOMER_LOGIN_PATH, "left"));
}

#define DOOR_POST							\
	.method = POST, .limit = LIMIT_CUSTOMER, FRONT_PAGE,		\
	.raw_body = true, .repeatable = true, .state = sizeof(struct door)
#define DOOR_GET							\
	.method = GET, .limit = LIMIT_PORTAL, FRONT_PAGE,		\
	.state = sizeof(struct door)
#define AGAIN	.scope = CUSTOMER_SCOPE, .is_page = true

/* clang-format off */
const struct endpoint	pages_customer_door[] = {
	{ DOOR_GET, .path = CUSTOMER_LOGIN_PATH,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(signin_look),		/* sql  access_customer */
		FLOW_STEP(signin_show)),
	    .summary = "Forms for an address and for a license key." },
	{ DOOR_POST, .path = CUSTOMER_LOGIN_PATH,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(session_check_site),
		FLOW_STEP(door_read),
		FLOW_STEP(door_do),		/* the API's sign-in */
		FLOW_STEP(door_done)),
	    .summary = "A letter, or in." },
	{ DOOR_GET, .path = ENTER_PATH,
	    .steps = FLOW_STEPS(FRONT_STEPS, FLOW_STEP(enter_show)),
	    .summary = "What the letter's link opens." },
	{ DOOR_POST, .path = ENTER_PATH,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(session_check_site),
		FLOW_STEP(enter_do),		/* the API's sign-in/link */
		FLOW_STEP(enter_done)),
	    .summary = "In." },
	{ DOOR_GET, .path = CUSTOMER_CONFIRM_PATH, AGAIN,
	    .steps = FLOW_STEPS(FRONT_STEPS, FLOW_STEP(confirm_show)),
	    .summary = "Code or key again." },
	{ DOOR_POST, .path = CUSTOMER_CONFIRM_PATH, AGAIN,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(door_read),
		FLOW_STEP(door_do),		/* the API's confirm */
		FLOW_STEP(door_done)),
	    .summary = "A letter, or on." },
	{ DOOR_POST, .path = "/portal/sign-out", AGAIN,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(signout_do),		/* the API's sign-out */
		FLOW_STEP(signout_done)),
	    .summary = "Out." },
	ENDPOINT_END
};
/* clang-format on */
