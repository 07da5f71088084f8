#include "db/conn.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "db/sqlstate.h"

#include "sql.h"

#include <sys/epoll.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	5000
#define SILENCE_MS	15000	/* no reply for so long: given up */
#define KEEPALIVE_S	"15"	/* one that listens has no replies to miss */

static void	conn_close(struct db_conn *, const char *);
static void	conn_event(void *, int);

/*
 * What every session needs.  Arrays in batches would be planned anew each
 * time under the default plan cache; the timeouts bound what a lost client
 * can hold.
 */
static const char	session_setup[] =
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('jit', 'off', false),"
    " set_config('TimeZone', 'UTC', false),"
    " set_config('statement_timeout', '%lldms', false),"
    " set_config('lock_timeout', '%lldms', false),"
    " set_config('idle_in_transaction_session_timeout', '10s', false)%s";

/* Where licet_now() is another function: see migrations/0003_clock.sql. */
static const char	follow_moved_clock[] =
    ", set_config('search_path', 'licet_moved, ' ||"
    " current_setting('search_path'), false)";

static void
enter(struct db_conn *c, enum db_conn_state state)
{
	c->state = state;
	c->since_ms = kore_time_ms();
}

/* Level triggered: libpq may leave bytes in the socket. */
static void
watch(struct db_conn *c, int events)
{
	if (c->events == events)
		return;
	c->events = events;
	kore_platform_event_schedule(PQsocket(c->pg), events, 0, c);
}

static void
retry_now(void *arg, u_int64_t now)
{
	struct db_conn	*c = arg;

	(void)now;
	c->retry = NULL;
	db_conn_open(c);
}

/* Jitter, so that a fleet does not fall upon a server that just came back. */
static void
retry_later(struct db_conn *c)
{
	uint64_t	delay;

	c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_MIN_MS :
	    MIN(c->backoff_ms * 2, BACKOFF_MAX_MS);
	delay = c->backoff_ms / 2 +
	    (uint64_t)random() % (c->backoff_ms / 2 + 1);
	c->retry = kore_timer_add(retry_now, delay, c, KORE_TIMER_ONESHOT);
}

void
db_conn_open(struct db_conn *c)
{
	const char	*keys[] = { "dbname", "fallback_application_name",
	    "gssencmode", "tcp_user_timeout", "client_encoding",
	    "keepalives_idle", NULL };
	const char	*values[] = { conf.database_url, "licet", "disable",
	    "10000", "UTF8", KEEPALIVE_S, NULL };

	c->magic = DB_CONN_MAGIC;
	c->evt.handle = conn_event;
	if (c->prepared == NULL) {
		STAILQ_INIT(&c->flights);
		c->prepared = kore_calloc(sql_statement_count + 1, 1);
	}
	memset(c->prepared, 0, sql_statement_count + 1);
	c->events = 0;
	c->broken = c->stale = c->told = false;
	enter(c, DB_CONNECTING);
	c->pg = PQconnectStartParams(keys, values, 1);
	if (c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD)
		conn_close(c, "connect");
	else
		watch(c, EPOLLOUT);
}

/* Fails what is in flight and plans a new connection. */
static void
conn_close(struct db_conn *c, const char *what)
{
	STAILQ_HEAD(, db_flight)	lost;
	struct db_flight		*f;
	char				why[256];

	(void)kore_strlcpy(why, c->pg == NULL ? "no memory" :
	    PQerrorMessage(c->pg), sizeof(why));
	why[strcspn(why, "\n")] = '\0';
	LOG(LOG_WARNING, "db.lost", LS("during", what), LS("reason", why),
	    LI("statements", c->inflight));
	stat_add(STAT_DB_LOST, 1);
	PQfinish(c->pg);	/* closes the socket, so epoll forgets it */
	c->pg = NULL;
	enter(c, DB_DOWN);
	retry_later(c);
	if (c->reserved && c->lost != NULL)
		c->lost(c);
	c->reserved = false;

	STAILQ_INIT(&lost);
	STAILQ_CONCAT(&lost, &c->flights);
	c->inflight = 0;
	while ((f = STAILQ_FIRST(&lost)) != NULL) {
		STAILQ_REMOVE_HEAD(&lost, list);
		PQclear(f->result);
		if (f->done != NULL)
			f->done(f->arg, NULL);
		free(f);
	}
}

void
db_conn_end(struct db_conn *c)
{
	struct db_flight	*f;

	if (c->retry != NULL)
		kore_timer_remove(c->retry);
	c->retry = NULL;
	PQfinish(c->pg);
	c->pg = NULL;
	c->state = DB_DOWN;
	if (c->prepared == NULL)
		return;
	while ((f = STAILQ_FIRST(&c->flights)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->flights, list);
		PQclear(f->result);
		if (f->drop != NULL)
			f->drop(f->arg);
		free(f);
	}
	kore_free(c->prepared);
	c->prepared = NULL;
}

static bool
flush(struct db_conn *c)
{
	int	r;

	if ((r = PQflush(c->pg)) == -1)
		return (false);
	watch(c, r == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return (true);
}

struct db_flight *
db_conn_book(struct db_conn *c, void (*done)(void *, PGresult *), void *arg)
{
	struct db_flight	*f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		fatal("no memory");
	f->done = done;
	f->arg = arg;
	f->prepares = f->lock_prepares = -1;
	f->sent_ms = kore_time_ms();
	STAILQ_INSERT_TAIL(&c->flights, f, list);
	c->inflight++;
	if (!flush(c))
		c->broken = true;	/* closed at the next event or watch */
	return (f);
}

static bool
send_setup(struct db_conn *c)
{
	char	 sql[sizeof(session_setup) + sizeof(follow_moved_clock) + 64];

	if (PQsetnonblocking(c->pg, 1) != 0)
		return (false);
	if (c->listen != NULL)
		return (PQsendQuery(c->pg, c->listen) == 1);
	return (kore_snprintf(sql, sizeof(sql), NULL, session_setup,
	    conf.request_timeout_ms, conf.request_timeout_ms,
	    conf_is(conf.clock, "movable") ? follow_moved_clock : "") &&
	    PQenterPipelineMode(c->pg) &&
	    PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0) &&
	    PQpipelineSync(c->pg));
}

/*
 * The session's setup goes down the pipeline first, so the connection is as
 * good as ready: whatever follows runs after it.
 */
static void
conn_established(struct db_conn *c)
{
	c->events = 0;
	if (!send_setup(c)) {
		conn_close(c, "setup");
		return;
	}
	c->backoff_ms = 0;
	if (c->listen == NULL)
		db_conn_book(c, NULL, NULL);
	else if (!flush(c))
		c->broken = true;
	enter(c, DB_READY);
	LOG(LOG_INFO, "db.up", LS("for", c->listen != NULL ? "listening" :
	    "statements"));
	if (c->listen == NULL && c->up != NULL)
		c->up(c);
}

static void
connect_poll(struct db_conn *c)
{
	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING:
		c->events = 0;	/* libpq may have changed its socket */
		watch(c, EPOLLIN);
		break;
	case PGRES_POLLING_WRITING:
		c->events = 0;
		watch(c, EPOLLOUT);
		break;
	case PGRES_POLLING_OK:
		conn_established(c);
		break;
	default:
		conn_close(c, "connect");
		break;
	}
}

static bool
is_error(const PGresult *r)
{
	return (r != NULL && PQresultStatus(r) != PGRES_TUPLES_OK &&
	    PQresultStatus(r) != PGRES_COMMAND_OK);
}

/* All of a flight's results are in, the commit's verdict included. */
static void
flight_land(struct db_conn *c)
{
	struct db_flight	*f = STAILQ_FIRST(&c->flights);

	STAILQ_REMOVE_HEAD(&c->flights, list);
	c->inflight--;
	if (is_error(f->result)) {
		if (f->prepares >= 0)
			c->prepared[f->prepares] = 0;
		if (f->lock_prepares >= 0)
			c->prepared[f->lock_prepares] = 0;
		if (sqlstate_is_stale(PQresultErrorField(f->result,
		    PG_DIAG_SQLSTATE)))
			c->stale = true;
	}
	if (f->done != NULL)
		f->done(f->arg, f->result);	/* which owns it now */
	else
		PQclear(f->result);
	free(f);
	if (c->idle != NULL)
		c->idle(c);
}

/*
 * A statement that was prepared stays so, even if what follows in its
 * transaction fails: to prepare it again would be an error.  Such a result has
 * no command's name; the lock's comes first.
 */
static void
note_prepared(struct db_flight *f, PGresult *r)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK || *PQcmdStatus(r) != '\0')
		return;
	if (f->lock_prepares >= 0)
		f->lock_prepares = -1;
	else
		f->prepares = -1;
}

/*
 * Of the results of one flight (a lock, a statement, its commit) the first
 * error counts, else the last result.  An error at commit comes after the
 * rows, so rows prove nothing before the Sync.
 */
static bool
read_results(struct db_conn *c)
{
	struct db_flight	*f;
	PGresult		*r;
	bool			 ended = false;

	while ((f = STAILQ_FIRST(&c->flights)) != NULL &&
	    !PQisBusy(c->pg)) {
		if ((r = PQgetResult(c->pg)) == NULL) {
			if (ended || PQstatus(c->pg) == CONNECTION_BAD)
				return (false);
			ended = true;	/* of one statement; more to come */
			continue;
		}
		ended = false;
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			flight_land(c);
			if (c->state != DB_READY)
				return (true);
		} else if (is_error(f->result)) {
			PQclear(r);
		} else {
			note_prepared(f, r);
			PQclear(f->result);
			f->result = r;
		}
	}
	return (true);
}

/*
 * All results are of LISTEN: only after the last is nothing missed, so whoever
 * looks for what was said before must look then.
 */
static void
read_notifications(struct db_conn *c)
{
	PGnotify	*n;
	PGresult	*r;

	while (!PQisBusy(c->pg) && (r = PQgetResult(c->pg)) != NULL) {
		c->told = PQresultStatus(r) == PGRES_COMMAND_OK;
		PQclear(r);
	}
	if (c->told && !PQisBusy(c->pg)) {
		c->told = false;
		if (c->up != NULL)
			c->up(c);
	}
	while ((n = PQnotifies(c->pg)) != NULL) {
		c->notified(c, n->relname, n->extra);
		PQfreemem(n);
	}
}

static void
conn_event(void *arg, int error)
{
	struct db_conn	*c = arg;

	(void)error;		/* libpq finds out and has the message */
	if (c->magic != DB_CONN_MAGIC)
		fatal("db: event of something else");
	c->evt.flags = 0;
	if (c->state == DB_DOWN)
		return;
	if (c->state == DB_CONNECTING) {
		connect_poll(c);
		return;
	}
	if (c->broken || !PQconsumeInput(c->pg)) {
		conn_close(c, "read");
		return;
	}
	if (c->listen != NULL) {
		read_notifications(c);
	} else if (!read_results(c)) {
		conn_close(c, "results");
		return;
	} else if (c->stale && c->inflight == 0 && !c->reserved) {
		conn_close(c, "stale plans");
		return;
	}
	if (c->state == DB_READY && !flush(c))
		conn_close(c, "write");
}

void
db_conn_watch(struct db_conn *c, uint64_t now)
{
	struct db_flight	*f = STAILQ_FIRST(&c->flights);

	if (c->state == DB_DOWN)
		return;
	if (c->broken || (f != NULL && now > f->sent_ms + SILENCE_MS) ||
	    (c->state == DB_CONNECTING && now > c->since_ms + SILENCE_MS))
		conn_close(c, "silence");
}
