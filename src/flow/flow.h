/*
 * The driver of requests and jobs: a list of steps and what they wait for.
 *
 * Steps hold only the good path and the business exits.  What goes wrong
 * while one waits is the driver's: a client that leaves (the flow is dropped,
 * once, and whatever it waits for is cancelled), a statement that fails (its
 * SQLSTATE decides the answer; a deadlock's victim is repeated), a deadline
 * that passes (503 with Retry-After).
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "db/batch.h"
#include "db/pool.h"
#include "db/rows.h"
#include "flow/endpoint.h"
#include "net/address.h"
#include "net/call.h"

#include <sys/queue.h>

#include <stdint.h>

#define FLOW_MAGIC	0xf1035742
#define FLOW_VALUES_MAX	40

struct attempt;
struct http_request;
struct flow_aside;
struct flow_piece;
struct inner;
struct kore_timer;
struct keyring;
struct rate;
struct session;

/* A checked value from path, query or body. */
struct flow_value {
	const char	*name;
	const char	*text;		/* NULL: null */
};

struct flow {
	uint32_t		 magic;
	const struct endpoint	*endpoint;	/* NULL: a job */
	unsigned int		 route;		/* index, for the counters */
	struct http_request	*req;		/* NULL: a job */
	const struct flow_step	*at;
	const char		*job;
	struct arena		 arena;
	void			*state;
	void		       (*ended)(struct flow *, enum err);

	struct flow_value	 values[FLOW_VALUES_MAX];
	unsigned int		 nvalues;
	json_t			*body;		/* checked fields only */
	struct inner		*inner;		/* flow/inner.h; NULL: none yet */
	struct rate		*rate;		/* flow/rate.h; NULL: none needed */

	/* Who asks. */
	char			 request_id[40];
	char			 client[ADDRESS_TEXT_MAX];
	const char		*user_agent;	/* NULL: none */
	const char		*actor_kind;
	char			 actor_hash[65];
	const char		*role;		/* of a scoped key, and its */
	const char		*scopes;	/* own scopes, between blanks */
	struct session		*session;	/* flow/session.h; NULL: none */
	enum limit_kind		 limited;	/* by what it was refused */
	unsigned int		 retry_after;	/* s; 0: as the limit has it */

	/* What it waits for; at most one is set. */
	struct db_op		*op;
	struct net_call		*call;
	struct batch_item	*item;
	struct flow_piece	*piece;		/* flow/stream.h */
	struct flow_aside	*aside;		/* flow/aside.h */
	struct kore_timer	*pause;
	bool			 waiting;
	TAILQ_ENTRY(flow)	 list;		/* of those that wait */
	uint64_t		 deadline_ms;
	unsigned int		 repeats;
	bool			 calls_uncounted; /* they ask no provider */
	const char		*called;	/* the last call's address */

	/* Under an Idempotency-Key: flow/idempotency.h. */
	struct attempt		*attempt;	/* NULL: there is none */
	bool			 is_last;	/* hold the next statement */
	bool			 is_bound;	/* `op' is the attempt's own */
	struct db_op		*held;		/* not committed yet */

	/* What came of it. */
	struct db_rows		*rows;
	struct net_reply	 reply;		/* body in the arena */
	enum err		 fault;
	const char		*fault_message;
	bool			 answered;
	bool			 streaming;	/* the answer has begun */
	const char		*cached;	/* cache-control; NULL: no-store */
	uint64_t		 started_ns;
};

/* ---- for steps ---- */

void		*flow_state(struct flow *);

/* Path, query or body value; NULL: absent or null. */
const char	*flow_text(const struct flow *, const char *name);
long long	 flow_integer(const struct flow *, const char *name,
		    long long missing);
/* Was it in the request, be it null? */
bool		 flow_given(const struct flow *, const char *name);

/*
 * Runs a statement; its rows are flow_rows() for the next step, or the driver
 * answers its error.  Both return FLOW_WAIT.
 */
enum flow_next	 flow_query(struct flow *, const struct db_query *);
/* With arguments by name, by a macro that the compiler checks. */
#define FLOW_QUERY(f, statement, ...)					\
	flow_query((f), &(struct db_query){				\
	    .stmt = &sql_##statement,					\
	    .params = (const char *const *)(const void *)		\
	    &(const struct sql_##statement##_args){ __VA_ARGS__ } })
/* The same after a lock statement that takes the same kind of arguments. */
#define FLOW_LOCKED_QUERY(f, first, first_args, statement, ...)	\
	flow_query((f), &(struct db_query){				\
	    .lock = &sql_##first,					\
	    .lock_params = (const char *const *)(const void *)		\
	    &(const struct sql_##first##_args)				\
	    FLOW_ARGS first_args,					\
	    .stmt = &sql_##statement,					\
	    .params = (const char *const *)(const void *)		\
	    &(const struct sql_##statement##_args){ __VA_ARGS__ } })
#define FLOW_ARGS(...)	{ __VA_ARGS__ }

/*
 * Before the statement that has the request's effect, when its answer follows
 * from it: if the request bears an Idempotency-Key, the statement is committed
 * together with the answer, by one that can't commit after another attempt has
 * taken over.  A step that queries or calls again all the same runs twice: the
 * first time what was held is committed, without an answer.
 */
void		 flow_last(struct flow *);

/* Borrowed until the next query or the flow's end. */
const struct db_rows	*flow_rows(const struct flow *);

/*
 * Calls out; flow_reply() has what came for the next step, errors too.  Ends
 * a little before the flow's deadline, whatever the request says.
 */
enum flow_next	 flow_call(struct flow *, const struct net_request *);
const struct net_reply	*flow_reply(const struct flow *);

/* Waits a moment, for what somebody else is at.  Returns FLOW_WAIT. */
enum flow_next	 flow_pause(struct flow *, unsigned int ms);

/* Waits in a batch; the kind's answer callback must call flow_wake(). */
enum flow_next	 flow_batch(struct flow *, struct batch *,
		    struct batch_item *);
void		 flow_wake(struct flow *, enum err, const char *message);

/*
 * Commits what is held, after one more statement in its transaction; or runs
 * that alone.
 */
enum flow_next	 flow_commit(struct flow *, const struct db_query *last);
/* Rolls back what is held. */
void		 flow_let_go(struct flow *);

/* Runs a statement that nobody waits for. */
void		 flow_tell(const struct db_query *);
#define FLOW_TELL(statement, ...)					\
	flow_tell(&(const struct db_query){				\
	    .stmt = &sql_##statement,					\
	    .params = (const char *const *)(const void *)		\
	    &(const struct sql_##statement##_args){ __VA_ARGS__ } })

/* Goes on with that step, which must come later in the list. */
enum flow_next	 flow_skip_to(struct flow *,
		    enum flow_next (*step)(struct flow *));

/* Goes on with that step, which came earlier. */
enum flow_next	 flow_back_to(struct flow *,
		    enum flow_next (*step)(struct flow *));

/* Goes on with another list's first step. */
enum flow_next	 flow_enter(struct flow *, const struct flow_step *);

/* ---- for the rest of flow/, and whoever starts flows ---- */

/* In a worker, before the first flow. */
void		 flow_open(struct db_pool *);
void		 flow_close(void);

/* A job: steps without a client.  `ended' may be NULL. */
void		 flow_start_job(const char *name,
		    const struct flow_step *steps, size_t state,
		    void (*init)(void *state, const void *arg), const void *arg,
		    void (*ended)(struct flow *, enum err));
/* The driver's: a job's steps are through.  Frees it. */
void		 flow_end_job(struct flow *);
/* Jobs that are under way. */
unsigned int	 flow_jobs(void);

struct flow	*flow_new(void);
/* Runs steps until one waits or all is done.  True: done. */
bool		 flow_run(struct flow *);
/* Cancels what it waits for and frees it. */
void		 flow_drop(struct flow *);

/* Ends the process when it isn't one: a callback for what is freed. */
void		 flow_check(const struct flow *);
/* What it waited for is here, or has failed: on with the next step. */
void		 flow_landed(struct flow *, enum err fault,
		    const char *message);
/* On with the step that it is at. */
void		 flow_again(struct flow *);

#endif
