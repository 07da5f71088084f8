/*
 * /checkout/:invoice_id: what is to be paid, with what, and how it stands; the
 * invoice's id in the address is the buyer's secret.  When the page is opened
 * first its provider is asked for the ways to pay, with a few seconds of
 * patience; later a job asks.  Where the provider has none for us the buyer goes
 * on to its own page.
 *
 * POST .../again: a new invoice for an order whose invoice expired unpaid.
 */
#include "pages/pages.h"

#include "base/conf.h"
#include "base/json.h"
#include "flow/account.h"
#include "flow/checkout.h"
#include "flow/fail.h"
#include "flow/form.h"
#include "flow/inner.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pages/checkout_view.h"
#include "pages/front.h"
#include "pages/value.h"

#include "sql.h"
#include "templates.h"

#include <string.h>

#define PATIENCE_MS	2000	/* for each of two calls */

struct look {
	struct checkout	 checkout;	/* must be first */
	const char	*provider_url;
};

static enum flow_next	look_again(struct flow *);
static enum flow_next	look_show(struct flow *);

/* ---- the page ---- */

static enum flow_next
look_ask(struct flow *f)
{
	return (FLOW_QUERY(f, checkout_get, .id = flow_text(f, "invoice_id")));
}

static const char *
copy(struct flow *f, const char *column)
{
	const char	*s = db_text(flow_rows(f), 0, column);

	return (s == NULL || *s == '\0' ? NULL :
	    arena_strdup(&f->arena, s));
}

/* Nothing to pay with here, and the provider has a page. */
static bool
is_elsewhere(struct flow *f, const struct look *l)
{
	const struct db_rows	*r = flow_rows(f);
	const struct provider	*p = pay_provider(db_text(r, 0,
				    "provider_kind"));
	const char		*status = db_text(r, 0, "status");

	if (l->provider_url == NULL || strcmp(status, "pending"))
		return (false);
	return (conf_is(conf.checkout, "provider") || p == NULL ||
	    p->ask_methods == NULL || (db_true(r, 0, "is_told") &&
	    db_text(r, 0, "bolt11") == NULL &&
	    db_text(r, 0, "address") == NULL &&
	    db_integer(r, 0, "seen_sats", 0) == 0));
}

static enum flow_next
look_judge(struct flow *f)
{
	struct look		*l = flow_state(f);
	const struct db_rows	*r = flow_rows(f);
	struct checkout		*c = &l->checkout;

	if (db_rows_count(r) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	if (db_text(r, 0, "next_url") != NULL)
		return (front_go(f, copy(f, "next_url")));
	l->provider_url = copy(f, "checkout_url");
	if (is_elsewhere(f, l))
		return (front_go(f, l->provider_url));
	c->id = copy(f, "id");
	c->settle.invoice_id = copy(f, "provider_invoice_id");
	c->patience_ms = PATIENCE_MS;
	if (db_true(r, 0, "is_told")) {
		FLOW_TELL(checkout_watch, .id = c->id);
		return (flow_skip_to(f, look_show));
	}
	if (c->settle.invoice_id == NULL || !db_true(r, 0, "is_connected") ||
	    !account_read(f, r, 0, &c->settle.account))
		return (flow_skip_to(f, look_show));
	return (FLOW_QUERY(f, checkout_begin, .id = c->id));
}

/* Another one asks just now, or was not answered a moment ago. */
static enum flow_next
look_begun(struct flow *f)
{
	return (db_rows_count(flow_rows(f)) > 0 ? FLOW_NEXT :
	    flow_skip_to(f, look_again));
}

static enum flow_next
look_again(struct flow *f)
{
	return (look_ask(f));
}

static enum flow_next
look_show(struct flow *f)
{
	struct look	*l = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	if (db_text(flow_rows(f), 0, "next_url") != NULL)
		return (front_go(f, copy(f, "next_url")));
	if (is_elsewhere(f, l))
		return (front_go(f, l->provider_url));
	return (front_send(f, 200, template_checkout,
	    checkout_view(f, flow_text(f, "by"))));
}

/* ---- how it stands, for its script ---- */

static enum flow_next
state_ask(struct flow *f)
{
	const char	*id = flow_text(f, "invoice_id");

	FLOW_TELL(checkout_watch, .id = id);
	return (FLOW_QUERY(f, checkout_states, .ids = arena_printf(&f->arena,
	    "{%s}", id)));
}

static enum flow_next
state_answer(struct flow *f)
{
	const char	*body = db_text(flow_rows(f), 0, "body");

	if (body == NULL)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	return (flow_json_text(f, 200, body));
}

/* ---- a new invoice ---- */

static enum flow_next
again_send(struct flow *f)
{
	const char	*value = form_text(f, "charged_value");
	json_t		*body = json_object(), *number;
	enum flow_next	 next;
	char		 why[96];

	if (*value != '\0' && strspn(value, "0123456789") == strlen(value) &&
	    (number = json_read(value, strlen(value), why, sizeof(why))) !=
	    NULL) {
		json_object_set_new(body, "charged_value", number);
		json_object_set_new(body, "currency", json_string(
		    form_text(f, "currency")));
	}
	next = inner_run(f, POST, arena_printf(&f->arena,
	    "/v1/purchase/%s/again", flow_text(f, "invoice_id")), NULL, body);
	json_decref(body);
	return (next);
}

/* The price is another one: nothing is bought before the buyer agrees. */
static enum flow_next
again_offer(struct flow *f, const json_t *offer)
{
	const char	*currency = json_text(offer, "currency");
	long long	 now = json_integer_value(json_object_get(offer,
			    "charged_value"));
	long long	 was = json_integer_value(json_object_get(offer,
			    "was_value"));
	long long	 sats = json_integer_value(json_object_get(offer,
			    "amount_sats"));
	bool		 is_sats = currency == NULL || !strcmp(currency, "SAT");

	return (front_send(f, 200, template_checkout_offer, json_pack(
	    "{s:s,s:s,s:s?,s:s,s:s,s:s?,s:s,s:s?,s:s?,s:s}",
	    "page_title", "The price has changed",
	    "id", flow_text(f, "invoice_id"),
	    "product", json_text(offer, "product_name"),
	    "price", value_money(&f->arena, now, currency, true),
	    "was", value_money(&f->arena, was, currency, true),
	    "currency", currency,
	    "currency_words", is_sats ? "sats" : currency,
	    "sats", is_sats ? NULL : value_grouped(&f->arena, sats),
	    "code_refusal", json_text(offer, "code_refusal"),
	    "value", arena_printf(&f->arena, "%lld", now))));
}

static enum flow_next
again_got(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);
	const char			*id;
	enum flow_next			 next;
	json_t				*j;
	char				 why[96];

	if (a->fault != ERR_NONE)
		return (flow_fail(f, a->fault, "%s", a->message));
	if ((j = json_read(a->body, a->len, why, sizeof(why))) == NULL)
		return (flow_fail(f, ERR_INTERNAL, "No answer."));
	id = json_text(j, "invoice_id");
	next = id == NULL ? again_offer(f, json_object_get(j, "offer")) :
	    front_go(f, arena_printf(&f->arena, "/checkout/%s", id));
	json_decref(j);
	return (next);
}

/* clang-format off */
const struct endpoint	pages_checkout[] = {
	{ .method = GET, .path = "/checkout/:invoice_id", .limit = LIMIT_POLL,
	    .query = FIELDS(
		{ "by", FIELD_TEXT, 0, 0, 16,
		    .help = "lightning, onchain or both." }),
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(look_ask),		/* sql  checkout_get */
		FLOW_STEP(look_judge),		/* sql  checkout_begin */
		FLOW_STEP(look_begun),
		CHECKOUT_STEPS,
		FLOW_STEP(look_again),		/* sql  checkout_get */
		FLOW_STEP(look_show)),
	    .state = sizeof(struct look),
	    FRONT_PAGE, .summary = "What is to be paid, and how." },
	{ .method = GET, .path = "/checkout/:invoice_id/state",
	    .limit = LIMIT_POLL,
	    .steps = FLOW_STEPS(
		FLOW_STEP(state_ask),		/* sql  checkout_states */
		FLOW_STEP(state_answer)),
	    .hidden = true, .summary = "How a checkout stands, for its page." },
	{ .method = POST, .path = "/checkout/:invoice_id/again",
	    .limit = LIMIT_PURCHASE, .raw_body = true,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(session_check_site),
		FLOW_STEP(again_send),		/* POST /v1/purchase/ID/again */
		FLOW_STEP(again_got)),
	    FRONT_PAGE, .summary = "A new invoice for the same order." },
	ENDPOINT_END
};
/* clang-format on */
