#include "cli/clock.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/text.h"
#include "db/session.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define ERROR_MAX	65536
#define PATIENCE	10		/* s, for a database that starts */
#define CENTURY		3155760000	/* s; the database refuses more */

static int
usage(void)
{
	(void)fprintf(stderr, "usage: licetctl clock show | move SECONDS | "
	    "set TIME\n"
	    "SECONDS may be negative, at most 3155760000; TIME is RFC 3339, as "
	    "2027-01-31T12:00:00Z.\n");
	return (2);
}

static const char *
refusal(void)
{
	if (conf_is_production())
		return ("LICET_ENV=production: the clock is real");
	if (!conf_is(conf.clock, "movable"))
		return ("LICET_CLOCK is not movable");
	if (*conf.database_url == '\0')
		return ("LICET_DATABASE_URL: required");
	return (NULL);
}

/* The statement that the verb wants; NULL: a wrong call. */
static const struct sql_stmt *
choose(int argc, char **argv)
{
	long long	seconds;
	int64_t		when;

	if (argc == 2 && !strcmp(argv[1], "show"))
		return (&sql_clock_show);
	if (argc == 3 && !strcmp(argv[1], "move") &&
	    text_integer(argv[2], -CENTURY, CENTURY, &seconds))
		return (&sql_clock_move);
	if (argc == 3 && !strcmp(argv[1], "set") && clock_parse(argv[2], &when))
		return (&sql_clock_set);
	return (NULL);
}

static bool
run(const struct sql_stmt *stmt, const char *word, struct buf *error)
{
	struct db_session	*db;
	struct db_rows		*rows = NULL, *done = NULL;
	bool			 ok;

	if ((db = db_session_open(PATIENCE, error)) == NULL)
		return (false);
	ok = stmt == &sql_clock_show ||
	    (done = db_session_query(db, stmt, &word, error)) != NULL;
	ok = ok && (rows = db_session_query(db, &sql_clock_show, NULL,
	    error)) != NULL;
	if (ok)
		(void)printf("%s, moved by %s s\n", db_text(rows, 0, "time"),
		    db_text(rows, 0, "seconds"));
	db_rows_free(done);
	db_rows_free(rows);
	db_session_close(db);
	return (ok);
}

int
cli_clock(int argc, char **argv)
{
	const struct sql_stmt	*stmt;
	const char		*why;
	struct buf		 error;
	int			 status = 0;

	if ((stmt = choose(argc, argv)) == NULL)
		return (usage());
	buf_init(&error, ERROR_MAX);
	if ((why = refusal()) != NULL)
		buf_puts(&error, why);
	if (why != NULL || !run(stmt, argc == 3 ? argv[2] : NULL, &error)) {
		(void)fprintf(stderr, "licetctl: clock: %s\n", error.data);
		status = 1;
	}
	buf_free(&error);
	return (status);
}
