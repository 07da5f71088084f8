/*
 * The price of a bitcoin, for a flow that needs one: the operator's pin, else
 * what any replica fetched within a minute, else the sources one after the
 * other; what was fetched is shared.  Refuses to use an older rate: without a
 * fresh one there is none.
 *
 *	rate_need(f, "USD");		in a step before
 *	... RATE_STEPS ...		in the list of steps
 *	if (!rate_got(f, &rate_e4, &source))	in a step after
 *		return (rate_fail(f));		or what a job does about it
 *
 * RATE_STEPS run statements: copy what you need of flow_rows() before.
 */
#ifndef FLOW_RATE_H
#define FLOW_RATE_H

#include "flow/flow.h"

#include <stdbool.h>
#include <stdint.h>

#define RATE_SOURCE_PIN	"manual_pin"

/* "USD" or "EUR"; "SAT" and NULL need no rate, and the steps do nothing. */
void	rate_need(struct flow *, const char *currency);
/* The same, and what others have fetched is too old; a pin is not. */
void	rate_need_anew(struct flow *, const char *currency);
/*
 * After rate_need(): row `row' has the columns of the fragment rate_facts for
 * this currency, so that a rate that is known costs no statement.
 */
void	rate_know(struct flow *, const struct db_rows *, unsigned int row);

/* clang-format off */
/* A statement, and one call for each source at most. */
#define RATE_STEPS							\
	FLOW_STEP(rate_look),		/* sql   rate_get */		\
	FLOW_STEP(rate_ask),		/* call  a source */		\
	FLOW_STEP(rate_ask),		/* call  the next */		\
	FLOW_STEP(rate_ask),		/* call  the last */		\
	FLOW_STEP(rate_keep),		/* sql   rate_keep */		\
	FLOW_STEP(rate_end)
/* clang-format on */

/*
 * True: here it is, as in domain/money.h, with the word for
 * invoices.exchange_rate_source (in the arena); 0 and NULL when none is
 * needed.  False: one is needed and can't be had.
 */
bool	rate_got(const struct flow *, int64_t *rate_e4, const char **source);
/* 502 that says which currency has no rate; FLOW_DONE. */
enum flow_next	rate_fail(struct flow *);

/* For RATE_STEPS only. */
enum flow_next	rate_look(struct flow *);
enum flow_next	rate_ask(struct flow *);
enum flow_next	rate_keep(struct flow *);
enum flow_next	rate_end(struct flow *);

#endif
