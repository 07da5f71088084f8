#include "db/migrate.h"

#include "migrations.h"

#include <string.h>

/* Any constant will do; it only must not change. */
#define MIGRATE_LOCK	"7164915221840033"

static const char	make_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " number integer PRIMARY KEY,"
    " name text NOT NULL,"
    " sha256 text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now())";

unsigned int
migrate_newest(void)
{
	return (migrations[migration_count - 1].number);
}

/* -1: not applied; 0: applied but another text; 1: applied. */
static int
is_applied(const struct db_rows *rows, const struct migration *m)
{
	const char	*sha256;
	unsigned int	 i;

	for (i = 0; i < db_rows_count(rows); i++) {
		if (db_integer(rows, i, "number", 0) != m->number)
			continue;
		sha256 = db_text(rows, i, "sha256");
		return (sha256 != NULL && !strcmp(sha256, m->sha256));
	}
	return (-1);
}

bool
migrate_check(struct db_session *s, struct migrate_state *state,
    struct buf *error)
{
	struct db_rows	*rows;
	unsigned int	 i;
	bool		 none;

	memset(state, 0, sizeof(*state));
	state->known = migration_count;
	rows = db_session_ask(s,
	    "SELECT 1 WHERE to_regclass('schema_migrations') IS NULL", error);
	if (rows == NULL)
		return (false);
	none = db_rows_count(rows) == 1;
	db_rows_free(rows);
	if (none)
		return (true);
	rows = db_session_ask(s,
	    "SELECT number, sha256 FROM schema_migrations", error);
	if (rows == NULL)
		return (false);
	for (i = 0; i < migration_count; i++) {
		switch (is_applied(rows, &migrations[i])) {
		case 1:
			state->applied++;
			break;
		case 0:
			buf_printf(error, "migration %s was applied with "
			    "another text than this release has",
			    migrations[i].name);
			break;
		}
	}
	for (i = 0; i < db_rows_count(rows); i++) {
		if (db_integer(rows, i, "number", 0) > migration_count)
			state->foreign++;
	}
	db_rows_free(rows);
	return (error->len == 0);
}

static bool
apply(struct db_session *s, const struct migration *m, struct buf *error)
{
	struct buf	sql;
	bool		ok;

	buf_init(&sql, 16 * 1024 * 1024);
	buf_puts(&sql, "BEGIN; SET LOCAL lock_timeout = '10s'; "
	    "SET LOCAL statement_timeout = 0;\n");
	buf_puts(&sql, m->text);
	buf_printf(&sql, "\n; INSERT INTO schema_migrations (number, name, "
	    "sha256) VALUES (%u, '%s', '%s'); COMMIT", m->number, m->name,
	    m->sha256);
	ok = !sql.failed && db_session_run(s, sql.data, error);
	buf_free(&sql);
	if (!ok)
		db_session_run(s, "ROLLBACK", error);
	return (ok);
}

static bool
apply_missing(struct db_session *s, struct buf *report, struct buf *error)
{
	struct migrate_state	state;
	unsigned int		i;

	if (!db_session_run(s, make_table, error) ||
	    !migrate_check(s, &state, error))
		return (false);
	for (i = state.applied; i < migration_count; i++) {
		if (!apply(s, &migrations[i], error)) {
			buf_printf(error, " (in migration %s)",
			    migrations[i].name);
			return (false);
		}
		buf_printf(report, "applied %s\n", migrations[i].name);
	}
	return (true);
}

bool
migrate_up(struct db_session *s, struct buf *report, struct buf *error)
{
	bool	ok;

	/*
	 * The lock is the session's, since each migration is a transaction of
	 * its own.  What is made goes where the operator wants it, not where
	 * the moved clock lives.
	 */
	if (!db_session_run(s, "RESET search_path; "
	    "SELECT pg_advisory_lock(" MIGRATE_LOCK ")", error))
		return (false);
	ok = apply_missing(s, report, error);
	db_session_run(s, "SELECT pg_advisory_unlock(" MIGRATE_LOCK ")",
	    error);
	return (ok);
}
