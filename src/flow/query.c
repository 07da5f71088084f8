#include "flow/query.h"

#include "flow/fail.h"
#include "flow/idempotency.h"

#define REPEATS_MAX	3	/* of a step whose statement was rolled back */

static struct db_pool	*pool;

void
query_open(struct db_pool *p)
{
	pool = p;
}

void
query_close(void)
{
	pool = NULL;
}

static void
query_done(void *arg, struct db_reply *reply)
{
	struct flow	*f = arg;

	flow_check(f);
	f->op = NULL;
	if (reply->error != ERR_NONE && reply->again &&
	    f->repeats++ < REPEATS_MAX) {
		flow_again(f);	/* it is rolled back */
		return;
	}
	if (reply->error == ERR_UNAVAILABLE && !f->is_bound)
		idempotency_unsure(f);
	f->held = reply->held;
	db_rows_free(f->rows);
	f->rows = reply->rows;
	flow_landed(f, reply->error, reply->error == ERR_NONE ? NULL :
	    reply->message);
}

static enum flow_next
waits_for(struct flow *f, struct db_op *op)
{
	if ((f->op = op) == NULL)
		return (flow_fail(f, ERR_UNAVAILABLE,
		    "The database is away; try again."));
	return (FLOW_WAIT);
}

/* What was held is committed: the step that has more to ask, once more. */
static void
held_done(void *arg, struct db_reply *reply)
{
	struct flow	*f = arg;

	flow_check(f);
	f->op = NULL;
	db_rows_free(reply->rows);
	if (reply->error == ERR_UNAVAILABLE)
		idempotency_unsure(f);
	if (reply->error != ERR_NONE) {
		flow_landed(f, reply->error, reply->message);
		return;
	}
	flow_again(f);
}

enum flow_next
query_commit_held(struct flow *f)
{
	struct db_op	*held = f->held;

	f->held = NULL;
	f->is_last = f->is_bound = false;
	return (waits_for(f, db_commit(held, NULL, held_done, f)));
}

enum flow_next
flow_query(struct flow *f, const struct db_query *q)
{
	struct db_query	bounded = *q;

	if (f->held != NULL)
		return (query_commit_held(f));
	bounded.hold = f->is_bound = f->is_last;
	f->is_last = false;
	return (waits_for(f, db_exec(pool, &bounded, query_done, f)));
}

void
flow_last(struct flow *f)
{
	f->is_last = idempotency_runs(f);
}

/* Not to be repeated: with it, the effect is rolled back. */
static void
commit_done(void *arg, struct db_reply *reply)
{
	reply->again = false;
	query_done(arg, reply);
}

enum flow_next
flow_commit(struct flow *f, const struct db_query *last)
{
	struct db_op	*held = f->held;

	f->is_last = false;
	if (held == NULL)
		return (flow_query(f, last));
	f->held = NULL;
	f->is_bound = true;
	return (waits_for(f, db_commit(held, last, commit_done, f)));
}

void
flow_let_go(struct flow *f)
{
	if (f->held != NULL)
		db_rollback(f->held);
	f->held = NULL;
}

static void
told(void *arg, struct db_reply *reply)
{
	(void)arg;
	db_rows_free(reply->rows);
}

void
flow_tell(const struct db_query *q)
{
	if (pool != NULL)
		(void)db_exec(pool, q, told, NULL);
}

const struct db_rows *
flow_rows(const struct flow *f)
{
	return (f->rows);
}
