/*
 * What runs by the clock.  Every worker of every replica has the same timers;
 * rows decide who does what (FOR UPDATE SKIP LOCKED), so there is no leader
 * to lose.
 */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include <stdbool.h>
#include <stdint.h>

struct db_pool;

/* In a worker.  Nothing new begins once the worker drains. */
void	jobs_open(struct db_pool *);
void	jobs_close(void);

/* What is under way in this worker and should end before it does. */
unsigned int	jobs_left(void);

/* Each job's own part. */
void	reconcile_tick(struct db_pool *);
void	renewals_tick(struct db_pool *);
void	housekeeping_tick(struct db_pool *);
/* Asks about checkouts that are open. */
void	checkouts_tick(struct db_pool *);
void	tips_tick(struct db_pool *);
void	refunds_tick(struct db_pool *);
void	cards_tick(struct db_pool *);
void	charges_tick(struct db_pool *);
void	selflicense_tick(struct db_pool *);
void	webhooks_tick(struct db_pool *);
/* Deliveries may be its in a moment. */
bool	webhooks_claiming(void);
void	mails_tick(struct db_pool *);
/* So many mails were just made: they are sent at once. */
void	mails_made(uint64_t);
void	mails_tick(struct db_pool *);
/* In the parent, before its workers are: who this replica is. */
void	replica_name(void);
void	replica_tick(struct db_pool *);
/*
 * In a worker that stops, when none of its jobs is under way any more: takes the
 * replica's row away.  True while that isn't done.
 */
bool	replica_leaving(struct db_pool *);
void	figures_tick(struct db_pool *);
/* So many mails were just made: they are sent at once. */
void	mails_made(uint64_t);

#endif
