/*
 * The customers' portal: what customers see of their licenses, and what they do
 * about them without the vendor.  Signing in is api/customer.c, changes of plan
 * are api/tiers.c.
 *
 * A session by a license's key sees that license only.  Every statement asks
 * whose the license is, so another's is a 404 and nothing is done.
 */
#include "api/api.h"

#include "base/conf.h"
#include "base/text.h"
#include "crypto/activation.h"
#include "flow/bind.h"
#include "flow/customer.h"
#include "flow/key.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

struct activating {
	uint8_t	hash[32];	/* of the machine's fingerprint */
};

/* A value for the statement that the request doesn't bring. */
static void
put(struct flow *f, const char *name, const char *value)
{
	if (f->nvalues < FLOW_VALUES_MAX)
		f->values[f->nvalues++] = (struct flow_value){ name, value };
}

/* ---- the key ---- */

static enum flow_next
portal_key_ask(struct flow *f)
{
	arena_wipe_later(&f->arena);
	return (flow_query_bound(f, &sql_portal_show_key));
}

static enum flow_next
portal_key_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, key_render_body(f, flow_rows(f))));
}

/* ---- anew ---- */

static enum flow_next
portal_reissue(struct flow *f)
{
	put(f, "mail", *conf.smtp_url == '\0' ? "false" : "true");
	flow_last(f);
	return (flow_query(f, &(struct db_query){
	    .lock = &sql_license_hold,
	    .lock_params = flow_bind(f, &sql_license_hold),
	    .stmt = &sql_portal_reissue,
	    .params = flow_bind(f, &sql_portal_reissue) }));
}

static enum flow_next
portal_done(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* ---- a machine without a network ---- */

static enum flow_next
portal_activate(struct flow *f)
{
	struct activating	*a = flow_state(f);
	char			*hex;

	if (!activation_request_read(flow_text(f, "request"), a->hash))
		return (flow_fail(f, ERR_BAD_REQUEST, "request: is none, or a "
		    "character of it is wrong; copy all of it"));
	hex = arena_alloc(&f->arena, 65);
	text_hex(a->hash, sizeof(a->hash), hex);
	put(f, "license_id", flow_text(f, "id"));
	put(f, "fingerprint_hash", hex);
	put(f, "bound_ok", "true");
	put(f, "offline_days", arena_printf(&f->arena, "%lld",
	    (long long)conf.offline_days));
	flow_last(f);
	return (flow_query(f, &(struct db_query){
	    .lock = &sql_portal_activate_lock,
	    .lock_params = flow_bind(f, &sql_portal_activate_lock),
	    .stmt = &sql_portal_activate,
	    .params = flow_bind(f, &sql_portal_activate) }));
}

static enum flow_next
portal_activated(struct flow *f)
{
	struct activating	*a = flow_state(f);
	const char		*text;
	json_t			*body;
	char			 why[96];

	if (flow_refused(f))
		return (FLOW_DONE);
	if ((text = key_render_activation(f, flow_rows(f), a->hash)) == NULL)
		return (flow_fail(f, ERR_INTERNAL,
		    "The activation could not be signed."));
	body = json_read(db_text(flow_rows(f), 0, "body"),
	    strlen(db_text(flow_rows(f), 0, "body")), why, sizeof(why));
	json_object_set_new(body, "activation", json_string(text));
	return (flow_json(f, 200, body));
}

#define REASON								\
	{ "reason", FIELD_TEXT, 0, 0, 500, .help = "For the vendor." }
#define PAGE								\
	{ "limit", FIELD_INTEGER, 0, 1, 100, .help = "100 unless given." }, \
	{ "cursor", FIELD_CURSOR, .help = "`next_cursor` of the page before." }
/* clang-format off */
#define LOOK(p)		.method = GET, .path = "/v1/portal" p,		\
	.scope = CUSTOMER_SCOPE, .limit = LIMIT_PORTAL
#define ACT(p)		.method = POST, .path = "/v1/portal" p,		\
	.scope = CUSTOMER_SCOPE, .limit = LIMIT_PURCHASE

const struct endpoint	api_portal[] = {
	{ LOOK("/licenses"),
	    .query = FIELDS(PAGE),
	    .sql = &sql_portal_licenses,
	    .summary = "The customer's licenses, newest first.",
	    .answer = "`{licenses:[{id,product_slug,product_name,policy_slug,policy_name,status,"
	        "state,is_trial,issued_at,expires_at,works_until,entitlements,max_machines,"
	        "active_machines,revoked_at,suspended_at,reissued_as}],next_cursor}`." },
	{ LOOK("/licenses/:id"),
	    .sql = &sql_portal_license,
	    .errors = "404",
	    .summary = "One license with its devices, subscription, invoices and history.",
	    .answer = "`{license,subscription|null,change|null,plans:[…],machines:[{id,license_id,"
	        "name,platform,activated_at,last_seen_at}],invoices:[…],history:[{action,by,"
	        "until,at}]}`; at most 100 devices, 10 invoices, 30 lines of history. "
	        "`subscription.bill` is the renewal that waits to be paid, `pay_url` where." },
	{ ACT("/licenses/:id/key"), .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(portal_key_ask),	/* sql  portal_show_key */
		FLOW_STEP(portal_key_answer)),
	    .errors = "404 409",
	    .summary = "The key, with a line in the audit trail.",
	    .answer = "`{license_id,license_key,file_name}`. 409: the license was revoked." },
	{ ACT("/licenses/:id/reissue"),
	    .body = FIELDS(REASON),
	    .steps = FLOW_STEPS(
		FLOW_STEP(portal_reissue),	/* sql  portal_reissue */
		FLOW_STEP(portal_done)),
	    .errors = "404 409",
	    .summary = "For a key that leaked: revoke the license and issue another in its place. "
	        "Its key is mailed to the license's address and not answered.",
	    .answer = "`{license_id,reissued_from,mailed_to}`. 409: the license isn't active, has "
	        "no address, the server sends no mail, or it was done three times in 30 days." },
	{ ACT("/licenses/:id/activate-offline"),
	    .body = FIELDS(
		{ "request", FIELD_TEXT, FIELD_REQUIRED, 1, 400,
		    .help = "What the device shows: `LICQ1-...`." },
		{ "hostname", FIELD_TEXT, 0, 0, 255, .help = "A name for the device." },
		{ "platform", FIELD_TEXT, 0, 0, 255, .help = "What it runs." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(portal_activate),	/* sql  portal_activate */
		FLOW_STEP(portal_activated)),
	    .state = sizeof(struct activating),
	    .errors = "404 409",
	    .summary = "A seat for a device without a network, and the activation to carry there. "
	        "The same device again takes no other seat.",
	    .answer = "`{activation,machine_id,active_count,max_machines,expires_at|null,"
	        "file_name}`. 409: no seat is free, or the license isn't in force." },
	{ ACT("/licenses/:id/cancel"),
	    .body = FIELDS(REASON),
	    .lock = &sql_license_hold, .sql = &sql_portal_cancel,
	    .errors = "404 409",
	    .summary = "End the license's subscription; what was paid for stays.",
	    .answer = "`{ok:true,subscription_id,status:\"cancelled\"}`, or "
	        "`{ok:true,already:STATUS,subscription_id}`. 409: there is none." },
	{ ACT("/licenses/:id/bill"),
	    .lock = &sql_license_hold, .sql = &sql_portal_bill,
	    .errors = "404 409",
	    .summary = "Bill a renewal again that could not be billed.",
	    .answer = "`{ok:true}`. 409: there is none, or it was tried within two minutes." },
	{ LOOK("/machines/:id"),
	    .sql = &sql_portal_machine,
	    .errors = "404",
	    .summary = "One device that has a seat.",
	    .answer = "`{id,license_id,name,platform,activated_at,last_seen_at,product_name}`." },
	{ ACT("/machines/:id/release"),
	    .sql = &sql_portal_release,
	    .errors = "404",
	    .summary = "Free a device's seat.",
	    .answer = "`{ok:true,license_id}`. 404: also when it has no seat any more." },
	{ LOOK("/invoices"),
	    .query = FIELDS(PAGE),
	    .sql = &sql_portal_invoices,
	    .summary = "The customer's invoices, newest first.",
	    .answer = "`{invoices:[{id,kind,status,amount_sats,listed_currency,listed_value,"
	        "created_at,settled_at,pay_url|null,product_name}],next_cursor}`." },
	{ LOOK("/invoices/:id"),
	    .sql = &sql_portal_invoice,
	    .errors = "404",
	    .summary = "One invoice, as a receipt.",
	    .answer = "Invoice + `policy_name,license_id,buyer_email,discount_sats,rate_e4,"
	        "paid_sats,attention,cycle_start_at,cycle_end_at,vendor,vendor_email,"
	        "vendor_url`." },
	ENDPOINT_END
};
/* clang-format on */
