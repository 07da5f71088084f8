/*
 * Which payment providers answer: noted from the calls that are made anyway,
 * so that the dashboard can say that one is silent.
 */
#ifndef FLOW_HEARD_H
#define FLOW_HEARD_H

#include "net/call.h"

/*
 * A call to this address has ended.  Writes at once when it failed, or when it
 * went well for the first time since; else once a minute in each worker.
 */
void	heard_note(const char *url, const struct net_reply *);

#endif
