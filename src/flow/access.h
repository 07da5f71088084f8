/* Who asks, and whether they may. */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include "flow/flow.h"

/* In each process, once the settings are read. */
void	access_open(void);

/* Fills in client address, user agent and request id. */
void	access_identify(struct flow *);

/*
 * The endpoint's limit and scope.  False after flow_fail(): rate_limited,
 * unauthorized (no bearer token came) or forbidden (it is wrong).
 */
bool	access_check(struct flow *);

/*
 * May who asks do what this scope names, too?  For parts of an endpoint that
 * need more than its own scope; after access_check().
 */
bool	access_allows(const struct flow *, const char *scope);

#endif
