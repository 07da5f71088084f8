/* db_rows is libpq's PGresult under a name of ours. */
#include "db/rows.h"

#include <libpq-fe.h>

#include <stdlib.h>

static PGresult *
result(const struct db_rows *r)
{
	return ((PGresult *)(void *)(uintptr_t)r);
}

void
db_rows_free(struct db_rows *r)
{
	PQclear(result(r));
}

unsigned int
db_rows_count(const struct db_rows *r)
{
	return (r == NULL ? 0 : (unsigned int)PQntuples(result(r)));
}

unsigned int
db_rows_changed(const struct db_rows *r)
{
	return ((unsigned int)strtoul(PQcmdTuples(result(r)), NULL, 10));
}

const char *
db_text(const struct db_rows *r, unsigned int row, const char *column)
{
	int	n;

	if (row >= db_rows_count(r) || (n = PQfnumber(result(r), column)) < 0 ||
	    PQgetisnull(result(r), (int)row, n))
		return (NULL);
	return (PQgetvalue(result(r), (int)row, n));
}

int64_t
db_integer(const struct db_rows *r, unsigned int row, const char *column,
    int64_t missing)
{
	const char	*s = db_text(r, row, column);

	return (s == NULL ? missing : strtoll(s, NULL, 10));
}

bool
db_true(const struct db_rows *r, unsigned int row, const char *column)
{
	const char	*s = db_text(r, row, column);

	return (s != NULL && *s == 't');
}

const uint8_t *
db_bytes(const struct db_rows *r, unsigned int row, unsigned int column,
    size_t *len)
{
	if (PQgetisnull(result(r), (int)row, (int)column)) {
		*len = 0;
		return (NULL);
	}
	*len = (size_t)PQgetlength(result(r), (int)row, (int)column);
	return ((const uint8_t *)PQgetvalue(result(r), (int)row, (int)column));
}
