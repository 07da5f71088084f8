/* Once an hour, by one worker of all: partitions ahead, full buckets away. */
#include "jobs/jobs.h"

#include "flow/flow.h"

#include "sql.h"

static enum flow_next
housekeeping_partitions(struct flow *f)
{
	return (FLOW_QUERY(f, partitions_make, .none = NULL));
}

static enum flow_next
housekeeping_limits(struct flow *f)
{
	return (FLOW_QUERY(f, limit_prune, .none = NULL));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(housekeeping_partitions),	/* sql  partitions_make */
	FLOW_STEP(housekeeping_limits),		/* sql  limit_prune */
	{ NULL, NULL }
};

static void
claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("housekeeping", steps, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

void
housekeeping_tick(struct db_pool *pool)
{
	struct db_query	q = { .stmt = &sql_housekeeping_claim };

	(void)db_exec(pool, &q, claimed, NULL);
}
