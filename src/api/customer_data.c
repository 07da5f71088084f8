/*
 * A customer's personal data: all of it as a file, and its deletion.  Both want
 * a session by mail, since they are about an address, and a code of the last
 * ten minutes.  What stays, and why, is in docs/privacy.md.
 */
#include "api/api.h"

#include "flow/bind.h"
#include "flow/customer.h"
#include "flow/respond.h"

#include "sql.h"

static enum flow_next
export_ask(struct flow *f)
{
	return (flow_query_bound(f, &sql_customer_export));
}

static enum flow_next
export_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	flow_header(f, "content-disposition",
	    "attachment; filename=\"personal-data.json\"");
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* clang-format off */
const struct endpoint	api_customer_data[] = {
	{ .method = GET, .path = "/v1/portal/data/summary",
	    .scope = CUSTOMER_SCOPE, .limit = LIMIT_PORTAL,
	    .sql = &sql_customer_held,
	    .summary = "How much is held about the address that one is signed "
	        "in with.",
	    .answer = "`{email,licenses,invoices,machines,mails,sessions,"
	        "subscriptions_live}`: numbers." },
	{ .method = GET, .path = "/v1/portal/data", .scope = CUSTOMER_SCOPE,
	    .limit = LIMIT_CUSTOMER, .confirmed = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(export_ask),		/* sql  customer_export */
		FLOW_STEP(export_answer)),
	    .summary = "All that is held about the address, as a file.",
	    .answer = "`{email,exported_at,licenses,machines,invoices,refunds,"
	        "subscriptions,tier_changes,tips,mails,sessions,validations,"
	        "audit}`: lists; of licenses, machines, invoices, mails, "
	        "validations and audit the newest 10,000, of a license's "
	        "validations the newest 1,000." },
	{ .method = POST, .path = "/v1/portal/data/erase",
	    .scope = CUSTOMER_SCOPE, .limit = LIMIT_CUSTOMER,
	    .confirmed = true, .repeatable = true,
	    .body = FIELDS(
		{ "email", FIELD_TEXT, FIELD_REQUIRED, 1, 254,
		    .help = "The address once more, so that nobody does it by "
		        "mistake." }),
	    .lock = &sql_customer_erase_lock,
	    .sql = &sql_customer_erase,
	    .errors = "409",
	    .summary = "Delete the address's personal data. Licenses stay good, "
	        "invoices keep their amounts; all sessions end. 409 while a "
	        "subscription is billed.",
	    .answer = "`{ok,licenses,invoices}`: from how many it was taken." },
	ENDPOINT_END
};
/* clang-format on */
