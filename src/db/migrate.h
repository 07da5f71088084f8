/*
 * Schema migrations: embedded, forward only, each in one transaction, under
 * an advisory lock, with a checksum, so that an edited one is noticed.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "base/buf.h"
#include "db/session.h"

#include <stdbool.h>

struct migrate_state {
	unsigned int	applied;	/* of those that this program knows */
	unsigned int	known;
	unsigned int	foreign;	/* applied by a newer release */
};

/* The number of the newest migration that this program knows. */
unsigned int	migrate_newest(void);

/*
 * Applies what is missing; any number of callers at once are harmless.
 * `report' gets a line for each that was applied.  False: `error' says why,
 * and nothing of the failed migration is left.
 */
bool	migrate_up(struct db_session *, struct buf *report,
	    struct buf *error);

/*
 * Where the database stands.  False: it can't be asked, or a migration that
 * was applied is not the one embedded here; `error' says which.
 */
bool	migrate_check(struct db_session *, struct migrate_state *,
	    struct buf *error);

#endif
