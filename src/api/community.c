/*
 * Figures that the vendor may choose to send somewhere: off unless switched on,
 * and nowhere unless a URL is named.
 */
#include "api/api.h"

#include "base/version.h"
#include "domain/community.h"
#include "domain/selflicense.h"
#include "flow/respond.h"

#include "sql.h"

static enum flow_next
community_ask(struct flow *f)
{
	return (FLOW_QUERY(f, community_get, .version = LICET_VERSION,
	    .uptime = community_uptime(), .trust_root = selflicense_root()));
}

static enum flow_next
community_answer(struct flow *f)
{
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* clang-format off */
#define COMMUNITY	"/v1/admin/community-analytics"

const struct endpoint	api_community[] = {
	{ .method = GET, .path = COMMUNITY,
	    .scope = "community:read",
	    .steps = FLOW_STEPS(
		FLOW_STEP(community_ask),	/* sql  community_get */
		FLOW_STEP(community_answer)),
	    .summary = "Whether figures are sent once a day, and which.",
	    .answer = "`{enabled,collector_url|null,install_uuid|null,"
	        "preview_heartbeat:{install_uuid,daemon_version,tier,"
	        "counts:{products,active_licenses,settled_invoices},"
	        "uptime_bucket,schema_version}}`; counts are rounded down to "
	        "fives." },
	{ .method = POST, .path = COMMUNITY,
	    .scope = "community:write",
	    .body = FIELDS(
		{ "enabled", FIELD_BOOLEAN, FIELD_REQUIRED,
		    .help = "Are they sent?" },
		{ "collector_url", FIELD_URL, FIELD_NULLABLE,
		    .help = "Where to; null forgets it, and then they are not "
		    "sent." }),
	    .sql = &sql_community_set,
	    .summary = "Switch the figures on or off.",
	    .answer = "`{enabled,collector_url|null}`." },
	{ .method = POST, .path = COMMUNITY "/reset",
	    .scope = "community:write",
	    .sql = &sql_community_reset,
	    .summary = "Forget the installation's id; the next figures have "
	        "another.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
