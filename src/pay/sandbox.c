/*
 * Play money, for development and demonstrations: the provider's side is the
 * table sandbox_invoices, its checkout page is pages/sandbox.c.  Refused in
 * production by base/conf.c.
 */
#include "pay/provider.h"

#include "pay/testcoin.h"

#include "sql.h"

#include <string.h>

#define SECONDS		900		/* to pay in, unless the order says */
#define CONFIRMATIONS	3		/* as in sandbox_act */

/* The invoice's id at the sandbox is made of ours, so asking twice is safe. */
static void
ask_create(struct arena *a, const struct pay_account *account,
    const struct pay_order *order, struct pay_ask *ask)
{
	struct sql_sandbox_create_args	*args = arena_alloc(a, sizeof(*args));

	(void)account;
	args->id = arena_printf(a, "sandbox-%s", order->id);
	args->order_id = order->id;
	args->amount_sats = arena_printf(a, "%lld",
	    (long long)order->amount_sats);
	args->seconds = arena_printf(a, "%u", order->expiration_minutes == 0 ?
	    SECONDS : order->expiration_minutes * 60);
	ask->sql = &sql_sandbox_create;
	ask->params = (const char *const *)(void *)args;
}

static void
ask_status(struct arena *a, const struct pay_account *account,
    const char *invoice_id, struct pay_ask *ask)
{
	struct sql_sandbox_get_args	*args = arena_alloc(a, sizeof(*args));

	(void)account;
	args->id = invoice_id;
	ask->sql = &sql_sandbox_get;
	ask->params = (const char *const *)(void *)args;
}

static void
ask_find(struct arena *a, const struct pay_account *account,
    const char *order_id, struct pay_ask *ask)
{
	struct sql_sandbox_find_args	*args = arena_alloc(a, sizeof(*args));

	(void)account;
	args->order_id = order_id;
	ask->sql = &sql_sandbox_find;
	ask->params = (const char *const *)(void *)args;
}

/* An invoice that has been paid stays so. */
static void
ask_void(struct arena *a, const struct pay_account *account,
    const char *invoice_id, struct pay_ask *ask)
{
	struct sql_sandbox_set_status_args	*args;

	(void)account;
	args = arena_alloc(a, sizeof(*args));
	args->id = invoice_id;
	args->status = "expired";
	ask->sql = &sql_sandbox_set_status;
	ask->params = (const char *const *)(void *)args;
}

static enum pay_result
read_answer(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, struct pay_invoice *out)
{
	const struct db_rows	*r = answer->rows;
	const char		*status = db_text(r, 0, "status");

	if (status == NULL)
		return (PAY_NONE);
	out->id = arena_strdup(a, db_text(r, 0, "id"));
	out->order_id = arena_strdup(a, db_text(r, 0, "order_id"));
	out->checkout_url = arena_printf(a, "%s/sandbox/%s", account->here,
	    out->id);
	out->amount_sats = db_integer(r, 0, "amount_sats", -1);
	out->status = !strcmp(status, "settled") ? PAY_SETTLED :
	    !strcmp(status, "expired") ? PAY_EXPIRED : PAY_PENDING;
	out->paid_sats = db_integer(r, 0, "paid_sats",
	    out->status == PAY_SETTLED ? out->amount_sats : 0);
	out->expires_at = db_integer(r, 0, "expires_at", 0);
	out->is_under_way = out->status == PAY_PENDING && out->paid_sats > 0;
	out->exception = out->paid_sats > 0 &&
	    out->paid_sats < out->amount_sats ? PAY_PARTIAL :
	    db_true(r, 0, "is_late") ? PAY_LATE : PAY_AS_ASKED;
	out->detail = "sandbox";
	return (PAY_OK);
}

/* By what is left to pay and since when, so that asking twice gives the same. */
static enum pay_result
read_methods(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, struct pay_methods *out)
{
	const struct db_rows	*r = answer->rows;
	const char		*id = db_text(r, 0, "id"), *seed;
	int64_t			 until = db_integer(r, 0, "expires_at", 0);
	int64_t			 from = db_integer(r, 0, "created_at", 0);
	char			 text[TESTCOIN_SIZE];

	(void)account;
	*out = (struct pay_methods){ .due_sats = -1, .confirmations = -1,
	    .confirmations_needed = -1 };
	if (id == NULL)
		return (PAY_NONE);
	if (until == 0)		/* an older release made it */
		return (PAY_OK);
	out->seen_sats = db_integer(r, 0, "paid_sats", 0);
	out->due_sats = db_integer(r, 0, "amount_sats", 0) - out->seen_sats;
	testcoin_address(text, id);
	out->address = arena_strdup(a, text);
	if (out->due_sats > 0) {
		seed = arena_printf(a, "%s %lld", id, (long long)out->due_sats);
		testcoin_bolt11(text, seed, out->due_sats, from,
		    until - from);
		out->bolt11 = arena_strdup(a, text);
	}
	if (out->seen_sats > 0) {
		out->confirmations = (int)db_integer(r, 0, "confirmations", 0);
		out->confirmations_needed = CONFIRMATIONS;
	}
	return (PAY_OK);
}

const struct provider	pay_sandbox = {
	.kind = "sandbox",
	.rails = "lightning onchain",
	.ask_create = ask_create,
	.ask_status = ask_status,
	.ask_find = ask_find,
	.read = read_answer,
	.ask_methods = ask_status,
	.read_methods = read_methods,
	.ask_void = ask_void,
};
