/* Giving up with a fault; the driver answers it. */
#ifndef FLOW_FAIL_H
#define FLOW_FAIL_H

#include "flow/flow.h"

/*
 * A fault of base/err.def and a message for people.  Always returns
 * FLOW_DONE.
 */
enum flow_next	 flow_fail(struct flow *, enum err, const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));

/*
 * Did the statement refuse?  No row is not_found; a `fault' column that is
 * not NULL is that error, with `message'.  True: flow_fail() was called, so
 * return FLOW_DONE.
 */
bool		 flow_refused(struct flow *);

#endif
