/*
 * The front page: what needs a look, then what came in and what is in use.
 * Every number leads to the list behind it; every chart has its table.
 */
#include "pages/page.h"
#include "pages/pages.h"

#include "flow/respond.h"
#include "pages/chart.h"
#include "pages/chrome.h"
#include "pages/value.h"
#include "pages/welcome.h"

#include <stdio.h>
#include <string.h>

/* ---- what needs a look ---- */

static const struct {
	const char	*kind;
	const char	*badge;
	const char	*one, *many;	/* after the number */
	const char	*href;
}	looks[] = {
	{ "invoice_odd", "bad", "payment is odd", "payments are odd",
	    "/admin/invoices?attention=true" },
	{ "payment_stuck", "warn", "invoice is paid in part only",
	    "invoices are paid in part only", "/admin/invoices?status=pending" },
	{ "refund_unheard", "warn", "refund got no answer yet",
	    "refunds got no answer yet", "/admin/invoices?status=settled" },
	{ "provider_silent", "bad", "payment provider doesn’t answer",
	    "payment providers don’t answer", "/admin/profiles" },
	{ "replica_behind", "bad", "replica runs an older release",
	    "replicas run an older release", "/admin/system" },
	{ "webhook_failing", "bad", "webhook endpoint fails",
	    "webhook endpoints fail", "/admin/webhooks" },
	{ "delivery_dead", "warn", "webhook was given up in 7 days",
	    "webhooks were given up in 7 days", "/admin/webhooks" },
	{ "renewal_past_due", "warn", "renewal is past due",
	    "renewals are past due", "/admin/subscriptions?status=past_due" },
	{ "mail_dead", "warn", "mail couldn’t be sent in 7 days",
	    "mails couldn’t be sent in 7 days", "/admin/mail?status=dead" },
	{ "tip_failed", "warn", "tip failed in 7 days",
	    "tips failed in 7 days", "/admin/tips" },
	{ "license_expiring", "quiet", "license ends within 7 days",
	    "licenses end within 7 days", "/admin/licenses/ending?days=7" },
};

#define NLOOKS	(sizeof(looks) / sizeof(looks[0]))

/* What is to come has no `since' worth telling. */
static json_t *
look_at(struct arena *a, const json_t *found)
{
	static const struct column	 since = { "Since", "since", CELL_TIME };
	const char	*kind = json_text(found, "kind");
	long long	 n = json_integer_value(json_object_get(found,
			    "count"));
	size_t		 i;

	for (i = 0; i < NLOOKS; i++) {
		if (kind != NULL && !strcmp(kind, looks[i].kind))
			return (json_pack("{s:s,s:s,s:s,s:s,s:o?}", "n",
			    value_grouped(a, n), "what", n == 1 ?
			    looks[i].one : looks[i].many,
			    "badge_kind", looks[i].badge,
			    "href", looks[i].href, "since",
			    *looks[i].badge == 'q' || json_text(found,
			    "since") == NULL ? NULL : value_cell(a, &since,
			    found, NULL)));
	}
	return (NULL);
}

static void
make_attention(json_t *block, const json_t *gathered)
{
	const json_t	*found;
	struct arena	 a;
	json_t		*all = json_array(), *one;
	size_t		 i;

	arena_init(&a);
	json_array_foreach(value_find(NULL, gathered, "attention.attention"),
	    i, found) {
		if ((one = look_at(&a, found)) != NULL)
			json_array_append_new(all, one);
	}
	json_object_set_new(block, "attention", json_pack("{s:b,s:o}",
	    "is_calm", json_array_size(all) == 0, "looks", all));
	arena_reset(&a);
}

/* ---- numbers ---- */

static long long
number(const json_t *gathered, const char *name)
{
	return (json_integer_value(value_find(NULL, gathered, name)));
}

static long long
days(const json_t *gathered)
{
	return (number(gathered, "figures.days"));
}

/* "Up 12% on the 30 days before" */
static const char *
change(struct arena *a, const json_t *gathered, long long now,
    long long before)
{
	long long	percent;

	if (before == 0)
		return (now == 0 ? NULL : arena_printf(a,
		    "None in the %lld days before", days(gathered)));
	percent = (long long)(((long double)now - (long double)before) * 100 /
	    (long double)before);
	if (percent == 0)
		return (arena_printf(a, "As in the %lld days before",
		    days(gathered)));
	return (arena_printf(a, "%s %s%% on the %lld days before",
	    percent < 0 ? "Down" : "Up", value_grouped(a, percent < 0 ?
	    -percent : percent), days(gathered)));
}

/* `unit' and `note' may be NULL. */
static void
put_tile(json_t *tiles, const char *label, const char *value, const char *unit,
    const char *note, const char *href)
{
	json_array_append_new(tiles, json_pack("{s:s,s:s,s:s?,s:s?,s:s}",
	    "label", label, "value", value, "unit", unit, "note", note,
	    "href", href));
}

static void
put_listed(struct arena *a, json_t *tiles, const json_t *gathered)
{
	const json_t	*row;
	const char	*currency;
	long long	 value;
	size_t		 i;

	json_array_foreach(value_find(NULL, gathered,
	    "figures.revenue.by_currency"), i, row) {
		currency = json_text(row, "currency");
		value = json_integer_value(json_object_get(row, "value"));
		put_tile(tiles, arena_printf(a, "Of it priced in %s",
		    currency), value_money(a, value, currency, true),
		    currency, change(a, gathered, value,
		    json_integer_value(json_object_get(row, "value_before"))),
		    "/admin/invoices?status=settled");
	}
}

static json_t *
periods(struct arena *a, const json_t *gathered)
{
	static const int	lengths[] = { 7, 30, 90, 365 };
	json_t			*all = json_array();
	size_t			 i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		json_array_append_new(all, json_pack("{s:s,s:s,s:b}",
		    "href", arena_printf(a, "/admin/?days=%d", lengths[i]),
		    "label", arena_printf(a, "%d days", lengths[i]),
		    "current", lengths[i] == days(gathered)));
	return (all);
}

static void
put_counts(struct arena *a, json_t *tiles, const json_t *g)
{
	long long	n = number(g, "figures.licenses.new");

	put_tile(tiles, "New licenses", value_grouped(a, n), NULL, change(a, g,
	    n, number(g, "figures.licenses.new_before")), "/admin/licenses");
	put_tile(tiles, "Active licenses", value_grouped(a,
	    number(g, "figures.licenses.active")), NULL, arena_printf(a,
	    "%s expired, %s halted", value_grouped(a,
	    number(g, "figures.licenses.expired")), value_grouped(a,
	    number(g, "figures.licenses.halted"))),
	    "/admin/licenses?status=active");
	n = number(g, "figures.used.machines.new");
	put_tile(tiles, "Machines in use", value_grouped(a,
	    number(g, "figures.used.machines.active")), NULL, arena_printf(a,
	    "%s new in %lld days", value_grouped(a, n), days(g)),
	    "/admin/machines");
	put_tile(tiles, "Validations", value_grouped(a,
	    number(g, "figures.used.validations.total")), NULL, arena_printf(a,
	    "%s of them refused", value_grouped(a,
	    number(g, "figures.used.validations.refused"))), "#validations");
}

static void
make_tiles(json_t *block, const json_t *g)
{
	struct arena	 a;
	json_t		*tiles = json_array();
	long long	 sats = number(g, "figures.revenue.sats");

	arena_init(&a);
	put_tile(tiles, "Revenue", value_grouped(&a, sats), "sats", change(&a,
	    g, sats, number(g, "figures.revenue.sats_before")),
	    "/admin/invoices?status=settled");
	put_listed(&a, tiles, g);
	put_counts(&a, tiles, g);
	json_object_set_new(block, "overview", json_pack("{s:o,s:o}",
	    "periods", periods(&a, g), "tiles", tiles));
	arena_reset(&a);
}

/* ---- charts ---- */

static void
make_revenue(json_t *block, const json_t *gathered)
{
	chart_make(block, &(const struct chart){ .name = "Revenue",
	    .series = value_find(NULL, gathered, "figures.revenue.series"),
	    .front = { "Satoshis", "sats" },
	    .behind = { "In the days before", "sats_before" },
	    .step = days(gathered) > 90 ? 5 : 1,
	    .nothing = "Nothing was paid in these days." });
}

static void
make_licenses(json_t *block, const json_t *gathered)
{
	chart_make(block, &(const struct chart){ .name = "New licenses",
	    .series = value_find(NULL, gathered, "figures.licenses.series"),
	    .front = { "New licenses", "new" },
	    .behind = { "In the days before", "new_before" },
	    .step = days(gathered) > 90 ? 5 : 1,
	    .nothing = "No license was issued in these days." });
}

static void
make_validations(json_t *block, const json_t *gathered)
{
	chart_make(block, &(const struct chart){ .name = "Validations",
	    .id = "validations",
	    .series = value_find(NULL, gathered,
	    "figures.used.validations.series"),
	    .front = { "Accepted", "ok" }, .above = { "Refused", "refused" },
	    .step = days(gathered) > 90 ? 5 : 1,
	    .nothing = "No program asked about a license in these days." });
}

/* ---- without the slash ---- */

static enum flow_next
overview_here(struct flow *f)
{
	return (chrome_go(f, "/admin/", NULL));
}

/* clang-format off */
static const struct column	results[] = {
	{ "Answer", "result", CELL_BADGE, "ok=good=Accepted|expired=warn=Expired|"
	    "revoked=bad=Revoked|suspended=bad=Suspended|not_found=quiet=Unknown license|"
	    "bad_format=quiet=No license key|bad_signature=bad=Forged key|"
	    "product_mismatch=quiet=Another product|not_activated=quiet=Machine without a seat|"
	    "too_many_machines=warn=No seat left" },
	{ "Times", "n", CELL_NUMBER },
	{ "In the days before", "n_before", CELL_NUMBER },
	{ 0 }
};

const struct endpoint	pages_overview[] = {
	{ .method = GET, .path = "/admin", .scope = "session", .is_page = true,
	    .hidden = true, .on_fault = chrome_on_fault,
	    .steps = FLOW_STEPS(FLOW_STEP(overview_here)),
	    .summary = "The front page." },
	PAGE("/admin/",
	    .title = "Overview", .section = "overview",
	    .sources = SOURCES(
		{ "attention", "GET /v1/admin/attention" },
		{ "steps", "GET /v1/admin/first-steps" },
		{ "figures", "GET /v1/admin/figures", .filtered = true }),
	    .blocks = BLOCKS(
		{ BLOCK_MADE, "First steps", .make = firststeps_make, .when = "steps.is_open" },
		{ BLOCK_MADE, "Needs a look", .make = make_attention },
		{ BLOCK_MADE, .make = make_tiles },
		{ BLOCK_MADE, "Revenue", .make = make_revenue },
		{ BLOCK_MADE, "New licenses", .make = make_licenses },
		{ BLOCK_MADE, "Validations", .make = make_validations },
		{ BLOCK_LIST, "Validations by answer", "figures.used.validations.by_result",
		    results,
		    .when = "figures.used.validations.by_result" })),
	ENDPOINT_END
};
/* clang-format on */
