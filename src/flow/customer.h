/*
 * Customers: whoever reads an address's mail, or holds a license's key.  Their
 * session is a random token in a cookie of its own, and opens endpoints of the
 * scope `customer', which nothing else opens.  It ends 24 hours after its last
 * use, 30 days after it began, when they leave, and when the license whose key
 * opened it is revoked.
 *
 * Forms and other sites are treated as with the web login: f->session is set,
 * with its csrf, for session_form_ok().  What belongs to an address is in
 * reach of a session by mail alone; statements ask {{customer_owns}}
 * (sql/customer.sql), which the context's @customer_email and
 * @customer_license fill.
 */
#ifndef FLOW_CUSTOMER_H
#define FLOW_CUSTOMER_H

#include "flow/flow.h"

#define CUSTOMER_SCOPE		"customer"
#define CUSTOMER_COOKIE		"licet_portal"
/* Pages, GET: where who has no session is sent; where code or key is asked
 * for again; where one is when one is in. */
#define CUSTOMER_LOGIN_PATH	"/portal/sign-in"
#define CUSTOMER_CONFIRM_PATH	"/portal/confirm"
#define CUSTOMER_HOME_PATH	"/portal/"
/* So long code or key are good for what wants them fresh (`confirmed'). */
#define CUSTOMER_FRESH_S	600

/* f->session->customer, once the endpoint's own steps run.  In the arena. */
struct customer {
	const char	*session_id;
	const char	*email;		/* lower case; NULL: by a key */
	const char	*license_id;	/* NULL: by mail */
	const char	*license_hint;	/* "Product (a1b2c3d4)"; NULL: by mail */
};

/* ---- for flow/access.c, and endpoints that need no session ---- */

/* Is this endpoint open to customers' sessions alone? */
bool		 customer_is_asked(const struct flow *);
/* The token that came, in the arena; NULL: none that could be one. */
const char	*customer_token(struct flow *);
/* Looks the session of this token up.  FLOW_WAIT. */
enum flow_next	 customer_ask(struct flow *, const char *token);
/* After customer_ask(): false when it is none or over. */
bool		 customer_found(struct flow *);
/* Was code or key given lately? */
bool		 customer_is_fresh(const struct flow *);
/* The browser keeps this token, or forgets the one it has. */
void		 customer_keep(struct flow *, const char *token);
void		 customer_forget(struct flow *);
/*
 * They were not: a page, or the link of a person, sends to where they are asked
 * for; a program is told.
 */
enum flow_next	 customer_refuse_stale(struct flow *);

#endif
