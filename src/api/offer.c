#include "api/offer.h"

#include "base/conf.h"
#include "flow/bind.h"
#include "flow/fail.h"
#include "flow/idempotency.h"
#include "flow/key.h"
#include "flow/rate.h"

#include "sql.h"

#include <string.h>

enum flow_next
offer_ask(struct flow *f)
{
	return (FLOW_QUERY(f, purchase_offer,
	    .product = flow_text(f, "product"),
	    .policy_slug = flow_text(f, "policy_slug"),
	    .code = flow_text(f, "code"),
	    .rail = flow_text(f, "rail")));
}

static const char *
copy(struct flow *f, const char *column)
{
	const char	*s = db_text(flow_rows(f), 0, column);

	return (s == NULL ? NULL : arena_strdup(&f->arena, s));
}

void
offer_read(struct flow *f, struct offer *o)
{
	const struct db_rows	*r = flow_rows(f);

	o->product_id = copy(f, "product_id");
	o->product_name = copy(f, "product_name");
	o->policy_id = copy(f, "policy_id");
	o->currency = copy(f, "price_currency");
	o->listed_value = db_integer(r, 0, "listed_value", 0);
	o->is_recurring = db_true(r, 0, "is_recurring");
	o->is_trial = db_true(r, 0, "is_trial");
	o->product_refusal = copy(f, "product_refusal");
	o->policy_refusal = copy(f, "policy_refusal");
	o->code_refusal = copy(f, "code_refusal");
	o->code_id = copy(f, "code_id");
	o->code = copy(f, "code");
	o->code_kind = copy(f, "code_kind");
	o->code_amount = db_integer(r, 0, "code_amount", 0);
	o->code_featured = db_true(r, 0, "code_featured");
	o->provider_id = copy(f, "provider_id");
	if (o->product_id != NULL && !o->is_trial && o->listed_value > 0) {
		rate_need(f, o->currency);
		rate_know(f, r, 0);
	}
}

/* "word sentence" */
const char *
offer_why(const char *refusal)
{
	const char	*space = strchr(refusal, ' ');

	return (space == NULL ? refusal : space + 1);
}

bool
offer_allows(struct flow *f, const char *refusal)
{
	const char	*code;

	if (refusal == NULL)
		return (true);
	code = arena_strndup(&f->arena, refusal, strcspn(refusal, " "));
	flow_fail(f, err_by_code(code), "%s", offer_why(refusal));
	return (false);
}

bool
offer_is_refused(const char *refusal, const char *reasons)
{
	size_t	n, len;

	if (refusal == NULL)
		return (false);
	n = strcspn(refusal, " ");
	for (;; reasons += len + 1) {
		len = strcspn(reasons, "|");
		if (len == n && !strncmp(reasons, refusal, n))
			return (true);
		if (reasons[len] == '\0')
			return (false);
	}
}

bool
offer_price(struct flow *f, struct offer *o, bool with_code)
{
	struct price_terms	t = { .listed_value = o->listed_value,
				    .is_trial = o->is_trial };

	if (!rate_got(f, &o->rate_e4, &o->rate_source)) {
		rate_fail(f);
		return (false);
	}
	t.rate_e4 = o->rate_e4;
	o->used_code_id = NULL;
	if (with_code && o->code_id != NULL && !o->is_trial) {
		t.kind = discount_kind_parse(o->code_kind);
		t.amount = o->code_amount;
		o->used_code_id = o->code_id;
	}
	if (!price_quote(&t, &o->price)) {
		flow_fail(f, ERR_UPSTREAM,
		    "The price can't be expressed in satoshis.");
		return (false);
	}
	return (true);
}

static const char *
number(struct flow *f, int64_t n)
{
	return (arena_printf(&f->arena, "%lld", (long long)n));
}

enum flow_next
offer_open(struct flow *f, struct offer *o)
{
	const char	*fingerprint = flow_text(f, "fingerprint");

	if (o->invoice_id[0] == '\0')
		flow_new_id(f, o->invoice_id);
	if (o->price.is_free)
		flow_last(f);
	return (FLOW_LOCKED_QUERY(f, purchase_follow_lock,
	    (.follows_id = o->follows_id), purchase_open,
	    .follows_id = o->follows_id,
	    .invoice_id = o->invoice_id,
	    .product_id = o->product_id,
	    .policy_id = o->policy_id,
	    .provider_id = o->provider_id,
	    .code_id = o->used_code_id,
	    .buyer_email = flow_text(f, "buyer_email"),
	    .buyer_note = flow_text(f, "buyer_note"),
	    .redirect_url = flow_text(f, "redirect_url"),
	    .public_url = conf.public_url,
	    .fingerprint_hash = fingerprint == NULL || *fingerprint == '\0' ?
	    NULL : key_fingerprint_hex(f, fingerprint),
	    .is_trial = o->is_trial ? "true" : "false",
	    .listed_currency = o->currency,
	    .listed_value = number(f, o->listed_value),
	    .charged_value = number(f, o->price.charged_value),
	    .base_price_sats = number(f, o->price.base_sats),
	    .discount_sats = number(f, o->price.discount_sats),
	    .amount_sats = number(f, o->price.amount_sats),
	    .rate_e4 = o->rate_e4 == 0 ? NULL : number(f, o->rate_e4),
	    .rate_source = o->rate_source,
	    .signing_key_id = bind_signing_key(f)));
}
