/*
 * One connection to PostgreSQL on Kore's event loop: opened without blocking,
 * opened again with backoff and jitter whenever it breaks, in pipeline mode
 * or listening.  For use inside db/ only.
 */
#ifndef DB_CONN_H
#define DB_CONN_H

#include <sys/queue.h>

#include <kore/kore.h>
#include <libpq-fe.h>

#include <stdbool.h>
#include <stdint.h>

#define DB_CONN_MAGIC	0xdbc0ffee

enum db_conn_state {
	DB_DOWN,		/* waiting for the backoff timer */
	DB_CONNECTING,
	DB_READY
};

/* A statement under way.  Its results end with the pipeline's Sync. */
struct db_flight {
	void			(*done)(void *arg, PGresult *);
	void			*arg;	/* NULL done: nobody waits any more */
	void			(*drop)(void *arg);	/* at a worker's end */
	PGresult		*result;
	int			 prepares;	/* index while unsure, or -1 */
	int			 lock_prepares;
	uint64_t		 sent_ms;
	STAILQ_ENTRY(db_flight)	 list;
};

struct db_conn {
	struct kore_event	 evt;	/* must be first: Kore casts */
	uint32_t		 magic;
	PGconn			*pg;
	enum db_conn_state	 state;
	int			 events;	/* what epoll watches */
	bool			 broken;	/* a send failed: close soon */
	bool			 stale;		/* its plans: close when empty */
	bool			 reserved;	/* in a transaction of one owner */
	bool			 told;		/* of a LISTEN that took effect */
	uint64_t		 since_ms;	/* when the state began */
	uint64_t		 backoff_ms;
	struct kore_timer	*retry;
	unsigned int		 inflight;
	uint8_t			*prepared;	/* by statement index */
	STAILQ_HEAD(, db_flight) flights;

	/*
	 * The owner's, all may be NULL.  `up' runs after each (re)connect; of
	 * one that listens, once it does.  `lost' runs when one that is reserved
	 * breaks, before its flights fail.
	 */
	void			(*up)(struct db_conn *);
	void			(*idle)(struct db_conn *);
	void			(*lost)(struct db_conn *);
	void			(*notified)(struct db_conn *, const char *channel,
				    const char *payload);
	const char		*listen;	/* "LISTEN a; LISTEN b"; or NULL */
	void			*owner;
	void			*held;		/* whose transaction is open */
};

/* Starts to connect; never fails, only retries. */
void	db_conn_open(struct db_conn *);
/* For good.  What is in flight is dropped without a word. */
void	db_conn_end(struct db_conn *);

/*
 * Books a statement that the caller has just sent, and flushes.  The results
 * of flights arrive in the order of this call.
 */
struct db_flight	*db_conn_book(struct db_conn *,
			    void (*done)(void *, PGresult *), void *arg);

/* To be called every second or so: gives up silent connections. */
void	db_conn_watch(struct db_conn *, uint64_t now_ms);

#endif
