/*
 * One endpoint's work within another's request: a page asks the API's own
 * rows for what it shows, and has them do what its forms say, so that page
 * and API can never differ.  The answer is kept instead of sent.
 *
 * The outer endpoint's checks (who asks, limits) have passed; the inner one's
 * scope and limit are not asked again, but that a customer's session runs
 * nothing of an administrator's.
 */
#ifndef FLOW_INNER_H
#define FLOW_INNER_H

#include "flow/flow.h"

/* What came of it, in the flow's arena. */
struct inner_answer {
	int		 status;	/* 200, or the fault's */
	enum err	 fault;		/* ERR_NONE: it went well */
	const char	*message;	/* for people, of a fault */
	const char	*body;		/* NUL-terminated; NULL on a fault */
	size_t		 len;
};

/*
 * Runs the endpoint that answers `path' ("/v1/admin/products"), with that
 * query string and body (both may be NULL), and goes on with the flow's next
 * step, whatever came of it.  A path that no endpoint has is a 404.
 */
enum flow_next	 inner_run(struct flow *, enum method, const char *path,
		    const char *query, const json_t *body);

/* Of the last one that ended. */
const struct inner_answer	*inner_answer(const struct flow *);

/* ---- for the driver and respond ---- */

/* Keeps what would have been sent; false: none is under way, so send it. */
bool		 inner_keep(struct flow *, int status, const void *, size_t);
/* Its steps are through: true when one was under way; the outer goes on. */
bool		 inner_end(struct flow *);
/* The flow is dropped: what the outer one held goes, too. */
void		 inner_drop(struct flow *);

#endif
