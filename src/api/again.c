/*
 * POST /v1/purchase/:invoice_id/again: a new invoice for an order whose invoice
 * expired unpaid: the same product, policy, buyer and code.  One follows another,
 * however often and wherever it is asked for.  When the price is another than
 * before, because of the list or because the code no longer holds, the answer
 * says so and nothing is written until the new price is agreed to.  Refuses
 * when anything was paid: that may still become the order.
 */
#include "api/api.h"

#include "api/purchase.h"
#include "base/conf.h"
#include "flow/rate.h"
#include "flow/respond.h"

#include "sql.h"

#include <inttypes.h>
#include <string.h>

struct again {
	struct purchase	 purchase;	/* must be first */
	const char	*policy_id;	/* of the old invoice, as all here */
	const char	*product_id;
	const char	*currency;
	int64_t		 charged_value;
};

static enum flow_next
again_ask(struct flow *f)
{
	return (FLOW_QUERY(f, purchase_again,
	    .id = flow_text(f, "invoice_id")));
}

static const char *
copy(struct flow *f, const char *column)
{
	const char	*text = db_text(flow_rows(f), 0, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

/* The one that follows it already. */
static enum flow_next
again_answer(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*id = db_text(r, 0, "successor_id");

	return (flow_json(f, 200, json_pack("{s:s,s:s?,s:s,s:I,s:I,s:I,s:o}",
	    "invoice_id", id,
	    "btcpay_invoice_id", db_text(r, 0, "successor_provider_id"),
	    "checkout_url", db_text(r, 0, "successor_url"),
	    "amount_sats", (json_int_t)db_integer(r, 0, "successor_sats", 0),
	    "base_price_sats",
	    (json_int_t)db_integer(r, 0, "successor_base_sats", 0),
	    "discount_applied_sats",
	    (json_int_t)db_integer(r, 0, "successor_discount_sats", 0),
	    "poll_url", json_sprintf("%s/v1/purchase/%s", conf.public_url,
	    id))));
}

/* What was ordered is what the steps of buying find as if it was sent. */
static enum flow_next
again_order(struct flow *f)
{
	static const struct {
		const char	*name, *column;
	} values[] = {
		{ "product", "product_slug" },
		{ "policy_slug", "policy_slug" },
		{ "code", "code" },
		{ "buyer_email", "buyer_email" },
		{ "buyer_note", "buyer_note" },
		{ "redirect_url", "redirect_url" },
		{ "rail", "rail" },
	};
	struct again	*a = flow_state(f);
	size_t		 i;

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	if (db_text(flow_rows(f), 0, "successor_id") != NULL)
		return (again_answer(f));
	if (!db_true(flow_rows(f), 0, "can_renew"))
		return (flow_fail(f, ERR_CONFLICT,
		    "Only a purchase whose invoice expired unpaid gets another."));
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (f->nvalues == FLOW_VALUES_MAX)
			return (flow_fail(f, ERR_INTERNAL, "Too many values."));
		f->values[f->nvalues++] = (struct flow_value){ values[i].name,
		    copy(f, values[i].column) };
	}
	a->policy_id = copy(f, "policy_id");
	a->product_id = copy(f, "product_id");
	a->currency = copy(f, "listed_currency");
	a->charged_value = db_integer(flow_rows(f), 0, "charged_value", 0);
	a->purchase.offer.follows_id = copy(f, "id");
	return (FLOW_NEXT);
}

static bool
is_same(const char *a, const char *b)
{
	return (a == NULL ? b == NULL : b != NULL && !strcmp(a, b));
}

/* The price that the client agreed to: the old one, or what it names. */
static bool
is_agreed(struct flow *f)
{
	const struct again	*a = flow_state(f);
	const struct offer	*o = &a->purchase.offer;

	if (flow_given(f, "charged_value"))
		return (o->price.charged_value ==
		    flow_integer(f, "charged_value", -1) &&
		    is_same(flow_text(f, "currency"), o->currency));
	return (o->price.charged_value == a->charged_value &&
	    (a->currency == NULL || is_same(a->currency, o->currency)));
}

static enum flow_next
again_offer(struct flow *f)
{
	const struct again	*a = flow_state(f);
	const struct offer	*o = &a->purchase.offer;

	return (flow_json(f, 200, json_pack(
	    "{s:n,s:{s:s,s:I,s:I,s:I,s:s,s:s?}}", "invoice_id", "offer",
	    "currency", o->currency,
	    "charged_value", (json_int_t)o->price.charged_value,
	    "was_value", (json_int_t)a->charged_value,
	    "amount_sats", (json_int_t)o->price.amount_sats,
	    "product_name", o->product_name, "code_refusal",
	    o->code_refusal == NULL ? NULL : offer_why(o->code_refusal))));
}

static enum flow_next
again_open(struct flow *f)
{
	struct again	*a = flow_state(f);
	struct offer	*o = &a->purchase.offer;
	int64_t		 rate_e4;
	const char	*source;

	if (!rate_got(f, &rate_e4, &source))
		return (rate_fail(f));
	if (!is_same(o->product_id, a->product_id) ||
	    (a->policy_id != NULL && !is_same(o->policy_id, a->policy_id)))
		return (flow_fail(f, ERR_CONFLICT,
		    "What was ordered is not on offer any more."));
	if (!purchase_price(f, o->code_refusal == NULL))
		return (FLOW_DONE);
	return (is_agreed(f) ? offer_open(f, o) : again_offer(f));
}

/* Whoever came second finds what the first has made. */
static enum flow_next
again_look(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0 &&
	    db_text(flow_rows(f), 0, "fault") == NULL)
		return (flow_skip_to(f, purchase_order));
	return (again_ask(f));
}

static enum flow_next
again_found(struct flow *f)
{
	if (db_text(flow_rows(f), 0, "successor_id") != NULL)
		return (again_answer(f));
	return (flow_fail(f, ERR_CONFLICT,
	    "What is on offer has just changed; try again."));
}

/* clang-format off */
const struct endpoint	api_again[] = {
	{ .method = POST, .path = "/v1/purchase/:invoice_id/again",
	    .limit = LIMIT_PURCHASE,
	    .body = FIELDS(
		{ "charged_value", FIELD_INTEGER, 0, 0, INT64_C(2100000000000000),
		    .help = "The new price that the buyer agrees to, from `offer`; without it "
		    "the old price." },
		{ "currency", FIELD_TEXT, 0, 0, 8, .help = "Of it." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(again_ask),		/* sql   purchase_again */
		FLOW_STEP(again_order),
		FLOW_STEP(offer_ask),		/* sql   purchase_offer */
		FLOW_STEP(purchase_judge),
		RATE_STEPS,
		FLOW_STEP(again_open),		/* sql   purchase_open */
		FLOW_STEP(again_look),		/* sql   purchase_again */
		FLOW_STEP(again_found),
		PURCHASE_ORDER_STEPS),
	    .state = sizeof(struct again),
	    .errors = "404 409 502",
	    .summary = "A new invoice for a purchase whose invoice expired unpaid; the same "
	        "one, however often it is asked for.",
	    .answer = "As POST /v1/purchase. If the price is another one by now: "
	        "`{invoice_id:null,offer:{currency,charged_value,was_value,amount_sats,"
	        "product_name,code_refusal|null}}`, and nothing is made." },
	ENDPOINT_END
};
/* clang-format on */
