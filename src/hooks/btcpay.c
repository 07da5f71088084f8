/*
 * POST /v1/btcpay/webhook/:provider_id: BTCPay Server says that something
 * happened to an invoice.  The signature proves who says it; the status is
 * read from the server itself.  Any replica will do, any number of times.
 */
#include "hooks/hooks.h"

#include "flow/account.h"
#include "flow/checkout.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

static enum flow_next
hook_find(struct flow *f)
{
	return (FLOW_QUERY(f, provider_hook_get, .kind = pay_btcpay.kind,
	    .provider_id = flow_text(f, "provider_id")));
}

static enum flow_next
hook_read(struct flow *f)
{
	struct settle	*s = flow_state(f);
	struct pay_hook	 hook;
	const void	*body;
	size_t		 len;

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_text(f, "provider_id") == NULL ?
		    flow_fail(f, ERR_NO_PROVIDER,
		    "No BTCPay server is connected.") :
		    flow_fail(f, ERR_NOT_FOUND, "No such provider."));
	if (!account_read(f, flow_rows(f), 0, &s->account))
		return (flow_fail(f, ERR_INTERNAL,
		    "The payment provider's secrets are lost."));
	body = flow_request_body(f, &len);
	if (!pay_btcpay.read_hook(&f->arena, &s->account,
	    flow_request_header(f, "btcpay-sig"), body, len, &hook))
		return (flow_fail(f, ERR_UNAUTHORIZED,
		    "BTCPay-Sig is missing or wrong."));
	if (hook.invoice_id == NULL)	/* some other event */
		return (flow_json_text(f, 200, "{\"ok\":true}"));
	s->invoice_id = hook.invoice_id;
	return (FLOW_NEXT);
}

static enum flow_next
hook_answer(struct flow *f)
{
	return (flow_json_text(f, 200, "{\"ok\":true}"));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(hook_find),		/* sql   provider_hook_get */
	FLOW_STEP(hook_read),
	FLOW_STEP(settle_ask),		/* call  the invoice, at BTCPay */
	FLOW_STEP(settle_apply),	/* sql   invoice_settle */
	FLOW_STEP(settle_count),
	FLOW_STEP(checkout_hint),
	FLOW_STEP(settle_again),		/* sql   invoice_check_soon */
	FLOW_STEP(hook_answer),
	{ NULL, NULL }
};

/* clang-format off */
const struct endpoint	hooks_btcpay[] = {
	{ .method = POST, .path = "/v1/btcpay/webhook/:provider_id",
	    .steps = steps, .state = sizeof(struct settle), .raw_body = true,
	    .repeatable = true,
	    .errors = "401 503",
	    .summary = "BTCPay Server's webhook; BTCPay-Sig signs the body.",
	    .answer = "`{ok:true}`, also for events that don't concern us." },
	{ .method = POST, .path = "/v1/btcpay/webhook",
	    .steps = steps, .state = sizeof(struct settle), .raw_body = true,
	    .repeatable = true,
	    .errors = "401 503",
	    .summary = "The same for the default provider.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
