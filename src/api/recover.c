/*
 * POST /v1/recover: a buyer who lost the key gets it again, by the invoice's
 * id and the address it was bought with.  Refuses with one and the same 404
 * whatever is wrong, so that nobody learns which half was right.
 */
#include "api/api.h"

#include "flow/bind.h"
#include "flow/key.h"
#include "flow/respond.h"

#include "sql.h"

static enum flow_next
recover_ask(struct flow *f)
{
	return (flow_query_bound(f, &sql_license_recover));
}

static enum flow_next
recover_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, key_render_body(f, flow_rows(f))));
}

/* clang-format off */
const struct endpoint	api_recover[] = {
	{ .method = POST, .path = "/v1/recover", .limit = LIMIT_RECOVER,
	    .repeatable = true,
	    .body = FIELDS(
		{ "invoice_id", FIELD_TEXT, FIELD_REQUIRED, 1, 200,
		    .help = "A paid one: of the purchase, a renewal or an upgrade." },
		{ "email", FIELD_TEXT, FIELD_REQUIRED, 1, 254,
		    .help = "The address it was bought with, in any case." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(recover_ask),		/* sql  license_recover */
		FLOW_STEP(recover_answer)),
	    .errors = "404",
	    .summary = "The key again, for its buyer. 404 whatever is wrong.",
	    .answer = "`{license_key,license_id,product_id,issued_at,"
	        "expires_at,entitlements}`." },
	ENDPOINT_END
};
/* clang-format on */
