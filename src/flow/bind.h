/*
 * Fills a statement's named arguments from the request: a value of its path,
 * query or body by that name, else one of the context:
 *
 *	actor_kind, actor_hash	who asks, for the audit trail
 *	request_ip, user_agent	from where
 *	public_url		LICET_PUBLIC_URL
 *	body			the body's known fields as JSON text
 *	signing_key_id		the key that signs new licenses
 *	trust_root		who signs this server's own license; NULL: nobody,
 *				there are no caps
 *	upgrade_url		LICET_UPGRADE_URL
 *	customer_email		whose session of the portal it is; NULL: by a
 *				key, or none
 *	customer_license	the license whose key opened it; NULL: by mail
 *	customer_session	its id
 */
#ifndef FLOW_BIND_H
#define FLOW_BIND_H

#include "flow/flow.h"

struct keyring;

/* Of the worker; lent. */
void			 bind_use_keyring(const struct keyring *);
const struct keyring	*bind_keyring(void);

/* Id of the key that signs new licenses, as text in the arena. */
const char		*bind_signing_key(struct flow *);

/* In the flow's arena: stmt->nargs texts. */
const char *const	*flow_bind(struct flow *, const struct sql_stmt *);

/* Runs a statement with all arguments bound by name. */
enum flow_next		 flow_query_bound(struct flow *,
			    const struct sql_stmt *);

/* The steps of a plain endpoint. */
extern const struct flow_step	flow_plain_steps[];

/*
 * Can every argument of the endpoint's statement be filled?  The name of the
 * first that can't, or NULL.
 */
const char		*bind_missing(const struct endpoint *);

#endif
