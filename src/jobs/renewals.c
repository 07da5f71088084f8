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
#include "jobs/renewal.h"
#include "serve/drain.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define TOGETHER_MAX	8	/* subscriptions a worker bills at once */
#define LAPSE_MAX	500	/* in one statement */

static struct db_pool	*pool;
static struct db_op	*claiming, *lapsing;
static unsigned int	 running;
static bool		 more;		/* the last claim was full */

static void	claim(void);
static void	lapse(void);

static void
init(void *state, const void *arg)
{
	memcpy(state, arg, sizeof(struct renewal));
}

static void
ended(struct flow *f, enum err fault)
{
	(void)f;
	(void)fault;
	running--;
	if (more && running <= TOGETHER_MAX / 2)
		claim();
}

static void
claimed(void *arg, struct db_reply *reply)
{
	const unsigned int	*asked = arg;
	struct renewal		 r;
	unsigned int		 i, n = db_rows_count(reply->rows);

	claiming = NULL;
	more = n > 0 && n == *asked;
	for (i = 0; i < n; i++) {
		memset(&r, 0, sizeof(r));
		(void)snprintf(r.id, sizeof(r.id), "%s",
		    db_text(reply->rows, i, "id"));
		(void)snprintf(r.license_id, sizeof(r.license_id), "%s",
		    db_text(reply->rows, i, "license_id"));
		running++;
		flow_start_job("renewals", renewal_steps, sizeof(r), init, &r,
		    ended);
	}
	db_rows_free(reply->rows);
}

static void
claim(void)
{
	static unsigned int		asked;
	char				limit[16];
	struct sql_renewal_claim_args	args = { .limit = limit };
	struct db_query			q = { .stmt = &sql_renewal_claim,
					    .params = (const char *const *)
					    (void *)&args };

	if (claiming != NULL || running >= TOGETHER_MAX || drain_started())
		return;
	asked = TOGETHER_MAX - running;
	(void)snprintf(limit, sizeof(limit), "%u", asked);
	claiming = db_exec(pool, &q, claimed, &asked);
}

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
	claim();
	lapse();
}
