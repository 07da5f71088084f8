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

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define TOGETHER_MAX	4	/* contacts a worker asks for at once */

struct card {
	const struct db_rows	*claimed;	/* for the first step alone */
	unsigned int		 row;
	const char		*invoice_id;	/* of the first cycle */
	struct pay_account	 account;
};

static struct db_op	*claiming;
static unsigned int	 running;

/* Runs before flow_start_job() returns, while the claimed rows are there. */
static enum flow_next
card_ask(struct flow *f)
{
	struct card		*c = flow_state(f);
	const struct db_rows	*rows = c->claimed;
	const char		*contact;
	struct pay_ask		 ask = { .sql = NULL };

	c->claimed = NULL;
	if (!account_read(f, rows, c->row, &c->account) ||
	    c->account.provider->ask_card == NULL)
		return (FLOW_DONE);
	c->invoice_id = arena_strdup(&f->arena, db_text(rows, c->row,
	    "invoice_id"));
	contact = arena_strdup(&f->arena, db_text(rows, c->row,
	    "contact_id"));
	c->account.provider->ask_card(&f->arena, &c->account, contact, &ask);
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

static void
init(void *state, const void *arg)
{
	memcpy(state, arg, sizeof(struct card));
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
	struct card	c;
	unsigned int	i;

	(void)arg;
	claiming = NULL;
	for (i = 0; i < db_rows_count(reply->rows); i++) {
		c = (struct card){ .claimed = reply->rows, .row = i };
		running++;
		flow_start_job("cards", steps, sizeof(c), init, &c, ended);
	}
	db_rows_free(reply->rows);
}

void
cards_tick(struct db_pool *pool)
{
	char				limit[16];
	struct sql_card_claim_args	args = { .limit = limit };
	struct db_query			q = { .stmt = &sql_card_claim,
					    .params = (const char *const *)
					    (void *)&args };

	if (claiming != NULL || running >= TOGETHER_MAX)
		return;
	(void)snprintf(limit, sizeof(limit), "%u", TOGETHER_MAX - running);
	claiming = db_exec(pool, &q, claimed, NULL);
}
