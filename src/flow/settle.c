#include "flow/settle.h"

#include "base/log.h"
#include "base/stat.h"
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

	s->account.provider->ask_status(&f->arena, &s->account, s->invoice_id,
	    &ask);
	return (settle_send(f, &ask));
}

/* NULL: not told. */
static const char *
sats(struct flow *f, int64_t n)
{
	return (n < 0 ? NULL : arena_printf(&f->arena, "%lld", (long long)n));
}

enum flow_next
settle_apply(struct flow *f)
{
	struct settle		*s = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	s->result = s->account.provider->read(&f->arena, &s->account, &answer,
	    &s->seen);
	if (s->result != PAY_OK) {
		LOG(LOG_NOTICE, "pay.unread", LS("invoice", s->invoice_id),
		    LS("reason", answer.reply->error),
		    LI("status", answer.reply->status));
		return (FLOW_NEXT);
	}
	if (s->seen.status == PAY_PENDING && s->seen.paid_sats <= 0 &&
	    s->seen.exception == PAY_AS_ASKED)
		return (FLOW_NEXT);
	return (FLOW_LOCKED_QUERY(f, invoice_settle_lock,
	    (.provider_id = s->account.id,
	    .provider_invoice_id = s->seen.id,
	    .order_id = s->seen.order_id),
	    invoice_settle,
	    .provider_id = s->account.id,
	    .provider_invoice_id = s->seen.id,
	    .order_id = s->seen.order_id,
	    .status = pay_status_name(s->seen.status),
	    .reported_sats = sats(f, s->seen.amount_sats),
	    .paid_sats = sats(f, s->seen.paid_sats),
	    .exception = pay_exception_name(s->seen.exception),
	    .provider_detail = s->seen.detail,
	    .signing_key_id = bind_signing_key(f)));
}

enum flow_next
settle_count(struct flow *f)
{
	if (db_true(flow_rows(f), 0, "renewed"))
		stat_add(STAT_RENEWALS_PAID, 1);
	return (FLOW_NEXT);
}

enum flow_next
settle_again(struct flow *f)
{
	struct settle	*s = flow_state(f);

	if (s->result != PAY_FAILED)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, invoice_check_soon, .seconds = "0",
	    .provider_invoice_id = s->invoice_id,
	    .provider_id = s->account.id));
}
