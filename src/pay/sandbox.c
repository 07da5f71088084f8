/*
 * Play money, for development and demonstrations: the provider's side is the
 * table sandbox_invoices, its checkout page is pages/sandbox.c.  Refused in
 * production by base/conf.c.
 */
#include "pay/provider.h"

#include "sql.h"

#include <string.h>

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
	const char	*status = db_text(answer->rows, 0, "status");

	if (status == NULL)
		return (PAY_NONE);
	out->id = arena_strdup(a, db_text(answer->rows, 0, "id"));
	out->order_id = arena_strdup(a, db_text(answer->rows, 0, "order_id"));
	out->checkout_url = arena_printf(a, "%s/sandbox/%s", account->here,
	    out->id);
	out->amount_sats = db_integer(answer->rows, 0, "amount_sats", -1);
	out->status = !strcmp(status, "settled") ? PAY_SETTLED :
	    !strcmp(status, "expired") ? PAY_EXPIRED : PAY_PENDING;
	out->paid_sats = out->status == PAY_SETTLED ? out->amount_sats : 0;
	out->exception = PAY_AS_ASKED;
	out->detail = "sandbox";
	return (PAY_OK);
}

const struct provider	pay_sandbox = {
	.kind = "sandbox",
	.rails = "lightning onchain",
	.ask_create = ask_create,
	.ask_status = ask_status,
	.ask_find = ask_find,
	.read = read_answer,
	.ask_void = ask_void,
};
