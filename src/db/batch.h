/*
 * Natural batching of small hot writes.
 *
 * While a batch is being committed, what arrives gathers; when it is through,
 * all that wait go in one statement.  No timer: a lone request is not
 * delayed, and under load the batch grows by itself and shares the commit.
 * Everyone is answered after that commit.  A batch that PostgreSQL refuses is
 * replayed row by row, so that one bad row fails alone.
 */
#ifndef DB_BATCH_H
#define DB_BATCH_H

#include "base/err.h"
#include "db/array.h"
#include "db/rows.h"
#include "db/statement.h"

#include <sys/queue.h>

struct batch;
struct db_pool;

/* One that waits: part of the caller's own struct, in memory that stays. */
struct batch_item {
	struct batch			*batch;	/* NULL: not under way */
	struct batch_item		**seat;	/* in the statement, when sent */
	TAILQ_ENTRY(batch_item)		 list;
};

/*
 * What travels.  The statement takes `columns' arrays, one element an item,
 * and answers with one row an item, in order, in binary.
 */
struct batch_kind {
	const struct sql_stmt	*stmt;
	unsigned int		 columns;
	const uint32_t		*types;		/* of the elements */
	void	(*write)(const struct batch_item *, struct db_array *columns);
	/* Runs once an item: its row, or why there is none. */
	void	(*answer)(struct batch_item *, const struct db_rows *,
		    unsigned int row, enum err, const char *message);
};

/*
 * Up to `rows' items a statement, `lanes' statements at once, each lane with
 * a connection of its own up to `conns'.
 */
struct batch	*batch_open(const struct batch_kind *, unsigned int rows,
		    unsigned int lanes, unsigned int conns);
/* The same, over connections that others use too; the pool is lent. */
struct batch	*batch_open_on(struct db_pool *, const struct batch_kind *,
		    unsigned int rows, unsigned int lanes);
void		 batch_close(struct batch *);

void		 batch_add(struct batch *, struct batch_item *);
/* The requester left: no answer.  If it was sent, it takes effect. */
void		 batch_forget(struct batch_item *);

#endif
