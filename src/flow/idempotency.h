/*
 * Idempotency-Key: a write that a client sends again has its effect once, and
 * the same answer, for 24 hours.
 *
 * Before a request that bears a key runs its endpoint's steps, it claims the
 * key's row.  The row is leased to the attempt, since its worker may die; who
 * comes later takes over once the lease is over.  The answer is stored in the
 * transaction of the effect: see flow_last().  Answers that are of use only
 * now (402, 429, 5xx) are not; the lease is given back then.
 */
#ifndef FLOW_IDEMPOTENCY_H
#define FLOW_IDEMPOTENCY_H

#include "flow/flow.h"

/* clang-format off */
/* Of the prelude: after the request was read, before the endpoint's own. */
#define IDEMPOTENCY_STEPS						\
	FLOW_STEP(idempotency_begin),	/* sql  idempotency_begin */	\
	FLOW_STEP(idempotency_judge),	/* another has answered, or runs */ \
	FLOW_STEP(idempotency_tidy),	/* sql  invoice_abandon */	\
	FLOW_STEP(idempotency_untie),	/* sql  tier_drop */		\
	FLOW_STEP(idempotency_tidied),					\
	FLOW_STEP(idempotency_forget)	/* sql  idempotency_forget */
/* clang-format on */

enum flow_next	idempotency_begin(struct flow *);
enum flow_next	idempotency_judge(struct flow *);
/*
 * What an attempt left that died between two commits: an invoice that nobody
 * was told of.  It is given up, with its code's use and its tier change.
 */
enum flow_next	idempotency_tidy(struct flow *);
enum flow_next	idempotency_untie(struct flow *);
enum flow_next	idempotency_tidied(struct flow *);
enum flow_next	idempotency_forget(struct flow *);

/*
 * A page's form bears a token as a field, instead of the header.  Its own steps
 * claim it, and judge; if it is ours, the steps from idempotency_tidy() on
 * follow, and then what the form asks for.  The page that comes of it is an
 * answer like any other, unless idempotency_drop() was called before.
 */
enum idempotency_verdict {
	IDEMPOTENCY_OURS,
	IDEMPOTENCY_ANSWERED,	/* it was sent before: idempotency_answer() */
	IDEMPOTENCY_RUNNING,	/* another is at it: claim again, a moment later */
	IDEMPOTENCY_OTHER	/* it came with another form */
};

/* A step.  The token is a UUID, or whatever a key may be. */
enum flow_next			idempotency_claim(struct flow *,
				    const char *token);
/* In the step after it. */
enum idempotency_verdict	idempotency_verdict(struct flow *);
/* The body that was answered, in the arena; NULL: it can't be opened. */
const char			*idempotency_answer(struct flow *);

/* Is an Idempotency-Key of use with this endpoint? */
bool		idempotency_takes_key(const struct endpoint *);

/*
 * A new id for what the request makes beside others, as text.  With a key it is
 * the attempt's, so that who takes over finds what was left.
 */
void		flow_new_id(struct flow *, char out[37]);

/* ---- for the driver ---- */

/* Does this request run under a key, with no answer yet? */
bool		idempotency_runs(const struct flow *);
/*
 * Takes an answer that is to be stored before it is sent, or whose key is to be
 * released before.  False: send it at once.
 */
bool		idempotency_keep(struct flow *, int status, const char *type,
		    const void *data, size_t len);
/* Goes on with the steps that store and send what was kept, if that is so. */
bool		idempotency_enter(struct flow *);
/* A statement that is no part of the attempt's own transaction is adrift. */
void		idempotency_unsure(struct flow *);
/*
 * Gives the key up, unless it is answered, and undoes what is held: the next
 * attempt runs anew.
 */
void		idempotency_drop(struct flow *);

#endif
