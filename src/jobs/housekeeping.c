/*
 * Once an hour, by one worker of all: partitions ahead; full buckets, stale
 * states, old logs, kept answers and old deliveries away.
 * Every five minutes: uses of codes that nobody will pay for go back, so do
 * seats of machines that were silent for too long, and what was paid for and
 * lacks its effect gets it.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "flow/bind.h"
#include "flow/flow.h"

#include "sql.h"

/* Of deleting batch by batch, in an hour; a job has sixty seconds in all. */
#define PRUNE_NS	UINT64_C(30000000000)

struct hour {
	bool	more;	/* of old deliveries or news, maybe */
};

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

static enum flow_next
housekeeping_states(struct flow *f)
{
	return (FLOW_QUERY(f, connect_prune, .none = NULL));
}

static enum flow_next
housekeeping_sessions(struct flow *f)
{
	return (FLOW_QUERY(f, session_prune, .none = NULL));
}

static enum flow_next
housekeeping_customers(struct flow *f)
{
	return (FLOW_QUERY(f, customer_prune, .none = NULL));
}

static enum flow_next
housekeeping_secrets(struct flow *f)
{
	return (FLOW_QUERY(f, endpoint_forget_secrets, .none = NULL));
}

static const char *
days_text(struct flow *f, long long days)
{
	return (arena_printf(&f->arena, "%lld", days));
}

static enum flow_next
drop_older(struct flow *f, const char *log, long long days)
{
	if (days == 0)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, partitions_drop, .log = log,
	    .days = days_text(f, days)));
}

static enum flow_next
housekeeping_log(struct flow *f)
{
	return (drop_older(f, "validation_log", conf.log_retention_days));
}

static enum flow_next
housekeeping_audit(struct flow *f)
{
	return (drop_older(f, "events", conf.audit_retention_days));
}

static enum flow_next
housekeeping_keys(struct flow *f)
{
	return (FLOW_QUERY(f, idempotency_prune, .none = NULL));
}

/* What there is no time for is the next hour's. */
static enum flow_next
housekeeping_keys_again(struct flow *f)
{
	if (db_integer(flow_rows(f), 0, "gone", 0) > 0 &&
	    clock_steady_ns() - f->started_ns < PRUNE_NS / 2)
		return (flow_back_to(f, housekeeping_keys));
	return (FLOW_NEXT);
}

static enum flow_next
housekeeping_deliveries(struct flow *f)
{
	if (conf.delivery_retention_days == 0)
		return (FLOW_DONE);
	return (FLOW_QUERY(f, delivery_prune,
	    .days = days_text(f, conf.delivery_retention_days)));
}

static bool
has_deleted(const struct flow *f)
{
	return (db_integer(flow_rows(f), 0, "deleted", 0) > 0);
}

static enum flow_next
housekeeping_outbox(struct flow *f)
{
	struct hour	*h = flow_state(f);

	h->more = has_deleted(f);
	return (FLOW_QUERY(f, outbox_prune,
	    .days = days_text(f, conf.delivery_retention_days)));
}

static enum flow_next
housekeeping_again(struct flow *f)
{
	struct hour	*h = flow_state(f);

	if ((h->more || has_deleted(f)) &&
	    clock_steady_ns() - f->started_ns < PRUNE_NS)
		return (flow_back_to(f, housekeeping_deliveries));
	return (FLOW_DONE);
}

static const struct flow_step	logs[] = {
	FLOW_STEP(housekeeping_partitions),	/* sql  partitions_make */
	FLOW_STEP(housekeeping_log),		/* sql  partitions_drop */
	FLOW_STEP(housekeeping_audit),		/* sql  partitions_drop */
	{ NULL, NULL }
};

static const struct flow_step	pruning[] = {
	FLOW_STEP(housekeeping_limits),		/* sql  limit_prune */
	FLOW_STEP(housekeeping_states),		/* sql  connect_prune */
	FLOW_STEP(housekeeping_sessions),	/* sql  session_prune */
	FLOW_STEP(housekeeping_customers),	/* sql  customer_prune */
	FLOW_STEP(housekeeping_secrets),	/* sql  endpoint_forget_secrets */
	FLOW_STEP(housekeeping_keys),		/* sql  idempotency_prune */
	FLOW_STEP(housekeeping_keys_again),
	FLOW_STEP(housekeeping_deliveries),	/* sql  delivery_prune */
	FLOW_STEP(housekeeping_outbox),		/* sql  outbox_prune */
	FLOW_STEP(housekeeping_again),
	{ NULL, NULL }
};

static enum flow_next
sweep_codes(struct flow *f)
{
	return (FLOW_QUERY(f, code_reap, .none = NULL));
}

static enum flow_next
sweep_machines(struct flow *f)
{
	return (FLOW_QUERY(f, machine_release_silent, .none = NULL));
}

static enum flow_next
sweep_unfulfilled(struct flow *f)
{
	return (FLOW_QUERY(f, sweep_unfulfilled,
	    .signing_key_id = bind_signing_key(f)));
}

/* Nothing of ours leaves such a purchase, so the operator hears of it. */
static enum flow_next
sweep_unsubscribed(struct flow *f)
{
	unsigned int	n = db_rows_count(flow_rows(f));

	if (n > 0)
		LOG(LOG_WARNING, "sweep.fulfilled", LI("purchases", n));
	return (FLOW_QUERY(f, sweep_unsubscribed, .none = NULL));
}

/*
 * What was deleted in the portal is taken out of the logs, by whoever is not
 * at it already; what there is no time for is the next look's.
 */
static enum flow_next
erase_traces(struct flow *f)
{
	return (FLOW_QUERY(f, erasure_traces, .none = NULL));
}

static enum flow_next
erase_traces_again(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0 &&
	    clock_steady_ns() - f->started_ns < PRUNE_NS)
		return (flow_back_to(f, erase_traces));
	return (FLOW_NEXT);
}

static enum flow_next
erase_news(struct flow *f)
{
	return (FLOW_QUERY(f, erasure_news, .none = NULL));
}

static enum flow_next
erase_news_again(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0 &&
	    clock_steady_ns() - f->started_ns < PRUNE_NS)
		return (flow_back_to(f, erase_news));
	return (FLOW_NEXT);
}

static enum flow_next
erase_log(struct flow *f)
{
	return (FLOW_QUERY(f, erasure_log, .none = NULL));
}

static enum flow_next
erase_log_again(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0 &&
	    clock_steady_ns() - f->started_ns < PRUNE_NS)
		return (flow_back_to(f, erase_log));
	return (FLOW_DONE);
}

static const struct flow_step	erasing[] = {
	FLOW_STEP(erase_traces),		/* sql  erasure_traces */
	FLOW_STEP(erase_traces_again),
	FLOW_STEP(erase_news),			/* sql  erasure_news */
	FLOW_STEP(erase_news_again),
	FLOW_STEP(erase_log),			/* sql  erasure_log */
	FLOW_STEP(erase_log_again),
	{ NULL, NULL }
};

static const struct flow_step	sweep[] = {
	FLOW_STEP(sweep_codes),			/* sql  code_reap */
	FLOW_STEP(sweep_machines),		/* sql  machine_release_silent */
	FLOW_STEP(sweep_unfulfilled),		/* sql  sweep_unfulfilled */
	FLOW_STEP(sweep_unsubscribed),		/* sql  sweep_unsubscribed */
	{ NULL, NULL }
};

/* Apart: a partition that can't be made leaves nothing undeleted. */
static void
hour_claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1) {
		flow_start_job("housekeeping", logs, 0, NULL, NULL, NULL);
		flow_start_job("pruning", pruning, sizeof(struct hour), NULL,
		    NULL, NULL);
	}
	db_rows_free(reply->rows);
}

static void
sweep_claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("sweep", sweep, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

static void
erasures_seen(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("erasing", erasing, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

void
housekeeping_tick(struct db_pool *pool)
{
	struct db_query	hour = { .stmt = &sql_housekeeping_claim };
	struct db_query	erasures = { .stmt = &sql_erasure_due };
	struct db_query	minutes = { .stmt = &sql_sweep_claim };

	(void)db_exec(pool, &hour, hour_claimed, NULL);
	(void)db_exec(pool, &erasures, erasures_seen, NULL);
	(void)db_exec(pool, &minutes, sweep_claimed, NULL);
}
