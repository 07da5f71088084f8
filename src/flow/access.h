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

#endif
