/*
 * What the provider says of an invoice, and what follows from it: the one
 * pipeline of webhooks, the reconciler and the sandbox.
 *
 * Nothing that arrives is believed: the invoice is read from its provider,
 * then status, license, audit and outbox change in one transaction, under an
 * advisory lock on the invoice.
 */
#ifndef FLOW_SETTLE_H
#define FLOW_SETTLE_H

#include "flow/flow.h"
#include "pay/provider.h"

/*
 * A flow that uses the steps below has this at the start of its state, with
 * `account' and `invoice_id' filled in.
 */
struct settle {
	struct pay_account	 account;
	const char		*invoice_id;	/* the provider's */
	struct pay_invoice	 seen;
	enum pay_result		 result;
};

/* Asks the provider for the invoice; for flows that know its id. */
enum flow_next	settle_ask(struct flow *);
/*
 * Reads the answer and, if the provider calls it settled, expired or invalid or
 * something was paid, takes that in.  Goes on either way: `result' and `seen'
 * tell.
 */
enum flow_next	settle_apply(struct flow *);
/* Right after it: counts what came of it. */
enum flow_next	settle_count(struct flow *);
/*
 * For webhooks, whose sender is not to blame for the provider's silence: when it
 * didn't answer, reconcilers ask again soon.
 */
enum flow_next	settle_again(struct flow *);

/* Asks a provider, by HTTP or by statement; the next step has the answer. */
enum flow_next	settle_send(struct flow *, const struct pay_ask *);
struct pay_answer	settle_answer(const struct flow *);

#endif
