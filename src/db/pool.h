/*
 * Prepared statements over pipelined connections, on Kore's event loop.
 *
 * Each statement is a transaction of its own, together with its lock if it
 * has one; its callback runs only after PostgreSQL reported the commit.
 * One that is to be held keeps its transaction open, for one more statement.
 * While no connection is free, statements wait in line.
 */
#ifndef DB_POOL_H
#define DB_POOL_H

#include "base/err.h"
#include "db/rows.h"
#include "db/statement.h"

#include <stdbool.h>

struct db_pool;
struct db_op;

#define DB_MESSAGE_SIZE	256

struct db_reply {
	enum err	 error;		/* ERR_NONE: it is committed */
	struct db_rows	*rows;		/* the callback's to free; NULL on error */
	bool		 again;		/* rolled back; may work if repeated */
	struct db_op	*held;		/* of `hold': not committed yet */
	char		 message[DB_MESSAGE_SIZE];	/* for people, on error */
};

/*
 * Runs exactly once for each operation that was not cancelled, never from
 * within db_exec().  ERR_UNAVAILABLE after a lost connection means that the
 * statement may or may not have taken effect.
 */
typedef void	(*db_done)(void *arg, struct db_reply *);

/*
 * A statement and its parameters, all borrowed for the time of the call.
 * Text parameters unless `formats' says binary (1), then with `lengths'.
 */
struct db_query {
	const struct sql_stmt	*stmt;
	const char *const	*params;
	const int		*lengths;
	const int		*formats;
	bool			 binary_rows;

	/*
	 * Runs first in the same transaction, so that the statement sees what
	 * the lock's previous holder committed.  Text parameters.
	 */
	const struct sql_stmt	*lock;
	const char *const	*lock_params;

	/*
	 * The callback runs before the commit.  Without an error its reply has
	 * `held', for exactly one of db_commit() and db_rollback(), and soon:
	 * rows stay locked, and the connection serves nobody else.
	 */
	bool			 hold;
};

/* Opens `count' connections and keeps them open. */
struct db_pool	*db_pool_open(unsigned int count);
/* At a worker's end: drops whatever is still under way. */
void		 db_pool_close(struct db_pool *);

/* NULL: too many wait already; answer 503. */
struct db_op	*db_exec(struct db_pool *, const struct db_query *, db_done,
		    void *arg);
/*
 * Ends a held statement's transaction, after one more statement in it unless
 * `last' is NULL.  The callback hears what became of both: an error is that of
 * all, save that after a lost connection nobody knows.  NULL: the connection was
 * lost before, and with it what was held.
 */
struct db_op	*db_commit(struct db_op *held, const struct db_query *last,
		    db_done, void *arg);
/* What was held has no effect. */
void		 db_rollback(struct db_op *held);

/*
 * The callback will not run.  What was sent goes on, unless it was to be held:
 * that is rolled back.  What still waits for a connection is forgotten.
 */
void		 db_cancel(struct db_op *);

/* Connections that are up. */
unsigned int	 db_pool_up(const struct db_pool *);

/*
 * Listens for NOTIFY on a channel; call it before the worker's loop begins.  All
 * channels share a connection.  `notify' gets each payload, and NULL after every
 * (re)connect: what was sent before then is unknown, so look for yourself.
 * `channel' is a lower-case name, lent for good.
 */
void		 db_listen(const char *channel,
		    void (*notify)(const char *payload));
void		 db_listen_end(void);

#endif
