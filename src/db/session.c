#include "db/session.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/text.h"

#include <libpq-fe.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COPY_PIECE	(1024 * 1024)

static PGconn *
conn(struct db_session *s)
{
	return ((PGconn *)(void *)s);
}

static void
complain(struct buf *error, const char *message)
{
	buf_put(error, message, strcspn(message, "\n"));
}

/*
 * libpq's own words about a malformed connection string quote it, password
 * and all; so it is looked at first, and nothing of it is said.
 */
static bool
is_connection_string(const char *s)
{
	PQconninfoOption	*all, *o;
	char			*why = NULL;
	long long		 port;
	bool			 ok = true;

	all = PQconninfoParse(s, &why);
	PQfreemem(why);
	for (o = all; o != NULL && o->keyword != NULL; o++) {
		if (!strcmp(o->keyword, "port") && o->val != NULL &&
		    strspn(o->val, "0123456789,") == strlen(o->val) &&
		    (strchr(o->val, ',') != NULL ||
		    text_integer(o->val, 1, 65535, &port)))
			continue;
		ok = ok && (strcmp(o->keyword, "port") || o->val == NULL);
	}
	PQconninfoFree(all);
	return (all != NULL && ok);
}

static PGconn *
connect_once(void)
{
	const char	*keys[] = { "dbname", "fallback_application_name",
	    "gssencmode", "client_encoding", "connect_timeout", NULL };
	const char	*values[] = { conf.database_url, "licetctl", "disable",
	    "UTF8", "5", NULL };

	return (PQconnectdbParams(keys, values, 1));
}

struct db_session *
db_session_open(unsigned int patience, struct buf *error)
{
	const struct timespec	 pause = { .tv_nsec = 250000000 };
	uint64_t		 until;
	PGconn			*c;
	bool			 told = false;

	if (!is_connection_string(conf.database_url)) {
		complain(error, "LICET_DATABASE_URL is not a valid connection "
		    "string");
		return (NULL);
	}

	until = clock_steady_ns() + (uint64_t)patience * 1000000000;
	for (;;) {
		c = connect_once();
		if (PQstatus(c) == CONNECTION_OK)
			break;
		if (clock_steady_ns() >= until) {
			complain(error, PQerrorMessage(c));
			PQfinish(c);
			return (NULL);
		}
		if (!told)
			LOG(LOG_WARNING, "db.awaited", LI("seconds", patience));
		told = true;
		PQfinish(c);
		nanosleep(&pause, NULL);
	}
	PQclear(PQexec(c, "SET TimeZone = 'UTC'"));
	PQclear(PQexec(c, "SET client_min_messages = warning"));
	if (conf_is(conf.clock, "movable"))
		PQclear(PQexec(c, "SELECT set_config('search_path', "
		    "'licet_moved, ' || current_setting('search_path'), false)"));
	return ((struct db_session *)(void *)c);
}

void
db_session_close(struct db_session *s)
{
	PQfinish(conn(s));
}

static struct db_rows *
take(PGresult *r, struct buf *error)
{
	if (PQresultStatus(r) == PGRES_TUPLES_OK ||
	    PQresultStatus(r) == PGRES_COMMAND_OK)
		return ((struct db_rows *)(void *)r);
	complain(error, PQresultErrorMessage(r));
	PQclear(r);
	return (NULL);
}

struct db_rows *
db_session_query(struct db_session *s, const struct sql_stmt *stmt,
    const char *const *params, struct buf *error)
{
	return (take(PQexecParams(conn(s), stmt->text, (int)stmt->nargs, NULL,
	    params, NULL, NULL, 0), error));
}

struct db_rows *
db_session_ask(struct db_session *s, const char *sql, struct buf *error)
{
	return (take(PQexec(conn(s), sql), error));
}

bool
db_session_run(struct db_session *s, const char *sql, struct buf *error)
{
	struct db_rows	*r;

	if ((r = take(PQexec(conn(s), sql), error)) == NULL)
		return (false);
	db_rows_free(r);
	return (true);
}

bool
db_session_copy_begin(struct db_session *s, const char *into,
    struct buf *error)
{
	struct buf	 sql;
	PGresult	*r;
	bool		 ok = false;

	buf_init(&sql, 4096);
	buf_printf(&sql, "COPY %s FROM STDIN", into);
	if (sql.failed) {
		complain(error, "the names of the columns are too long");
	} else {
		r = PQexec(conn(s), sql.data);
		if (!(ok = PQresultStatus(r) == PGRES_COPY_IN))
			complain(error, PQresultErrorMessage(r));
		PQclear(r);
	}
	buf_free(&sql);
	return (ok);
}

bool
db_session_copy_put(struct db_session *s, const char *lines, size_t len,
    struct buf *error)
{
	int	piece;

	while (len > 0) {
		piece = len > COPY_PIECE ? COPY_PIECE : (int)len;
		if (PQputCopyData(conn(s), lines, piece) != 1) {
			complain(error, PQerrorMessage(conn(s)));
			return (false);
		}
		lines += piece;
		len -= (size_t)piece;
	}
	return (true);
}

bool
db_session_copy_end(struct db_session *s, struct buf *error)
{
	PGresult	*r;
	bool		 ok = PQputCopyEnd(conn(s), NULL) == 1;

	if (!ok)
		complain(error, PQerrorMessage(conn(s)));
	while ((r = PQgetResult(conn(s))) != NULL) {
		if (ok && PQresultStatus(r) != PGRES_COMMAND_OK) {
			complain(error, PQresultErrorMessage(r));
			ok = false;
		}
		PQclear(r);
	}
	return (ok);
}
