/* Copies of queries, for those that wait in line. */
#ifndef DB_QUERY_H
#define DB_QUERY_H

#include "db/pool.h"

/*
 * The query with its parameters, in one piece that free() takes.  NULL: no
 * memory.
 */
struct db_query	*db_query_copy(const struct db_query *);

#endif
