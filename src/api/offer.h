/*
 * What is on offer, and for how much: the facts, the code and the price that
 * buying, redeeming and previewing have in common.  The amounts are
 * domain/price's; who refuses what, and when, is each endpoint's.
 */
#ifndef API_OFFER_H
#define API_OFFER_H

#include "domain/price.h"
#include "flow/account.h"
#include "flow/flow.h"

/* Texts live in the flow's arena. */
struct offer {
	const char		*product_id;	/* NULL: no such product */
	const char		*product_name;
	const char		*policy_id;	/* NULL: sold without one */
	const char		*currency;
	int64_t			 listed_value;
	bool			 is_recurring;
	bool			 is_trial;
	/* "not_found no such product": an error's code and why; or NULL. */
	const char		*product_refusal;
	const char		*policy_refusal;
	/* "expired the code has expired": preview's reason and why; or NULL. */
	const char		*code_refusal;
	const char		*code_id;	/* NULL: none, or unknown */
	const char		*code;
	const char		*code_kind;
	int64_t			 code_amount;
	bool			 code_featured;	/* not typed by the buyer */
	const char		*provider_id;	/* NULL: nobody serves it */
	struct pay_account	 account;

	/* By offer_price(). */
	const char		*used_code_id;	/* NULL: without a code */
	int64_t			 rate_e4;
	const char		*rate_source;
	struct price		 price;

	/* An invoice that expired unpaid, which this sale replaces; or NULL. */
	const char		*follows_id;

	/* By offer_open(). */
	char			 invoice_id[37];
};

/*
 * A step: asks for the facts, by the request's product, policy_slug, code and
 * rail.
 */
enum flow_next	offer_ask(struct flow *);
/*
 * Takes them in, in the step after.  With a code of `currency' in need of a
 * rate, and unless it is a trial, RATE_STEPS will find one.
 */
void		offer_read(struct flow *, struct offer *);

/* False after flow_fail() with a refusal as above whose word is an error's. */
bool		offer_allows(struct flow *, const char *refusal);
/* Is this refusal for one of these reasons, "a|b"? */
bool		offer_is_refused(const char *refusal, const char *reasons);
/* What a refusal says to people. */
const char	*offer_why(const char *refusal);

/*
 * After RATE_STEPS: the price, with the code or without.  False after
 * flow_fail(): there is no rate, or it is more than all bitcoin.
 */
bool		offer_price(struct flow *, struct offer *, bool with_code);

/* Runs purchase_open with what was priced; the same when repeated. */
enum flow_next	offer_open(struct flow *, struct offer *);

#endif
