/* The portal: another plan, with its price first; the end of a subscription. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/portal_words.h"

/* clang-format off */
static const struct column	upgrade[] = {
	{ "New plan", "to_policy_slug" },
	{ "To pay now", "proration_charge_value", CELL_MONEY, "listed_currency" },
	{ "From the next renewal on", "next_renewal_charge", CELL_MONEY, "listed_currency" },
	{ "For days", "next_renewal_period_days", CELL_NUMBER },
	{ 0 }
};

static const struct column	downgrade[] = {
	{ "New plan", "to_policy_slug" },
	{ "Happens", "effective_at", CELL_TIME },
	{ "From then on", "next_renewal_charge", CELL_MONEY, "listed_currency" },
	{ "For days", "next_renewal_period_days", CELL_NUMBER },
	{ 0 }
};

static const struct column	paid[] = {
	{ "Works until", "next_renewal_at", CELL_TIME },
	{ "Price of the next renewal", "listed_value", CELL_MONEY, "listed_currency" },
	{ 0 }
};

static const struct input	target[] = {
	{ "target_policy_slug", NULL, INPUT_HIDDEN, .preset = "{at.slug}" },
	{ 0 }
};

static const struct input	reason[] = {
	{ "reason", "Why", .hint = "If you like, for the vendor." },
	{ 0 }
};

#define MOVE(p, t, ...)							\
	PORTAL_FORM("/portal/licenses/:id/" p "/:slug",			\
	    .title = t, .section = "licenses",				\
	    .up = "/portal/licenses/{at.id}",				\
	    .up_title = "{license.license.product_name}",		\
	    .sources = SOURCES(ONE_LICENSE,				\
		{ "quote", "GET /v1/portal/licenses/{at.id}/quote"	\
		    "?target_policy_slug={at.slug}" }), __VA_ARGS__)

const struct endpoint	pages_portal_plans[] = {
	MOVE("upgrade", "Upgrade your plan",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/upgrade", .inputs = target,
		.is_last = true,
		.intro = "Your key stays. The new plan begins as soon as the payment is there; "
		"what you have paid for already is taken into account.",
		.submit = "Upgrade and pay", .then = "/portal/invoices/{answer.invoice_id}",
		.said = "invoice" },
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "quote", upgrade })),
	MOVE("downgrade", "Go to a smaller plan",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/downgrade", .inputs = target,
		.is_last = true,
		.intro = "Your key stays, and until then you keep what you have paid for. You can "
		"call it off at any time before.",
		.submit = "Change at the next renewal", .then = "/portal/licenses/{at.id}",
		.said = "planned" },
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "quote", downgrade })),
	ACT_ON("stay", "Stay on this plan",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/downgrade/cancel",
		.intro = "The change that is planned is called off.", .submit = "Stay on this plan",
		.then = "/portal/licenses/{at.id}", .said = "stays" }),
	ACT_ON("cancel", "Cancel the subscription",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/cancel", .inputs = reason,
		.is_last = true,
		.intro = "Nothing more is billed. The license works to the end of what is paid, "
		"and then ends. There is no way back: to go on after that, buy it anew.",
		.submit = "Cancel the subscription", .danger = true,
		.then = "/portal/licenses/{at.id}", .said = "cancelled" },
	    .blocks = BLOCKS({ BLOCK_FACTS, NULL, "license.subscription", paid,
	        .when = "license.subscription" })),
	ACT_ON("bill", "Bill the renewal again",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/bill",
		.intro = "The renewal could not be billed, as when the payment service was away. "
		"It is tried again now.",
		.submit = "Bill it again", .then = "/portal/licenses/{at.id}",
		.said = "billed" }),
	ENDPOINT_END
};
/* clang-format on */
