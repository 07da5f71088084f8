/*
 * A license on its way to another policy: what was quoted, and the steps that
 * write it down, ask a provider for the money, and answer.
 *
 * The change and its invoice are written before the provider hears of them.
 * What was quoted is refused when the license is another by then.
 */
#ifndef API_MOVE_H
#define API_MOVE_H

#include "domain/tier.h"
#include "flow/account.h"
#include "flow/flow.h"
#include "flow/rate.h"

enum move_how {
	MOVE_INVOICED,	/* made when it is paid */
	MOVE_SCHEDULED,	/* made at the next renewal */
	MOVE_GIVEN	/* made at once, for nothing */
};

struct move {
	enum move_how		 how;
	struct tier_facts	 facts;
	struct tier_quote	 quote;
	struct pay_account	 account;
	struct pay_order	 order;
	struct pay_invoice	 invoice;	/* the provider's */
	struct pay_account	 aside;		/* of the invoice put aside */
	char			 invoice_id[37];
	const char		*seen;		/* what was quoted for */
	const char		*currency;
	const char		*from_slug;
	const char		*to_slug;
	const char		*next_renewal_at;
	const char		*change_id;
	const char		*effective_at;
	const char		*aside_id;	/* our invoice, put aside */
	const char		*aside_at;	/* the provider's id of it */
	const char		*body;		/* what was given */
};

/*
 * Takes in the row of tier_facts and quotes; facts.mode and order.license_id
 * are set before.  False after flow_fail(): nobody to quote for, or no such
 * change.
 */
bool		 move_read(struct flow *);
/* next_renewal_charge and next_renewal_period_days, as quoted. */
void		 move_put_next(json_t *body, const struct move *);

/* clang-format off */
/* From the quote on; `how' is decided and, if it costs, account and rate. */
#define MOVE_STEPS							\
	RATE_STEPS,							\
	FLOW_STEP(move_open),		/* sql   tier_open, tier_now */	\
	FLOW_STEP(move_order),		/* call  create invoice */	\
	FLOW_STEP(move_note),		/* sql   invoice_attach */	\
	FLOW_STEP(move_tidy),		/* sql   tier_void_facts */	\
	FLOW_STEP(move_look),		/* call  the older invoice */	\
	FLOW_STEP(move_void),		/* call  the same, off it */	\
	FLOW_STEP(move_answer)
/* clang-format on */

enum flow_next	 move_open(struct flow *);
enum flow_next	 move_order(struct flow *);
enum flow_next	 move_note(struct flow *);
enum flow_next	 move_tidy(struct flow *);
enum flow_next	 move_look(struct flow *);
enum flow_next	 move_void(struct flow *);
enum flow_next	 move_answer(struct flow *);

#endif
