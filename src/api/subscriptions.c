/*
 * Subscriptions: the buyer ends one by the license's key, the vendor sees and
 * ends them.  Billing is jobs/renewals.c; nothing here moves a date.
 */
#include "api/api.h"

#include "flow/key.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

static enum flow_next
subscription_cancel(struct flow *f)
{
	struct license_key	key;
	const char		*id;

	if (!key_authorize_owner(f, &key))
		return (FLOW_DONE);
	id = key_license_id(f, &key);
	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, license_lock, (.license_id = id),
	    subscription_cancel_by_key, .license_id = id,
	    .reason = flow_text(f, "reason"),
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
subscription_cancelled(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

static const struct field	reason[] = {
	{ "reason", FIELD_TEXT, 0, 0, 500, .help = "Kept, and told in the event." },
	{ .name = NULL }
};

/* clang-format off */
#define ADMIN(m, p)	.method = m, .path = "/v1/admin/subscriptions" p
#define READ		.scope = "subscriptions:read"
#define WRITE		.scope = "subscriptions:write"

const struct endpoint	api_subscriptions[] = {
	{ .method = POST, .path = "/v1/subscriptions/cancel",
	    .limit = LIMIT_PURCHASE,
	    .body = FIELDS(
		{ "license_key", FIELD_TEXT, FIELD_REQUIRED, 1, 200000,
		    .help = "The license's key; it stands for the buyer." },
		{ "reason", FIELD_TEXT, 0, 0, 500, .help = "For the vendor." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(subscription_cancel),	/* sql  ..._cancel_by_key */
		FLOW_STEP(subscription_cancelled)),
	    .errors = "401 404",
	    .summary = "End a subscription; what was paid for stays.",
	    .answer = "`{ok:true,subscription_id,status:\"cancelled\"}`, or "
	        "`{ok:true,already:STATUS,subscription_id}` when it is neither "
	        "active nor past due. 401: the key is wrong, or its license "
	        "isn't active." },
	{ ADMIN(GET, ""), READ,
	    .query = FIELDS(
		{ "status", FIELD_CHOICE, .choices = "active|past_due|cancelled|lapsed",
		    .help = "Only these." },
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "200 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_subscription_list,
	    .summary = "Subscriptions, newest first.",
	    .answer = "`{subscriptions:[Subscription + product_slug,product_name,"
	        "policy_slug,policy_name,buyer_email,license_status],"
	        "next_cursor}`." },
	{ ADMIN(GET, "/:id"), READ,
	    .sql = &sql_subscription_get,
	    .summary = "One subscription with its cycles and their invoices.",
	    .answer = "`{subscription,product_slug,product_name,policy_slug,"
	        "policy_name,license_status,"
	        "license_expires_at,buyer_email,lapses_at|null,cycles:["
	        "{cycle_number,cycle_start_at,cycle_end_at,invoice_id,"
	        "invoice_status,amount_sats,checkout_url,applied_at,"
	        "superseded_at,announced_at,created_at}]}`." },
	{ ADMIN(POST, "/:id/cancel"), WRITE, .body = reason,
	    .lock = &sql_subscription_lock, .sql = &sql_subscription_cancel,
	    .summary = "End a subscription for its buyer.",
	    .answer = "`{ok:true,subscription_id,status:\"cancelled\"}`, or "
	        "`{ok:true,already:STATUS,subscription_id}`." },
	{ ADMIN(POST, "/:id/resume"), WRITE,
	    .lock = &sql_subscription_lock, .sql = &sql_subscription_resume_one,
	    .errors = "404 409",
	    .summary = "Bill one that is past due again, now.",
	    .answer = "`{ok:true,subscription_id}`." },
	{ ADMIN(POST, "/resume"), WRITE,
	    .sql = &sql_subscription_resume,
	    .summary = "Bill again those whose billing gave up after five "
	        "failures, as after a long outage of a provider.",
	    .answer = "`{ok:true,resumed:N}`." },
	ENDPOINT_END
};
/* clang-format on */
