/*
 * With what an invoice can be paid, and what has arrived: asked of its
 * provider, and kept for every replica (the table `checkouts').  Whoever asks
 * has claimed that row before, so the provider isn't asked by all at once.
 */
#ifndef FLOW_CHECKOUT_H
#define FLOW_CHECKOUT_H

#include "flow/settle.h"

/*
 * At the start of the state of a flow with CHECKOUT_STEPS, with `account',
 * `invoice_id' and `id' filled in.
 */
struct checkout {
	struct settle		 settle;	/* must be first */
	const char		*id;		/* our invoice */
	unsigned int		 patience_ms;	/* for each call; 0: the
						   provider's */
	struct pay_methods	 methods;
	enum pay_result		 result;	/* of the methods */
};

/* clang-format off */
/* After silence nothing is noted, and nothing more is asked. */
#define CHECKOUT_STEPS							\
	FLOW_STEP(checkout_ask),	/* call  the ways to pay */	\
	FLOW_STEP(checkout_take),					\
	FLOW_STEP(checkout_ask_status),	/* call  the invoice */		\
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */	\
	FLOW_STEP(settle_count),					\
	FLOW_STEP(checkout_note),	/* sql   checkout_note */	\
	FLOW_STEP(checkout_end)
/* clang-format on */

enum flow_next	checkout_ask(struct flow *);
enum flow_next	checkout_take(struct flow *);
enum flow_next	checkout_ask_status(struct flow *);
enum flow_next	checkout_note(struct flow *);
enum flow_next	checkout_end(struct flow *);

/*
 * After settle_apply: something may have changed.  If somebody has the
 * invoice's page open, a worker asks what.
 */
enum flow_next	checkout_hint(struct flow *);

#endif
