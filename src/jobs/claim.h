/*
 * Work by rows: a statement claims a few that are due, each under a lease, and
 * a job is started for every one.  Who dies with them does no harm: the lease
 * runs out.
 */
#ifndef JOBS_CLAIM_H
#define JOBS_CLAIM_H

#include "db/pool.h"
#include "flow/flow.h"

#include <stdbool.h>
#include <stddef.h>

/* One kind of work; lives as long as the worker. */
struct claim {
	const char		*name;		/* of its jobs */
	const struct sql_stmt	*stmt;		/* arguments: limit, then maybe
						   `argument' */
	const char		*argument;	/* NULL: limit is the only one */
	const struct flow_step	*steps;
	size_t			 state;		/* bytes, zeroed */
	unsigned int		 together;	/* jobs of a worker at once */
	bool			 refills;	/* claims on while there is more */

	/* Its own. */
	struct db_pool		*pool;
	struct db_op		*claiming;
	unsigned int		 asked;		/* by the claim under way */
	unsigned int		 running;
	bool			 more;		/* the last claim was full */
	struct claim		*next;
};

/* Claims as many as may run beside those that do; none while it drains. */
void			 claim_tick(struct claim *, struct db_pool *);

/*
 * The claimed row of the job that is just being started.  Only for its first
 * step, which must copy what it needs: the rows are gone when it waits.
 */
const struct db_rows	*claim_row(unsigned int *row);
/* A text of that row, copied to the flow's arena; NULL stays NULL. */
const char		*claim_text(struct flow *, const char *column);

#endif
