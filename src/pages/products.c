/* Products: what is sold, and what hangs on it. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/usage.h"

#define ACTIVE	"true=good=For sale|false=quiet=Inactive"

/* clang-format off */
static const struct column	product_list[] = {
	{ "Name", "name", .link = "/admin/products/{id}" },
	{ "Slug", "slug", CELL_CODE },
	{ "Price", "price_value", CELL_MONEY, "price_currency" },
	{ "State", "active", CELL_BADGE, ACTIVE },
	{ "Created", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	product_facts[] = {
	{ "Slug", "product.slug", CELL_CODE },
	{ "State", "product.active", CELL_BADGE, ACTIVE },
	{ "Price", "product.price_value", CELL_MONEY, "product.price_currency" },
	{ "Description", "product.description" },
	{ "Sold by", "profile.name", .with = "The default profile" },
	{ "Id", "product.id", CELL_CODE },
	{ "Created", "product.created_at", CELL_TIME },
	{ "Changed", "product.updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	policy_list[] = {
	{ "Name", "name", .link = "/admin/policies/{id}" },
	{ "Slug", "slug" },
	{ "Its own price", "price_sats_override", CELL_MONEY, "price_currency" },
	{ "Lasts", "duration_seconds", CELL_SECONDS, "for ever" },
	{ "Billed", "is_recurring", CELL_BADGE, "true=good=Every cycle|false=quiet=Once" },
	{ "Sold", "active", CELL_BADGE, "true=good=Yes|false=quiet=No" },
	{ "Archived", "archived_at", CELL_TIME },
	{ 0 }
};

static const struct column	entitlement_list[] = {
	{ "Slug", "slug", CELL_CODE },
	{ "Name", "name" },
	{ "Description", "description" },
	{ 0 }
};

static const struct column	code_list[] = {
	{ "Code", "code", CELL_CODE, .link = "/admin/codes/{id}" },
	{ "Amount", "amount", CELL_AMOUNT, "discount_currency" },
	{ "Good for", "policy_slugs", CELL_LIST, "every policy" },
	{ "Used", "used_count", CELL_NUMBER },
	{ "State", "active", CELL_BADGE, "true=good=On|false=quiet=Off" },
	{ 0 }
};

#define CURRENCIES	"SAT=Satoshis|USD=US dollars|EUR=Euros"

static const struct input	product_new[] = {
	{ "name", "Name", .hint = "As buyers read it." },
	{ "slug", "Slug",
	    .hint = "In addresses and in your software: a-z, 0-9 and -. It can’t be changed." },
	{ "description", "Description", INPUT_AREA },
	{ "price_currency", "Currency", INPUT_CHOICE, .with = CURRENCIES, .preset = "SAT" },
	{ "price_value", "Price", INPUT_MONEY, .with = "price_currency" },
	{ "entitlements_catalog", "Entitlements", INPUT_ROWS,
	    .with = "slug=Slug|name=Name|description=Description",
	    .hint = "What policies of this product may grant, for your software to ask for: "
	    "slugs of a-z, 0-9 and _." },
	{ 0 }
};

static const struct input	deletion[] = {
	{ "force", "Delete all of this, too", INPUT_CHECK, .when = "usage.needs_force",
	    .hint = "Software with these keys stops, and the sales are gone from the books." },
	{ 0 }
};

static const struct input	product_edit[] = {
	{ "name", "Name" },
	{ "description", "Description", INPUT_AREA },
	{ "price_currency", "Currency", INPUT_CHOICE, .with = CURRENCIES,
	    .hint = "With another one, set the policies’ own prices anew: their digits stay, so "
	    "49.00 USD becomes 4,900 sats. Codes with an amount in the old one no longer fit." },
	{ "price_value", "Price", INPUT_MONEY, .with = "price_currency" },
	{ "entitlements_catalog", "Entitlements", INPUT_ROWS,
	    .with = "slug=Slug|name=Name|description=Description",
	    .hint = "What policies of this product may grant. An emptied row goes." },
	{ "merchant_profile_id", "Sold by", INPUT_PICK, .with = "profiles.profiles id name",
	    .hint = "Whose payment providers take the money; none: the default profile’s." },
	{ 0 }
};

#define ONE_PRODUCT	{ "product", "GET /v1/admin/products/{at.id}" }
#define UNDER_PRODUCT	.section = "products", .up = "/admin/products/{at.id}", \
    .up_title = "{product.name}"

const struct endpoint	pages_products[] = {
	PAGE("/admin/products",
	    .title = "Products", .section = "products",
	    .sources = SOURCES({ "products", "GET /v1/admin/products?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS({ "New product", "/admin/products/new", "first" }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "products.products", .columns = product_list,
	        .empty = "Nothing is sold yet. A product is what buyers choose; its policies say "
	        "on what terms.",
	        .first = { "Make your first product", "/admin/products/new" } })),
	FORM("/admin/products/new",
	    .title = "New product", .section = "products", .up = "/admin/products",
	    .up_title = "Products",
	    .form = &(const struct form){
		.call = "POST /v1/admin/products", .inputs = product_new,
		.submit = "Create the product",
		.then = "/admin/products/{answer.id}", .said = "created" }),
	PAGE("/admin/products/:id",
	    .title = "{product.name}", .section = "products", .up = "/admin/products",
	    .up_title = "Products",
	    .sources = SOURCES(ONE_PRODUCT,
		{ "policies", "GET /v1/admin/policies?product_slug={product.slug}"
		    "&include_inactive=true&include_archived=true" },
		{ "codes", "GET /v1/admin/discount-codes?product_id={at.id}"
		    "&include_inactive=true&limit=10" },
		{ "profile", "GET /v1/admin/merchant-profiles/{product.merchant_profile_id}",
		    .optional = true }),
	    .actions = ACTIONS(
		{ "Edit", "/admin/products/{at.id}/edit" },
		{ "Take off sale", "/admin/products/{at.id}/off", .when = "product.active" },
		{ "Put on sale", "/admin/products/{at.id}/on", .when = "!product.active" },
		{ "Delete", "/admin/products/{at.id}/delete", "danger" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .columns = product_facts },
		{ BLOCK_LIST, "Policies", "policies.policies", policy_list,
		    .beside = ACTIONS({ "Add a policy",
		        "/admin/products/{at.id}/policies/new",
		        .when = "policies.policies" }),
		    .empty = "Without a policy, licenses last for ever, on one machine, without "
		    "entitlements.",
		    .first = { "Add a policy", "/admin/products/{at.id}/policies/new" } },
		{ BLOCK_LIST, "Entitlements", "product.entitlements_catalog", entitlement_list,
		    .when = "product.entitlements_catalog" },
		{ BLOCK_LIST, "Discount codes", "codes.codes", code_list,
		    .beside = ACTIONS({ "Add a discount code",
		        "/admin/products/{at.id}/codes/new", .when = "codes.codes" }),
		    .empty = "No discount code is for this product alone. Codes for every product "
		    "count here, too.",
		    .first = { "Add a discount code", "/admin/products/{at.id}/codes/new" },
		    .more = { "All of them",
		        "/admin/codes?product_id={at.id}&include_inactive=true" } })),
	FORM("/admin/products/:id/edit",
	    .title = "Edit {product.name}", UNDER_PRODUCT,
	    .sources = SOURCES(ONE_PRODUCT, { "profiles", "GET /v1/admin/merchant-profiles" }),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/products/{at.id}", .inputs = product_edit,
		.from = "product", .submit = "Save", .then = "/admin/products/{at.id}",
		.said = "saved" }),
	FORM("/admin/products/:id/off",
	    .title = "Take {product.name} off sale", UNDER_PRODUCT,
	    .sources = SOURCES(ONE_PRODUCT),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/products/{at.id}/active", .inputs = SWITCH("active",
		    "false"),
		.intro = "It is no longer listed and can’t be bought. Its licenses go on, its "
		"subscriptions renew, and you can still issue licenses by hand.",
		.submit = "Take it off sale", .then = "/admin/products/{at.id}",
		.said = "changed" }),
	FORM("/admin/products/:id/on",
	    .title = "Put {product.name} on sale", UNDER_PRODUCT,
	    .sources = SOURCES(ONE_PRODUCT),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/products/{at.id}/active", .inputs = SWITCH("active",
		    "true"),
		.intro = "It is listed and can be bought, under its policies that are on.",
		.submit = "Put it on sale", .then = "/admin/products/{at.id}",
		.said = "changed" }),
	FORM("/admin/products/:id/delete",
	    .title = "Delete {product.name}", UNDER_PRODUCT,
	    .sources = SOURCES(ONE_PRODUCT,
		{ "usage", "GET /v1/admin/products/{at.id}/usage" }),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "usage.needs_force",
		    .empty = "This product has been sold. If it is deleted, all of the following "
		    "is deleted with it, and nothing brings it back. To stop selling it and keep "
		    "everything, take it off sale instead." },
		{ BLOCK_TEXT, .when = "!usage.needs_force",
		    .empty = "This product was never sold. It goes with its policies and its "
		    "discount codes, and can’t be brought back." },
		USAGE_BLOCKS({ "Policies", "policies", CELL_NUMBER, "none" })),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/products/{at.id}", .inputs = deletion,
		.when = "!usage.is_too_much",
		.instead = "It was sold more often than one request can delete. Take it "
		"off sale: then nobody can buy it, and everything stays. Must it really go, "
		"whoever runs this server raises LICET_REQUEST_TIMEOUT_MS for that while: a "
		"second for each thousand licenses.",
		.submit = "Delete the product", .danger = true, .is_last = true,
		.then = "/admin/products", .said = "deleted" }),
	ENDPOINT_END
};
/* clang-format on */
