/*
 * Bills one cycle of one subscription: a change of tier that fell due, the
 * price at today's rate, the invoice's row, the provider's invoice.  What was
 * begun and not ended before is looked for at the provider first.
 *
 * Only what has to do with the price or the provider counts as a failure.
 * When the database fails, the claim runs out and somebody bills it later.
 */
#include "jobs/renewal.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "base/uuid.h"
#include "domain/price.h"
#include "domain/renewal.h"
#include "flow/account.h"
#include "flow/bind.h"
#include "flow/flow.h"
#include "flow/rate.h"
#include "flow/settle.h"
#include "jobs/claim.h"

#include "sql.h"

#include <stdlib.h>
#include <string.h>

static enum flow_next	renewal_find(struct flow *);
static enum flow_next	renewal_create(struct flow *);
static enum flow_next	renewal_attach(struct flow *);
static enum flow_next	renewal_free(struct flow *);
static enum flow_next	renewal_fail(struct flow *);
static enum flow_next	renewal_end(struct flow *);

static enum flow_next
give_up(struct flow *f, const char *reason)
{
	struct renewal	*r = flow_state(f);

	r->reason = reason;
	return (flow_skip_to(f, renewal_fail));
}

static enum flow_next
renewal_take(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	r->id = claim_text(f, "id");
	r->license_id = claim_text(f, "license_id");
	return (FLOW_NEXT);
}

static enum flow_next
renewal_change(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = r->license_id),
	    tier_apply_due, .license_id = r->license_id));
}

static enum flow_next
renewal_facts(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	return (FLOW_QUERY(f, renewal_facts, .id = r->id));
}

static const char *
keep(struct flow *f, const char *column)
{
	const char	*text = db_text(flow_rows(f), 0, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

static void
read_facts(struct flow *f, struct renewal *r)
{
	const struct db_rows	*rows = flow_rows(f);

	r->cycle_number = keep(f, "cycle_number");
	r->listed_currency = keep(f, "listed_currency");
	r->listed_value = keep(f, "listed_value");
	r->failures = keep(f, "consecutive_failures");
	r->in_force_id = keep(f, "invoice_id");
	r->lapse_us = db_integer(rows, 0, "lapse_us", 0);
	r->order = (struct pay_order){
	    .kind = PAY_RENEWAL,
	    .product_id = keep(f, "product_id"),
	    .product_name = keep(f, "product_name"),
	    .buyer_email = keep(f, "buyer_email"),
	    .redirect_url = keep(f, "redirect_url"),
	    .amount_sats = db_integer(rows, 0, "amount_sats", 0),
	    .subscription_id = r->id,
	    .license_id = r->license_id,
	    .cycle_start_at = keep(f, "cycle_start_at"),
	    .contact_id = keep(f, "zaprite_contact_id"),
	    .expiration_minutes = (unsigned int)renewal_expiration_minutes(
	    db_integer(rows, 0, "now_us", 0), r->lapse_us) };
	if (db_text(rows, 0, "provider_id") != NULL)
		(void)account_read(f, rows, 0, &r->account);
}

/* What needs no invoice is one statement, and then all is done. */
static enum flow_next
renewal_judge(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)	/* nothing is due any more */
		return (FLOW_DONE);
	r->todo = keep(f, "todo");
	read_facts(f, r);
	if (!strcmp(r->todo, "stop"))
		return (FLOW_LOCKED_QUERY(f, license_lock,
		    (.license_id = r->license_id),
		    renewal_stop, .license_id = r->license_id,
		    .reason = "license revoked",
		    .actor_kind = "renewal_worker"));
	if (!strcmp(r->todo, "skip"))
		return (FLOW_LOCKED_QUERY(f, license_lock,
		    (.license_id = r->license_id),
		    renewal_skip, .subscription_id = r->id,
		    .license_id = r->license_id));
	if (!strcmp(r->todo, "wait"))
		return (FLOW_LOCKED_QUERY(f, license_lock,
		    (.license_id = r->license_id),
		    renewal_wait, .subscription_id = r->id,
		    .license_id = r->license_id));
	return (FLOW_NEXT);
}

static enum flow_next
renewal_begin(struct flow *f)
{
	struct renewal	*r = flow_state(f);
	bool		 costs = strcmp(r->listed_value, "0") != 0;

	if (!strcmp(r->todo, "settle")) {
		r->order.id = r->in_force_id;
		return (flow_skip_to(f, renewal_free));
	}
	if (!strcmp(r->todo, "find")) {
		if (r->account.provider == NULL)
			return (give_up(f, "the provider can't be used"));
		r->order.id = r->in_force_id;
		return (flow_skip_to(f, renewal_find));
	}
	if (strcmp(r->todo, "open"))
		return (FLOW_DONE);
	if (costs && r->account.provider == NULL)
		return (give_up(f, "no payment provider is connected"));
	rate_need(f, costs ? r->listed_currency : NULL);
	return (FLOW_NEXT);
}

/* The id is the same when the statement is repeated. */
static enum flow_next
renewal_open(struct flow *f)
{
	struct renewal	*r = flow_state(f);
	const char	*source;
	uint8_t		 id[16];
	int64_t		 rate_e4;

	if (!rate_got(f, &rate_e4, &source))
		return (give_up(f, "there is no exchange rate"));
	if (!price_in_sats(strtoll(r->listed_value, NULL, 10), rate_e4,
	    &r->order.amount_sats))
		return (give_up(f, "the price is no amount of satoshis"));
	if (r->invoice_id[0] == '\0') {
		uuid_random(id);
		uuid_format(id, r->invoice_id);
	}
	r->order.id = r->invoice_id;
	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = r->license_id),
	    renewal_open, .subscription_id = r->id,
	    .license_id = r->license_id, .cycle_number = r->cycle_number,
	    .listed_currency = r->listed_currency,
	    .listed_value = r->listed_value,
	    .superseded_id = r->in_force_id, .invoice_id = r->invoice_id,
	    .provider_id = r->order.amount_sats == 0 ? NULL : r->account.id,
	    .amount_sats = arena_printf(&f->arena, "%lld",
	    (long long)r->order.amount_sats),
	    .public_url = conf.public_url,
	    .rate_e4 = rate_e4 == 0 ? NULL :
	    arena_printf(&f->arena, "%lld", (long long)rate_e4),
	    .rate_source = source));
}

/* No row: the cycle is paid, or somebody else's. */
static enum flow_next
renewal_opened(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (FLOW_DONE);
	stat_add(STAT_RENEWALS_OPENED, 1);
	r->order.redirect_url = keep(f, "redirect_url");
	if (r->order.amount_sats == 0)
		return (flow_skip_to(f, renewal_free));
	return (flow_skip_to(f, renewal_create));
}

/* ---- at the provider ---- */

static enum flow_next
renewal_find(struct flow *f)
{
	struct renewal	*r = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (r->account.provider->ask_find == NULL)
		return (flow_skip_to(f, renewal_create));
	r->account.provider->ask_find(&f->arena, &r->account, r->order.id,
	    &ask);
	return (settle_send(f, &ask));
}

static enum pay_result
heard(struct flow *f, struct renewal *r)
{
	struct pay_answer	answer = settle_answer(f);

	return (r->account.provider->read(&f->arena, &r->account, &answer,
	    &r->invoice));
}

static enum flow_next
renewal_found(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	switch (heard(f, r)) {
	case PAY_OK:
		return (flow_skip_to(f, renewal_attach));
	case PAY_NONE:
		return (FLOW_NEXT);
	default:
		return (give_up(f, "the provider gives no answer"));
	}
}

static enum flow_next
renewal_create(struct flow *f)
{
	struct renewal	*r = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	r->account.provider->ask_create(&f->arena, &r->account, &r->order,
	    &ask);
	return (settle_send(f, &ask));
}

/* Refused or silent, the row stays: the next try begins by looking for it. */
static enum flow_next
renewal_created(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	switch (heard(f, r)) {
	case PAY_OK:
		return (FLOW_NEXT);
	case PAY_NONE:
		return (give_up(f, "the provider refuses the invoice"));
	default:
		return (give_up(f, "the provider gives no answer"));
	}
}

/* Announces it to the buyer, too. */
static enum flow_next
renewal_attach(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	return (FLOW_QUERY(f, invoice_attach, .id = r->order.id,
	    .provider_invoice_id = r->invoice.id,
	    .checkout_url = r->invoice.checkout_url));
}

static enum flow_next
renewal_attached(struct flow *f)
{
	return (flow_skip_to(f, renewal_end));
}

/* ---- other ends ---- */

/* Nothing to pay: settled by the pipeline that settles all. */
static enum flow_next
renewal_free(struct flow *f)
{
	struct renewal	*r = flow_state(f);

	return (FLOW_LOCKED_QUERY(f, invoice_settle_lock,
	    (.order_id = r->order.id),
	    invoice_settle, .order_id = r->order.id, .status = "settled",
	    .provider_detail = "nothing to pay",
	    .signing_key_id = bind_signing_key(f)));
}

static enum flow_next
renewal_freed(struct flow *f)
{
	(void)settle_count(f);
	return (flow_skip_to(f, renewal_end));
}

static enum flow_next
renewal_fail(struct flow *f)
{
	struct renewal	*r = flow_state(f);
	unsigned int	 failures;
	int		 retry;

	failures = (unsigned int)strtoul(r->failures, NULL, 10) + 1;
	retry = renewal_retry_seconds(failures);
	LOG(LOG_WARNING, "renewal.failed", LS("subscription", r->id),
	    LS("reason", r->reason), LI("failures", failures));
	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = r->license_id),
	    renewal_failed, .subscription_id = r->id,
	    .license_id = r->license_id, .cycle_number = r->cycle_number,
	    .failures = r->failures, .reason = r->reason,
	    .retry_seconds = retry < 0 ? NULL :
	    arena_printf(&f->arena, "%d", retry)));
}

static enum flow_next
renewal_counted(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0)
		stat_add(STAT_RENEWALS_FAILED, 1);
	return (FLOW_NEXT);
}

static enum flow_next
renewal_end(struct flow *f)
{
	(void)f;
	return (FLOW_DONE);
}

const struct flow_step	renewal_steps[] = {
	FLOW_STEP(renewal_take),
	FLOW_STEP(renewal_change),	/* sql   tier_apply_due */
	FLOW_STEP(renewal_facts),	/* sql   renewal_facts */
	FLOW_STEP(renewal_judge),	/* sql   stop, skip or wait, and then
					   done */
	FLOW_STEP(renewal_begin),
	RATE_STEPS,
	FLOW_STEP(renewal_open),	/* sql   renewal_open */
	FLOW_STEP(renewal_opened),
	FLOW_STEP(renewal_find),	/* call  by our order id */
	FLOW_STEP(renewal_found),
	FLOW_STEP(renewal_create),	/* call  create invoice */
	FLOW_STEP(renewal_created),
	FLOW_STEP(renewal_attach),	/* sql   invoice_attach */
	FLOW_STEP(renewal_attached),
	FLOW_STEP(renewal_free),	/* sql   invoice_settle */
	FLOW_STEP(renewal_freed),
	FLOW_STEP(renewal_fail),	/* sql   renewal_failed */
	FLOW_STEP(renewal_counted),
	FLOW_STEP(renewal_end),
	{ NULL, NULL }
};
