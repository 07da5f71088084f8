/*
 * POST /v1/zaprite/webhook/:provider_id: somebody says that something happened
 * to an order.  Nobody signs it, so it is a hint and no more: the order is read
 * from Zaprite, and only if it is one of ours, so that strangers can't make us
 * call there.
 */
#include "hooks/hooks.h"

#include "flow/account.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

static enum flow_next
hook_ok(struct flow *f)
{
	return (flow_json_text(f, 200, "{\"ok\":true}"));
}

static enum flow_next
hook_find(struct flow *f)
{
	return (FLOW_QUERY(f, provider_hook_get, .kind = pay_zaprite.kind,
	    .provider_id = flow_text(f, "provider_id")));
}

/* While the answer to our order is lost, only our own id tells it. */
static enum flow_next
hook_read(struct flow *f)
{
	struct settle	*s = flow_state(f);
	struct pay_hook	 hook;
	const void	*body;
	size_t		 len;

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_text(f, "provider_id") == NULL ?
		    flow_fail(f, ERR_NO_PROVIDER, "No Zaprite is connected.") :
		    flow_fail(f, ERR_NOT_FOUND, "No such provider."));
	if (!account_read(f, flow_rows(f), 0, &s->account))
		return (flow_fail(f, ERR_INTERNAL, NULL));
	body = flow_request_body(f, &len);
	(void)pay_zaprite.read_hook(&f->arena, &s->account, NULL, body, len,
	    &hook);
	if (hook.invoice_id == NULL)
		return (hook_ok(f));
	s->invoice_id = hook.invoice_id;
	return (FLOW_QUERY(f, invoice_by_provider,
	    .provider_id = s->account.id,
	    .provider_invoice_id = hook.invoice_id,
	    .order_id = hook.order_id));
}

static enum flow_next
hook_ask(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)	/* none of ours */
		return (hook_ok(f));
	return (settle_ask(f));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(hook_find),		/* sql   provider_hook_get */
	FLOW_STEP(hook_read),		/* sql   invoice_by_provider */
	FLOW_STEP(hook_ask),		/* call  the order, at Zaprite */
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */
	FLOW_STEP(settle_count),
	FLOW_STEP(settle_again),		/* sql   invoice_check_soon */
	FLOW_STEP(hook_ok),
	{ NULL, NULL }
};

/* clang-format off */
const struct endpoint	hooks_zaprite[] = {
	{ .method = POST, .path = "/v1/zaprite/webhook/:provider_id",
	    .steps = steps, .state = sizeof(struct settle), .raw_body = true,
	    .repeatable = true,
	    .errors = "503",
	    .summary = "Zaprite's webhook. It is not signed: the order is read "
	        "from Zaprite, whatever the event says.",
	    .answer = "`{ok:true}`, also for events that don't concern us." },
	{ .method = POST, .path = "/v1/zaprite/webhook",
	    .steps = steps, .state = sizeof(struct settle), .raw_body = true,
	    .repeatable = true,
	    .errors = "503",
	    .summary = "The same for the default provider.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
