/* What a bitcoin costs, and tips: what was passed on of sales. */
#include "pages/page.h"
#include "pages/pages.h"

/* clang-format off */
static const struct column	rate[] = {
	{ "A bitcoin costs", "units_per_btc", CELL_NUMBER },
	{ "Said by", "source", CELL_BADGE, "manual_pin=warn=Pinned by you" },
	{ "Pinned", "pinned_at", CELL_TIME, "no" },
	{ "Fetched last", "fetched.units_per_btc", CELL_NUMBER },
	{ "From", "fetched.source" },
	{ "At", "fetched.fetched_at", CELL_TIME },
	{ 0 }
};

static const struct input	of_currency[] = {
	{ "currency", .kind = INPUT_HIDDEN, .preset = "{at.currency}" },
	{ 0 }
};

static const struct input	pin[] = {
	{ "units_per_btc", "A bitcoin costs", .hint = "A decimal number, such as 65000.50." },
	{ 0 }
};

#define BESIDE(source, currency)					\
	.beside = ACTIONS(						\
	    { "Fetch it now", "/admin/rates/" currency "/refresh" },	\
	    { "Pin it", "/admin/rates/" currency "/pin" },		\
	    { "Take the pin away", "/admin/rates/" currency "/unpin",	\
	        .when = source ".pinned" })
#define UNDER_RATES	.section = "rates", .up = "/admin/rates",	\
    .up_title = "Exchange rates",					\
    .sources = SOURCES({ "rate", "GET /v1/admin/rates/{at.currency}" })
#define NOW		.blocks = BLOCKS({ BLOCK_FACTS, "As it is now", "rate", rate })

const struct endpoint	pages_rates[] = {
	PAGE("/admin/rates",
	    .title = "Exchange rates", .section = "rates",
	    .sources = SOURCES(
		{ "usd", "GET /v1/admin/rates/USD" }, { "eur", "GET /v1/admin/rates/EUR" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, "US dollars", "usd", rate, BESIDE("usd", "USD") },
		{ BLOCK_FACTS, "Euros", "eur", rate, BESIDE("eur", "EUR") },
		{ BLOCK_TEXT, .empty = "Prices in dollars and euros become satoshis when somebody "
		    "buys, by a rate that is at most a minute old. A sale fetches one if need be; "
		    "a pin beats them all, and nobody is asked while it is there." })),
	FORM("/admin/rates/:currency/refresh",
	    .title = "Fetch the rate of {at.currency}", UNDER_RATES, NOW,
	    .form = &(const struct form){
		.call = "POST /v1/admin/rates/refresh", .inputs = of_currency,
		.intro = "The sources are asked now. A pin stays what it is.",
		.submit = "Fetch it now", .then = "/admin/rates", .said = "fetched" }),
	FORM("/admin/rates/:currency/pin",
	    .title = "Pin the rate of {at.currency}", UNDER_RATES, NOW,
	    .form = &(const struct form){
		.call = "PUT /v1/admin/rates/{at.currency}/pin", .inputs = pin, .from = "rate",
		.intro = "All sales and renewals in {at.currency} go by this price from now on, "
		"however the market moves, until you take the pin away.",
		.submit = "Pin the rate", .then = "/admin/rates", .said = "pinned" }),
	FORM("/admin/rates/:currency/unpin",
	    .title = "Take the pin of {at.currency} away", UNDER_RATES, NOW,
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/rates/{at.currency}/pin",
		.intro = "Sales go by the market’s price again.",
		.submit = "Take the pin away", .then = "/admin/rates", .said = "unpinned" }),
	ENDPOINT_END
};

/* ---- tips ---- */

static const struct input	tip_filters[] = {
	{ "recipient", "To this Lightning address" },
	{ 0 }
};

static const struct column	tip_list[] = {
	{ "To", "recipient" },
	{ "For", "label" },
	{ "Tip", "amount_sats", CELL_SATS },
	{ "Part", "pct_bps", CELL_PERCENT },
	{ "State", "status", CELL_BADGE, "sent=good=Sent|paying=warn=On its way|"
	    "pending=warn=To be sent|failed=bad=Failed|skipped=quiet=Skipped" },
	{ "Detail", "detail" },
	{ "Sale", "sale", .with = "Its license", .link = "/admin/licenses/{license_id}" },
	{ "Since", "created_at", CELL_TIME },
	{ 0 }
};

const struct endpoint	pages_tips[] = {
	PAGE("/admin/tips",
	    .title = "Tips", .section = "tips",
	    .sources = SOURCES({ "tips", "GET /v1/admin/tips?limit=50", .filtered = true }),
	    .filters = tip_filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "tips.tips", .columns = tip_list,
	        .empty = "No tip is here. A policy can pass a part of each sale on to a Lightning "
	        "address: to whoever recommends you, or to a project you live on.",
	        .first = { "Choose a product and its policy", "/admin/products" } })),
	ENDPOINT_END
};
/* clang-format on */
