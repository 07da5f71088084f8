/*
 * The dashboard's front page in figures, and what somebody should look at.
 * What is counted is counted when it is asked for, except validations and
 * machines: a job counts those, and only what came since is added.
 */
#include "api/api.h"

#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

struct figures {
	const char	*revenue;
	const char	*licenses;
};

static const char *
body(struct flow *f)
{
	return (arena_strdup(&f->arena, db_text(flow_rows(f), 0, "body")));
}

static enum flow_next
figures_revenue(struct flow *f)
{
	return (flow_query_bound(f, &sql_figures_revenue));
}

static enum flow_next
figures_licenses(struct flow *f)
{
	struct figures	*g = flow_state(f);

	g->revenue = body(f);
	return (flow_query_bound(f, &sql_figures_licenses));
}

static enum flow_next
figures_used(struct flow *f)
{
	struct figures	*g = flow_state(f);

	g->licenses = body(f);
	return (flow_query_bound(f, &sql_figures_used));
}

static enum flow_next
figures_answer(struct flow *f)
{
	struct figures	*g = flow_state(f);
	const char	*days = flow_text(f, "days");

	return (flow_json_text(f, 200, arena_printf(&f->arena,
	    "{\"days\":%s,\"revenue\":%s,\"licenses\":%s,\"used\":%s}",
	    days == NULL ? "30" : days, g->revenue, g->licenses, body(f))));
}

/* clang-format off */
const struct endpoint	api_figures[] = {
	{ .method = GET, .path = "/v1/admin/figures", .scope = "licenses:read",
	    .query = FIELDS(
		{ "days", FIELD_CHOICE, 0, .choices = "7|30|90|365",
		    .help = "How many, today among them; UTC. 30 unless given." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(figures_revenue),	/* sql  figures_revenue */
		FLOW_STEP(figures_licenses),	/* sql  figures_licenses */
		FLOW_STEP(figures_used),	/* sql  figures_used */
		FLOW_STEP(figures_answer)),
	    .state = sizeof(struct figures),
	    .summary = "What the last days brought, against as many before, up to "
	        "the same time of day. Refunds are not taken off.",
	    .answer = "`{days,revenue:{sats,sats_before,payments,payments_before,"
	        "by_currency:[{currency,value,value_before}],series:[{since,sats,"
	        "sats_before}]},licenses:{total,active,expired,halted,new,new_before,"
	        "series:[{since,new,new_before}]},used:{validations:{total,ok,refused,"
	        "by_result:[{result,n,n_before}],series:[{since,ok,refused}]},"
	        "machines:{active,new,new_before,series:[{since,new}]}}}`; a part of "
	        "a series is a day, of 365 days five. `by_currency` is what was listed "
	        "in a currency, in its smallest unit. `before` of validations and "
	        "machines is of whole days; when there are many, machines in use are "
	        "those of five minutes ago at most." },
	{ .method = GET, .path = "/v1/admin/attention", .scope = "licenses:read",
	    .sql = &sql_attention,
	    .summary = "What somebody should look at.",
	    .answer = "`{attention:[{kind,count,since|null}]}`, kinds with none left "
	        "out: provider_silent (in 24 hours; known from the calls that are made "
	        "anyway), invoice_odd (Invoice.attention), payment_stuck (paid in "
	        "part, an hour ago), refund_unheard, webhook_failing (endpoints), "
	        "delivery_dead (7 days), renewal_past_due, mail_dead (7 days), "
	        "tip_failed (7 days), license_expiring (within 7 days, not renewed by "
	        "itself), replica_behind (its release knows fewer migrations)." },
	ENDPOINT_END
};
/* clang-format on */
