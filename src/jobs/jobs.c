#include "jobs/jobs.h"

#include "base/conf.h"
#include "db/pool.h"
#include "serve/drain.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define HOUSEKEEPING_MS	60000

/* What runs by the clock; its name is what wakes it before its time. */
struct job {
	const char		*name;
	void			(*tick)(struct db_pool *);
	uint64_t		 every_ms;	/* 0: as invoices come due */
	struct kore_timer	*timer;
};

static struct job	jobs[] = {
	{ .name = "reconcile", .tick = reconcile_tick },
	{ .name = "housekeeping", .tick = housekeeping_tick,
	    .every_ms = HOUSEKEEPING_MS },
};

#define JOB_COUNT	(sizeof(jobs) / sizeof(jobs[0]))

static struct db_pool	*pool;

static void
run(void *arg, u_int64_t now)
{
	struct job	*j = arg;

	(void)now;
	if (!drain_started())
		j->tick(pool);
}

/*
 * A job's name wakes that one; anything else wakes all: that the clock was
 * moved, or NULL, just (re)connected, so look for what was said meanwhile.
 */
static void
notified(const char *payload)
{
	struct job	*j, *only = NULL;

	for (j = jobs; payload != NULL && j < jobs + JOB_COUNT; j++) {
		if (!strcmp(payload, j->name))
			only = j;
	}
	for (j = jobs; j < jobs + JOB_COUNT; j++) {
		if (only == NULL || only == j)
			run(j, 0);
	}
}

/*
 * Invoices are looked for more often than each is looked at: when one is due
 * is in its row.
 */
void
jobs_open(struct db_pool *p)
{
	uint64_t	 every = (uint64_t)conf.reconcile_seconds * 1000 / 4;
	struct job	*j;

	pool = p;
	for (j = jobs; j < jobs + JOB_COUNT; j++)
		j->timer = kore_timer_add(run, j->every_ms != 0 ? j->every_ms :
		    every > 5000 ? 5000 : every, j, 0);
	db_listen("licet_jobs", notified);
}

void
jobs_close(void)
{
	struct job	*j;

	for (j = jobs; j < jobs + JOB_COUNT; j++)
		kore_timer_remove(j->timer);
	db_listen_end();
}
