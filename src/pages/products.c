/* Products and their policies: what is sold, and on what terms. */
#include "pages/page.h"
#include "pages/pages.h"

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
	{ "Slug", "slug", CELL_CODE },
	{ "State", "active", CELL_BADGE, ACTIVE },
	{ "Price", "price_value", CELL_MONEY, "price_currency" },
	{ "Description", "description" },
	{ "Id", "id", CELL_CODE },
	{ "Created", "created_at", CELL_TIME },
	{ "Changed", "updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	policy_list[] = {
	{ "Name", "name", .link = "/admin/policies/{id}" },
	{ "Slug", "slug", CELL_CODE },
	{ "Price", "price_sats_override", CELL_NUMBER },
	{ "Lasts", "duration_seconds", CELL_SECONDS, "for ever" },
	{ "Machines", "max_machines", CELL_NUMBER },
	{ "Recurring", "is_recurring", CELL_BADGE, "true=good=Every cycle|false=quiet=Once" },
	{ "State", "active", CELL_BADGE, ACTIVE },
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
	    .hint = "What policies of this product may grant." },
	{ 0 }
};

static const struct input	product_edit[] = {
	{ "name", "Name" },
	{ "description", "Description", INPUT_AREA },
	{ "price_currency", "Currency", INPUT_CHOICE, .with = CURRENCIES },
	{ "price_value", "Price", INPUT_MONEY, .with = "price_currency" },
	{ "entitlements_catalog", "Entitlements", INPUT_ROWS,
	    .with = "slug=Slug|name=Name|description=Description" },
	{ "merchant_profile_id", "Sold by", INPUT_PICK, .with = "profiles.profiles id name" },
	{ 0 }
};

#define ONE_PRODUCT	{ "product", "GET /v1/admin/products/{at.id}" }
#define UNDER_PRODUCT	.section = "products", .up = "/admin/products/{at.id}", \
    .up_title = "{product.name}"

const struct endpoint	pages_products[] = {
	PAGE("/admin/products",
	    .title = "Products", .section = "products",
	    .sources = SOURCES({ "products", "GET /v1/admin/products", .filtered = true }),
	    .actions = ACTIONS({ "New product", "/admin/products/new", "first" }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "products.products", .columns = product_list,
	        .empty = "Nothing is sold yet. A product is what buyers choose; its policies say "
	    "on what terms.",
	        .first = { "Make your first product", "/admin/products/new" } })),
	FORM("/admin/products/new",
	    .title = "New product", .section = "products", .up = "/admin/products",
	    .up_title = "Products",
	    .form = &(const struct form){
		.call = "POST /v1/admin/products", .inputs = product_new, .submit = "Create",
		.then = "/admin/products/{answer.id}", .said = "created" }),
	PAGE("/admin/products/:id",
	    .title = "{product.name}", .section = "products", .up = "/admin/products",
	    .up_title = "Products",
	    .sources = SOURCES(ONE_PRODUCT,
		{ "policies", "GET /v1/admin/policies?product_slug={product.slug}"
		    "&include_inactive=true&include_archived=true" }),
	    .actions = ACTIONS(
		{ "Edit", "/admin/products/{at.id}/edit" },
		{ "Take off sale", "/admin/products/{at.id}/off", .when = "product.active" },
		{ "Put on sale", "/admin/products/{at.id}/on", .when = "!product.active" },
		{ "Delete", "/admin/products/{at.id}/delete", "danger" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .from = "product", .columns = product_facts },
		{ BLOCK_LIST, "Policies", "policies.policies", policy_list,
		    .empty = "Without a policy, licenses last for ever, on one machine, without "
		    "entitlements.",
		    .first = { "Add a policy",
		    "/admin/policies/new?product_slug={product.slug}" } })),
	FORM("/admin/products/:id/edit",
	    .title = "Edit {product.name}", UNDER_PRODUCT,
	    .sources = SOURCES(ONE_PRODUCT, { "profiles", "GET /v1/admin/merchant-profiles" }),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/products/{at.id}", .inputs = product_edit,
		    .from = "product",
		.submit = "Save", .then = "/admin/products/{at.id}", .said = "saved" }),
	ENDPOINT_END
};
/* clang-format on */
