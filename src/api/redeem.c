/*
 * POST /v1/redeem: a license for a code that leaves nothing to pay.  Refuses
 * in an order of its own, and other kinds of codes with words that the page
 * for buyers knows: it goes to /v1/purchase then.
 */
#include "api/api.h"

#include "api/offer.h"
#include "domain/discount.h"
#include "flow/key.h"
#include "flow/rate.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

static enum flow_next
refuse(struct flow *f, const char *why)
{
	return (flow_fail(f, ERR_BAD_REQUEST, "%s", why));
}

static enum flow_next
redeem_judge(struct flow *f)
{
	struct offer	*o = flow_state(f);
	const char	*code = flow_text(f, "code");

	offer_read(f, o);
	if (!offer_allows(f, o->product_refusal))
		return (FLOW_DONE);
	if (code == NULL || code[strspn(code, " ")] == '\0')
		return (refuse(f, "code: is required"));
	if (offer_is_refused(o->code_refusal, "unknown_code|disabled"))
		return (refuse(f, offer_why(o->code_refusal)));
	if (discount_kind_parse(o->code_kind) != DISCOUNT_FREE)
		return (refuse(f, "this code requires payment; buy with it"));
	if (offer_is_refused(o->code_refusal, "expired|wrong_product"))
		return (refuse(f, offer_why(o->code_refusal)));
	if (!offer_allows(f, o->policy_refusal))
		return (FLOW_DONE);
	if (o->code_refusal != NULL)
		return (refuse(f, offer_why(o->code_refusal)));
	/* The code pays for the first cycle, so it isn't a trial. */
	if (o->is_trial) {
		o->is_trial = false;
		rate_need(f, o->currency);
	}
	return (FLOW_NEXT);
}

/* Nothing is charged, so a rate that can't be had keeps nobody from it. */
static enum flow_next
redeem_open(struct flow *f)
{
	struct offer	*o = flow_state(f);

	if (!rate_got(f, &o->rate_e4, &o->rate_source)) {
		o->price = (struct price){ .is_free = true };
		o->used_code_id = o->code_id;
	} else if (!offer_price(f, o, true)) {
		return (FLOW_DONE);
	}
	return (offer_open(f, o));
}

static enum flow_next
redeem_answer(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const struct offer	*o = flow_state(f);

	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, json_pack("{s:s,s:s?,s:s,s:s}",
	    "license_id", db_text(r, 0, "key_license_id"),
	    "license_key", key_render(f, r),
	    "invoice_id", o->invoice_id,
	    "redemption_id", db_text(r, 0, "redemption_id"))));
}

/* clang-format off */
const struct endpoint	api_redeem[] = {
	{ .method = POST, .path = "/v1/redeem", .limit = LIMIT_PURCHASE,
	    .body = FIELDS(
		{ "product", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "Its slug." },
		{ "code", FIELD_TEXT, 0, 0, 200, .help = "Required. Of kind free_license." },
		{ "policy_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "Which tier; the default one unless given." },
		{ "buyer_email", FIELD_EMAIL, .help = "Whose the license is." },
		{ "buyer_note", FIELD_TEXT, 0, 0, 2000, .help = "For the vendor." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(offer_ask),		/* sql  purchase_offer */
		FLOW_STEP(redeem_judge),
		RATE_STEPS,
		FLOW_STEP(redeem_open),		/* sql  purchase_open */
		FLOW_STEP(redeem_answer)),
	    .state = sizeof(struct offer),
	    .errors = "404 409",
	    .summary = "Get a license for a code that pays for all of it.",
	    .answer = "`{license_id,license_key,invoice_id,redemption_id}`. The "
	        "message of the 400 for other codes contains `requires payment`." },
	ENDPOINT_END
};
/* clang-format on */
