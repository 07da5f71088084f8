/* Results of statements that were never sent, for unit tests. */
#ifndef TEST_ROWS_H
#define TEST_ROWS_H

#include "db/rows.h"

#include <libpq-fe.h>

#include <string.h>

#define ROWS_COLUMNS_MAX	8

/*
 * `names' ends with NULL; `values' are `count' rows one after another, NULL an
 * SQL NULL.  To be freed with db_rows_free().
 */
static inline struct db_rows *
rows_make(const char *const *names, const char *const *values, int count)
{
	PGresult		*r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc		 columns[ROWS_COLUMNS_MAX];
	char			*value;
	int			 n, i;

	memset(columns, 0, sizeof(columns));
	for (n = 0; names[n] != NULL; n++)
		columns[n].name = (char *)(uintptr_t)names[n];
	PQsetResultAttrs(r, n, columns);
	for (i = 0; i < n * count; i++) {
		value = (char *)(uintptr_t)values[i];
		PQsetvalue(r, i / n, i % n, value,
		    value == NULL ? -1 : (int)strlen(value));
	}

	return ((struct db_rows *)(void *)r);
}

#endif
