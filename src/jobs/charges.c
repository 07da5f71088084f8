/*
 * Pays renewals with saved cards.
 *
 * No cycle is charged twice.  That it is charged is written down, and that
 * committed, before the call; whatever happens after that (silence, nonsense,
 * our own death), the order is only ever read.  What the order says is taken in
 * by the pipeline that settles all.  A card that won't pay, or of which nobody
 * hears within ten minutes, makes it an ordinary renewal: the buyer is sent the
 * link to the same order.
 */
#include "jobs/jobs.h"

#include "base/log.h"
#include "base/stat.h"
#include "flow/account.h"
#include "flow/flow.h"
#include "flow/settle.h"
#include "jobs/claim.h"

#include "sql.h"

#define TOGETHER_MAX	8	/* cycles a worker charges at once */
#define PATIENCE_S	600	/* for a charge without a known end */

struct charge {
	struct settle		 settle;	/* must be first */
	const char		*invoice_id;	/* ours */
	const char		*license_id;
	bool			 was_started;	/* by us, or somebody before */
	int64_t			 started_seconds;	/* ago */
	const char		*failure;	/* NULL: none that is known */
};

static enum flow_next	charge_look(struct flow *);
static enum flow_next	charge_end(struct flow *);

static enum flow_next
give_up(struct flow *f, const char *why)
{
	struct charge	*c = flow_state(f);

	c->failure = why;
	return (flow_skip_to(f, charge_end));
}

static enum flow_next
charge_open(struct flow *f)
{
	struct charge		*c = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;
	bool			 usable;

	rows = claim_row(&row);
	c->invoice_id = claim_text(f, "invoice_id");
	c->license_id = claim_text(f, "license_id");
	c->settle.invoice_id = claim_text(f, "provider_invoice_id");
	c->was_started = db_text(rows, row, "started_seconds") != NULL;
	c->started_seconds = db_integer(rows, row, "started_seconds", 0);
	usable = !db_true(rows, row, "is_gone") &&
	    account_read(f, rows, row, &c->settle.account);
	if (!usable || c->settle.account.provider->ask_charge == NULL)
		return (give_up(f, "the provider can't be used"));
	return (c->was_started ? flow_skip_to(f, charge_look) : FLOW_NEXT);
}

static enum flow_next
charge_begin(struct flow *f)
{
	struct charge	*c = flow_state(f);

	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = c->license_id),
	    charge_begin, .invoice_id = c->invoice_id,
	    .license_id = c->license_id));
}

static enum flow_next
charge_call(struct flow *f)
{
	struct charge		*c = flow_state(f);
	struct settle		*s = &c->settle;
	struct pay_ask		 ask = { .sql = NULL };

	if (db_rows_count(flow_rows(f)) == 0)
		return (give_up(f, "there is nothing to charge any more"));
	c->was_started = true;
	s->account.provider->ask_charge(&f->arena, &s->account, s->invoice_id,
	    arena_strdup(&f->arena, db_text(flow_rows(f), 0, "card_id")),
	    &ask);
	return (settle_send(f, &ask));
}

/* Only a clear no is one; and that it is paid is believed of the order alone. */
static enum flow_next
charge_heard(struct flow *f)
{
	struct charge		*c = flow_state(f);
	struct settle		*s = &c->settle;
	struct pay_answer	 answer = settle_answer(f);

	switch (s->account.provider->read(&f->arena, &s->account, &answer,
	    &s->seen)) {
	case PAY_NONE:
		c->failure = "the provider refuses to charge the card";
		break;
	case PAY_OK:
		if (s->seen.status != PAY_SETTLED && !s->seen.is_under_way)
			c->failure = arena_printf(&f->arena,
			    "the card did not pay: %s", s->seen.detail);
		break;
	default:
		LOG(LOG_WARNING, "charge.unheard",
		    LS("invoice", c->invoice_id),
		    LS("reason", answer.reply->error),
		    LI("status", answer.reply->status));
		break;
	}
	return (FLOW_NEXT);
}

static enum flow_next
charge_look(struct flow *f)
{
	return (settle_ask(f));
}

/*
 * Unpaid and no clear word: the row is looked at again in a minute, until it
 * takes too long.
 */
static enum flow_next
charge_judge(struct flow *f)
{
	struct charge	*c = flow_state(f);
	struct settle	*s = &c->settle;
	bool		 is_known = s->result == PAY_OK;

	if (is_known && s->seen.status == PAY_SETTLED) {
		c->failure = NULL;
		stat_add(STAT_CHARGES_PAID, 1);
		return (FLOW_NEXT);
	}
	if (is_known && s->seen.status != PAY_PENDING && c->failure == NULL)
		c->failure = arena_printf(&f->arena, "the order is over: %s",
		    s->seen.detail);
	if (is_known && c->failure != NULL && !s->seen.is_under_way)
		return (FLOW_NEXT);
	if (c->started_seconds < PATIENCE_S)
		return (FLOW_DONE);
	if (c->failure == NULL)
		c->failure = "nobody knows what became of it";
	return (FLOW_NEXT);
}

static enum flow_next
charge_end(struct flow *f)
{
	struct charge	*c = flow_state(f);

	if (c->failure != NULL && c->was_started) {
		stat_add(STAT_CHARGES_FAILED, 1);
		LOG(LOG_NOTICE, "charge.failed", LS("invoice", c->invoice_id),
		    LS("reason", c->failure));
	}
	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = c->license_id),
	    charge_end, .invoice_id = c->invoice_id,
	    .license_id = c->license_id,
	    .was_started = c->was_started ? "true" : "false",
	    .reason = c->failure));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(charge_open),
	FLOW_STEP(charge_begin),	/* sql   charge_begin */
	FLOW_STEP(charge_call),		/* call  charge the card */
	FLOW_STEP(charge_heard),
	FLOW_STEP(charge_look),		/* call  the order */
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */
	FLOW_STEP(settle_count),
	FLOW_STEP(charge_judge),
	FLOW_STEP(charge_end),		/* sql   charge_end */
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "charges",
	.stmt = &sql_charge_claim,
	.steps = steps,
	.state = sizeof(struct charge),
	.together = TOGETHER_MAX,
	.refills = true,
};

void
charges_tick(struct db_pool *pool)
{
	claim_tick(&claim, pool);
}
