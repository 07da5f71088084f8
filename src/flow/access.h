/* Who asks, and whether they may. */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include "flow/flow.h"

/* In each process, once the settings are read. */
void	access_open(void);

/* Fills in client address, user agent and request id. */
void	access_identify(struct flow *);

/*
 * Steps before the endpoint's own.  The flow fails with rate_limited,
 * unauthorized (nothing came that says who asks) or forbidden (it is wrong, or
 * may not do this).  A public endpoint waits for nothing, nor does the master
 * key; a scoped key and a session are looked up every time, so one that was
 * ended is refused at once, everywhere.  What is of the scope `customer' is
 * opened by a customer's session (flow/customer.h) and by nothing else.
 */
enum flow_next	access_limit(struct flow *);
enum flow_next	access_ask(struct flow *);
enum flow_next	access_judge(struct flow *);
/* clang-format off */
#define ACCESS_STEPS							\
	FLOW_STEP(access_limit),	/* of the client's address */	\
	FLOW_STEP(access_ask),		/* sql  access_key, _session, ... */	\
	FLOW_STEP(access_judge)		/* does it hold the scope? */
/* clang-format on */

/*
 * May who asks do what this scope names, too?  For parts of an endpoint that
 * need more than its own scope; within the endpoint's own steps.
 */
bool	access_allows(const struct flow *, const char *scope);

#endif
