/*
 * Settings that are stored: the operator's name.  The environment's counts
 * where nothing is stored.
 */
#include "api/api.h"

#include "base/conf.h"
#include "flow/bind.h"
#include "flow/operator.h"
#include "flow/respond.h"

#include "sql.h"

static enum flow_next
operator_ask(struct flow *f)
{
	return (flow_query_bound(f, &sql_operator_name_get));
}

static enum flow_next
operator_answer(struct flow *f)
{
	const char	*stored = db_text(flow_rows(f), 0, "operator_name");
	const char	*env = *conf.operator_name == '\0' ? NULL :
			    conf.operator_name;

	return (flow_json(f, 200, json_pack("{s:s?,s:s?,s:s?}",
	    "stored", stored, "effective", operator_name(flow_rows(f)),
	    "fallback_env", env)));
}

/* clang-format off */
const struct endpoint	api_settings[] = {
	{ .method = GET, .path = "/v1/admin/settings/operator-name",
	    .scope = "settings:read",
	    .steps = FLOW_STEPS(
		FLOW_STEP(operator_ask),	/* sql  operator_name_get */
		FLOW_STEP(operator_answer)),
	    .summary = "The vendor's name as buyers see it.",
	    .answer = "`{stored,effective,fallback_env}`, each null when there is none." },
	{ .method = POST, .path = "/v1/admin/settings/operator-name",
	    .scope = "master",
	    .body = FIELDS(
		{ "name", FIELD_TEXT, FIELD_REQUIRED, 0, 200,
		    .help = "Blank clears it: LICET_OPERATOR_NAME counts again." }),
	    .sql = &sql_operator_name_set,
	    .summary = "Store the vendor's name.",
	    .answer = "`{ok,operator_name|null}`." },
	ENDPOINT_END
};
/* clang-format on */
