/*
 * How a worker ends without losing a request: Kore 4.1 leaves its loop at
 * once on SIGTERM, so the loop is turned here until all is answered.
 */
#ifndef SERVE_DRAIN_H
#define SERVE_DRAIN_H

#include <stdbool.h>

/*
 * Milliseconds for which a worker that was told to stop goes on as before,
 * save that drain_started() is true and answers carry connection: close: the
 * time a load balancer needs to notice.  0 unless set.
 */
extern unsigned int	drain_lead_ms;

/* From the first moment of the lead time.  Readiness answers 503 then. */
bool	drain_started(void);

/*
 * Call from kore_worker_teardown(), before anything that requests need is
 * closed.  Goes through the lead time, then stops listening, closes idle
 * connections, and turns the event loop until every connection has its answer,
 * every outbound call its end, and `others' says 0 (what runs without a client,
 * whose last statement is to be heard of), for at most `limit_ms'.  Timers run
 * in both phases: periodic work that begins new things should ask
 * drain_started().  `stop' is called again and again in the second phase, to end
 * what would go on for ever (see hold.h).
 */
void	drain_run(unsigned int limit_ms, void (*stop)(void),
	    unsigned int (*others)(void));

#endif
