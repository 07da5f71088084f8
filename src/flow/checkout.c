#include "flow/checkout.h"

#include "base/log.h"

#include "sql.h"

static enum flow_next
ask(struct flow *f, struct pay_ask *what)
{
	struct checkout	*c = flow_state(f);

	if (c->patience_ms != 0)
		what->http.timeout_ms = c->patience_ms;
	return (settle_send(f, what));
}

enum flow_next
checkout_ask(struct flow *f)
{
	struct checkout		*c = flow_state(f);
	const struct provider	*p = c->settle.account.provider;
	struct pay_ask		 what = { .sql = NULL };

	if (p->ask_methods == NULL)
		return (flow_skip_to(f, checkout_end));
	p->ask_methods(&f->arena, &c->settle.account, c->settle.invoice_id,
	    &what);
	return (ask(f, &what));
}

enum flow_next
checkout_take(struct flow *f)
{
	struct checkout		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	c->result = c->settle.account.provider->read_methods(&f->arena,
	    &c->settle.account, &answer, &c->methods);
	if (c->result != PAY_FAILED)
		return (FLOW_NEXT);
	LOG(LOG_NOTICE, "checkout.unread", LS("invoice", c->id),
	    LS("reason", answer.reply->error),
	    LI("status", answer.reply->status));
	return (flow_skip_to(f, checkout_end));
}

enum flow_next
checkout_ask_status(struct flow *f)
{
	struct checkout	*c = flow_state(f);
	struct pay_ask	 what = { .sql = NULL };

	c->settle.account.provider->ask_status(&f->arena, &c->settle.account,
	    c->settle.invoice_id, &what);
	return (ask(f, &what));
}

/* NULL: not told. */
static const char *
number(struct flow *f, int64_t n)
{
	return (n < 0 ? NULL : arena_printf(&f->arena, "%lld", (long long)n));
}

enum flow_next
checkout_note(struct flow *f)
{
	struct checkout			*c = flow_state(f);
	const struct pay_methods	*m = &c->methods;
	int64_t				 until = c->settle.seen.expires_at;

	return (FLOW_QUERY(f, checkout_note, .id = c->id,
	    .bolt11 = m->bolt11, .address = m->address,
	    .due_sats = number(f, m->due_sats),
	    .seen_sats = number(f, m->seen_sats < 0 ? 0 : m->seen_sats),
	    .confirmations = number(f, m->confirmations),
	    .needed = number(f, m->confirmations_needed),
	    .expires_at = c->settle.result == PAY_OK && until > 0 ?
	    number(f, until) : NULL));
}

enum flow_next
checkout_end(struct flow *f)
{
	(void)f;
	return (FLOW_NEXT);
}

enum flow_next
checkout_hint(struct flow *f)
{
	struct settle	*s = flow_state(f);

	if (s->result != PAY_OK || s->seen.status != PAY_SETTLED)
		FLOW_TELL(checkout_look, .provider_id = s->account.id,
		    .provider_invoice_id = s->invoice_id);
	return (FLOW_NEXT);
}
