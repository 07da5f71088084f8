/*
 * Which table of Keysat's goes where: its columns, what they hold, and the
 * statement that takes its rows.  A column that a source lacks is NULL, which
 * the statement has a default for.
 */
#ifndef CLI_IMPORT_TABLE_H
#define CLI_IMPORT_TABLE_H

#include "base/buf.h"
#include "cli/import_value.h"
#include "db/statement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPORT_COLUMNS	32
#define IMPORT_NAME_MAX	64

struct db_session;
struct import_report;
struct keyring;
struct source;

struct import_column {
	const char		*name;		/* there, and in the rows */
	enum import_kind	 kind;
};

struct import_table {
	const char		*name;
	const char		*sorted_by;	/* or NULL */
	const struct sql_stmt	*takes;		/* NULL: a log, copied */
	const char		*copied_to;	/* the log, and its columns, */
	size_t			 copied;	/* which are the first ones */
	bool			 again;		/* a second look at a table */
	struct import_column	 columns[IMPORT_COLUMNS];
};

/* In the order in which they are to be taken; both end with a NULL name. */
extern const struct import_table	import_records[];
extern const struct import_table	import_events, import_log;

/* What all tables of one import share; all borrowed. */
struct import {
	struct source		*source;
	struct db_session	*db;
	const struct keyring	*ring;
	struct import_report	*report;
	char			 signing_key_id[16];
	bool			 is_dry;
};

/* False: `error' says why, and the transaction is to be given up. */
bool	import_table_take(struct import *, const struct import_table *,
	    struct buf *error);

/* Reports tables and columns that nothing here reads. */
void	import_table_strange(struct import *);

/*
 * The columns that the source has, under the names that they have there;
 * `places' are their numbers in the table.  For import_table.c and
 * import_copy.c.
 */
struct import_reading {
	const char	*names[IMPORT_COLUMNS];
	size_t		 places[IMPORT_COLUMNS], count;
	char		 spelled[IMPORT_COLUMNS][IMPORT_NAME_MAX];
};
void	import_reading_make(struct import *, const struct import_table *,
	    struct import_reading *);
/* Notes what became of a value. */
void	import_value_note(struct import *, const struct import_table *,
	    size_t column, enum import_result);

/* import_copy.c: a log, straight into its table. */
bool	import_copy(struct import *, const struct import_table *,
	    struct buf *error);

#endif
