/*
 * Rate limits: token buckets by client, shared by all workers and replicas.
 *
 * A worker counts in its own memory, so a request costs no round trip and no
 * row.  What a client spent is settled with PostgreSQL in the background:
 * once a quarter of the bucket is spent, and then often.  Nearly empty
 * buckets that others settled are fetched twice a second, so a client over
 * its limit is refused everywhere within a second.
 */
#ifndef FLOW_LIMIT_H
#define FLOW_LIMIT_H

#include <stdbool.h>

enum limit_kind {
	LIMIT_NONE,
	LIMIT_VALIDATE,		/* by address */
	LIMIT_HEARTBEAT,	/* by license */
	LIMIT_MACHINE,		/* by address: activate, deactivate */
	LIMIT_PURCHASE,
	LIMIT_POLL,		/* of an invoice */
	LIMIT_CATALOGUE,
	LIMIT_RECOVER,
	LIMIT_LOGIN,
	LIMIT_CUSTOMER,		/* by address: letters, codes, keys */
	LIMIT_WRONG_KEY,	/* by address: admin keys that are none */
	LIMIT_PORTAL,		/* by address: customers look */
	LIMIT_COUNT
};

struct db_pool;

/* In a worker.  The pool is used for settling. */
void	limit_open(struct db_pool *);
void	limit_close(void);

/* Takes a token; false: the bucket is empty. */
bool	limit_take(enum limit_kind, const char *key);

/* Is it empty?  Takes nothing. */
bool	limit_is_spent(enum limit_kind, const char *key);

/* Seconds until an empty bucket has a token again. */
unsigned int	limit_retry_after(enum limit_kind);

#endif
