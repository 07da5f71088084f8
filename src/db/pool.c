#include "db/pool.h"

#include "base/log.h"
#include "base/stat.h"
#include "db/conn.h"
#include "db/query.h"
#include "db/sqlstate.h"

#include <stdlib.h>
#include <string.h>

#define INFLIGHT_MAX	4096	/* statements of one connection */
#define QUEUE_MAX	8192	/* statements that wait for a connection */
#define OP_MAGIC	0xdb09a7ed

struct db_op {
	uint32_t		 magic;
	db_done			 done;	/* NULL: cancelled */
	void			*arg;
	const struct sql_stmt	*stmt;
	struct db_conn		*conn;	/* whose transaction is its own */

	/* Only while it waits. */
	struct db_pool		*queued;
	struct db_query		*copy;
	TAILQ_ENTRY(db_op)	 list;
};

struct db_pool {
	struct db_conn		*conns;
	unsigned int		 nconns;
	struct kore_timer	*tick;
	unsigned int		 nqueued;
	TAILQ_HEAD(, db_op)	 queue;
	struct db_pool		*next;	/* of this worker */
};

static struct db_pool	*pools;

static void	queue_run(struct db_conn *);

static void
judge(struct db_reply *reply, const struct sql_stmt *stmt, const PGresult *r)
{
	const char		*state, *why;
	struct sqlstate_verdict	 v;

	state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
	why = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	v = sqlstate_judge(state);
	reply->error = v.error;
	reply->again = v.again;
	(void)kore_strlcpy(reply->message, v.ours && why != NULL ? why :
	    v.message, sizeof(reply->message));
	stat_add(STAT_DB_ERRORS, 1);
	if (!v.ours)
		LOG(v.error == ERR_INTERNAL ? LOG_ERR : LOG_NOTICE, "db.error",
		    LS("statement", stmt->name), LS("sqlstate", state),
		    LS("message", why));
}

static void
op_free(void *arg)
{
	struct db_op	*op = arg;

	op->magic = 0;
	free(op->copy);
	free(op);
}

static bool
is_good(const PGresult *r)
{
	return (r != NULL && (PQresultStatus(r) == PGRES_TUPLES_OK ||
	    PQresultStatus(r) == PGRES_COMMAND_OK));
}

static void
op_done(void *arg, PGresult *r)
{
	struct db_op	*op = arg;
	struct db_reply	 reply = { .error = ERR_NONE };

	if (op->magic != OP_MAGIC)
		fatal("db: not an operation");
	stat_add(STAT_DB_STATEMENTS, 1);
	if (is_good(r)) {
		reply.rows = (struct db_rows *)(void *)r;
	} else {
		judge(&reply, op->stmt, r);
		PQclear(r);
	}
	if (op->done != NULL)
		op->done(op->arg, &reply);
	else
		db_rows_free(reply.rows);
	op_free(op);
}

/* Sends Parse first when this connection does not know the statement yet. */
static bool
send_one(struct db_conn *c, const struct sql_stmt *s,
    const struct db_query *q, const char *const *params, int *prepares)
{
	bool	main = s == q->stmt;

	if (!c->prepared[s->index]) {
		if (!PQsendPrepare(c->pg, s->name, s->text, 0, NULL))
			return (false);
		c->prepared[s->index] = 1;
		*prepares = (int)s->index;
	}
	return (PQsendQueryPrepared(c->pg, s->name, (int)s->nargs, params,
	    main ? q->lengths : NULL, main ? q->formats : NULL,
	    main && q->binary_rows) == 1);
}

/* ---- transactions that are held open ---- */

static bool
send_word(struct db_conn *c, const char *word)
{
	return (PQsendQueryParams(c->pg, word, 0, NULL, NULL, NULL, NULL, 0) ==
	    1);
}

/* The connection is everybody's again. */
static void
send_rollback(struct db_conn *c)
{
	c->held = NULL;
	c->reserved = false;
	if (!send_word(c, "ROLLBACK") || !PQpipelineSync(c->pg))
		c->broken = true;
	db_conn_book(c, NULL, NULL);
}

/* It has run, and its transaction is open; or failed. */
static void
hold_done(void *arg, PGresult *r)
{
	struct db_op	*op = arg;
	struct db_reply	 reply = { .error = ERR_NONE, .held = op };

	if (!is_good(r) || op->done == NULL) {
		if (r != NULL)
			send_rollback(op->conn);
		op_done(op, r);
		return;
	}
	stat_add(STAT_DB_STATEMENTS, 1);
	op->conn->held = op;
	reply.rows = (struct db_rows *)(void *)r;
	op->done(op->arg, &reply);
}

static void
commit_done(void *arg, PGresult *r)
{
	struct db_op	*op = arg;

	if (is_good(r))
		op->conn->reserved = false;
	else if (r != NULL)
		send_rollback(op->conn);
	op_done(op, r);
}

/* While nothing of it was under way, so nobody else hears. */
static void
conn_lost(struct db_conn *c)
{
	struct db_op	*op = c->held;

	if (op != NULL)
		op->conn = NULL;
	c->held = NULL;
}

/* ---- sending ---- */

static void
send_query(struct db_conn *c, const struct db_query *q, struct db_op *op)
{
	struct db_flight	*f;
	int			 prepares = -1, lock_prepares = -1;
	bool			 ok;

	ok = !q->hold || send_word(c, "BEGIN");
	ok = ok && (q->lock == NULL || send_one(c, q->lock, q, q->lock_params,
	    &lock_prepares));
	ok = ok && send_one(c, q->stmt, q, q->params, &prepares) &&
	    PQpipelineSync(c->pg);
	if (q->hold) {
		op->conn = c;
		c->reserved = true;
	}
	f = db_conn_book(c, q->hold ? hold_done : op_done, op);
	f->drop = op_free;
	f->prepares = prepares;
	f->lock_prepares = lock_prepares;
	if (!ok)
		c->broken = true;
}

static struct db_conn *
choose(struct db_pool *p)
{
	struct db_conn	*c, *best = NULL;

	for (c = p->conns; c < p->conns + p->nconns; c++) {
		if (c->state == DB_READY && !c->broken && !c->stale &&
		    !c->reserved && c->inflight < INFLIGHT_MAX &&
		    (best == NULL || c->inflight < best->inflight))
			best = c;
	}
	return (best);
}

/* ---- waiting for a connection ---- */

static bool
enqueue(struct db_pool *p, const struct db_query *q, struct db_op *op)
{
	if (p->nqueued >= QUEUE_MAX || (op->copy = db_query_copy(q)) == NULL)
		return (false);
	op->queued = p;
	TAILQ_INSERT_TAIL(&p->queue, op, list);
	p->nqueued++;
	return (true);
}

static void
dequeue(struct db_op *op)
{
	TAILQ_REMOVE(&op->queued->queue, op, list);
	op->queued->nqueued--;
	op->queued = NULL;
}

/* A connection came up, or has room again. */
static void
queue_run(struct db_conn *c)
{
	struct db_pool	*p = c->owner;
	struct db_op	*op;
	struct db_query	*q;
	struct db_conn	*to;

	while ((op = TAILQ_FIRST(&p->queue)) != NULL &&
	    (to = choose(p)) != NULL) {
		dequeue(op);
		q = op->copy;
		op->copy = NULL;
		send_query(to, q, op);
		free(q);
	}
}

/* ---- the interface ---- */

struct db_op *
db_exec(struct db_pool *p, const struct db_query *q, db_done done, void *arg)
{
	struct db_conn	*c;
	struct db_op	*op;

	if ((op = calloc(1, sizeof(*op))) == NULL)
		return (NULL);
	op->magic = OP_MAGIC;
	op->done = done;
	op->arg = arg;
	op->stmt = q->stmt;
	if (TAILQ_EMPTY(&p->queue) && (c = choose(p)) != NULL) {
		send_query(c, q, op);
	} else if (!enqueue(p, q, op)) {
		free(op);
		return (NULL);
	}
	return (op);
}

struct db_op *
db_commit(struct db_op *op, const struct db_query *last, db_done done,
    void *arg)
{
	struct db_conn		*c = op->conn;
	struct db_flight	*f;
	int			 prepares = -1;
	bool			 ok;

	if (c == NULL) {
		op_free(op);
		return (NULL);
	}
	op->done = done;
	op->arg = arg;
	c->held = NULL;
	ok = last == NULL || send_one(c, last->stmt, last, last->params,
	    &prepares);
	ok = ok && send_word(c, "COMMIT") && PQpipelineSync(c->pg);
	if (last != NULL)
		op->stmt = last->stmt;
	f = db_conn_book(c, commit_done, op);
	f->drop = op_free;
	f->prepares = prepares;
	if (!ok)
		c->broken = true;
	return (op);
}

void
db_rollback(struct db_op *op)
{
	struct db_conn	*c = op->conn;

	op_free(op);
	if (c == NULL)
		return;
	send_rollback(c);
	queue_run(c);
}

void
db_cancel(struct db_op *op)
{
	if (op->magic != OP_MAGIC)
		fatal("db: not an operation");
	op->done = NULL;
	if (op->queued == NULL)
		return;
	dequeue(op);
	op_free(op);
}

unsigned int
db_pool_up(const struct db_pool *p)
{
	unsigned int	i, n = 0;

	for (i = 0; i < p->nconns; i++)
		n += p->conns[i].state == DB_READY;
	return (n);
}

/* Gauges are of the whole worker, so over all of its pools. */
static void
report(void)
{
	uint64_t	 up = 0, wanted = 0, inflight = 0, queued = 0;
	struct db_pool	*p;
	unsigned int	 i;

	for (p = pools; p != NULL; p = p->next) {
		up += db_pool_up(p);
		wanted += p->nconns;
		queued += p->nqueued;
		for (i = 0; i < p->nconns; i++)
			inflight += p->conns[i].inflight;
	}
	stat_set(STAT_DB_UP, up);
	stat_set(STAT_DB_WANTED, wanted);
	stat_set(STAT_DB_INFLIGHT, inflight);
	stat_set(STAT_DB_QUEUED, queued);
}

static void
tick(void *arg, u_int64_t now)
{
	struct db_pool	*p = arg;
	unsigned int	 i;

	for (i = 0; i < p->nconns; i++)
		db_conn_watch(&p->conns[i], now);
	if (p == pools)
		report();
}

struct db_pool *
db_pool_open(unsigned int count)
{
	struct db_pool	*p;
	unsigned int	 i;

	p = kore_calloc(1, sizeof(*p));
	p->conns = kore_calloc(count, sizeof(*p->conns));
	p->nconns = count;
	TAILQ_INIT(&p->queue);
	for (i = 0; i < count; i++) {
		p->conns[i].owner = p;
		p->conns[i].up = queue_run;
		p->conns[i].idle = queue_run;
		p->conns[i].lost = conn_lost;
		db_conn_open(&p->conns[i]);
	}
	p->tick = kore_timer_add(tick, 1000, p, 0);
	p->next = pools;
	pools = p;
	return (p);
}

void
db_pool_close(struct db_pool *p)
{
	struct db_pool	**link;
	struct db_op	 *op;
	unsigned int	  i;

	for (link = &pools; *link != p; link = &(*link)->next)
		;
	*link = p->next;
	kore_timer_remove(p->tick);
	for (i = 0; i < p->nconns; i++) {
		db_conn_end(&p->conns[i]);
		if (p->conns[i].held != NULL)
			op_free(p->conns[i].held);
	}
	while ((op = TAILQ_FIRST(&p->queue)) != NULL) {
		dequeue(op);
		op_free(op);
	}
	kore_free(p->conns);
	kore_free(p);
}
