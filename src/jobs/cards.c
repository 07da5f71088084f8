/*
 * Looks for the cards that buyers let a provider keep: once a first cycle is
 * paid, at the contact that was made for its order.  Later cycles are charged
 * to the card (jobs/charges.c).  A buyer who paid without one, or wouldn't have
 * it kept, is asked to pay each cycle as ever.
 */
#include "jobs/jobs.h"

#include "flow/account.h"
#include "flow/flow.h"
#include "flow/settle.h"
#include "jobs/claim.h"

#include "sql.h"

#define TOGETHER_MAX	4	/* contacts a worker asks for at once */

struct card {
	const char		*invoice_id;	/* of the first cycle */
	struct pay_account	 account;
};

static enum flow_next
card_ask(struct flow *f)
{
	struct card		*c = flow_state(f);
	const struct db_rows	*rows;
	struct pay_ask		 ask = { .sql = NULL };
	unsigned int		 row;

	rows = claim_row(&row);
	if (!account_read(f, rows, row, &c->account) ||
	    c->account.provider->ask_card == NULL)
		return (FLOW_DONE);
	c->invoice_id = claim_text(f, "invoice_id");
	c->account.provider->ask_card(&f->arena, &c->account,
	    claim_text(f, "contact_id"), &ask);
	return (settle_send(f, &ask));
}

/* None, or no answer: its row says when somebody looks again. */
static enum flow_next
card_save(struct flow *f)
{
	struct card		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_card		 card;

	if (c->account.provider->read_card(&f->arena, &c->account,
	    c->invoice_id, &answer, &card) != PAY_OK)
		return (FLOW_DONE);
	return (FLOW_QUERY(f, card_save, .invoice_id = c->invoice_id,
	    .card_id = card.id, .method = card.method,
	    .expires_at = card.expires_at == 0 ? NULL :
	    arena_printf(&f->arena, "%lld", (long long)card.expires_at)));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(card_ask),		/* call  the contact */
	FLOW_STEP(card_save),		/* sql   card_save */
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "cards",
	.stmt = &sql_card_claim,
	.steps = steps,
	.state = sizeof(struct card),
	.together = TOGETHER_MAX,
};

void
cards_tick(struct db_pool *pool)
{
	claim_tick(&claim, pool);
}
