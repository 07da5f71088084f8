/*
 * One-dimensional arrays in PostgreSQL's binary format, as batches send them
 * (src/backend/utils/adt/arrayfuncs.c, array_recv): five 32-bit numbers in
 * network order (dimensions 1, has-nulls, element type, length, lower bound
 * 1), then for each element its length (-1: NULL) and its bytes.
 */
#ifndef DB_ARRAY_H
#define DB_ARRAY_H

#include "base/buf.h"

#include <stdint.h>

/* Object ids of element types, fixed by PostgreSQL (pg_type.dat). */
#define DB_TYPE_BOOL	16
#define DB_TYPE_BYTEA	17
#define DB_TYPE_TEXT	25
#define DB_TYPE_FLOAT8	701
#define DB_TYPE_UUID	2950

struct db_array {
	struct buf	bytes;
	uint32_t	count;
	uint32_t	nulls;
};

void	db_array_init(struct db_array *, size_t max);
void	db_array_free(struct db_array *);

/* Empties it and starts an array of this type. */
void	db_array_begin(struct db_array *, uint32_t type);
/* NULL bytes: an SQL NULL. */
void	db_array_put(struct db_array *, const void *bytes, size_t len);
void	db_array_put_text(struct db_array *, const char *text);
void	db_array_put_bool(struct db_array *, bool);
void	db_array_put_float(struct db_array *, double);
/* Completes the header.  False: it outgrew its ceiling. */
bool	db_array_end(struct db_array *);

#endif
