/*
 * POST /v1/purchase: look at the offer, price it, write the invoice, ask the
 * provider for its own, note that down.  The row is there before the provider
 * hears of it: if we die in between, jobs/reconcile.c finds it by its order id.
 *
 * GET /v1/purchase/:invoice_id: how it stands, and the key once it is paid.
 */
#include "api/purchase.h"

#include "api/api.h"
#include "base/conf.h"
#include "flow/key.h"
#include "flow/rate.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

enum flow_next
purchase_judge(struct flow *f)
{
	struct purchase	*p = flow_state(f);
	struct offer	*o = &p->offer;

	offer_read(f, o);
	p->payable = o->provider_id != NULL &&
	    account_read(f, flow_rows(f), 0, &o->account);
	if (!offer_allows(f, o->product_refusal) ||
	    !offer_allows(f, o->policy_refusal))
		return (FLOW_DONE);
	if (o->is_trial && conf_is(conf.trials, "email") &&
	    flow_text(f, "buyer_email") == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "buyer_email: a trial needs an e-mail address"));
	return (FLOW_NEXT);
}

bool
purchase_price(struct flow *f, bool with_code)
{
	struct purchase	*p = flow_state(f);
	struct offer	*o = &p->offer;

	if (!offer_price(f, o, with_code))
		return (false);
	if (!o->price.is_free && o->provider_id == NULL)
		flow_fail(f, ERR_BAD_REQUEST,
		    "no payment provider is connected that serves this");
	else if (!o->price.is_free && !p->payable)
		flow_fail(f, ERR_INTERNAL,
		    "The payment provider can't be used; see the log.");
	else
		return (true);
	return (false);
}

static enum flow_next
purchase_write(struct flow *f, bool with_code)
{
	struct purchase	*p = flow_state(f);

	return (purchase_price(f, with_code) ? offer_open(f, &p->offer) :
	    FLOW_DONE);
}

static enum flow_next
purchase_open(struct flow *f)
{
	struct purchase	*p = flow_state(f);
	int64_t		 rate_e4;
	const char	*source;

	if (!rate_got(f, &rate_e4, &source))
		return (rate_fail(f));
	if (!p->offer.is_trial && p->offer.code_refusal != NULL)
		return (flow_fail(f, ERR_BAD_REQUEST, "%s",
		    offer_why(p->offer.code_refusal)));
	return (purchase_write(f, true));
}

/* Another took the last use of a code that the buyer didn't ask for. */
static enum flow_next
purchase_open_plain(struct flow *f)
{
	struct purchase	*p = flow_state(f);

	if (!p->offer.code_featured || !db_true(flow_rows(f), 0, "code_gone"))
		return (FLOW_NEXT);
	return (purchase_write(f, false));
}

static json_t *
purchase_body(const struct offer *o, const char *provider_invoice_id,
    const char *checkout_url)
{
	return (json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o}",
	    "invoice_id", o->invoice_id,
	    "btcpay_invoice_id", provider_invoice_id,
	    "checkout_url", checkout_url,
	    "amount_sats", (json_int_t)o->price.amount_sats,
	    "base_price_sats", (json_int_t)o->price.base_sats,
	    "discount_applied_sats", (json_int_t)o->price.discount_sats,
	    "poll_url", json_sprintf("%s/v1/purchase/%s", conf.public_url,
	    o->invoice_id)));
}

/* Nothing to pay: the license is there already. */
static enum flow_next
purchase_give(struct flow *f, const struct offer *o)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*key = key_render(f, r);
	json_t			*body;

	body = purchase_body(o, db_text(r, 0, "provider_invoice_id"), "");
	if (key != NULL && body != NULL) {
		json_object_set_new(body, "license_key", json_string(key));
		json_object_set_new(body, "license_id",
		    json_string(db_text(r, 0, "key_license_id")));
	}
	return (flow_json(f, 200, body));
}

enum flow_next
purchase_order(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct offer	*o = &p->offer;

	if (flow_refused(f))
		return (FLOW_DONE);
	if (o->price.is_free)
		return (purchase_give(f, o));
	p->order.id = o->invoice_id;
	p->order.kind = PAY_PURCHASE;
	p->order.amount_sats = o->price.amount_sats;
	p->order.product_id = o->product_id;
	p->order.product_name = o->product_name;
	p->order.buyer_email = flow_text(f, "buyer_email");
	p->order.redirect_url = arena_strdup(&f->arena,
	    db_text(flow_rows(f), 0, "redirect_url"));
	return (FLOW_NEXT);
}

/* A card can be kept for the cycles to come if the provider knows the buyer. */
enum flow_next
purchase_contact(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct offer	*o = &p->offer;
	struct pay_ask		 ask = { .sql = NULL };

	if (!o->is_recurring || p->order.buyer_email == NULL ||
	    *p->order.buyer_email == '\0' ||
	    o->account.provider->ask_contact == NULL)
		return (flow_skip_to(f, purchase_send));
	o->account.provider->ask_contact(&f->arena, &o->account,
	    p->order.buyer_email, &ask);
	return (settle_send(f, &ask));
}

/* Without a contact it is sold all the same, without a card to be kept. */
enum flow_next
purchase_contact_note(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct offer	*o = &p->offer;
	struct pay_answer	 answer = settle_answer(f);

	if (o->account.provider->read_contact(&f->arena, &o->account, &answer,
	    &p->order.contact_id) != PAY_OK)
		return (FLOW_NEXT);
	p->order.save_card = true;
	return (FLOW_QUERY(f, card_contact_note, .invoice_id = o->invoice_id,
	    .contact_id = p->order.contact_id));
}

enum flow_next
purchase_send(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct offer	*o = &p->offer;
	struct pay_ask		 ask = { .sql = NULL };

	o->account.provider->ask_create(&f->arena, &o->account, &p->order,
	    &ask);
	return (settle_send(f, &ask));
}

/*
 * Only a clear no ends the invoice; of silence nobody knows, so the row stays
 * and the reconciler looks.  The code's use comes back either way.
 */
enum flow_next
purchase_note(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct offer	*o = &p->offer;
	struct pay_answer	 answer = settle_answer(f);

	p->result = o->account.provider->read(&f->arena, &o->account, &answer,
	    &p->invoice);
	switch (p->result) {
	case PAY_OK:
		flow_last(f);
		return (FLOW_QUERY(f, invoice_attach, .id = o->invoice_id,
		    .provider_invoice_id = p->invoice.id,
		    .checkout_url = p->invoice.checkout_url));
	case PAY_NONE:
		return (FLOW_QUERY(f, invoice_abandon, .id = o->invoice_id));
	default:
		if (o->used_code_id == NULL)
			return (FLOW_NEXT);
		return (FLOW_QUERY(f, purchase_unsure, .id = o->invoice_id));
	}
}

enum flow_next
purchase_answer(struct flow *f)
{
	struct purchase	*p = flow_state(f);

	if (p->result == PAY_NONE)
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider refuses the invoice."));
	if (p->result != PAY_OK)
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider gives no answer; try again."));
	return (flow_json(f, 200, purchase_body(&p->offer, p->invoice.id,
	    p->invoice.checkout_url)));
}

static enum flow_next
purchase_poll(struct flow *f)
{
	return (FLOW_QUERY(f, purchase_poll,
	    .id = flow_text(f, "invoice_id")));
}

static enum flow_next
purchase_polled(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	return (flow_json(f, 200, key_render_body(f, flow_rows(f))));
}

/* clang-format off */
const struct endpoint	api_purchase[] = {
	{ .method = POST, .path = "/v1/purchase", .limit = LIMIT_PURCHASE,
	    .body = FIELDS(
		{ "product", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "Its slug." },
		{ "policy_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "Which tier; the default one unless given." },
		{ "code", FIELD_TEXT, 0, 0, 200,
		    .help = "A discount code. Without one, and with policy_slug, "
		    "the tier's featured code counts." },
		{ "buyer_email", FIELD_EMAIL, .help = "Whose the license is." },
		{ "buyer_note", FIELD_TEXT, 0, 0, 2000, .help = "For the vendor." },
		{ "fingerprint", FIELD_TEXT, 0, 0, 1000,
		    .help = "Of the machine that asks for a trial; it gets one." },
		{ "redirect_url", FIELD_URL, .help = "Where the buyer goes after paying." },
		{ "rail", FIELD_TEXT, 0, 0, 32,
		    .help = "lightning, onchain or card; others are ignored." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(offer_ask),		/* sql   purchase_offer */
		FLOW_STEP(purchase_judge),
		RATE_STEPS,
		FLOW_STEP(purchase_open),	/* sql   purchase_open */
		FLOW_STEP(purchase_open_plain),	/* sql   the same, perhaps */
		PURCHASE_ORDER_STEPS),
	    .state = sizeof(struct purchase),
	    .errors = "404 409 502",
	    .summary = "Buy a license.",
	    .answer = "`{invoice_id,btcpay_invoice_id,checkout_url,amount_sats,"
	        "base_price_sats,discount_applied_sats,poll_url,license_key?,"
	        "license_id?}`; the last two when there was nothing to pay." },
	{ .method = GET, .path = "/v1/purchase/:invoice_id",
	    .limit = LIMIT_POLL,
	    .steps = FLOW_STEPS(
		FLOW_STEP(purchase_poll),	/* sql  purchase_poll */
		FLOW_STEP(purchase_polled)),
	    .summary = "How a purchase stands; its id is a secret of the buyer's. "
	        "Invoices of renewals and upgrades lead to their license.",
	    .answer = "`{invoice_id,status,product_id,amount_sats,"
	        "license_key|null,license_id|null}`." },
	ENDPOINT_END
};
/* clang-format on */
