/*
 * The driver's statements: flow_query() and its kind, of flow/flow.h.
 *
 * A step whose statement was rolled back is repeated.  Under an Idempotency-Key,
 * the statement that has the effect is held until the answer is stored with it.
 */
#ifndef FLOW_QUERY_H
#define FLOW_QUERY_H

#include "flow/flow.h"

void		query_open(struct db_pool *);
/* Nothing is asked any more. */
void		query_close(void);

/*
 * Commits what is held, without an answer, since there is more to ask; then the
 * step runs once more.
 */
enum flow_next	query_commit_held(struct flow *);

#endif
