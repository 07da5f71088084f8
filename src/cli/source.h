/*
 * A stranger's SQLite database, read only.  The file is taken as it lies there:
 * no lock, no journal, no write-ahead log, no extension, no function, no
 * trigger, no view.  Refuses what is no database, is damaged, or has changes
 * that were never written into the file itself.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SOURCE_COLUMNS	64	/* of a table; more is refused */

struct source;
struct source_cursor;

/* NULL: `error' says why. */
struct source	*source_open(const char *path, struct buf *error);
void		 source_close(struct source *);

/* SHA-256 of the whole file in hexadecimal. */
const char	*source_sha256(const struct source *);

/*
 * Names of the ordinary tables, one after the other, until NULL; and of a
 * table's columns.  Borrowed until source_close(); the columns until the next
 * call.
 */
const char	*source_table(const struct source *, size_t);
bool		 source_has(const struct source *, const char *table);
const char	*source_column(struct source *, const char *table, size_t);

/*
 * Begins to read columns of a table, sorted by one of them unless NULL; all
 * names must be the source's.  Where `filled', only rows in which this column
 * holds something.  NULL: `error' says why.
 */
struct source_cursor
		*source_read(struct source *, const char *table,
		    const char *const *columns, size_t count,
		    const char *sorted_by, const char *filled,
		    struct buf *error);
/* 1: a row; 0: no more; -1: `error' says why. */
int		 source_next(struct source_cursor *, struct buf *error);
/* As text, NUL behind it; NULL: SQL NULL.  Borrowed until the next row. */
const char	*source_text(struct source_cursor *, size_t column,
		    size_t *len);
void		 source_done(struct source_cursor *);

#endif
