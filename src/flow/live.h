/*
 * How invoices stand, told to the event streams that are open for them.
 *
 * One LISTEN of the worker hears which invoices have changed, on all replicas;
 * of those that have streams here, one statement at a time asks how they stand.
 * So a thousand open pages cost nothing until there is news.
 */
#ifndef FLOW_LIVE_H
#define FLOW_LIVE_H

#include "flow/flow.h"

struct db_pool;

/* In a worker; the pool is lent.  After db_listen_end() it may be closed. */
void		 live_open(struct db_pool *);
void		 live_close(void);

/* Steps: asks how it stands; then answers with a stream (404, 429, 503). */
enum flow_next	 live_ask(struct flow *);
enum flow_next	 live_stream(struct flow *);

#endif
