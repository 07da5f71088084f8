/*
 * Once a minute every replica says that it is there, and of which release: for
 * the people who look, nothing goes by it.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/uuid.h"
#include "base/version.h"
#include "db/migrate.h"
#include "db/pool.h"
#include "flow/flow.h"

#include "sql.h"

#include <stdio.h>
#include <unistd.h>

#define HOST_SIZE	256
#define LEAVE_NS	UINT64_C(500000000)	/* of waiting, if the database is away */

/* Made in the parent, so that all its workers say the same. */
static char	host[HOST_SIZE];
static char	run[UUID_TEXT_LEN + 1];

/* At the worker's end. */
static uint64_t	leaving_ns;
static bool	has_left;

void
replica_name(void)
{
	uint8_t	id[UUID_LEN];

	if (gethostname(host, sizeof(host)) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	uuid_random(id);
	uuid_format(id, run);
}

static enum flow_next
replica_say(struct flow *f)
{
	return (FLOW_QUERY(f, replica_seen, .run = run, .host = host,
	    .listen = conf.listen, .version = LICET_VERSION,
	    .migration = arena_printf(&f->arena, "%u", migrate_newest()),
	    .workers = arena_printf(&f->arena, "%lld", conf.workers)));
}

static enum flow_next
replica_said(struct flow *f)
{
	(void)f;
	return (FLOW_DONE);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(replica_say),		/* sql  replica_seen */
	FLOW_STEP(replica_said),
	{ NULL, NULL }
};

void
replica_tick(struct db_pool *pool)
{
	(void)pool;
	flow_start_job("replica", steps, 0, NULL, NULL, NULL);
}

/* ---- the end ---- */

static void
left(void *arg, struct db_reply *reply)
{
	(void)arg;
	has_left = true;
	db_rows_free(reply->rows);
}

bool
replica_leaving(struct db_pool *pool)
{
	const char	*params[] = { run };
	struct db_query	 q = { .stmt = &sql_replica_leave, .params = params };

	if (leaving_ns == 0) {
		leaving_ns = clock_steady_ns();
		has_left = db_exec(pool, &q, left, NULL) == NULL;
	}
	return (!has_left && clock_steady_ns() - leaving_ns < LEAVE_NS);
}
