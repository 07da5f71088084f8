/* What the page of a product shows: tiers, the chosen one's price, the form. */
#include "pages/buy.h"

#include "base/uuid.h"
#include "domain/discount.h"
#include "domain/price.h"
#include "flow/idempotency.h"
#include "pages/front.h"
#include "pages/price.h"
#include "pages/value.h"

#include "templates.h"

#include <string.h>

/* ---- what is chosen ---- */

static const json_t *
policies(const struct flow *f)
{
	return (json_object_get(json_object_get(f->body, "offer"),
	    "policies"));
}

static const json_t *
product(const struct flow *f)
{
	return (json_object_get(json_object_get(f->body, "offer"), "product"));
}

static bool
is_true(const json_t *o, const char *name)
{
	return (json_is_true(json_object_get(o, name)));
}

static long long
number(const json_t *o, const char *name)
{
	return (json_integer_value(json_object_get(o, name)));
}

static const char *
text(const json_t *o, const char *name)
{
	const char	*s = json_text(o, name);

	return (s == NULL ? "" : s);
}

/* The one that was asked for, else the highlighted one, else the cheapest. */
void
buy_choose(struct flow *f, struct buy *b)
{
	const json_t	*tier, *highlighted = NULL;
	size_t		 i;

	json_array_foreach(policies(f), i, tier) {
		if (*b->policy != '\0' && !strcmp(text(tier, "slug"),
		    b->policy)) {
			b->tier = tier;
			return;
		}
		if (highlighted == NULL && is_true(tier, "highlighted"))
			highlighted = tier;
	}
	b->tier = highlighted != NULL ? highlighted :
	    json_array_get(policies(f), 0);
	if (b->tier == NULL)
		b->tier = json_object_get(f->body, "terms");
}

bool
buy_is_typed(const struct buy *b)
{
	return (*b->code != '\0' && strcasecmp(b->code, b->prefilled) != 0);
}

/* ---- tiers ---- */

static const json_t *
featured(const json_t *tier)
{
	const json_t	*d = json_object_get(tier, "featured_discount");

	return (json_is_object(d) ? d : NULL);
}

static struct price_words
words(const json_t *tier)
{
	const json_t		*d = featured(tier);
	struct price_words	 w = {
		.currency = text(tier, "price_currency"),
		.value = number(tier, "price_value"),
	};

	w.left = d == NULL ? w.value : number(d, "discounted_price_value");
	if (is_true(tier, "is_recurring")) {
		w.period_days = number(tier, "renewal_period_days");
		w.trial_days = number(tier, "trial_days");
	}
	return (w);
}

/* 1250 is "12.5% off"; else money. */
static const char *
ribbon(struct flow *f, const json_t *tier)
{
	const json_t	*d = featured(tier);
	long long	 bps = number(d, "amount");

	if (d == NULL)
		return (NULL);
	if (strcmp(text(d, "kind"), "percent") != 0)
		return (arena_printf(&f->arena, "Save %s", price_amount(
		    &f->arena, text(tier, "price_currency"),
		    number(d, "discount_applied_value"))));
	if (bps % 100 == 0)
		return (arena_printf(&f->arena, "%lld%% off", bps / 100));
	return (arena_printf(&f->arena, bps % 10 == 0 ? "%lld.%lld%% off" :
	    "%lld.%02lld%% off", bps / 100, bps % 10 == 0 ? bps % 100 / 10 :
	    bps % 100));
}

static bool
is_among(const json_t *list, const char *slug)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one) {
		if (json_is_string(one) &&
		    !strcmp(json_string_value(one), slug))
			return (true);
	}
	return (false);
}

/* By its name in the product's catalogue, with what is said of it there. */
static json_t *
feature(struct flow *f, const char *slug)
{
	const json_t	*one;
	const char	*name, *about;
	size_t		 i;

	json_array_foreach(json_object_get(product(f),
	    "entitlements_catalog"), i, one) {
		if (strcmp(text(one, "slug"), slug) != 0)
			continue;
		name = text(one, "name");
		about = text(one, "description");
		return (json_pack("{s:s,s:s?}", "feature", *name == '\0' ?
		    slug : name, "explained", *about == '\0' ? NULL : about));
	}
	return (json_pack("{s:s,s:n}", "feature", slug, "explained"));
}

static void
add_bullets(json_t *all, const json_t *tier)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(json_object_get(tier, "marketing_bullets"), i, one)
		json_array_append_new(all, json_pack("{s:s,s:n}", "feature",
		    json_string_value(one), "explained"));
}

static json_t *
features(struct flow *f, const json_t *tier)
{
	const json_t	*one, *hidden;
	json_t		*all = json_array();
	bool		 above = !strcmp(text(tier,
			    "marketing_bullets_position"), "above");
	size_t		 i;

	hidden = json_object_get(tier, "hidden_entitlements");
	if (above)
		add_bullets(all, tier);
	json_array_foreach(json_object_get(tier, "entitlements"), i, one) {
		if (!is_among(hidden, json_string_value(one)))
			json_array_append_new(all, feature(f,
			    json_string_value(one)));
	}
	if (!above)
		add_bullets(all, tier);
	return (all);
}

/* "3 machines, valid for 30 days" */
static const char *
terms(struct flow *f, const json_t *tier)
{
	long long	 machines = number(tier, "max_machines");
	long long	 seconds = number(tier, "duration_seconds");
	const char	*where;

	where = machines == 0 ? "Any number of machines" :
	    arena_printf(&f->arena, "%s machine%s", value_grouped(&f->arena,
	    machines), machines == 1 ? "" : "s");
	if (is_true(tier, "is_recurring"))
		return (where);
	return (arena_printf(&f->arena, "%s, %s%s", where, seconds == 0 ?
	    "valid without end" : "valid for ", seconds == 0 ? "" :
	    value_duration(&f->arena, seconds)));
}

static const char *
tier_link(struct flow *f, const struct buy *b, const json_t *tier)
{
	json_t		*names;
	const char	*link;

	names = json_pack("{s:s,s:s,s:s}", "slug", b->slug, "policy",
	    text(tier, "slug"), "code", b->code);
	link = value_expand(&f->arena, buy_is_typed(b) ?
	    "/buy/{slug}?policy={policy}&code={code}#order" :
	    "/buy/{slug}?policy={policy}#order", names, NULL, true);
	json_decref(names);
	return (link);
}

static json_t *
tiers(struct flow *f, const struct buy *b)
{
	const json_t		*tier;
	json_t			*all = json_array();
	struct price_words	 w;
	const char		*about;
	size_t			 i;

	json_array_foreach(policies(f), i, tier) {
		w = words(tier);
		about = text(tier, "description");
		json_array_append_new(all, json_pack(
		    "{s:s,s:s,s:s?,s:b,s:b,s:s?,s:o,s:o,s:s}",
		    "href", tier_link(f, b, tier), "name", text(tier, "name"),
		    "about", *about == '\0' ? NULL : about,
		    "current", tier == b->tier,
		    "highlighted", is_true(tier, "highlighted"),
		    "ribbon", ribbon(f, tier),
		    "price", price_values(&f->arena, &w),
		    "features", features(f, tier), "terms", terms(f, tier)));
	}
	return (all);
}

/* ---- the order ---- */

/* Of a price in a currency: what that is in satoshis, if that is known. */
static void
add_estimate(struct flow *f, const struct buy *b, const struct price_words *w,
    json_t *order)
{
	const json_t	*preview = json_object_get(f->body, "preview");
	int64_t		 sats = 0;

	json_object_set_new(order, "estimate", json_null());
	json_object_set_new(order, "rate_at", json_null());
	if (!strcmp(w->currency, "SAT") || w->left <= 0 ||
	    (w->period_days > 0 && w->trial_days > 0))
		return;
	if (b->is_coded)
		sats = number(preview, "final_price_sats");
	else if (b->rate_e4 == 0 || !price_in_sats(w->left, b->rate_e4, &sats))
		return;
	json_object_set_new(order, "estimate", json_string(price_amount(
	    &f->arena, "SAT", sats)));
	if (!b->is_coded && b->rate_at != NULL)
		json_object_set_new(order, "rate_at",
		    json_string(b->rate_at));
}

/* What is paid when the first cycle, or the trial, is over. */
static const char *
afterwards(struct flow *f, const struct price_words *w)
{
	if (w->period_days == 0 || (w->trial_days == 0 && w->left == w->value))
		return (NULL);
	return (arena_printf(&f->arena, "Then %s / %s. Cancel any time.",
	    price_amount(&f->arena, w->currency, w->value),
	    price_period(&f->arena, w->period_days)));
}

static const char *
button(struct flow *f, const struct price_words *w)
{
	if (w->period_days > 0 && w->trial_days > 0)
		return (arena_printf(&f->arena, "Start %lld-day free trial",
		    w->trial_days));
	return (w->left > 0 ? "Pay with Bitcoin" : "Redeem license");
}

/* What the code that was typed does, in the product's own currency. */
static const char *
preview_words(struct flow *f, const struct buy *b, const struct price_words *w)
{
	const json_t	*preview = json_object_get(f->body, "preview");
	const char	*code = text(preview, "code");

	if (!b->is_coded)
		return (NULL);
	if (w->trial_days > 0)
		return (text(preview, "message"));
	if (w->left == 0)
		return (arena_printf(&f->arena, "%s: nothing is left to pay.",
		    code));
	return (arena_printf(&f->arena, "%s takes %s off.", code,
	    price_amount(&f->arena, w->currency, w->value - w->left)));
}

static long long
typed_left(struct flow *f, const struct buy *b, const struct price_words *w)
{
	const json_t	*preview = json_object_get(f->body, "preview");

	if (!b->is_coded || w->trial_days > 0)
		return (w->value);
	return (w->value - discount_of(discount_kind_parse(text(preview,
	    "kind")), b->code_amount, w->value));
}

static json_t *
order(struct flow *f, const struct buy *b, const char **prefilled)
{
	const json_t		*d = featured(b->tier);
	struct price_words	 w = words(b->tier);
	const char		*name = text(b->tier, "name"), *said;
	json_t			*o;

	*prefilled = d == NULL ? "" : text(d, "code");
	if (buy_is_typed(b)) {		/* it beats the featured one */
		w.left = typed_left(f, b, &w);
		d = NULL;
	}
	said = d == NULL ? NULL : text(d, "description");
	o = json_pack("{s:s,s:s?,s:o,s:s?,s:s?,s:s,s:s?,s:s?,s:s?}",
	    "policy", text(b->tier, "slug"),
	    "tier", *name == '\0' ? NULL : name,
	    "price", price_values(&f->arena, &w),
	    "afterwards", afterwards(f, &w),
	    "applied", preview_words(f, b, &w),
	    "button", button(f, &w),
	    "ribbon", d == NULL ? NULL : ribbon(f, b->tier),
	    "offer", said != NULL && *said != '\0' ? said : NULL,
	    "offer_until", d == NULL ? NULL : json_text(d, "expires_at"));
	add_estimate(f, b, &w, o);
	return (o);
}

static const char *
new_token(struct flow *f)
{
	uint8_t	id[UUID_LEN];
	char	made[UUID_TEXT_LEN + 1];

	uuid_random(id);
	uuid_format(id, made);
	return (arena_strdup(&f->arena, made));
}

enum flow_next
buy_page(struct flow *f)
{
	const struct buy	*b = flow_state(f);
	const char		*about = text(product(f), "description");
	const char		*prefilled;
	json_t			*values, *o = order(f, b, &prefilled);
	bool			 keeps;

	keeps = buy_is_typed(b) || b->code_fault != NULL;
	values = json_pack("{s:s,s:s?,s:s,s:o,s:b,s:b,s:o,s:s,s:s,s:s,s:s,"
	    "s:s?,s:s?,s:s?}",
	    "page_title", text(product(f), "name"),
	    "about", *about == '\0' ? NULL : about,
	    "slug", b->slug,
	    "tiers", tiers(f, b),
	    "has_tiers", json_array_size(policies(f)) > 0,
	    "has_choice", json_array_size(policies(f)) > 1,
	    "order", o,
	    "code", keeps ? b->code : prefilled,
	    "prefilled", prefilled,
	    "email", b->email,
	    "token", b->token == NULL ? new_token(f) : b->token,
	    "wrong", b->fault,
	    "wrong_code", b->code_fault,
	    "wrong_email", b->email_fault);
	return (front_send(f, b->status == 0 ? 200 : b->status,
	    template_buy, values));
}
