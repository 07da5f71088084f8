#include "flow/settle.h"

#include "base/log.h"
#include "flow/bind.h"

#include "sql.h"

enum flow_next
settle_send(struct flow *f, const struct pay_ask *ask)
{
	struct db_query	q = { .stmt = ask->sql, .params = ask->params };

	if (ask->sql != NULL)
		return (flow_query(f, &q));
	return (flow_call(f, &ask->http));
}

struct pay_answer
settle_answer(const struct flow *f)
{
	return ((struct pay_answer){ .reply = flow_reply(f),
	    .rows = flow_rows(f) });
}

enum flow_next
settle_ask(struct flow *f)
{
	struct settle	*s = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	pay_provider()->ask_status(&f->arena, pay_account(), s->invoice_id,
	    &ask);
	return (settle_send(f, &ask));
}

enum flow_next
settle_apply(struct flow *f)
{
	struct settle		*s = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	s->result = pay_provider()->read(&f->arena, pay_account(), &answer,
	    &s->seen);
	if (s->result != PAY_OK) {
		LOG(LOG_NOTICE, "pay.unread", LS("invoice", s->invoice_id),
		    LS("reason", answer.reply->error),
		    LI("status", answer.reply->status));
		return (FLOW_NEXT);
	}
	if (s->seen.status == PAY_PENDING)
		return (FLOW_NEXT);
	return (FLOW_LOCKED_QUERY(f, invoice_settle_lock,
	    (.provider_id = pay_account()->id,
	    .provider_invoice_id = s->seen.id),
	    invoice_settle,
	    .provider_id = pay_account()->id,
	    .provider_invoice_id = s->seen.id,
	    .order_id = s->seen.order_id,
	    .status = pay_status_name(s->seen.status),
	    .reported_sats = s->seen.amount_sats < 0 ? NULL :
	    arena_printf(&f->arena, "%lld", (long long)s->seen.amount_sats),
	    .provider_detail = s->seen.detail,
	    .signing_key_id = bind_signing_key(f)));
}
