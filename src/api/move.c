#include "api/move.h"

#include "base/conf.h"
#include "domain/price.h"
#include "flow/idempotency.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

#include <string.h>

static const char *
text_of(struct flow *f, const char *column)
{
	const char	*text = db_text(flow_rows(f), 0, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

static const char *
number(struct flow *f, int64_t n)
{
	return (arena_printf(&f->arena, "%lld", (long long)n));
}

/* ---- the quote ---- */

static void
read_facts(const struct db_rows *r, struct tier_facts *t)
{
	t->has_policy = db_text(r, 0, "from_policy_id") != NULL;
	t->same_policy = t->has_policy && !strcmp(db_text(r, 0,
	    "from_policy_id"), db_text(r, 0, "to_policy_id"));
	t->same_product = true;		/* it was looked for in this one */
	t->from.listed_value = db_integer(r, 0, "from_value", 0);
	t->from.rank = (int)db_integer(r, 0, "from_rank", TIER_UNRANKED);
	t->from.is_recurring = db_true(r, 0, "from_recurring");
	t->from.period_days = (int)db_integer(r, 0, "from_period_days", 0);
	t->to.listed_value = db_integer(r, 0, "to_value", 0);
	t->to.rank = (int)db_integer(r, 0, "to_rank", TIER_UNRANKED);
	t->to.is_recurring = db_true(r, 0, "to_recurring");
	t->to.period_days = (int)db_integer(r, 0, "to_period_days", 0);
	t->to.is_active = db_true(r, 0, "to_active");
	t->subscription = tier_subscription_parse(db_text(r, 0,
	    "subscription_status"));
	t->period_days = (int)db_integer(r, 0, "period_days", 0);
	t->next_renewal_us = db_integer(r, 0, "next_renewal_us", 0);
	t->now_us = db_integer(r, 0, "now_us", 0);
}

bool
move_read(struct flow *f)
{
	struct move	*m = flow_state(f);
	enum tier_fault	 fault;

	if (flow_refused(f))
		return (false);
	read_facts(flow_rows(f), &m->facts);
	m->seen = text_of(f, "seen");
	m->currency = text_of(f, "price_currency");
	m->from_slug = text_of(f, "from_policy_slug");
	m->to_slug = text_of(f, "to_policy_slug");
	m->next_renewal_at = text_of(f, "next_renewal_at");
	m->order.product_id = text_of(f, "product_id");
	m->order.product_name = text_of(f, "product_name");
	m->order.from_policy_id = text_of(f, "from_policy_id");
	m->order.to_policy_id = text_of(f, "to_policy_id");
	if ((fault = tier_quote(&m->facts, &m->quote)) == TIER_OK)
		return (true);
	flow_fail(f, ERR_BAD_REQUEST, "%s", tier_fault_message(fault));
	return (false);
}

void
move_put_next(json_t *body, const struct move *m)
{
	bool	next = m->quote.has_next;

	json_object_set_new(body, "next_renewal_charge", next ?
	    json_integer(m->quote.next_renewal_charge) : json_null());
	json_object_set_new(body, "next_renewal_period_days", next ?
	    json_integer(m->quote.next_renewal_period_days) : json_null());
}

/* ---- writing it down ---- */

/* What tier_open wants however it is to happen. */
static struct sql_tier_open_args
open_args(struct flow *f, struct move *m)
{
	return ((struct sql_tier_open_args){
	    .license_id = m->order.license_id,
	    .to_policy_id = m->order.to_policy_id,
	    .seen = m->seen,
	    .direction = tier_direction_name(m->quote.direction),
	    .listed_currency = m->currency,
	    .charge_value = number(f, m->quote.charge_value),
	    .next_listed_value = m->facts.to.is_recurring ?
	    number(f, m->facts.to.listed_value) : NULL,
	    .actor = m->facts.mode == TIER_BUYER ? "buyer" : "admin",
	    .reason = flow_text(f, "reason"),
	    .redirect_url = flow_text(f, "redirect_url"),
	    .public_url = conf.public_url,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] != '\0' ? f->actor_hash : NULL,
	    .request_ip = f->client,
	    .user_agent = f->user_agent });
}

static enum flow_next
open_now(struct flow *f, struct move *m)
{
	struct sql_tier_open_args	a = open_args(f, m);

	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = a.license_id),
	    tier_now,
	    .license_id = a.license_id,
	    .to_policy_id = a.to_policy_id,
	    .seen = a.seen,
	    .direction = a.direction,
	    .listed_currency = a.listed_currency,
	    .next_listed_value = a.next_listed_value,
	    .reason = a.reason,
	    .actor_kind = a.actor_kind,
	    .actor_hash = a.actor_hash,
	    .request_ip = a.request_ip,
	    .user_agent = a.user_agent));
}

enum flow_next
move_open(struct flow *f)
{
	struct move			*m = flow_state(f);
	struct sql_tier_open_args	 a;
	struct sql_license_lock_args	 lock = {
	    .license_id = m->order.license_id };
	struct db_query			 q = {
	    .lock = &sql_license_lock,
	    .lock_params = (const char *const *)(const void *)&lock,
	    .stmt = &sql_tier_open,
	    .params = (const char *const *)(const void *)&a };
	int64_t				 rate_e4;

	if (m->how == MOVE_GIVEN)
		return (open_now(f, m));
	a = open_args(f, m);
	if (m->how == MOVE_SCHEDULED) {
		a.charge_value = "0";
		flow_last(f);
		return (flow_query(f, &q));
	}
	if (!rate_got(f, &rate_e4, &a.rate_source))
		return (rate_fail(f));
	if (!price_in_sats(m->quote.charge_value, rate_e4,
	    &m->order.amount_sats))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "This costs more than there is of bitcoin."));
	if (m->invoice_id[0] == '\0')		/* the same when repeated */
		flow_new_id(f, m->invoice_id);
	a.invoice_id = m->invoice_id;
	a.provider_id = m->account.id;
	a.amount_sats = number(f, m->order.amount_sats);
	a.rate_e4 = number(f, rate_e4);
	return (flow_query(f, &q));
}

/* ---- at the provider ---- */

enum flow_next
move_order(struct flow *f)
{
	struct move	*m = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (flow_refused(f))
		return (FLOW_DONE);
	m->body = text_of(f, "body");
	m->change_id = text_of(f, "tier_change_id");
	m->effective_at = text_of(f, "effective_at");
	m->aside_id = text_of(f, "put_aside_invoice_id");
	if (m->how != MOVE_INVOICED)
		return (FLOW_NEXT);
	m->order.id = m->invoice_id;
	m->order.kind = PAY_TIER_CHANGE;
	m->order.intent = m->facts.mode == TIER_BUYER ? "tier_change" :
	    "admin_tier_change";
	m->order.redirect_url = text_of(f, "redirect_url");
	m->order.buyer_email = text_of(f, "buyer_email");
	m->account.provider->ask_create(&f->arena, &m->account, &m->order,
	    &ask);
	return (settle_send(f, &ask));
}

/*
 * Only a clear no ends the invoice; of silence nobody knows, so the row stays
 * and the reconciler looks.
 */
enum flow_next
move_note(struct flow *f)
{
	struct move		*m = flow_state(f);
	struct pay_answer	 answer;

	if (m->how != MOVE_INVOICED)
		return (FLOW_NEXT);
	answer = settle_answer(f);
	switch (m->account.provider->read(&f->arena, &m->account, &answer,
	    &m->invoice)) {
	case PAY_OK:
		flow_last(f);
		return (FLOW_QUERY(f, invoice_attach, .id = m->invoice_id,
		    .provider_invoice_id = m->invoice.id,
		    .checkout_url = m->invoice.checkout_url));
	case PAY_NONE:
		return (FLOW_QUERY(f, invoice_abandon, .id = m->invoice_id));
	default:
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider gives no answer; try again."));
	}
}

enum flow_next
move_tidy(struct flow *f)
{
	struct move	*m = flow_state(f);

	if (m->how == MOVE_INVOICED && m->invoice.id == NULL)
		return (FLOW_QUERY(f, tier_drop,
		    .invoice_id = m->invoice_id));
	if (m->aside_id == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, tier_void_facts, .invoice_id = m->aside_id));
}

/*
 * The older invoice is taken back at its provider, best effort: if it is paid
 * all the same, that is dealt with.  Not without a look: what somebody has
 * begun to pay must not be called invalid, or the money has no effect.
 */
enum flow_next
move_look(struct flow *f)
{
	struct move	*m = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (m->how == MOVE_INVOICED && m->invoice.id == NULL)
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider refuses the invoice."));
	if (m->aside_id == NULL || db_rows_count(flow_rows(f)) == 0 ||
	    (m->aside_at = text_of(f, "provider_invoice_id")) == NULL ||
	    !account_read(f, flow_rows(f), 0, &m->aside) ||
	    m->aside.provider->ask_void == NULL)
		return (flow_skip_to(f, move_answer));
	m->aside.provider->ask_status(&f->arena, &m->aside, m->aside_at, &ask);
	return (settle_send(f, &ask));
}

enum flow_next
move_void(struct flow *f)
{
	struct move		*m = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_invoice	 seen = { .id = NULL };
	struct pay_ask		 ask = { .sql = NULL };

	if (m->aside.provider->read(&f->arena, &m->aside, &answer, &seen) !=
	    PAY_OK || seen.status != PAY_PENDING || seen.paid_sats != 0)
		return (FLOW_NEXT);
	m->aside.provider->ask_void(&f->arena, &m->aside, m->aside_at, &ask);
	return (settle_send(f, &ask));
}

/* ---- the answer ---- */

enum flow_next
move_answer(struct flow *f)
{
	struct move	*m = flow_state(f);
	json_t		*body;

	if (m->how == MOVE_GIVEN)
		return (flow_json_text(f, 200, m->body));
	body = json_pack("{s:s,s:s,s:s}", "tier_change_id", m->change_id,
	    "from_policy_slug", m->from_slug, "to_policy_slug", m->to_slug);
	if (m->how == MOVE_SCHEDULED) {
		json_object_set_new(body, "ok", json_true());
		json_object_set_new(body, "effective_at",
		    json_string(m->effective_at));
		move_put_next(body, m);
	} else {
		json_object_update_new(body, json_pack(
		    "{s:s,s:s,s:s,s:I,s:I,s:s}",
		    "invoice_id", m->invoice_id,
		    "provider_invoice_id", m->invoice.id,
		    "checkout_url", m->invoice.checkout_url,
		    "amount_sats", (json_int_t)m->order.amount_sats,
		    "proration_charge_value",
		    (json_int_t)m->quote.charge_value,
		    "listed_currency", m->currency));
	}
	if (m->facts.mode == TIER_ADMIN)
		json_object_update_new(body, json_pack("{s:b,s:b,s:s,s:b}",
		    "ok", 1, "applied", 0, "license_id", m->order.license_id,
		    "skip_payment", 0));
	return (flow_json(f, 200, body));
}
