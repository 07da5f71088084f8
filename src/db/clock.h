/*
 * A worker's part in the clock that tests move (LICET_CLOCK=movable): what the
 * database says it is moved by becomes clock_shift_us().
 */
#ifndef DB_CLOCK_H
#define DB_CLOCK_H

struct db_pool;

/*
 * Follows the moved clock from now on, until db_listen_end(); does nothing
 * while the clock is real.  Each shift is logged as `clock.moved'.
 */
void	db_clock_open(struct db_pool *);

#endif
