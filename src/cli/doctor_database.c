/*
 * The doctor's look at the database: it reads only, so that it can be used on
 * a server at work.
 */
#include "cli/doctor_private.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "cli/startup.h"
#include "crypto/keyring.h"
#include "db/migrate.h"
#include "db/session.h"

#include <stdlib.h>

#define ERROR_MAX	65536
#define VERSION_LEAST	150000
#define CLOCK_WARN_US	2000000
#define CLOCK_FAIL_US	60000000

static void	check_server(struct db_session *);
static void	judge_server(const struct db_rows *);
static void	judge_connections(const struct db_rows *);
static void	judge_clock(int64_t theirs, int64_t before, int64_t after);
static void	check_schema(struct db_session *, const struct keyring *);
static void	check_keys(struct db_session *, const struct keyring *);

static const char	ask_server[] =
    "SELECT current_setting('server_version') AS version,"
    " current_setting('server_version_num')::int AS number,"
    " pg_is_in_recovery() AS standby,"
    " current_setting('transaction_read_only') = 'on' AS read_only,"
    " current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int AS connections,"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us";

void
doctor_database(const struct keyring *ring)
{
	struct db_session	*db;
	struct buf		 error;

	if (*conf.database_url == '\0')
		return;		/* that it is missing was said */
	buf_init(&error, ERROR_MAX);
	if ((db = db_session_open(0, &error)) == NULL) {
		doctor_say(DOCTOR_FAIL, "database", "%s",
		    error.len > 0 ? error.data : "no connection");
	} else {
		check_server(db);
		check_schema(db, ring);
		db_session_close(db);
	}
	buf_free(&error);
}

static void
check_server(struct db_session *db)
{
	struct db_rows	*rows;
	struct buf	 error;
	int64_t		 before, after;

	buf_init(&error, ERROR_MAX);
	before = clock_now_us();
	rows = db_session_ask(db, ask_server, &error);
	after = clock_now_us();
	if (rows == NULL) {
		doctor_say(DOCTOR_FAIL, "database", "%s",
		    error.len > 0 ? error.data : "no answer");
	} else {
		judge_server(rows);
		judge_connections(rows);
		judge_clock(db_integer(rows, 0, "now_us", 0), before, after);
		db_rows_free(rows);
	}
	buf_free(&error);
}

static void
judge_server(const struct db_rows *rows)
{
	const char	*version = db_text(rows, 0, "version");

	if (version == NULL)
		version = "of unknown version";
	if (db_integer(rows, 0, "number", 0) < VERSION_LEAST)
		doctor_say(DOCTOR_FAIL, "database", "PostgreSQL %s: 15 or "
		    "later is needed", version);
	else if (db_true(rows, 0, "standby"))
		doctor_say(DOCTOR_FAIL, "database", "this is a standby: name "
		    "all hosts in LICET_DATABASE_URL, with "
		    "target_session_attrs=read-write");
	else if (db_true(rows, 0, "read_only"))
		doctor_say(DOCTOR_FAIL, "database", "transactions are "
		    "read-only: check default_transaction_read_only");
	else
		doctor_say(DOCTOR_OK, "database", "PostgreSQL %s, writable",
		    version);
}

static void
judge_connections(const struct db_rows *rows)
{
	int64_t		have = db_integer(rows, 0, "connections", 0);
	long long	want;

	/* Each worker has one more for heartbeats and one that listens. */
	want = conf.workers *
	    (conf.database_connections + 2 + (conf.batch_lanes <
	    conf.database_connections ? conf.batch_lanes :
	    conf.database_connections));
	if (want > have)
		doctor_say(DOCTOR_WARN, "connections", "this replica opens up "
		    "to %lld, the database takes %lld from all replicas: raise "
		    "max_connections or lower LICET_DATABASE_CONNECTIONS",
		    want, (long long)have);
	else
		doctor_say(DOCTOR_OK, "connections", "this replica opens up "
		    "to %lld of %lld", want, (long long)have);
}

/* The answer was made at some moment between `before' and `after'. */
static void
judge_clock(int64_t theirs, int64_t before, int64_t after)
{
	int64_t			ahead = 0, off;
	enum doctor_level	level = DOCTOR_OK;

	if (theirs < before)
		ahead = before - theirs;
	else if (theirs > after)
		ahead = after - theirs;
	off = ahead < 0 ? -ahead : ahead;
	if (off > CLOCK_FAIL_US)
		level = DOCTOR_FAIL;
	else if (off > CLOCK_WARN_US)
		level = DOCTOR_WARN;
	doctor_say(level, "clock", "%lld ms %s the database's%s",
	    (long long)(off / 1000), ahead < 0 ? "behind" : "ahead of",
	    level == DOCTOR_OK ? "" : ": does time synchronisation run here "
	    "and there?");
}

static void
check_schema(struct db_session *db, const struct keyring *ring)
{
	struct migrate_state	state;
	struct buf		error;

	buf_init(&error, ERROR_MAX);
	if (!startup_schema(db, &error)) {
		doctor_say(DOCTOR_FAIL, "migrations", "%s",
		    error.len > 0 ? error.data : "can't be read");
	} else if (migrate_check(db, &state, &error)) {
		doctor_say(DOCTOR_OK, "migrations", "%u of %u, %u of a newer "
		    "release", state.applied, state.known, state.foreign);
		if (ring != NULL)
			check_keys(db, ring);
	}
	buf_free(&error);
}

static void
check_keys(struct db_session *db, const struct keyring *ring)
{
	struct buf	error;

	buf_init(&error, ERROR_MAX);
	switch (startup_keys(db, ring, &error)) {
	case STARTUP_KEYS_SAME:
		doctor_say(DOCTOR_OK, "keys", "ring and database agree");
		break;
	case STARTUP_KEYS_NEW:
		doctor_say(DOCTOR_OK, "keys", "the ring has something that "
		    "the database learns at the next start");
		break;
	case STARTUP_KEYS_OLD:
		doctor_say(DOCTOR_WARN, "keys", "another replica signs with a "
		    "newer key: `licetctl key activate' was not done here, or "
		    "the ring is an old copy");
		break;
	case STARTUP_KEYS_WRONG:
		doctor_say(DOCTOR_FAIL, "keys", "%s",
		    error.len > 0 ? error.data : "can't be read");
		break;
	}
	buf_free(&error);
}
