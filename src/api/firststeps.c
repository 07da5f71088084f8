/* What a new server still lacks; the dashboard leads from one to the next. */
#include "api/api.h"

#include "base/conf.h"
#include "flow/respond.h"

#include "sql.h"

static enum flow_next
steps_ask(struct flow *f)
{
	return (FLOW_QUERY(f, first_steps, .none = NULL));
}

static enum flow_next
steps_answer(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	bool			 name, provider, product, policy, sold;

	name = db_true(r, 0, "operator_name") || *conf.operator_name != '\0';
	provider = db_true(r, 0, "provider");
	product = db_true(r, 0, "product");
	policy = db_true(r, 0, "policy");
	sold = db_true(r, 0, "sold");
	return (flow_json(f, 200, json_pack("{s:b,s:b,s:b,s:b,s:b,s:b,s:b}",
	    "is_open", !db_true(r, 0, "is_old") && !(name && provider &&
	    product && policy && sold), "operator_name", name,
	    "provider", provider, "sandbox", db_true(r, 0, "sandbox"),
	    "product", product, "policy", policy, "sold", sold)));
}

/* clang-format off */
const struct endpoint	api_firststeps[] = {
	{ .method = GET, .path = "/v1/admin/first-steps",
	    .scope = "settings:read",
	    .steps = FLOW_STEPS(
		FLOW_STEP(steps_ask),		/* sql  first_steps */
		FLOW_STEP(steps_answer)),
	    .summary = "What a new server has of what it needs to sell.",
	    .answer = "`{is_open,operator_name,provider,sandbox,product,policy,"
	        "sold}`: whether there is one; `is_open` while one is lacking "
	        "(the sandbox is none), for the first 30 days of licenses." },
	ENDPOINT_END
};
/* clang-format on */
