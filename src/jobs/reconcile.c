/*
 * Invoices whose webhook was lost, or whose making we did not survive: each
 * is read from its own provider and goes through the same pipeline as a
 * webhook.
 */
#include "jobs/jobs.h"

#include "base/conf.h"
#include "base/log.h"
#include "flow/account.h"
#include "flow/checkout.h"
#include "flow/flow.h"
#include "flow/settle.h"
#include "jobs/claim.h"

#include "sql.h"

#include <stdio.h>

#define TOGETHER_MAX	25	/* invoices a worker looks at at once */
#define LOST_SECONDS	3600	/* unknown to the provider for so long: gone */

struct reconcile {
	struct settle		 settle;	/* must be first */
	const char		*invoice_id;	/* ours */
	const char		*provider_invoice_id;	/* NULL: unattached */
	int64_t			 age_seconds;
};

static enum flow_next
reconcile_open(struct flow *f)
{
	struct reconcile	*r = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;

	rows = claim_row(&row);
	if (!account_read(f, rows, row, &r->settle.account))
		return (FLOW_DONE);
	r->invoice_id = claim_text(f, "id");
	r->provider_invoice_id = claim_text(f, "provider_invoice_id");
	r->age_seconds = db_integer(rows, row, "age_seconds", 0);
	return (FLOW_NEXT);
}

static enum flow_next
reconcile_ask(struct flow *f)
{
	struct reconcile	*r = flow_state(f);
	const struct provider	*p = r->settle.account.provider;
	struct pay_ask		 ask = { .sql = NULL };

	if (r->provider_invoice_id != NULL) {
		r->settle.invoice_id = r->provider_invoice_id;
		return (settle_ask(f));
	}
	r->settle.invoice_id = r->invoice_id;
	if (p->ask_find == NULL)
		return (FLOW_DONE);
	p->ask_find(&f->arena, &r->settle.account, r->invoice_id, &ask);
	return (settle_send(f, &ask));
}

/*
 * Found by its order id: the provider's id is noted, so that the buyer's
 * link works.  Known to nobody for an hour: it was never made.
 */
static enum flow_next
reconcile_attach(struct flow *f)
{
	struct reconcile	*r = flow_state(f);
	struct settle		*s = &r->settle;

	if (r->provider_invoice_id != NULL)
		return (FLOW_NEXT);
	if (s->result == PAY_OK)
		return (FLOW_QUERY(f, invoice_attach, .id = r->invoice_id,
		    .provider_invoice_id = s->seen.id,
		    .checkout_url = s->seen.checkout_url));
	if (s->result == PAY_NONE && r->age_seconds > LOST_SECONDS)
		return (FLOW_QUERY(f, invoice_abandon, .id = r->invoice_id));
	return (FLOW_NEXT);
}

/* Somebody has begun to pay, whose webhook may be lost. */
static enum flow_next
reconcile_hint(struct flow *f)
{
	struct reconcile	*r = flow_state(f);

	return (r->settle.result == PAY_OK && r->settle.seen.paid_sats > 0 ?
	    checkout_hint(f) : FLOW_NEXT);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(reconcile_open),
	FLOW_STEP(reconcile_ask),	/* call  status, or look-up by order */
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */
	FLOW_STEP(settle_count),
	FLOW_STEP(reconcile_hint),
	FLOW_STEP(reconcile_attach),	/* sql   invoice_attach */
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "reconcile",
	.stmt = &sql_invoice_claim_due,
	.steps = steps,
	.state = sizeof(struct reconcile),
	.together = TOGETHER_MAX,
};

void
reconcile_tick(struct db_pool *pool)
{
	char	retry[16];

	(void)snprintf(retry, sizeof(retry), "%lld", conf.reconcile_seconds);
	claim.argument = retry;
	claim_tick(&claim, pool);
	claim.argument = NULL;
}
