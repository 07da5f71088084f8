/*
 * Invoices whose webhook was lost, or whose making we did not survive: each
 * is read from its own provider and goes through the same pipeline as a
 * webhook.
 */
#include "jobs/jobs.h"

#include "base/conf.h"
#include "base/log.h"
#include "flow/account.h"
#include "flow/flow.h"
#include "flow/settle.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define TOGETHER_MAX	25	/* invoices a worker looks at at once */
#define LOST_SECONDS	3600	/* unknown to the provider for so long: gone */

struct reconcile {
	struct settle		 settle;	/* must be first */
	const struct db_rows	*claimed;	/* for the first step alone */
	unsigned int		 row;
	const char		*invoice_id;	/* ours */
	const char		*provider_invoice_id;	/* NULL: unattached */
	int64_t			 age_seconds;
};

static struct db_op	*claiming;
static unsigned int	 running;

/* Runs before flow_start_job() returns, while the claimed rows are there. */
static enum flow_next
reconcile_open(struct flow *f)
{
	struct reconcile	*r = flow_state(f);
	const struct db_rows	*rows = r->claimed;
	const char		*id = db_text(rows, r->row,
				    "provider_invoice_id");

	r->claimed = NULL;
	if (!account_read(f, rows, r->row, &r->settle.account))
		return (FLOW_DONE);
	r->invoice_id = arena_strdup(&f->arena, db_text(rows, r->row, "id"));
	if (id != NULL)
		r->provider_invoice_id = arena_strdup(&f->arena, id);
	r->age_seconds = db_integer(rows, r->row, "age_seconds", 0);
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

static const struct flow_step	steps[] = {
	FLOW_STEP(reconcile_open),
	FLOW_STEP(reconcile_ask),	/* call  status, or look-up by order */
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */
	FLOW_STEP(settle_count),
	FLOW_STEP(reconcile_attach),	/* sql   invoice_attach */
	{ NULL, NULL }
};

static void
init(void *state, const void *arg)
{
	memcpy(state, arg, sizeof(struct reconcile));
}

static void
ended(struct flow *f, enum err fault)
{
	(void)f;
	(void)fault;
	running--;
}

static void
claimed(void *arg, struct db_reply *reply)
{
	struct reconcile	r;
	unsigned int		 i;

	(void)arg;
	claiming = NULL;
	for (i = 0; i < db_rows_count(reply->rows); i++) {
		r = (struct reconcile){ .claimed = reply->rows, .row = i };
		running++;
		flow_start_job("reconcile", steps, sizeof(r), init, &r, ended);
	}
	db_rows_free(reply->rows);
}

void
reconcile_tick(struct db_pool *pool)
{
	char				 limit[16], retry[16];
	struct sql_invoice_claim_due_args args = { .limit = limit,
					    .retry_seconds = retry };
	struct db_query			 q = { .stmt = &sql_invoice_claim_due,
					    .params = (const char *const *)
					    (void *)&args };

	if (claiming != NULL || running >= TOGETHER_MAX)
		return;
	snprintf(limit, sizeof(limit), "%u", TOGETHER_MAX - running);
	snprintf(retry, sizeof(retry), "%lld", conf.reconcile_seconds);
	claiming = db_exec(pool, &q, claimed, NULL);
}
