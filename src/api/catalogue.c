/*
 * What anyone may see of products and their policies; with what a featured
 * code takes off their prices.
 */
#include "api/api.h"

#include "domain/discount.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

static enum flow_next	tiers_read(struct flow *);
static enum flow_next	tiers_answer(struct flow *);

/* clang-format off */
const struct endpoint	api_catalogue[] = {
	{ .method = GET, .path = "/v1/products", .limit = LIMIT_CATALOGUE,
	    .sql = &sql_product_list_public,
	    .summary = "Products for sale, by name.",
	    .answer = "`{products:[Product]}`." },
	{ .method = GET, .path = "/v1/products/:slug",
	    .limit = LIMIT_CATALOGUE,
	    .sql = &sql_product_get_public,
	    .summary = "One product, for sale or not.",
	    .answer = "Product." },
	{ .method = GET, .path = "/v1/products/:slug/policies",
	    .limit = LIMIT_CATALOGUE,
	    .steps = FLOW_STEPS(
		FLOW_STEP(tiers_read),		/* sql  policy_list_public */
		FLOW_STEP(tiers_answer)),
	    .errors = "404",
	    .summary = "The tiers of a product for sale, cheapest first.",
	    .answer = "`{product,policies:[…]}`; `featured_discount` has what "
	    "its code takes off, in the listed currency (`…_value`) and, for "
	    "products listed in satoshis, in these (`…_sats`, else 0 like "
	    "`price_sats`)." },
	ENDPOINT_END
};
/* clang-format on */

static enum flow_next
tiers_read(struct flow *f)
{
	return (flow_query_bound(f, &sql_policy_list_public));
}

/*
 * Satoshis of a fiat price would be those of the minute; what is charged is
 * settled when somebody buys.  So they are 0, as in price_sats.
 */
static void
tier_discount(json_t *tier)
{
	json_t		*d = json_object_get(tier, "featured_discount");
	const char	*currency = json_text(tier, "price_currency");
	int64_t		 price, off;
	bool		 in_sats;

	if (!json_is_object(d))
		return;
	price = json_integer_value(json_object_get(tier, "price_value"));
	off = discount_of(discount_kind_parse(json_text(d, "kind")),
	    json_integer_value(json_object_get(d, "amount")), price);
	in_sats = currency != NULL && !strcmp(currency, "SAT");
	json_object_set_new(d, "discount_applied_sats",
	    json_integer(in_sats ? off : 0));
	json_object_set_new(d, "discounted_price_sats",
	    json_integer(in_sats ? price - off : 0));
	json_object_set_new(d, "discount_applied_value", json_integer(off));
	json_object_set_new(d, "discounted_price_value",
	    json_integer(price - off));
}

static enum flow_next
tiers_answer(struct flow *f)
{
	const char	*text;
	char		 why[96];
	json_t		*body, *tier;
	size_t		 i;

	if (flow_refused(f))
		return (FLOW_DONE);
	text = db_text(flow_rows(f), 0, "body");
	if (!db_true(flow_rows(f), 0, "featured"))
		return (flow_json_text(f, 200, text));
	if ((body = json_read(text, strlen(text), why, sizeof(why))) == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The answer is lost."));
	json_array_foreach(json_object_get(body, "policies"), i, tier)
		tier_discount(tier);
	return (flow_json(f, 200, body));
}
