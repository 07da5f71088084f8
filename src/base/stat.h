/*
 * Counters of all workers in one piece of shared memory, made by the parent.
 * Each worker writes only its own column; whoever is asked for /metrics adds
 * the columns up.  A worker that is restarted goes on with its column.
 */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include "base/buf.h"

#include <stdint.h>

enum stat_id {
#define X(symbol, type, name, labels, help)	symbol,
#include "base/stat.def"
#undef X
	STAT_COUNT
};

enum stat_histogram {
	HIST_BATCH_ROWS,	/* rows of one batch */
	HIST_BATCH_SECONDS,	/* ns from sending a batch to its commit */
	HIST_CALL_SECONDS,	/* ns of an outgoing call */
	HIST_DELIVERY_SECONDS,	/* ms from a message's making to its arrival */
	HIST_COUNT
};

/* Parent, before forking.  `routes' (templates like "GET /v1/x/:id") stay. */
void	stat_open(unsigned int workers, const char *const *routes,
	    unsigned int nroutes);
/* Worker: its column, 1 to `workers'. */
void	stat_use(unsigned int worker);

void	stat_add(enum stat_id, uint64_t);
void	stat_set(enum stat_id, uint64_t);
void	stat_observe(enum stat_histogram, uint64_t);
/* A request of the route with this index was answered. */
void	stat_request(unsigned int route, int status, uint64_t ns);

/* Prometheus text format 0.0.4. */
void	stat_render(struct buf *);
/* The table of docs/metrics.md. */
void	stat_document(struct buf *);

#endif
