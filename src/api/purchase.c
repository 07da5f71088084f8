/*
 * POST /v1/purchase: judge it, write the invoice, ask the provider for its
 * own, note that down.  The row is there before the provider hears of it: if
 * we die in between, jobs/reconcile.c finds it by its order id.
 *
 * GET /v1/purchase/:invoice_id: how it stands, and the key once it is paid.
 */
#include "api/api.h"

#include "base/conf.h"
#include "base/uuid.h"
#include "flow/account.h"
#include "flow/bind.h"
#include "flow/key.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

#include <string.h>

struct purchase {
	char			 invoice_id[37];
	struct pay_account	 account;	/* no provider: nobody serves it */
	struct pay_order	 order;
	struct pay_invoice	 invoice;	/* the provider's */
	int64_t			 base_price_sats;
	int64_t			 discount_sats;
};

static enum flow_next
purchase_provider(struct flow *f)
{
	return (FLOW_QUERY(f, provider_of_sale,
	    .product = flow_text(f, "product"), .rail = flow_text(f, "rail")));
}

static enum flow_next
purchase_open(struct flow *f)
{
	struct purchase	*p = flow_state(f);
	uint8_t		 id[16];

	if (p->invoice_id[0] == '\0') {	/* the same when repeated */
		if (db_rows_count(flow_rows(f)) > 0 &&
		    !account_read(f, flow_rows(f), 0, &p->account))
			return (flow_fail(f, ERR_INTERNAL, NULL));
		uuid_random(id);
		uuid_format(id, p->invoice_id);
	}
	return (FLOW_QUERY(f, purchase_open,
	    .product = flow_text(f, "product"),
	    .policy_slug = flow_text(f, "policy_slug"),
	    .provider_id = p->account.id,
	    .invoice_id = p->invoice_id,
	    .buyer_email = flow_text(f, "buyer_email"),
	    .buyer_note = flow_text(f, "buyer_note"),
	    .redirect_url = flow_text(f, "redirect_url"),
	    .public_url = conf.public_url,
	    .signing_key_id = bind_signing_key(f)));
}

static json_t *
purchase_body(const struct purchase *p, const char *provider_invoice_id,
    const char *checkout_url)
{
	return (json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o}",
	    "invoice_id", p->invoice_id,
	    "btcpay_invoice_id", provider_invoice_id,
	    "checkout_url", checkout_url,
	    "amount_sats", (json_int_t)p->order.amount_sats,
	    "base_price_sats", (json_int_t)p->base_price_sats,
	    "discount_applied_sats", (json_int_t)p->discount_sats,
	    "poll_url", json_sprintf("%s/v1/purchase/%s", conf.public_url,
	    p->invoice_id)));
}

/* Nothing to pay: the license is there already. */
static enum flow_next
purchase_give(struct flow *f, struct purchase *p)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*key = key_render(f, r);
	json_t			*body;

	body = purchase_body(p, db_text(r, 0, "provider_invoice_id"), "");
	if (key != NULL && body != NULL) {
		json_object_set_new(body, "license_key", json_string(key));
		json_object_set_new(body, "license_id",
		    json_string(db_text(r, 0, "key_license_id")));
	}
	return (flow_json(f, 200, body));
}

static enum flow_next
purchase_order(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	const struct db_rows	*r = flow_rows(f);
	struct pay_ask		 ask = { .sql = NULL };

	if (flow_refused(f))
		return (FLOW_DONE);
	p->order.amount_sats = db_integer(r, 0, "amount_sats", 0);
	p->base_price_sats = db_integer(r, 0, "base_price_sats", 0);
	p->discount_sats = db_integer(r, 0, "discount_applied_sats", 0);
	if (!strcmp(db_text(r, 0, "path"), "free"))
		return (purchase_give(f, p));
	p->order.id = p->invoice_id;
	p->order.product_id = arena_strdup(&f->arena,
	    db_text(r, 0, "product_id"));
	p->order.product_name = arena_strdup(&f->arena,
	    db_text(r, 0, "product_name"));
	p->order.redirect_url = arena_strdup(&f->arena,
	    db_text(r, 0, "redirect_url"));
	p->account.provider->ask_create(&f->arena, &p->account, &p->order,
	    &ask);
	return (settle_send(f, &ask));
}

/*
 * Only a clear no ends the invoice; of silence nobody knows, so the row stays
 * and the reconciler looks.
 */
static enum flow_next
purchase_note(struct flow *f)
{
	struct purchase		*p = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	switch (p->account.provider->read(&f->arena, &p->account, &answer,
	    &p->invoice)) {
	case PAY_OK:
		return (FLOW_QUERY(f, invoice_attach, .id = p->invoice_id,
		    .provider_invoice_id = p->invoice.id,
		    .checkout_url = p->invoice.checkout_url));
	case PAY_NONE:
		return (FLOW_QUERY(f, invoice_abandon, .id = p->invoice_id));
	default:
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider gives no answer; try again."));
	}
}

static enum flow_next
purchase_answer(struct flow *f)
{
	struct purchase	*p = flow_state(f);

	if (p->invoice.id == NULL)
		return (flow_fail(f, ERR_UPSTREAM,
		    "The payment provider refuses the invoice."));
	return (flow_json(f, 200, purchase_body(p, p->invoice.id,
	    p->invoice.checkout_url)));
}

static enum flow_next
purchase_poll(struct flow *f)
{
	return (FLOW_QUERY(f, invoice_poll,
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
		{ "buyer_email", FIELD_EMAIL, .help = "Whose the license is." },
		{ "buyer_note", FIELD_TEXT, 0, 0, 2000, .help = "For the vendor." },
		{ "redirect_url", FIELD_URL, .help = "Where the buyer goes after paying." },
		{ "rail", FIELD_TEXT, 0, 0, 32,
		    .help = "lightning, onchain or card; others are ignored." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(purchase_provider),	/* sql   provider_of_sale */
		FLOW_STEP(purchase_open),	/* sql   purchase_open */
		FLOW_STEP(purchase_order),	/* call  create invoice */
		FLOW_STEP(purchase_note),	/* sql   invoice_attach */
		FLOW_STEP(purchase_answer)),
	    .state = sizeof(struct purchase),
	    .errors = "404 502",
	    .summary = "Buy a license.",
	    .answer = "`{invoice_id,btcpay_invoice_id,checkout_url,amount_sats,"
	        "base_price_sats,discount_applied_sats,poll_url,license_key?,"
	        "license_id?}`; the last two when there was nothing to pay." },
	{ .method = GET, .path = "/v1/purchase/:invoice_id",
	    .limit = LIMIT_POLL,
	    .steps = FLOW_STEPS(
		FLOW_STEP(purchase_poll),	/* sql  invoice_poll */
		FLOW_STEP(purchase_polled)),
	    .summary = "How a purchase stands; its id is a secret of the buyer's.",
	    .answer = "`{invoice_id,status,product_id,amount_sats,"
	        "license_key|null,license_id|null}`." },
	ENDPOINT_END
};
/* clang-format on */
