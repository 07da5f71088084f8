/* Discount codes: what they take off, who used them. */
#include "pages/page.h"
#include "pages/pages.h"

#define STATES		"true=good=On|false=quiet=Off"
#define KINDS								\
	"percent=quiet=Percentage off|fixed_sats=quiet=Amount off|"	\
	"set_price=quiet=Another price|free_license=quiet=Free license"
#define KIND_CHOICES							\
	"percent=A percentage off|fixed_sats=An amount off|"		\
	"set_price=Another price|free_license=Free license, nothing to pay"
#define CURRENCIES	"SAT=Satoshis|USD=US dollars|EUR=Euros"

/* clang-format off */
static const struct input	filters[] = {
	{ "product_id", "Product", INPUT_PICK, .with = "products.products id name" },
	{ "include_inactive", "Also those that are off", INPUT_CHECK },
	{ 0 }
};

static const struct column	list[] = {
	{ "Code", "code", .link = "/admin/codes/{id}" },
	{ "Kind", "kind", CELL_BADGE, KINDS },
	{ "Amount", "amount", CELL_AMOUNT, "discount_currency" },
	{ "Product", "product_slug", CELL_CODE, "every product",
	    .link = "/admin/products/{applies_to_product_id}" },
	{ "Used", "used_count", CELL_NUMBER },
	{ "At most", "max_uses", CELL_NUMBER },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ "State", "active", CELL_BADGE, STATES },
	{ 0 }
};

static const struct column	facts[] = {
	{ "State", "active", CELL_BADGE, STATES },
	{ "Kind", "kind", CELL_BADGE, KINDS },
	{ "Amount", "amount", CELL_AMOUNT, "discount_currency" },
	{ "Product", "product_slug", CELL_CODE, "every product",
	    .link = "/admin/products/{applies_to_product_id}" },
	{ "Policies", "policy_slugs", CELL_LIST, "every policy" },
	{ "Used", "used_count", CELL_NUMBER, "never" },
	{ "At most", "max_uses", CELL_TEXT, "any number of times" },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ "Goes by itself", "featured", CELL_BADGE, "true=good=Yes|false=quiet=No" },
	{ "Shown with it", "description" },
	{ "Its sales are owed to", "referrer_label", .with = "nobody" },
	{ "Id", "id", CELL_CODE },
	{ "Created", "created_at", CELL_TIME },
	{ "Changed", "updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	uses[] = {
	{ "When", "created_at", CELL_TIME },
	{ "State", "status", CELL_BADGE,
	    "pending=warn=Not paid yet|redeemed=good=Used|cancelled=quiet=Given back" },
	{ "Price", "base_price_sats", CELL_SATS },
	{ "Taken off", "discount_applied_sats", CELL_SATS },
	{ "Left to pay", "final_price_sats", CELL_SATS },
	{ "Invoice", "invoice_id", CELL_CODE, .link = "/admin/invoices/{invoice_id}" },
	{ "License", "license_id", CELL_CODE, .link = "/admin/licenses/{license_id}" },
	{ 0 }
};

static const struct column	products[] = {
	{ "Product", "name", .link = "/admin/products/{id}/codes/new" },
	{ "Slug", "slug", CELL_CODE },
	{ "Price", "price_value", CELL_MONEY, "price_currency" },
	{ "State", "active", CELL_BADGE, "true=good=For sale|false=quiet=Inactive" },
	{ 0 }
};

#define CODE								\
	{ "code", "Code",						\
	    .hint = "As buyers type it: letters, digits, _ and -. It can’t be changed." },	\
	{ "kind", "Gives", INPUT_CHOICE, .with = KIND_CHOICES }
#define LIMITS								\
	{ "max_uses", "Uses at most", INPUT_NUMBER, .hint = "Empty: any number." },	\
	{ "expires_at", "Ends", INPUT_TIME, .hint = "Empty: never." },	\
	{ "featured", "Goes by itself with every purchase that it is good for", INPUT_CHECK },	\
	{ "description", "Shown with it", INPUT_AREA,			\
	    .hint = "To buyers, if it goes by itself." },		\
	{ "referrer_label", "Its sales are owed to",			\
	    .hint = "A name for your figures. Empty: nobody." }

static const struct input	for_all[] = {
	CODE,
	{ "discount_currency", "Currency", INPUT_CHOICE, .with = CURRENCIES,
	    .hint = "Of an amount or a price: such a code is good for products priced in it." },
	{ "amount", "Amount", INPUT_AMOUNT, .with = "discount_currency",
	    .hint = "12.5 for a percentage; 49.00 for an amount or a price, satoshis are whole. "
	    "Nothing for a free license." },
	LIMITS,
	{ 0 }
};

static const struct input	for_one[] = {
	{ "product_slug", NULL, INPUT_HIDDEN, .preset = "{product.slug}" },
	{ "discount_currency", NULL, INPUT_HIDDEN, .preset = "{product.price_currency}" },
	CODE,
	{ "amount", "Amount", INPUT_AMOUNT, .with = "discount_currency",
	    .hint = "12.5 for a percentage; 49.00 for an amount or a price in "
	    "{product.price_currency}, satoshis are whole. Nothing for a free license." },
	{ "policy_slugs", "Good for", INPUT_CHECKS, .with = "policies.policies slug name",
	    .hint = "None ticked: for every policy of the product." },
	LIMITS,
	{ 0 }
};

static const struct input	edit[] = {
	{ "kind", NULL, INPUT_HIDDEN },
	{ "discount_currency", NULL, INPUT_HIDDEN },
	{ "amount", "Amount", INPUT_AMOUNT, .with = "discount_currency",
	    .when = "!code.code.kind=free_license" },
	LIMITS,
	{ 0 }
};

static const struct input	scope[] = {
	{ "policy_slugs", "Good for", INPUT_CHECKS, .with = "policies.policies slug name",
	    .hint = "None ticked: for every policy of the product, also those to come." },
	{ 0 }
};

#define ONE_CODE	{ "code", "GET /v1/admin/discount-codes/{at.id}?limit=1" }
#define ACT(p, t, ...)	FORM("/admin/codes/:id/" p,			\
	    .title = t, .section = "codes", .up = "/admin/codes/{at.id}", \
	    .up_title = "{code.code.code}", __VA_ARGS__)

const struct endpoint	pages_codes[] = {
	PAGE("/admin/codes",
	    .title = "Discount codes", .section = "codes",
	    .sources = SOURCES(
		{ "codes", "GET /v1/admin/discount-codes?limit=50", .filtered = true },
		{ "products", "GET /v1/admin/products?limit=200" }),
	    .actions = ACTIONS({ "New discount code", "/admin/codes/new", "first" }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "codes.codes", .columns = list,
	        .empty = "There are no such codes. A code takes something off the price for "
	        "whoever types it, as often and as long as you say.",
	        .first = { "New discount code", "/admin/codes/new" } })),
	PAGE("/admin/codes/new",
	    .title = "New discount code", .section = "codes", .up = "/admin/codes",
	    .up_title = "Discount codes",
	    .sources = SOURCES({ "products", "GET /v1/admin/products?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS({ "For every product", "/admin/codes/new/all" }),
	    .blocks = BLOCKS({ BLOCK_LIST, "For which product?", "products.products", products,
	        .empty = "There is no product yet that a code could be for.",
	        .first = { "Make your first product", "/admin/products/new" } })),
	FORM("/admin/codes/new/all",
	    .title = "New discount code for every product", .section = "codes",
	    .up = "/admin/codes/new", .up_title = "Choose a product",
	    .form = &(const struct form){
		.call = "POST /v1/admin/discount-codes", .inputs = for_all,
		.submit = "Create the code", .then = "/admin/codes/{answer.id}",
		.said = "created" }),
	FORM("/admin/products/:id/codes/new",
	    .title = "New discount code for {product.name}", .section = "codes",
	    .up = "/admin/products/{at.id}", .up_title = "{product.name}",
	    .sources = SOURCES(
		{ "product", "GET /v1/admin/products/{at.id}" },
		{ "policies", "GET /v1/admin/policies?product_slug={product.slug}"
		    "&include_inactive=true" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/discount-codes", .inputs = for_one,
		.submit = "Create the code", .then = "/admin/codes/{answer.id}",
		.said = "created" }),
	PAGE("/admin/codes/:id",
	    .title = "{code.code.code}", .section = "codes", .up = "/admin/codes",
	    .up_title = "Discount codes",
	    .sources = SOURCES({ "code", "GET /v1/admin/discount-codes/{at.id}?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS(
		{ "Edit", "/admin/codes/{at.id}/edit" },
		{ "Choose policies", "/admin/codes/{at.id}/policies",
		    .when = "code.code.applies_to_product_id" },
		{ "Switch off", "/admin/codes/{at.id}/off", .when = "code.code.active" },
		{ "Switch on", "/admin/codes/{at.id}/on", .when = "!code.code.active" },
		{ "Delete", "/admin/codes/{at.id}/delete", "danger",
		    .when = "!code.redemptions" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "code.code", facts },
		{ BLOCK_LIST, "Uses", "code.redemptions", uses,
		    .empty = "Nobody has used it yet." })),
	ACT("edit", "Edit {code.code.code}", .sources = SOURCES(ONE_CODE),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/discount-codes/{at.id}", .inputs = edit,
		.from = "code.code", .intro = "Purchases that are under way keep their price.",
		.submit = "Save", .then = "/admin/codes/{at.id}", .said = "saved" }),
	ACT("policies", "What {code.code.code} is good for",
	    .sources = SOURCES(ONE_CODE,
		{ "policies", "GET /v1/admin/policies?product_slug={code.code.product_slug}"
		    "&include_inactive=true&include_archived=true" }),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/discount-codes/{at.id}", .inputs = scope,
		.from = "code.code", .submit = "Save", .then = "/admin/codes/{at.id}",
		.said = "saved" }),
	ACT("off", "Switch {code.code.code} off", .sources = SOURCES(ONE_CODE),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/discount-codes/{at.id}/active", .inputs = SWITCH("active",
		    "false"),
		.intro = "Nobody can use it from now on. Purchases that are under way keep it, and "
		"what was bought with it stays.",
		.submit = "Switch it off", .then = "/admin/codes/{at.id}", .said = "changed" }),
	ACT("on", "Switch {code.code.code} on", .sources = SOURCES(ONE_CODE),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/discount-codes/{at.id}/active", .inputs = SWITCH("active",
		    "true"),
		.intro = "It can be used, within its limits.",
		.submit = "Switch it on", .then = "/admin/codes/{at.id}", .said = "changed" }),
	ACT("delete", "Delete {code.code.code}", .sources = SOURCES(ONE_CODE),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/discount-codes/{at.id}",
		.intro = "Only a code that nobody has used can be deleted. Another one of this "
		"name can be made then.",
		.submit = "Delete the code", .danger = true, .then = "/admin/codes",
		.said = "deleted" }),
	ENDPOINT_END
};
/* clang-format on */
