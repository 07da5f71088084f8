/* Products, as the vendor keeps them. */
#include "api/api.h"

#include "sql.h"

#include <stdint.h>

/* clang-format off */
#define PRICE_MAX	2100000000000000	/* all bitcoin there will be */

#define DESCRIPTION							\
	{ "description", FIELD_TEXT, 0, 0, 20000,			\
	    .help = "For buyers; empty unless given." }
#define CURRENCY							\
	{ "price_currency", FIELD_CHOICE, 0, .choices = "SAT|USD|EUR",	\
	    .help = "Together with price_value." }
#define CATALOG								\
	{ "entitlements_catalog", FIELD_OBJECTS, FIELD_NULLABLE,	\
	    .help = "`[{slug,name,description}]`: what policies may grant; null or [] clears." }
#define PROFILE								\
	{ "merchant_profile_id", FIELD_UUID, FIELD_NULLABLE,		\
	    .help = "Which profile sells it; null: the default." }

const struct endpoint	api_products[] = {
	{ .method = POST, .path = "/v1/admin/products",
	    .scope = "products:write",
	    .body = FIELDS(
		{ "slug", FIELD_SLUG, FIELD_REQUIRED,
		    .help = "Its name in URLs and in validate; stays." },
		{ "name", FIELD_NAME, FIELD_REQUIRED, 1, 200, .help = "For buyers." },
		DESCRIPTION,
		{ "price_sats", FIELD_INTEGER, 0, 0, PRICE_MAX,
		    .help = "Price in satoshis; or price_currency and "
		    "price_value." },
		CURRENCY,
		{ "price_value", FIELD_INTEGER, 0, 0, PRICE_MAX,
		    .help = "Price in the currency's smallest unit." },
		{ "metadata", FIELD_OBJECT, .help = "The vendor's own." },
		CATALOG, PROFILE),
	    .lock = &sql_tier_lock, .sql = &sql_product_create,
	    .errors = "402 404 409",
	    .summary = "Create a product.",
	    .answer = "Product." },
	{ .method = GET, .path = "/v1/admin/products",
	    .scope = "products:read",
	    .query = FIELDS(
		{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR, .help = "`next_cursor` of the page before." },
		{ "include_inactive", FIELD_BOOLEAN, .help = "True unless given." }),
	    .sql = &sql_product_list,
	    .summary = "Products, newest first.",
	    .answer = "`{products:[Product],next_cursor}`." },
	{ .method = GET, .path = "/v1/admin/products/:id",
	    .scope = "products:read",
	    .sql = &sql_product_get,
	    .summary = "One product.", .answer = "Product." },
	{ .method = GET, .path = "/v1/admin/products/:id/usage",
	    .scope = "products:read",
	    .sql = &sql_product_usage,
	    .summary = "What hangs on a product: what deleting it would delete.",
	    .answer = USAGE_ANSWER },
	{ .method = PATCH, .path = "/v1/admin/products/:id",
	    .scope = "products:write",
	    .body = FIELDS(
		{ "name", FIELD_NAME, 0, 1, 200, .help = "For buyers." },
		DESCRIPTION,
		{ "price_sats", FIELD_INTEGER, 0, 0, PRICE_MAX, .help = "Price in satoshis." },
		CURRENCY,
		{ "price_value", FIELD_INTEGER, 0, 0, PRICE_MAX,
		    .help = "Price in the currency's smallest unit." },
		CATALOG, PROFILE),
	    .sql = &sql_product_update,
	    .summary = "Change a product; what is absent stays.",
	    .answer = "Product." },
	{ .method = PATCH, .path = "/v1/admin/products/:id/active",
	    .scope = "products:write",
	    .body = FIELDS(
		{ "active", FIELD_BOOLEAN, FIELD_REQUIRED, .help = "For sale?" }),
	    .sql = &sql_product_set_active,
	    .summary = "Take a product off sale, or put it back; its licenses go on.",
	    .answer = "`{ok:true}`." },
	{ .method = DELETE, .path = "/v1/admin/products/:id",
	    .scope = "products:write", .confirmed = true,
	    .query = FIELDS(
		{ "force", FIELD_BOOLEAN,
		    .help = "Also with invoices and licenses, which go with it." }),
	    .lock = &sql_product_delete_lock,
	    .sql = &sql_product_delete,
	    .errors = "409",
	    .summary = "Delete a product.",
	    .answer = "`{ok,deleted,force,cascaded_…}` with counts." },
	ENDPOINT_END
};
/* clang-format on */
