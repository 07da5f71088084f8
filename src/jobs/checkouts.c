/*
 * Checkouts whose page is open, and of which something was heard: their
 * provider is asked what has arrived and what is left to pay.
 */
#include "jobs/jobs.h"

#include "flow/account.h"
#include "flow/checkout.h"
#include "jobs/claim.h"

#include "sql.h"

#define TOGETHER_MAX	25	/* a worker asks about at once */

static enum flow_next
checkouts_open(struct flow *f)
{
	struct checkout		*c = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;

	rows = claim_row(&row);
	if (!account_read(f, rows, row, &c->settle.account))
		return (FLOW_DONE);
	c->id = claim_text(f, "id");
	c->settle.invoice_id = claim_text(f, "provider_invoice_id");
	return (c->settle.invoice_id == NULL ? FLOW_DONE : FLOW_NEXT);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(checkouts_open),
	CHECKOUT_STEPS,
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "checkouts",
	.stmt = &sql_checkout_claim,
	.steps = steps,
	.state = sizeof(struct checkout),
	.together = TOGETHER_MAX,
};

void
checkouts_tick(struct db_pool *pool)
{
	claim_tick(&claim, pool);
}
