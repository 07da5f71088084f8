/*
 * Once a minute, by one worker of all: counts what happened, for the figures
 * of the dashboard's front page.  After a rest it counts day by day until it is
 * there, or its time is up; then the next minute goes on.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "flow/flow.h"

#include "sql.h"

#define COUNT_NS	UINT64_C(20000000000)

static enum flow_next
figures_all(struct flow *f)
{
	return (FLOW_QUERY(f, figures_count_all, .none = NULL));
}

static enum flow_next
figures_count(struct flow *f)
{
	return (FLOW_QUERY(f, figures_count, .none = NULL));
}

static enum flow_next
figures_again(struct flow *f)
{
	if (db_true(flow_rows(f), 0, "is_behind") &&
	    clock_steady_ns() - f->started_ns < COUNT_NS)
		return (flow_back_to(f, figures_count));
	return (FLOW_DONE);
}

static const struct flow_step	count[] = {
	FLOW_STEP(figures_all),		/* sql  figures_count_all */
	FLOW_STEP(figures_count),	/* sql  figures_count */
	FLOW_STEP(figures_again),
	{ NULL, NULL }
};

static void
claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("figures", count, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

void
figures_tick(struct db_pool *pool)
{
	struct db_query	claim = { .stmt = &sql_figures_claim };

	(void)db_exec(pool, &claim, claimed, NULL);
}
