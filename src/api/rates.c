/*
 * What a bitcoin costs, as the vendor sees it: what each currency goes by now,
 * a fetch on demand, and pins that nail a rate.
 */
#include "api/api.h"

#include "domain/money.h"
#include "flow/rate.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

static enum flow_next
rates_refresh(struct flow *f)
{
	rate_need_anew(f, flow_text(f, "currency"));
	return (FLOW_NEXT);
}

static enum flow_next
rates_note(struct flow *f)
{
	int64_t		 rate_e4;
	const char	*source;

	if (!rate_got(f, &rate_e4, &source))
		return (rate_fail(f));
	flow_last(f);
	return (FLOW_QUERY(f, rate_refreshed,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash,
	    .request_ip = f->client,
	    .user_agent = f->user_agent,
	    .currency = flow_text(f, "currency"),
	    .rate_e4 = arena_printf(&f->arena, "%lld", (long long)rate_e4),
	    .source = source));
}

static enum flow_next
rates_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

static enum flow_next
rates_pin(struct flow *f)
{
	const char	*currency = flow_text(f, "currency");
	int64_t		 e4;

	if (strcmp(currency, "USD") && strcmp(currency, "EUR"))
		return (flow_fail(f, ERR_NOT_FOUND,
		    "Rates are of USD and EUR."));
	if (!money_rate_parse(flow_text(f, "units_per_btc"), &e4))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "units_per_btc: must be a decimal number above 0"));
	flow_last(f);
	return (FLOW_QUERY(f, rate_pin_set,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash,
	    .request_ip = f->client,
	    .user_agent = f->user_agent,
	    .currency = currency,
	    .units = arena_printf(&f->arena, "%lld.%04lld",
	    (long long)(e4 / 10000), (long long)(e4 % 10000))));
}

/* clang-format off */
const struct endpoint	api_rates[] = {
	{ .method = GET, .path = "/v1/admin/rates", .scope = "rates:read",
	    .sql = &sql_rate_list,
	    .summary = "The exchange rates: pins, else what was fetched last.",
	    .answer = "`{rates:[{currency,units_per_btc,source,"
	        "fetched_at_secs_ago}]}`; sales use a fetched one for a minute." },
	{ .method = GET, .path = "/v1/admin/rates/:currency",
	    .scope = "rates:read",
	    .sql = &sql_rate_look,
	    .summary = "One currency (USD, EUR): what it goes by, and what was "
	        "fetched last beneath a pin.",
	    .answer = "`{currency,pinned,units_per_btc,source,pinned_at,fetched:"
	        "{units_per_btc,source,fetched_at}}`, null what is not known." },
	{ .method = POST, .path = "/v1/admin/rates/refresh",
	    .scope = "rates:write",
	    .body = FIELDS(
		{ "currency", FIELD_CHOICE, FIELD_REQUIRED, .choices = "USD|EUR",
		    .help = "Which." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(rates_refresh),
		RATE_STEPS,
		FLOW_STEP(rates_note),		/* sql  rate_refreshed */
		FLOW_STEP(rates_answer)),
	    .errors = "502",
	    .summary = "Fetch a rate now; a pin stays what it is.",
	    .answer = "`{currency,units_per_btc,source}`." },
	{ .method = PUT, .path = "/v1/admin/rates/:currency/pin",
	    .scope = "rates:write",
	    .body = FIELDS(
		{ "units_per_btc", FIELD_TEXT, FIELD_REQUIRED, 1, 40,
		    .help = "A decimal as text, so that it is exact: `\"65000.50\"`." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(rates_pin),		/* sql  rate_pin_set */
		FLOW_STEP(rates_answer)),
	    .errors = "404",
	    .summary = "Nail a currency's rate; no source is asked any more.",
	    .answer = "`{currency,units_per_btc,source}`." },
	{ .method = DELETE, .path = "/v1/admin/rates/:currency/pin",
	    .scope = "rates:write",
	    .sql = &sql_rate_pin_clear,
	    .summary = "Take the pin away.",
	    .answer = "`{ok:true}`; 404 when there is none." },
	ENDPOINT_END
};
/* clang-format on */
