/* Merchant profiles: under which name something is sold, and who takes it. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/states.h"

/* clang-format off */
#define RAILS								\
	"lightning=quiet=Lightning|onchain=quiet=On-chain|card=quiet=Card"
#define DEFAULT		"true=good=Default|false=quiet=By choice"

static const struct column	list[] = {
	{ "Name", "name", .link = "/admin/profiles/{id}" },
	{ "Products sell for it", "is_default", CELL_BADGE, DEFAULT },
	{ "Legal name", "legal_name" },
	{ "Support", "support_email" },
	{ "Created", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	selling[] = {
	{ "Takes payments", "label",
	    .link = "/admin/profiles/{status.merchant_profile_id}/{kind}" },
	{ "Kind", "kind", CELL_BADGE, PROVIDER_KINDS },
	{ "Address", "base_url", CELL_URL },
	{ "Store", "store_id", CELL_CODE },
	{ 0 }
};

static const struct column	facts[] = {
	{ "Name", "name" },
	{ "Products sell for it", "is_default", CELL_BADGE, DEFAULT },
	{ "Legal name", "legal_name" },
	{ "Support", "support_url", CELL_URL },
	{ "Address for questions", "support_email" },
	{ "Color", "brand_color" },
	{ "Buyers go on to", "post_purchase_redirect_url", CELL_URL },
	{ "Products", "product_count", CELL_NUMBER, "none" },
	{ "Running subscriptions", "active_subscription_count", CELL_NUMBER, "none" },
	{ "Id", "id", CELL_CODE },
	{ "Created", "created_at", CELL_TIME },
	{ "Changed", "updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	providers[] = {
	{ "Provider", "label", .link = "/admin/profiles/{at.id}/{kind}" },
	{ "Kind", "kind", CELL_BADGE, PROVIDER_KINDS },
	{ "Address", "base_url", CELL_URL },
	{ "Store", "store_id", CELL_CODE },
	{ "Connected", "connected_at", CELL_TIME },
	{ 0 }
};

static const struct column	rail_list[] = {
	{ "Paid by", "rail", CELL_BADGE, RAILS,
	    "/admin/profiles/{at.id}/rails/{rail}?payment_provider_id={payment_provider_id}" },
	{ "Goes to", "provider_label", .with = "Nobody takes this" },
	{ "Chosen", "chosen", CELL_BADGE, "true=good=By you|false=quiet=The first that can" },
	{ 0 }
};

static const struct input	inputs[] = {
	{ "name", "Name", .hint = "Buyers read it in mail and on pages." },
	{ "legal_name", "Legal name", .hint = "Of the business, if it is another." },
	{ "support_email", "Address for questions", INPUT_EMAIL,
	    .hint = "Answers to mail go there." },
	{ "support_url", "Where buyers find help", INPUT_URL },
	{ "brand_color", "Color", .hint = "As #rrggbb; for mail." },
	{ "post_purchase_redirect_url", "Where buyers go after paying",
	    .hint = "An address; {invoice_id} is filled in. Empty: a page of this server." },
	{ 0 }
};

static const struct input	choose[] = {
	{ "payment_provider_id", "Provider", INPUT_PICK, .with = "profile.providers id label" },
	{ 0 }
};

static const struct column	gone[] = {
	{ "To do there", "warnings", CELL_LIST, "Nothing" },
	{ 0 }
};

#define ONE_PROFILE	{ "profile", "GET /v1/admin/merchant-profiles/{at.id}" }
#define UNDER_PROFILE	.section = "providers", .up = "/admin/profiles/{at.id}", \
    .up_title = "{profile.name}"

const struct endpoint	pages_profiles[] = {
	PAGE("/admin/profiles",
	    .title = "Payments", .section = "providers",
	    .sources = SOURCES(
		{ "profiles", "GET /v1/admin/merchant-profiles" },
		{ "status", "GET /v1/admin/payment-provider/status" }),
	    .actions = ACTIONS({ "New merchant profile", "/admin/profiles/new" }),
	    .blocks = BLOCKS(
		{ BLOCK_LIST, "Who takes the default profile’s money", "status.providers",
		    selling,
		    .empty = "Nobody takes payments yet: only what is free can be sold.",
		    .first = { "Connect a BTCPay server",
		        "/admin/profiles/{status.merchant_profile_id}/btcpay/connect" } },
		{ BLOCK_LIST, "Merchant profiles", "profiles.profiles", list,
		    .empty = "A profile is whom buyers pay." })),
	FORM("/admin/profiles/new",
	    .title = "New merchant profile", .section = "providers", .up = "/admin/profiles",
	    .up_title = "Payments",
	    .form = &(const struct form){
		.call = "POST /v1/admin/merchant-profiles", .inputs = inputs,
		.intro = "A profile is whom buyers pay: a name, and payment providers of its own. "
		"Products choose one, or sell for the default one.",
		.submit = "Create", .then = "/admin/profiles/{answer.id}", .said = "created" }),
	PAGE("/admin/profiles/:id",
	    .title = "{profile.name}", .section = "providers", .up = "/admin/profiles",
	    .up_title = "Payments",
	    .sources = SOURCES(ONE_PROFILE,
		{ "rails", "GET /v1/admin/merchant-profiles/{at.id}/rails" }),
	    .actions = ACTIONS(
		{ "Edit", "/admin/profiles/{at.id}/edit" },
		{ "Make it the default", "/admin/profiles/{at.id}/default",
		    .when = "!profile.is_default" },
		{ "Delete", "/admin/profiles/{at.id}/delete", "danger", "!profile.is_default" }),
	    .blocks = BLOCKS(
		{ BLOCK_LIST, "Payment providers", "profile.providers", providers,
		    .beside = ACTIONS(
			{ "BTCPay Server", "/admin/profiles/{at.id}/btcpay" },
			{ "Zaprite", "/admin/profiles/{at.id}/zaprite" }),
		    .empty = "Nobody takes payments for this profile yet." },
		{ BLOCK_LIST, "Ways to pay", "rails.rails", rail_list },
		{ BLOCK_FACTS, "About it", "profile", facts })),
	FORM("/admin/profiles/:id/edit",
	    .title = "Edit {profile.name}", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/merchant-profiles/{at.id}", .inputs = inputs,
		.from = "profile", .submit = "Save", .then = "/admin/profiles/{at.id}",
		.said = "saved" }),
	FORM("/admin/profiles/:id/default",
	    .title = "Make {profile.name} the default", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/merchant-profiles/{at.id}/set-default",
		.intro = "Products that name no profile sell for {profile.name} from now on: its "
		"providers take their money, mail bears its name. Invoices that are open stay "
		"where they are.",
		.submit = "Make it the default", .then = "/admin/profiles/{at.id}",
		.said = "changed" }),
	FORM("/admin/profiles/:id/delete",
	    .title = "Delete a merchant profile", .section = "providers", .up = "/admin/profiles",
	    .up_title = "Payments",
	    .sources = SOURCES({ "profile", "GET /v1/admin/merchant-profiles/{at.id}",
	        .optional = true }),
	    .blocks = BLOCKS({ BLOCK_FACTS, "The profile", "profile", facts,
	        .when = "profile" }),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/merchant-profiles/{at.id}",
		.danger = true,
		.intro = "Its providers are disconnected: whoever pays one of their open invoices "
		"gets nothing until they are connected again. Invoices and licenses stay. A "
		"profile with products or running subscriptions can’t be deleted.",
		.submit = "Delete the profile", .then = "/admin/profiles", .shown = gone,
		.shown_title = "The profile is deleted", .shown_note = "" }),
	FORM("/admin/profiles/:id/rails/:rail",
	    .title = "Payments by {at.rail}", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE),
	    .actions = ACTIONS({ "Choose nobody in particular",
	        "/admin/profiles/{at.id}/rails/{at.rail}/clear" }),
	    .form = &(const struct form){
		.call = "PUT /v1/admin/merchant-profiles/{at.id}/rail-preferences/{at.rail}",
		.inputs = choose,
		.intro = "Buyers who choose this way to pay get their invoice from there. BTCPay "
		"Server takes Lightning and on-chain payments, Zaprite also cards.",
		.submit = "Choose it", .then = "/admin/profiles/{at.id}", .said = "saved" }),
	FORM("/admin/profiles/:id/rails/:rail/clear",
	    .title = "Nobody in particular for {at.rail}", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/merchant-profiles/{at.id}/rail-preferences/{at.rail}",
		.intro = "Payments by {at.rail} then go to the provider that was connected first "
		"and takes them.",
		.submit = "Choose nobody in particular", .then = "/admin/profiles/{at.id}",
		.said = "saved" }),
	ENDPOINT_END
};
/* clang-format on */
