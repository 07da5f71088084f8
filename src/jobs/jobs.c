#include "jobs/jobs.h"

#include "base/conf.h"
#include "db/pool.h"
#include "pay/provider.h"
#include "serve/drain.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define HOUSEKEEPING_MS	60000

static struct db_pool		*pool;
static struct kore_timer	*reconcile_timer, *housekeeping_timer;

static void
reconcile(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	if (!drain_started() && pay_provider() != NULL)
		reconcile_tick(pool);
}

static void
housekeeping(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	if (!drain_started())
		housekeeping_tick(pool);
}

/* NULL: just (re)connected, so look for what was said meanwhile. */
static void
notified(const char *payload)
{
	if (payload == NULL || !strcmp(payload, "reconcile"))
		reconcile(NULL, 0);
}

/*
 * Invoices are looked for more often than each is looked at: when one is due
 * is in its row.
 */
void
jobs_open(struct db_pool *p)
{
	uint64_t	every = (uint64_t)conf.reconcile_seconds * 1000 / 4;

	pool = p;
	if (every > 5000)
		every = 5000;
	reconcile_timer = kore_timer_add(reconcile, every, NULL, 0);
	housekeeping_timer = kore_timer_add(housekeeping, HOUSEKEEPING_MS,
	    NULL, 0);
	db_listen("licet_jobs", notified);
}

void
jobs_close(void)
{
	kore_timer_remove(reconcile_timer);
	kore_timer_remove(housekeeping_timer);
	db_listen_end();
}
