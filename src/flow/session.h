/*
 * Sessions of the web login.  A session is a random token in a cookie; the
 * database has its hash.  It ends 24 hours after its last use, 7 days after it
 * began, when somebody leaves or sets another password.  It may what the
 * master key may, and is told from it in the audit trail.
 *
 * What a browser sends by itself is not believed where something changes: the
 * cookie is SameSite=Strict, requests that say they come from another site are
 * refused, and forms of pages carry a token of their own.
 */
#ifndef FLOW_SESSION_H
#define FLOW_SESSION_H

#include "flow/flow.h"

#define SESSION_COOKIE		"keysat_session"	/* see flow/cookie.h */
/* Where people log in: a page, GET.  Who has no session is sent there. */
#define SESSION_LOGIN_PATH	"/admin/sign-in"
/* Where the password is typed again: the same. */
#define SESSION_CONFIRM_PATH	"/admin/confirm"
/* So long a typed password is good for what wants it fresh. */
#define SESSION_FRESH_S		600
#define SESSION_CSRF_SIZE	65	/* with NUL */

struct customer;

/* f->session, once the endpoint's own steps run. */
struct session {
	const char	*token;
	struct customer	*customer;	/* flow/customer.h; NULL: the web login's */
	/* Since the password was last typed; for what wants it again. */
	long long	 reauthenticated_s;
	char		 csrf[SESSION_CSRF_SIZE];	/* for hidden fields */
};

/*
 * Does the form that came carry this session's token, as the field `csrf'?
 * False after flow_fail().  Every page's POST asks this first.
 */
bool		 session_form_ok(struct flow *);

/* Was the password typed lately?  True of who came without a session. */
bool		 session_is_fresh(const struct flow *);
/* It was not: a person who follows a link types it again, a program is told. */
enum flow_next	 session_refuse_stale(struct flow *);

/* "/admin/sign-in?next=...": that door, and then this request's page again. */
const char	*session_door(struct flow *, const char *path);

/* ---- to log in: f->state begins with this ---- */

enum session_result {
	SESSION_NO_PASSWORD,	/* none was set */
	SESSION_WRONG,		/* and the audit trail says so */
	SESSION_HALF,		/* a passkey is wanted, too: `options' */
	SESSION_IN		/* the cookie is among the answer's headers */
};

struct session_login {
	const char		*password;	/* set by a step before these */
	bool			 confirms;	/* f->session's again */
	enum session_result	 result;
	char			*hash;
	struct password_work	*work;
	const char		*options;	/* for flow/passkey.h */
	char			 token[44];
	char			 challenge[44];
};

enum flow_next	 session_login_find(struct flow *);
enum flow_next	 session_login_check(struct flow *);
enum flow_next	 session_login_begin(struct flow *);
enum flow_next	 session_login_end(struct flow *);
/* clang-format off */
#define SESSION_LOGIN_STEPS						\
	FLOW_STEP(session_login_find),	/* sql  web_password_get */	\
	FLOW_STEP(session_login_check),	/* beside: Argon2id */		\
	FLOW_STEP(session_login_begin),	/* sql  session_begin */	\
	FLOW_STEP(session_login_end)
/* clang-format on */

/* This new session's cookie is among the answer's headers. */
void		 session_keep(struct flow *, const char *token);

/* ---- to log out ---- */

/* Ends the session whose cookie came, if any, and clears the cookie. */
enum flow_next	 session_leave(struct flow *);

/* ---- to set another password: f->state begins with this ---- */

struct session_password {
	const char		*password;	/* set by a step before these */
	struct password_work	*work;
};

enum flow_next	 session_password_hash(struct flow *);
enum flow_next	 session_password_keep(struct flow *);
/* clang-format off */
#define SESSION_PASSWORD_STEPS						\
	FLOW_STEP(session_password_hash),	/* beside: Argon2id */	\
	FLOW_STEP(session_password_keep)	/* sql  web_password_set */
/* clang-format on */

/* ---- for flow/access.c ---- */

/* The token that came, in the arena; NULL: none that could be one. */
const char	*session_token(struct flow *);
/* SHA-256 of the token that came, in the arena; NULL: none came. */
const char	*session_token_hash(struct flow *);
/* Looks the session of this token up.  FLOW_WAIT. */
enum flow_next	 session_ask(struct flow *, const char *token);
/* After session_ask(): false when it is none or over. */
bool		 session_found(struct flow *);
/* A step, the first of forms without a session: 403 when a browser says that
 * another site makes it send this. */
enum flow_next	 session_check_site(struct flow *);

#endif
