#include "flow/flow.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "flow/aside.h"
#include "flow/heard.h"
#include "flow/idempotency.h"
#include "flow/query.h"
#include "flow/inner.h"
#include "flow/respond.h"
#include "flow/stream.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <stdlib.h>
#include <string.h>

#define SPARE_MAX	512	/* flows kept for reuse */
#define CALL_MARGIN_MS	250	/* for what follows a call that got no answer */

TAILQ_HEAD(flow_list, flow);

static struct flow_list		 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct flow_list		 spare = TAILQ_HEAD_INITIALIZER(spare);
static unsigned int		 nspare;
static struct kore_timer	*clock_timer;

static void	resume(struct flow *);

void
flow_check(const struct flow *f)
{
	if (f->magic != FLOW_MAGIC)
		fatal("flow: not a flow");
}

struct flow *
flow_new(void)
{
	struct flow	*f;

	if ((f = TAILQ_FIRST(&spare)) != NULL) {
		TAILQ_REMOVE(&spare, f, list);
		nspare--;
	} else if ((f = malloc(sizeof(*f))) == NULL) {
		fatal("no memory");
	}
	memset(f, 0, offsetof(struct flow, arena));
	memset((char *)f + offsetof(struct flow, state), 0,
	    sizeof(*f) - offsetof(struct flow, state));
	f->magic = FLOW_MAGIC;
	arena_init(&f->arena);
	f->started_ns = clock_steady_ns();
	f->deadline_ms = kore_time_ms() + (uint64_t)conf.request_timeout_ms;
	return (f);
}

static void
stop_waiting(struct flow *f)
{
	if (f->op != NULL) {
		if (!f->is_bound)
			idempotency_unsure(f);
		db_cancel(f->op);
	}
	if (f->call != NULL)
		net_call_cancel(f->call);
	if (f->item != NULL)
		batch_forget(f->item);
	if (f->piece != NULL)
		stream_forget(f->piece);
	if (f->aside != NULL)
		aside_forget(f->aside);
	if (f->pause != NULL)
		kore_timer_remove(f->pause);
	f->op = NULL;
	f->call = NULL;
	f->item = NULL;
	f->piece = NULL;
	f->aside = NULL;
	f->pause = NULL;
	if (f->waiting)
		TAILQ_REMOVE(&waiting, f, list);
	f->waiting = false;
}

void
flow_drop(struct flow *f)
{
	flow_check(f);
	stop_waiting(f);
	idempotency_drop(f);
	db_rows_free(f->rows);
	inner_drop(f);
	json_decref(f->body);
	arena_reset(&f->arena);
	f->magic = 0;
	if (nspare < SPARE_MAX) {
		TAILQ_INSERT_HEAD(&spare, f, list);
		nspare++;
	} else {
		free(f);
	}
}

/* All flows have the same patience, so the list is in order of deadlines. */
static void
wait_begin(struct flow *f)
{
	struct flow	*last = TAILQ_LAST(&waiting, flow_list);

	f->waiting = true;
	while (last != NULL && last->deadline_ms > f->deadline_ms)
		last = TAILQ_PREV(last, flow_list, list);
	if (last == NULL)
		TAILQ_INSERT_HEAD(&waiting, f, list);
	else
		TAILQ_INSERT_AFTER(&waiting, last, f, list);
	if (f->req != NULL)
		http_request_sleep(f->req);
}

static void
deadlines(void *arg, u_int64_t now)
{
	struct flow	*f;

	(void)arg;
	stat_set(STAT_CONNECTIONS, worker_active_connections);
	while ((f = TAILQ_FIRST(&waiting)) != NULL && f->deadline_ms <= now) {
		stat_add(STAT_DEADLINES, 1);
		stop_waiting(f);
		f->fault = ERR_UNAVAILABLE;
		f->fault_message = "No answer in time; try again.";
		resume(f);
	}
}

void
flow_open(struct db_pool *p)
{
	query_open(p);
	clock_timer = kore_timer_add(deadlines, 50, NULL, 0);
}

void
flow_close(void)
{
	struct flow	*f;

	kore_timer_remove(clock_timer);
	aside_close();
	query_close();
	while ((f = TAILQ_FIRST(&spare)) != NULL) {
		TAILQ_REMOVE(&spare, f, list);
		free(f);
	}
}

/* What it waited for is here: the next step's turn, or the fault's. */
static void
resume(struct flow *f)
{
	if (f->req != NULL)
		http_request_wakeup(f->req);
	else
		(void)flow_run(f);
}

void
flow_landed(struct flow *f, enum err fault, const char *message)
{
	if (f->waiting)
		TAILQ_REMOVE(&waiting, f, list);
	f->waiting = false;
	if (fault == ERR_NONE) {
		f->at++;
		f->repeats = 0;
	} else {
		f->fault = fault;
		f->fault_message = message == NULL ? NULL :
		    arena_strdup(&f->arena, message);
	}
	resume(f);
}

void
flow_again(struct flow *f)
{
	TAILQ_REMOVE(&waiting, f, list);
	f->waiting = false;
	resume(f);
}

/* ---- calls ---- */

static void
call_done(void *arg, const struct net_reply *reply)
{
	struct flow	*f = arg;

	flow_check(f);
	f->call = NULL;
	if (!f->calls_uncounted) {
		stat_add(reply->error == NULL && reply->status / 100 == 2 ?
		    STAT_CALLS_OK : STAT_CALLS_FAILED, 1);
		heard_note(f->called, reply);
	}
	f->reply = *reply;
	f->reply.body = arena_strndup(&f->arena, reply->body, reply->len);
	f->reply.error = reply->error == NULL ? NULL :
	    arena_strdup(&f->arena, reply->error);
	flow_landed(f, ERR_NONE, NULL);
}

/*
 * It ends before the flow's deadline does, so that the step after hears of a
 * silence and can act on it.
 */
enum flow_next
flow_call(struct flow *f, const struct net_request *r)
{
	struct net_request	bounded = *r;
	uint64_t		now = kore_time_ms(), left = 1;

	if (f->held != NULL)
		return (query_commit_held(f));
	if (f->deadline_ms > now + 2 * CALL_MARGIN_MS)
		left = f->deadline_ms - now - CALL_MARGIN_MS;
	if (bounded.timeout_ms == 0 || bounded.timeout_ms > left)
		bounded.timeout_ms = (unsigned int)left;
	f->called = arena_strdup(&f->arena, r->url);
	f->call = net_call(&bounded, call_done, f);
	return (FLOW_WAIT);
}

const struct net_reply *
flow_reply(const struct flow *f)
{
	return (&f->reply);
}

/* ---- a moment ---- */

static void
pause_over(void *arg, u_int64_t now)
{
	struct flow	*f = arg;

	(void)now;
	flow_check(f);
	f->pause = NULL;	/* it is freed by Kore, which runs it once */
	flow_landed(f, ERR_NONE, NULL);
}

enum flow_next
flow_pause(struct flow *f, unsigned int ms)
{
	f->pause = kore_timer_add(pause_over, ms, f, KORE_TIMER_ONESHOT);
	return (FLOW_WAIT);
}

/* ---- batches ---- */

enum flow_next
flow_batch(struct flow *f, struct batch *b, struct batch_item *item)
{
	f->item = item;
	batch_add(b, item);
	return (FLOW_WAIT);
}

void
flow_wake(struct flow *f, enum err fault, const char *message)
{
	flow_check(f);
	f->item = NULL;
	flow_landed(f, fault, message);
}

/* ---- steps ---- */

void *
flow_state(struct flow *f)
{
	return (f->state);
}

enum flow_next
flow_skip_to(struct flow *f, enum flow_next (*step)(struct flow *))
{
	const struct flow_step	*s;

	for (s = f->at + 1; s->run != step; s++) {
		if (s->run == NULL)
			fatal("flow: a jump to no later step");
	}
	f->at = s;
	return (FLOW_JUMP);
}

enum flow_next
flow_back_to(struct flow *f, enum flow_next (*step)(struct flow *))
{
	while (f->at->run != step)
		f->at--;
	return (FLOW_JUMP);
}

enum flow_next
flow_enter(struct flow *f, const struct flow_step *steps)
{
	f->at = steps;
	return (FLOW_JUMP);
}

/* True: no step will run any more. */
static bool
run_steps(struct flow *f)
{
	for (;;) {
		if (f->fault != ERR_NONE || f->answered ||
		    f->at->run == NULL) {
			if (!inner_end(f))
				return (true);
			continue;
		}
		switch (f->at->run(f)) {
		case FLOW_NEXT:
			f->at++;
			break;
		case FLOW_JUMP:
			break;
		case FLOW_WAIT:
			wait_begin(f);
			return (false);
		case FLOW_DONE:
			if (!inner_end(f))
				return (true);
			break;
		}
	}
}

bool
flow_run(struct flow *f)
{
	bool	done;

	flow_check(f);
	log_set_request(f->request_id);
	while ((done = run_steps(f)) && f->endpoint != NULL && !f->answered) {
		if (!idempotency_enter(f))
			flow_answer_fault(f);
	}
	if (done && f->endpoint == NULL)
		flow_end_job(f);
	log_set_request(NULL);
	return (done);
}
