/* What a statement answered with. */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_rows;

void		 db_rows_free(struct db_rows *);

unsigned int	 db_rows_count(const struct db_rows *);
/* Rows that a statement without RETURNING changed. */
unsigned int	 db_rows_changed(const struct db_rows *);

/*
 * A column of a row, as text.  NULL: SQL NULL, or no such column, or no such
 * row.  Borrowed from the rows.
 */
const char	*db_text(const struct db_rows *, unsigned int row,
		    const char *column);
/* The same as a number; `missing' when NULL. */
int64_t		 db_integer(const struct db_rows *, unsigned int row,
		    const char *column, int64_t missing);
/* True only for SQL true. */
bool		 db_true(const struct db_rows *, unsigned int row,
		    const char *column);

/*
 * For results asked for in binary: bytes of column number `column', NULL for
 * SQL NULL.
 */
const uint8_t	*db_bytes(const struct db_rows *, unsigned int row,
		    unsigned int column, size_t *len);

#endif
