/*
 * GET /v1/discount-codes/preview: what a code would do to a price.  Reserves
 * nothing.  A code that won't do is an answer, not an error.
 */
#include "api/api.h"

#include "api/offer.h"
#include "flow/rate.h"
#include "flow/respond.h"

#include <string.h>

static enum flow_next
preview_ask(struct flow *f)
{
	const char	*code = flow_text(f, "code");

	if (code == NULL || code[strspn(code, " ")] == '\0')
		return (flow_fail(f, ERR_BAD_REQUEST, "code: is required"));
	return (offer_ask(f));
}

static enum flow_next
preview_read(struct flow *f)
{
	struct offer	*o = flow_state(f);

	offer_read(f, o);
	if (o->product_id == NULL && !offer_allows(f, o->product_refusal))
		return (FLOW_DONE);
	/* A tier that can't be had is none that the code is for. */
	if (o->policy_refusal != NULL && !offer_is_refused(o->code_refusal,
	    "unknown_code|disabled|expired|wrong_product"))
		o->code_refusal = arena_printf(&f->arena, "wrong_tier %s",
		    offer_why(o->policy_refusal));
	return (FLOW_NEXT);
}

static json_t *
refusal(const struct offer *o)
{
	return (json_pack("{s:b,s:s%,s:s,s:I}", "valid", false,
	    "reason", o->code_refusal, strcspn(o->code_refusal, " "),
	    "message", offer_why(o->code_refusal),
	    "base_price_sats", (json_int_t)o->price.base_sats));
}

/* Hundredths of a percent as percent: 1250 is 12.5. */
static json_t *
percent(const struct offer *o)
{
	if (discount_kind_parse(o->code_kind) != DISCOUNT_PERCENT)
		return (json_null());
	if (o->code_amount % 100 == 0)
		return (json_integer(o->code_amount / 100));
	return (json_real((double)o->code_amount / 100));
}

static const char *
sentence(struct flow *f, const struct offer *o)
{
	if (o->is_trial)
		return ("This begins with a free trial; the code is not used.");
	if (o->price.is_free)
		return ("Nothing is left to pay.");
	return (arena_printf(&f->arena, "%lld of %lld sats off.",
	    (long long)o->price.discount_sats, (long long)o->price.base_sats));
}

static enum flow_next
preview_answer(struct flow *f)
{
	struct offer	*o = flow_state(f);

	if (!offer_price(f, o, o->code_refusal == NULL))
		return (FLOW_DONE);
	if (o->code_refusal != NULL)
		return (flow_json(f, 200, refusal(o)));
	return (flow_json(f, 200, json_pack(
	    "{s:b,s:s,s:s,s:b,s:I,s:I,s:I,s:o,s:s}",
	    "valid", true, "code", o->code, "kind", o->code_kind,
	    "is_free", o->price.is_free,
	    "base_price_sats", (json_int_t)o->price.base_sats,
	    "discount_applied_sats", (json_int_t)o->price.discount_sats,
	    "final_price_sats", (json_int_t)o->price.amount_sats,
	    "amount_pct", percent(o), "message", sentence(f, o))));
}

/* clang-format off */
const struct endpoint	api_preview[] = {
	{ .method = GET, .path = "/v1/discount-codes/preview",
	    .limit = LIMIT_PURCHASE,
	    .query = FIELDS(
		{ "code", FIELD_TEXT, 0, 0, 200, .help = "Required." },
		{ "product", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "Its slug." },
		{ "policy_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "Which tier; the default one unless given." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(preview_ask),		/* sql  purchase_offer */
		FLOW_STEP(preview_read),
		RATE_STEPS,
		FLOW_STEP(preview_answer)),
	    .state = sizeof(struct offer),
	    .errors = "404 502",
	    .summary = "What a code would do to a price; uses nothing up.",
	    .answer = "`{valid:true,code,kind,is_free,base_price_sats,"
	        "discount_applied_sats,final_price_sats,amount_pct|null,message}` "
	        "or `{valid:false,reason,message,base_price_sats}`." },
	ENDPOINT_END
};
/* clang-format on */
