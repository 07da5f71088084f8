#include "jobs/jobs.h"

#include "base/conf.h"
#include "db/pool.h"
#include "flow/flow.h"
#include "serve/drain.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define RECONCILE_MAX_MS	5000
#define RENEWALS_FIRST_MS	30000
#define HOUSEKEEPING_MS		60000
#define TIPS_MS			5000
#define REFUNDS_MS		15000
#define CARDS_MS		15000
#define WEBHOOKS_MS		1000
#define SELFLICENSE_MS		60000
#define MAILS_MS		5000
#define REPLICA_MS		60000
#define FIGURES_MS		60000
#define CHECKOUTS_MS		1000

/* What runs by the clock; its name is what wakes it before its time. */
struct job {
	const char		*name;
	void			(*tick)(struct db_pool *);
	uint64_t		(*every_ms)(void);
	uint64_t		 first_ms;	/* at most; 0: at once */
	struct kore_timer	*timer;
};

static uint64_t	reconcile_every(void);
static uint64_t	renewals_every(void);
static uint64_t	housekeeping_every(void);
static uint64_t	tips_every(void);
static uint64_t	refunds_every(void);
static uint64_t	cards_every(void);
static uint64_t	webhooks_every(void);
static uint64_t	selflicense_every(void);
static uint64_t	mails_every(void);
static uint64_t	replica_every(void);
static uint64_t	figures_every(void);
static uint64_t	checkouts_every(void);

static struct job	jobs[] = {
	{ .name = "reconcile", .tick = reconcile_tick,
	    .every_ms = reconcile_every },
	{ .name = "renewals", .tick = renewals_tick,
	    .every_ms = renewals_every, .first_ms = RENEWALS_FIRST_MS },
	{ .name = "housekeeping", .tick = housekeeping_tick,
	    .every_ms = housekeeping_every },
	{ .name = "tips", .tick = tips_tick, .every_ms = tips_every },
	{ .name = "refunds", .tick = refunds_tick, .every_ms = refunds_every },
	{ .name = "cards", .tick = cards_tick, .every_ms = cards_every },
	{ .name = "charges", .tick = charges_tick,
	    .every_ms = reconcile_every },
	{ .name = "webhooks", .tick = webhooks_tick,
	    .every_ms = webhooks_every },
	{ .name = "self_license", .tick = selflicense_tick,
	    .every_ms = selflicense_every },
	{ .name = "mails", .tick = mails_tick, .every_ms = mails_every },
	{ .name = "replica", .tick = replica_tick, .every_ms = replica_every },
	{ .name = "figures", .tick = figures_tick, .every_ms = figures_every },
	{ .name = "checkouts", .tick = checkouts_tick,
	    .every_ms = checkouts_every },
};

#define JOB_COUNT	(sizeof(jobs) / sizeof(jobs[0]))

static struct db_pool	*pool;

/*
 * Invoices are looked for more often than each is looked at: when one is due
 * is in its row.
 */
static uint64_t
reconcile_every(void)
{
	uint64_t	every = (uint64_t)conf.reconcile_seconds * 1000 / 4;

	return (every > RECONCILE_MAX_MS ? RECONCILE_MAX_MS : every);
}

static uint64_t
renewals_every(void)
{
	return ((uint64_t)conf.renewal_seconds * 1000);
}

static uint64_t
housekeeping_every(void)
{
	return (HOUSEKEEPING_MS);
}

static uint64_t
tips_every(void)
{
	return (TIPS_MS);
}

static uint64_t
refunds_every(void)
{
	return (REFUNDS_MS);
}

static uint64_t
cards_every(void)
{
	return (CARDS_MS);
}

static uint64_t
webhooks_every(void)
{
	return (WEBHOOKS_MS);
}

static uint64_t
mails_every(void)
{
	return (MAILS_MS);
}

static uint64_t
figures_every(void)
{
	return (FIGURES_MS);
}

static uint64_t
checkouts_every(void)
{
	return (CHECKOUTS_MS);
}

static uint64_t
replica_every(void)
{
	return (REPLICA_MS);
}

static uint64_t
selflicense_every(void)
{
	return (SELFLICENSE_MS);
}

static void
run(void *arg, u_int64_t now)
{
	struct job	*j = arg;

	(void)now;
	if (!drain_started())
		j->tick(pool);
}

/* Kore frees a timer that was to run once. */
static void
run_first(void *arg, u_int64_t now)
{
	struct job	*j = arg;

	j->timer = kore_timer_add(run, j->every_ms(), j, 0);
	run(j, now);
}

/*
 * A job's name wakes that one; anything else wakes all: that the clock was
 * moved, or NULL, just (re)connected, so look for what was said meanwhile.
 * Those that wait at the start aren't hurried by a connection.
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
		if (payload == NULL ? j->first_ms == 0 :
		    only == NULL || only == j)
			run(j, 0);
	}
}

void
jobs_open(struct db_pool *p)
{
	struct job	*j;

	pool = p;
	for (j = jobs; j < jobs + JOB_COUNT; j++) {
		if (j->first_ms > 0 && j->first_ms < j->every_ms())
			j->timer = kore_timer_add(run_first, j->first_ms, j,
			    KORE_TIMER_ONESHOT);
		else
			j->timer = kore_timer_add(run, j->every_ms(), j, 0);
	}
	db_listen("licet_jobs", notified);
}

unsigned int
jobs_left(void)
{
	unsigned int	n = flow_jobs() + webhooks_claiming();

	return (n > 0 ? n : replica_leaving(pool));
}

void
jobs_close(void)
{
	struct job	*j;

	for (j = jobs; j < jobs + JOB_COUNT; j++)
		kore_timer_remove(j->timer);
	db_listen_end();
}
