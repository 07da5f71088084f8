/*
 * What takes a tenth of a second is not done in the loop, but in a thread
 * beside it, one at a time in each worker.  The thread knows nothing of Kore or
 * of the flow: it gets a copy of what it works on, so that a client may leave
 * meanwhile.
 */
#ifndef FLOW_ASIDE_H
#define FLOW_ASIDE_H

#include "flow/flow.h"

struct flow_aside;

/*
 * Runs compute() on a copy of `work', which holds no pointers.  The next step
 * finds in `work', which must live as long as the flow, what was made of it.
 * FLOW_WAIT; or the flow fails with unavailable, when too many wait.
 */
enum flow_next	 flow_aside(struct flow *, void (*compute)(void *),
		    void *work, size_t size);

/* Its flow is gone. */
void		 aside_forget(struct flow_aside *);

/* At a worker's end: waits for the one under way. */
void		 aside_close(void);

#endif
