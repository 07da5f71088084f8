/* The audit trail: who did what to what. */
#include "api/api.h"

#include "sql.h"

/* clang-format off */
const struct endpoint	api_audit[] = {
	{ .method = GET, .path = "/v1/admin/audit", .scope = "audit:read",
	    .query = FIELDS(
		{ "action", FIELD_TEXT, 0, 1, 100, .help = "Exactly, e.g. `license.revoke`." },
		{ "target_id", FIELD_TEXT, 0, 1, 200,
		    .help = "What happened to one thing: a license, a product, ..." },
		{ "by", FIELD_TEXT, 0, 1, 40,
		    .help = "`actor_kind` of entries: who asked, e.g. `web_ui`." },
		{ "by_hash", FIELD_TEXT, 0, 1, 64,
		    .help = "`actor_hash` of entries: which key or session asked." },
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "200 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_audit_list,
	    .summary = "The audit trail, newest first.",
	    .answer = "`{entries:[{id,actor_kind,actor_hash,action,target_kind,"
	        "target_id,request_ip,user_agent,details,occurred_at}],next_cursor}`." },
	{ .method = GET, .path = "/v1/admin/audit/:id", .scope = "audit:read",
	    .query = FIELDS(
		{ "at", FIELD_TIME, FIELD_REQUIRED,
		    .help = "`occurred_at` of the entry: it finds it." }),
	    .sql = &sql_audit_get,
	    .summary = "One entry of the audit trail.",
	    .answer = "The entry, as in the list." },
	ENDPOINT_END
};
/* clang-format on */
