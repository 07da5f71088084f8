/*
 * Once an hour, by one worker of all: this server's own license is looked at
 * again.  What it grants is judged whenever it is asked for; here its signature
 * is checked anew, and the operator hears of a license that has ended.
 */
#include "jobs/jobs.h"

#include "db/pool.h"
#include "domain/selflicense.h"
#include "flow/selflicense.h"

#include "sql.h"

static const struct flow_step	look[] = {
	SELFLICENSE_STEPS,
	{ NULL, NULL }
};

static void
claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("self_license", look, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

void
selflicense_tick(struct db_pool *pool)
{
	struct db_query	q = { .stmt = &sql_self_license_claim };

	if (selflicense_root() != NULL)
		(void)db_exec(pool, &q, claimed, NULL);
}
