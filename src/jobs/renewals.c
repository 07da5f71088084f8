/*
 * Bills the next cycle of subscriptions that are due, and lets lapse what was
 * not paid in time.
 *
 * The invoice's row comes first, the provider second: whoever dies in between
 * leaves a row by which the next one finds what the provider made of it, so no
 * cycle is billed twice.  Rows say who does what; any number of workers may
 * look at once.
 */
#include "jobs/jobs.h"

#include "base/stat.h"
#include "db/pool.h"
#include "flow/flow.h"
#include "jobs/claim.h"
#include "jobs/renewal.h"
#include "serve/drain.h"

#include "sql.h"

#include <stdio.h>

#define TOGETHER_MAX	8	/* subscriptions a worker bills at once */
#define LAPSE_MAX	500	/* in one statement */

static struct db_pool	*pool;
static struct db_op	*lapsing;

static void	lapse(void);

static struct claim	claim = {
	.name = "renewals",
	.stmt = &sql_renewal_claim,
	.steps = renewal_steps,
	.state = sizeof(struct renewal),
	.together = TOGETHER_MAX,
	.refills = true,
};

static void
lapsed(void *arg, struct db_reply *reply)
{
	unsigned int	n = db_rows_count(reply->rows);

	(void)arg;
	lapsing = NULL;
	stat_add(STAT_RENEWALS_LAPSED, n);
	db_rows_free(reply->rows);
	if (n == LAPSE_MAX)
		lapse();
}

static void
lapse(void)
{
	char					limit[16];
	struct sql_subscription_lapse_args	args = { .limit = limit };
	struct db_query				q = {
						    .stmt = &sql_subscription_lapse,
						    .params = (const char *const *)
						    (void *)&args };

	if (lapsing != NULL || drain_started())
		return;
	(void)snprintf(limit, sizeof(limit), "%d", LAPSE_MAX);
	lapsing = db_exec(pool, &q, lapsed, NULL);
}

void
renewals_tick(struct db_pool *p)
{
	pool = p;
	claim_tick(&claim, p);
	lapse();
}
