/*
 * A blocking connection, for the command line and for the parent before it
 * starts workers.  Never in a worker.
 */
#ifndef DB_SESSION_H
#define DB_SESSION_H

#include "base/buf.h"
#include "db/rows.h"
#include "db/statement.h"

#include <stdbool.h>

struct db_session;

/*
 * Connects to LICET_DATABASE_URL, trying again for up to `patience' seconds
 * while the server is away.  NULL: `error' says why.
 */
struct db_session	*db_session_open(unsigned int patience,
			    struct buf *error);
void			 db_session_close(struct db_session *);

/* One embedded statement with text parameters.  NULL: `error' says why. */
struct db_rows		*db_session_query(struct db_session *,
			    const struct sql_stmt *, const char *const *params,
			    struct buf *error);

/* Any SQL, several statements too, as one transaction. */
bool			 db_session_run(struct db_session *, const char *sql,
			    struct buf *error);
/* Any single query without parameters. */
struct db_rows		*db_session_ask(struct db_session *, const char *sql,
			    struct buf *error);

/*
 * Many rows into a table, in COPY's text form, lines whole or in pieces.
 * `into' is the table and its columns: "events (id, action)".  After a failure
 * only the transaction's end helps.
 */
bool			 db_session_copy_begin(struct db_session *,
			    const char *into, struct buf *error);
bool			 db_session_copy_put(struct db_session *,
			    const char *lines, size_t len, struct buf *error);
bool			 db_session_copy_end(struct db_session *,
			    struct buf *error);

#endif
