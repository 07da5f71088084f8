/* What anyone may see of products and their policies. */
#include "api/api.h"

#include "sql.h"

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
	    .sql = &sql_policy_list_public,
	    .summary = "The tiers of a product for sale, cheapest first.",
	    .answer = "`{product,policies:[…]}`." },
	ENDPOINT_END
};
/* clang-format on */
