/* Policies: the terms on which a product's licenses are issued. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/usage.h"

/* clang-format off */
static const struct column	facts[] = {
	{ "Product", "product.name", .link = "/admin/products/{product.id}" },
	{ "Slug", "policy.slug", CELL_CODE },
	{ "Can be bought", "policy.active", CELL_BADGE, "true=good=Yes|false=quiet=No" },
	{ "Shown to buyers", "policy.public", CELL_BADGE, "true=good=Yes|false=quiet=No" },
	{ "Archived", "policy.archived_at", CELL_TIME, "no" },
	{ "Its own price", "policy.price_sats_override", CELL_MONEY, "policy.price_currency" },
	{ "Price of the product", "product.price_value", CELL_MONEY, "product.price_currency" },
	{ "Licenses last", "policy.duration_seconds", CELL_SECONDS, "for ever" },
	{ "They go on working after that", "policy.grace_seconds", CELL_SECONDS, "not at all" },
	{ "Machines at most", "policy.max_machines", CELL_NUMBER, "any number" },
	{ "A silent machine loses its seat after", "policy.heartbeat_timeout_seconds",
	    CELL_SECONDS, "never" },
	{ "Entitlements", "policy.entitlements", CELL_LIST, "none" },
	{ "Trial", "policy.is_trial", CELL_BADGE, "true=warn=Yes|false=quiet=No" },
	{ "Rank among the tiers", "policy.tier_rank", CELL_TEXT, "none" },
	{ "Id", "policy.id", CELL_CODE },
	{ "Created", "policy.created_at", CELL_TIME },
	{ "Changed", "policy.updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	billing[] = {
	{ "Days of a cycle", "renewal_period_days", CELL_NUMBER },
	{ "A renewal may be late by days", "grace_period_days", CELL_NUMBER, "none" },
	{ "Free days before the first cycle", "trial_days", CELL_NUMBER, "none" },
	{ 0 }
};

static const struct column	tip[] = {
	{ "Goes to", "tip_recipient", CELL_CODE },
	{ "Share", "tip_pct_bps", CELL_PERCENT },
	{ "For", "tip_label" },
	{ 0 }
};

static const struct column	metadata[] = {
	{ "Metadata", "metadata", CELL_JSON },
	{ 0 }
};

#define TERMS								\
	{ "price_currency", NULL, INPUT_HIDDEN, .preset = "{product.price_currency}" },	\
	{ "duration_seconds", "Licenses last", INPUT_DAYS, .preset = "0",	\
	    .hint = "0: for ever." },					\
	{ "grace_seconds", "They go on working after that for", INPUT_DAYS, .preset = "0",	\
	    .hint = "Time for the buyer to renew. 0: none." },		\
	{ "max_machines", "Machines at most", INPUT_NUMBER, .preset = "1",	\
	    .hint = "0: any number." },					\
	{ "heartbeat_timeout_seconds", "A silent machine loses its seat after", INPUT_DAYS,	\
	    .preset = "0",						\
	    .hint = "0: never. Your software must send heartbeats; 1 hour at least." },	\
	{ "entitlements", "Entitlements", INPUT_CHECKS,			\
	    .with = "product.entitlements_catalog slug name",		\
	    .hint = "What its licenses grant. A change is for licenses issued from now on." },	\
	{ "is_trial", "Its keys are marked as trials", INPUT_CHECK },	\
	{ "is_recurring", "A subscription: billed every cycle", INPUT_CHECK },	\
	{ "renewal_period_days", "Days of a cycle", INPUT_NUMBER, .preset = "30",	\
	    .hint = "For subscriptions." },				\
	{ "grace_period_days", "Days that a renewal may be late", INPUT_NUMBER,	\
	    .preset = "7", .hint = "For subscriptions." },		\
	{ "trial_days", "Free days before the first cycle", INPUT_NUMBER,	\
	    .preset = "0", .hint = "For subscriptions. 0: none." },	\
	{ "tier_rank", "Rank among the product’s tiers", INPUT_NUMBER,	\
	    .hint = "Buyers upgrade to a higher rank, downgrade to a lower. Empty: none." },	\
	{ "metadata", "Metadata", INPUT_JSON,				\
	    .hint = "description, marketing_bullets and highlight are shown to buyers; "	\
	    "the rest is your own." }

static const struct input	create[] = {
	{ "product_slug", NULL, INPUT_HIDDEN, .preset = "{product.slug}" },
	{ "name", "Name", .hint = "As buyers read it." },
	{ "slug", "Slug",
	    .hint = "In addresses and in your software: a-z, 0-9 and -. It can’t be changed." },
	{ "price_sats_override", "Its own price, in {product.price_currency}", INPUT_MONEY,
	    .with = "price_currency", .hint = "Empty: the product’s." },
	TERMS,
	{ 0 }
};

static const struct input	edit[] = {
	{ "name", "Name" },
	{ "price_sats_override", "Its own price, in {product.price_currency}", INPUT_MONEY,
	    .with = "price_currency",
	    .hint = "Empty: the product’s. Subscriptions that run keep their price." },
	TERMS,
	{ 0 }
};

static const struct input	share[] = {
	{ "tip_recipient", "Lightning address", .hint = "name@example.com. Empty: no share." },
	{ "tip_pct_bps", "Share of each sale", INPUT_PERCENT },
	{ "tip_label", "What for", .hint = "Goes with the payment." },
	{ 0 }
};

static const struct input	deletion[] = {
	{ "product_id", NULL, INPUT_HIDDEN, .preset = "{policy.product_id}" },
	{ "force", "Delete all of this, too", INPUT_CHECK, .when = "usage.needs_force",
	    .hint = "Software with these keys stops, and the sales are gone from the books." },
	{ 0 }
};

#define ONE_POLICY							\
	{ "policy", "GET /v1/admin/policies/{at.id}" },			\
	{ "product", "GET /v1/admin/products/{policy.product_id}" }
#define ACT(p, t, ...)	FORM("/admin/policies/:id/" p,			\
	    .title = t, .section = "products", .up = "/admin/policies/{at.id}", \
	    .up_title = "{policy.name}", __VA_ARGS__)
#define TURN(p, t, field, value, ...)					\
	ACT(p, t, .sources = SOURCES(ONE_POLICY),			\
	    .form = &(const struct form){				\
		.call = "PATCH /v1/admin/policies/{at.id}/" field,	\
		.inputs = SWITCH(field, value),				\
		.then = "/admin/policies/{at.id}", __VA_ARGS__ })

const struct endpoint	pages_policies[] = {
	FORM("/admin/products/:id/policies/new",
	    .title = "New policy of {product.name}", .section = "products",
	    .up = "/admin/products/{at.id}", .up_title = "{product.name}",
	    .sources = SOURCES({ "product", "GET /v1/admin/products/{at.id}" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/policies", .inputs = create,
		.submit = "Create the policy", .then = "/admin/policies/{answer.id}",
		.said = "created" }),
	PAGE("/admin/policies/:id",
	    .title = "{policy.name}", .section = "products",
	    .up = "/admin/products/{policy.product_id}", .up_title = "{product.name}",
	    .sources = SOURCES(ONE_POLICY),
	    .actions = ACTIONS(
		{ "Edit", "/admin/policies/{at.id}/edit" },
		{ "Issue a license", "/admin/licenses/issue?product_slug={product.slug}"
		    "&policy_slug={policy.slug}", .when = "!policy.archived_at" },
		{ "Share sales", "/admin/policies/{at.id}/tip" },
		{ "Hide", "/admin/policies/{at.id}/hide", .when = "policy.public" },
		{ "Show", "/admin/policies/{at.id}/show", .when = "!policy.public" },
		{ "Switch off", "/admin/policies/{at.id}/off", .when = "policy.active" },
		{ "Switch on", "/admin/policies/{at.id}/on", .when = "!policy.active" },
		{ "Archive", "/admin/policies/{at.id}/archive", .when = "!policy.archived_at" },
		{ "Restore", "/admin/policies/{at.id}/restore", .when = "policy.archived_at" },
		{ "Delete", "/admin/policies/{at.id}/delete", "danger" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .columns = facts },
		{ BLOCK_FACTS, "Subscription", "policy", billing,
		    .when = "policy.is_recurring" },
		{ BLOCK_FACTS, "Share of each sale", "policy", tip,
		    .when = "policy.tip_recipient" },
		{ BLOCK_FACTS, "For buyers and for you", "policy", metadata })),
	ACT("edit", "Edit {policy.name}", .sources = SOURCES(ONE_POLICY),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/policies/{at.id}", .inputs = edit, .from = "policy",
		.intro = "Licenses that are issued keep their terms.",
		.submit = "Save", .then = "/admin/policies/{at.id}", .said = "saved" }),
	ACT("tip", "Share sales under {policy.name}", .sources = SOURCES(ONE_POLICY),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/policies/{at.id}/tip", .inputs = share, .from = "policy",
		.intro = "Of each sale under this policy, a share is sent over Lightning to "
		"somebody whose work is in it.",
		.submit = "Save", .then = "/admin/policies/{at.id}", .said = "saved" }),
	TURN("off", "Switch {policy.name} off", "active", "false",
	    .intro = "It can’t be bought. Its licenses go on, its subscriptions renew.",
	    .submit = "Switch it off", .said = "changed"),
	TURN("on", "Switch {policy.name} on", "active", "true",
	    .intro = "It can be bought, if its product is on sale.",
	    .submit = "Switch it on", .said = "changed"),
	TURN("hide", "Hide {policy.name} from buyers", "public", "false",
	    .intro = "Buyers neither see it nor can buy it. You can still issue licenses "
	    "under it. Its licenses go on.",
	    .submit = "Hide it", .said = "changed"),
	TURN("show", "Show {policy.name} to buyers", "public", "true",
	    .intro = "Buyers see it among the product’s tiers, if it is switched on.",
	    .submit = "Show it", .said = "changed"),
	TURN("archive", "Archive {policy.name}", "archived", "true",
	    .intro = "It is put away: out of sight, and nobody can buy it. Its licenses go "
	    "on, and it can be restored.",
	    .submit = "Archive it", .said = "archived"),
	TURN("restore", "Restore {policy.name}", "archived", "false",
	    .intro = "It is as it was before it was archived.",
	    .submit = "Restore it", .said = "restored"),
	ACT("delete", "Delete {policy.name}",
	    .sources = SOURCES(ONE_POLICY,
		{ "usage", "GET /v1/admin/policies/{at.id}/usage" }),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "usage.needs_force",
		    .empty = "Licenses were issued or sold under this policy. If it is deleted, "
		    "all of the following is deleted with it, and nothing brings it back. To "
		    "stop selling it and keep everything, archive it instead." },
		{ BLOCK_TEXT, .when = "!usage.needs_force",
		    .empty = "Nobody holds a license under this policy. Invoices that were never "
		    "paid and licenses that are revoked stay, and forget it. It can’t be brought "
		    "back." },
		USAGE_BLOCKS({ 0 })),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/policies/{at.id}", .inputs = deletion,
		.when = "!usage.is_too_much",
		.instead = "It was sold more often than one request can delete. Archive it: then "
		"nobody can buy it, and everything stays. Must it really go, whoever runs this "
		"server raises LICET_REQUEST_TIMEOUT_MS for that while: a second for each "
		"thousand licenses.",
		.submit = "Delete the policy", .danger = true, .is_last = true,
		.then = "/admin/products/{typed.product_id}",
		.said = "deleted" }),
	ENDPOINT_END
};
/* clang-format on */
