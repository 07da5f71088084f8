/* Licenses, as the vendor issues, finds and revokes them. */
#include "api/api.h"

#include "flow/key.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <stdint.h>

static enum flow_next
license_issue(struct flow *f)
{
	flow_last(f);
	return (flow_query_bound(f, &sql_license_issue));
}

/* The key is in no row: it is made from the license, here. */
static enum flow_next
license_issued(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, key_render_body(f, flow_rows(f))));
}

/* Revokes and issues in one statement, which must be alone with the license. */
static enum flow_next
license_reissue(struct flow *f)
{
	flow_last(f);
	return (flow_query(f, &(struct db_query){
	    .lock = &sql_license_hold,
	    .lock_params = flow_bind(f, &sql_license_hold),
	    .stmt = &sql_license_reissue,
	    .params = flow_bind(f, &sql_license_reissue) }));
}

/* Each time it is shown it is shown anew, and written down. */
static enum flow_next
license_show_key(struct flow *f)
{
	return (flow_query_bound(f, &sql_license_show_key));
}

static const struct field	reason[] = {
	{ "reason", FIELD_TEXT, 0, 0, 500,
	    .help = "Kept with the license and in the audit trail." },
	{ .name = NULL }
};

#define PAGE								\
	{ "limit", FIELD_INTEGER, 0, 1, 100, .help = "100 unless given." }, \
	{ "cursor", FIELD_CURSOR, .help = "`next_cursor` of the page before." }
/* clang-format off */
#define ADMIN(m, p)	.method = m, .path = "/v1/admin/licenses" p
#define READ		.scope = "licenses:read"
#define WRITE		.scope = "licenses:write"

const struct endpoint	api_licenses[] = {
	{ ADMIN(POST, ""), WRITE,
	    .body = FIELDS(
		{ "product_slug", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "For which product." },
		{ "policy_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "On whose terms; the fields below beat it." },
		{ "note", FIELD_TEXT, 0, 0, 2000, .help = "For the vendor; kept in its metadata." },
		{ "expires_at", FIELD_TIME, .help = "RFC 3339; for ever unless given." },
		{ "entitlements", FIELD_TEXTS, 0, 1, 255,
		    .help = "What it grants, in this order." },
		{ "max_machines", FIELD_INTEGER, 0, 0, 1000000, .help = "Seats; 0: any number." },
		{ "grace_seconds", FIELD_INTEGER, 0, 0, 3155760000,
		    .help = "How long it works after expires_at." },
		{ "is_trial", FIELD_BOOLEAN, .help = "Marks the key as a trial." },
		{ "buyer_email", FIELD_EMAIL, .help = "Whose it is." },
		{ "nostr_npub", FIELD_TEXT, 0, 1, 100, .help = "Whose it is, on Nostr." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(license_issue),	/* sql  license_issue */
		FLOW_STEP(license_issued)),
	    .errors = "404",
	    .summary = "Issue a license by hand.",
	    .answer = "`{license_id,product_id,license_key,issued_at,"
	        "expires_at,entitlements,is_trial,max_machines}`." },
	{ ADMIN(GET, ""), READ,
	    .query = FIELDS(
		{ "product_id", FIELD_UUID, .help = "Only this product's." },
		{ "status", FIELD_CHOICE, .choices = "active|expired|suspended|revoked",
		    .help = "Only these; expired: also in grace, by their end." }, PAGE),
	    .sql = &sql_license_list,
	    .summary = "Licenses, newest first.",
	    .answer = "`{licenses:[License + state,product_slug,product_name,"
	        "policy_slug,policy_name],next_cursor}`; state is "
	        "`active`, `in_grace`, `expired`, `suspended` or `revoked`." },
	{ ADMIN(GET, "/ending"), READ,
	    .query = FIELDS(
		{ "days", FIELD_INTEGER, 0, 1, 3660, .help = "Within so many; 7 unless given." },
		{ "product_id", FIELD_UUID, .help = "Only this product's." }, PAGE),
	    .sql = &sql_license_ending,
	    .summary = "Active licenses that are about to end and that no subscription "
	        "renews, the first to end first.",
	    .answer = "As the list of licenses; a page may be short, or empty, and still "
	        "have a `next_cursor`." },
	{ ADMIN(GET, "/search"), READ,
	    .query = FIELDS(
		{ "buyer_email", FIELD_TEXT, 0, 1, 254, .help = "Exactly." },
		{ "nostr_npub", FIELD_TEXT, 0, 1, 100, .help = "Exactly." },
		{ "invoice_id", FIELD_TEXT, 0, 1, 200, .help = "Ours or the provider's." },
		{ "license_id", FIELD_UUID, .help = "Exactly." }, PAGE),
	    .sql = &sql_license_search,
	    .summary = "Licenses that match all that is given, newest first.",
	    .answer = "`{licenses:[License + "
	        "policy_slug,policy_name,product_slug],next_cursor}`." },
	{ ADMIN(GET, "/:id"), READ,
	    .query = FIELDS(
		{ "validations", FIELD_BOOLEAN,
		    .help = "True unless given. They are looked for in the whole log; "
		    "without them the answer is quick." }),
	    .sql = &sql_license_get,
	    .summary = "One license with its machines, history and last validations.",
	    .answer = "`{license,state,product_slug,product_name,policy_slug,"
	        "policy_name,active_machines,machines,history,validations|null}`." },
	{ ADMIN(POST, "/:id/key"), WRITE, .repeatable = true,
	    .confirmed = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(license_show_key),	/* sql  license_show_key */
		FLOW_STEP(license_issued)),
	    .errors = "404",
	    .summary = "The key of a license, with a line in the audit trail.",
	    .answer = "`{license_id,license_key}`." },
	{ ADMIN(POST, "/:id/extend"), WRITE,
	    .body = FIELDS(
		{ "expires_at", FIELD_TIME, FIELD_NULLABLE,
		    .help = "Its new end, required; null: never." },
		{ "reason", FIELD_TEXT, 0, 0, 500, .help = "Kept in the audit trail." }),
	    .lock = &sql_license_hold, .sql = &sql_license_extend,
	    .errors = "404 409",
	    .summary = "Move the end of a license. Keys given out keep the end "
	        "that they say; the key that is shown from then on has the new one.",
	    .answer = "`{ok,license_id,expires_at}`." },
	{ ADMIN(POST, "/:id/reissue"), WRITE, .body = reason,
	    .confirmed = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(license_reissue),	/* sql  license_reissue */
		FLOW_STEP(license_issued)),
	    .errors = "404 409",
	    .summary = "Revoke an active license and issue another in its place, "
	        "on the same terms, with its subscription and invoices.",
	    .answer = "`{license_id,reissued_from,product_id,license_key,"
	        "issued_at,expires_at,entitlements,is_trial,max_machines}`." },
	{ ADMIN(POST, "/:id/revoke"), WRITE, .body = reason,
	    .sql = &sql_license_revoke,
	    .summary = "Revoke for good. 404 when it is revoked already.",
	    .answer = "`{ok:true}`." },
	{ ADMIN(POST, "/:id/suspend"), WRITE, .body = reason,
	    .sql = &sql_license_suspend,
	    .summary = "Suspend an active license. 404 when it isn't active.",
	    .answer = "`{ok:true}`." },
	{ ADMIN(POST, "/:id/unsuspend"), WRITE, .body = reason,
	    .sql = &sql_license_unsuspend,
	    .summary = "Lift a suspension. 404 when there is none.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
