/*
 * Payment providers of a merchant profile: connected, looked at, disconnected.
 * A BTCPay server's consent page is a link and not a redirect: forms may only
 * send people to pages of this server.
 */
#include "pages/page.h"
#include "pages/pages.h"

/* clang-format off */
static const struct column	btcpay[] = {
	{ "Name", "label" },
	{ "Address", "base_url", CELL_URL },
	{ "Store", "store_id", CELL_CODE },
	{ "Webhook", "webhook_id", CELL_CODE },
	{ "Id", "provider_id", CELL_CODE },
	{ 0 }
};

static const struct column	methods[] = {
	{ "Way to pay", "payment_method_id" },
	{ "State", "enabled", CELL_BADGE, "true=good=On|false=quiet=Off" },
	{ 0 }
};

static const struct column	zaprite[] = {
	{ "Name", "label" },
	{ "Address", "base_url", CELL_URL },
	{ "Its webhook goes to", "webhook_url", CELL_CODE },
	{ "Id", "provider_id", CELL_CODE },
	{ 0 }
};

static const struct input	of_profile[] = {
	{ "merchant_profile_id", .kind = INPUT_HIDDEN, .preset = "{at.id}" },
	{ 0 }
};

static const struct input	zaprite_new[] = {
	{ "api_key", "API key", INPUT_SECRET,
	    .hint = "From Zaprite’s settings. It is kept sealed and never shown." },
	{ "label", "Name", .hint = "For you. Empty: Zaprite." },
	{ "base_url", "Address", INPUT_URL, .hint = "Empty: https://api.zaprite.com" },
	{ "merchant_profile_id", .kind = INPUT_HIDDEN, .preset = "{at.id}" },
	{ 0 }
};

static const struct input	of_provider[] = {
	{ "provider_id", .kind = INPUT_HIDDEN, .preset = "{status.provider_id}" },
	{ 0 }
};

static const struct column	consent[] = {
	{ "At BTCPay Server", "authorize_url", CELL_URL, "Give your consent" },
	{ 0 }
};

static const struct column	connected[] = {
	{ "Webhook for Zaprite", "webhook_url", CELL_CODE },
	{ 0 }
};

static const struct column	left[] = {
	{ "To do there", "warnings", CELL_LIST, "Nothing" },
	{ 0 }
};

#define ONE_PROFILE	{ "profile", "GET /v1/admin/merchant-profiles/{at.id}" }
#define STATUS(kind)	{ "status", "GET /v1/admin/" kind		\
    "/status?merchant_profile_id={at.id}" }
#define UNDER_PROFILE	.section = "providers", .up = "/admin/profiles/{at.id}", \
    .up_title = "{profile.name}"
#define UNDER_PROVIDER(kind, name)	.section = "providers",		\
    .up = "/admin/profiles/{at.id}/" kind, .up_title = name,		\
    .sources = SOURCES(ONE_PROFILE, STATUS(kind))
#define MANAGE(kind)							\
	{ "Connect", "/admin/profiles/{at.id}/" kind "/connect", "first", \
	    "!status.connected" },					\
	{ "Disconnect", "/admin/profiles/{at.id}/" kind "/disconnect",	\
	    "danger", "status.connected" }
#define DISCONNECT(kind, name)						\
	FORM("/admin/profiles/:id/" kind "/disconnect",			\
	    .title = "Disconnect " name, UNDER_PROVIDER(kind, name),	\
	    .form = &(const struct form){				\
		.call = "POST /v1/admin/" kind "/disconnect",		\
		.inputs = of_provider, .danger = true, \
		.intro = "{profile.name} sells nothing by it from then on, and " \
		"its subscriptions are not billed. Whoever pays an open invoice " \
		"there gets nothing until it is connected again. Its keys are "	\
		"forgotten here.",					\
		.submit = "Disconnect it", .then = "/admin/profiles/{at.id}", \
		.shown = left, .shown_title = "It is disconnected",	\
		.shown_note = "" })

const struct endpoint	pages_providers[] = {
	PAGE("/admin/profiles/:id/btcpay",
	    .title = "BTCPay Server", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE, STATUS("btcpay"),
		{ "methods", "GET /v1/admin/btcpay/payment-methods?merchant_profile_id={at.id}",
		    .optional = true }),
	    .actions = ACTIONS(MANAGE("btcpay")),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "!status.connected",
		    .empty = "A BTCPay server takes payments in bitcoin, on-chain and by "
		    "Lightning, to a wallet of your own. None is connected to {profile.name}." },
		{ BLOCK_FACTS, "Connected", "status", btcpay, .when = "status.connected" },
		{ BLOCK_LIST, "How its store can be paid, asked just now", "methods.methods",
		    methods, .when = "methods", .empty = "By nothing: give the store a wallet." },
		{ BLOCK_TEXT, "How its store can be paid",
		    .when = "status.connected&faults.methods",
		    .empty = "{faults.methods}" })),
	FORM("/admin/profiles/:id/btcpay/connect",
	    .title = "Connect a BTCPay server", UNDER_PROVIDER("btcpay", "BTCPay Server"),
	    .form = &(const struct form){
		.call = "POST /v1/admin/btcpay/connect", .inputs = of_profile,
		.intro = "The owner of a store says at BTCPay Server that this server may make "
		"invoices for it. You get a link to that page, good for 30 minutes. The payments "
		"of {profile.name} then go to that store.",
		.submit = "Make the link",
		.shown = consent, .shown_title = "One step is left",
		.shown_note = "Follow the link, choose the store, and say yes there. BTCPay "
		"Server brings you back here." }),
	DISCONNECT("btcpay", "BTCPay Server"),
	PAGE("/admin/profiles/:id/zaprite",
	    .title = "Zaprite", UNDER_PROFILE,
	    .sources = SOURCES(ONE_PROFILE, STATUS("zaprite")),
	    .actions = ACTIONS(MANAGE("zaprite")),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "!status.connected",
		    .empty = "A Zaprite account takes cards as well as bitcoin, and renews "
		    "subscriptions with cards that buyers save. None is connected to "
		    "{profile.name}." },
		{ BLOCK_FACTS, "Connected", "status", zaprite, .when = "status.connected" })),
	FORM("/admin/profiles/:id/zaprite/connect",
	    .title = "Connect Zaprite", UNDER_PROVIDER("zaprite", "Zaprite"),
	    .form = &(const struct form){
		.call = "POST /v1/admin/zaprite/connect", .inputs = zaprite_new,
		.intro = "The key is tried at once. The payments of {profile.name} that Zaprite "
		"takes then go to that account.",
		.submit = "Connect it", .then = "/admin/profiles/{at.id}/zaprite",
		.shown = connected, .shown_title = "Zaprite is connected",
		.shown_note = "Enter this address as a webhook at Zaprite: without it, payments "
		"are noticed minutes later. Its page shows it again." }),
	DISCONNECT("zaprite", "Zaprite"),
	PAGE("/admin/profiles/:id/sandbox",
	    .title = "The sandbox", UNDER_PROFILE, .sources = SOURCES(ONE_PROFILE),
	    .blocks = BLOCKS({ BLOCK_TEXT,
	        .empty = "It takes play money: whoever opens its checkout pays with a click. It is "
	        "there because the server’s settings say so (LICET_PAYMENTS), and never in "
	        "production. Connect a BTCPay server to sell." })),
	ENDPOINT_END
};
/* clang-format on */
