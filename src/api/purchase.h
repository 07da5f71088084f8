/*
 * Buying, for what else ends in a sale: an offer is judged and priced, written
 * as an invoice, then the provider is asked for its own.
 */
#ifndef API_PURCHASE_H
#define API_PURCHASE_H

#include "api/offer.h"
#include "pay/provider.h"

#include <stdbool.h>

/* The state of such a flow, or its first member. */
struct purchase {
	struct offer		 offer;
	bool			 payable;	/* offer.account is usable */
	struct pay_order	 order;
	struct pay_invoice	 invoice;	/* the provider's */
	enum pay_result		 result;
};

/*
 * After offer_ask: product, policy, trial; what speaks against it whatever the
 * price is.
 */
enum flow_next	purchase_judge(struct flow *);
/* The price, if somebody can take the money; false after flow_fail(). */
bool		purchase_price(struct flow *, bool with_code);

/* clang-format off */
/* After purchase_open: the provider's invoice, and the answer. */
#define PURCHASE_ORDER_STEPS						\
	FLOW_STEP(purchase_order),					\
	FLOW_STEP(purchase_contact),	/* call  the buyer, perhaps */	\
	FLOW_STEP(purchase_contact_note), /* sql  card_contact_note */	\
	FLOW_STEP(purchase_send),	/* call  create invoice */	\
	FLOW_STEP(purchase_note),	/* sql   invoice_attach */	\
	FLOW_STEP(purchase_answer)
/* clang-format on */

enum flow_next	purchase_order(struct flow *);
enum flow_next	purchase_contact(struct flow *);
enum flow_next	purchase_contact_note(struct flow *);
enum flow_next	purchase_send(struct flow *);
enum flow_next	purchase_note(struct flow *);
enum flow_next	purchase_answer(struct flow *);

#endif
