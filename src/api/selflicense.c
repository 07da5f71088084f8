/*
 * What this server itself is licensed for, and the license: stored, looked at
 * again, forgotten.  A key that is not in force is refused here; one that ends
 * later only lets the caps come back.
 */
#include "api/api.h"

#include "domain/selflicense.h"
#include "flow/bind.h"
#include "flow/respond.h"
#include "flow/selflicense.h"

#include "sql.h"

#include <stdlib.h>

static enum flow_next
license_ask(struct flow *f)
{
	return (flow_query_bound(f, &sql_self_license_get));
}

static enum flow_next
license_answer(struct flow *f)
{
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

static enum flow_next
license_told(struct flow *f)
{
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "told")));
}

static enum flow_next
license_store(struct flow *f)
{
	const char	*key = flow_text(f, "license_key"), *copy;
	json_t		*verdict;
	char		*text;

	arena_wipe_later(&f->arena);
	verdict = selflicense_judge(key);
	text = json_dumps(verdict, JSON_COMPACT);
	json_decref(verdict);
	if (text == NULL)
		abort();
	copy = arena_strdup(&f->arena, text);
	free(text);
	flow_last(f);
	return (FLOW_QUERY(f, self_license_store, .verdict = copy,
	    .trust_root = selflicense_root(),
	    .sealed_key = selflicense_seal(&f->arena, bind_keyring(), "stored",
	    key),
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
license_stored(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (license_answer(f));
}

/* clang-format off */
#define SELF_LICENSE	"/v1/admin/self-license"

const struct endpoint	api_selflicense[] = {
	{ .method = GET, .path = "/v1/admin/tier",
	    .scope = "tier:read",
	    .sql = &sql_tier_get,
	    .summary = "What this server is licensed for, and how much of it is used.",
	    .answer = "`{tier,tier_name,sandbox,entitlements,"
	        "usage:{products,active_codes},caps:{products|null,"
	        "policies_per_product|null,active_codes|null},next_tier|null,"
	        "upgrade_url|null}`; a cap that is null is none." },
	{ .method = GET, .path = SELF_LICENSE,
	    .scope = "tier:read",
	    .steps = FLOW_STEPS(
		FLOW_STEP(license_ask),		/* sql  self_license_get */
		FLOW_STEP(license_answer)),
	    .summary = "This server's own license, as it stands now.",
	    .answer = "`{tier:\"licensed\",license_id,product_id,expires_at,"
	        "entitlements,source}`, expires_at in seconds since 1970, 0 for "
	        "never, source `stored` or `environment`; or "
	        "`{tier:\"unlicensed\",reason}` with `no_trust_root`, "
	        "`no_license`, `bad_format`, `bad_signature`, `expired`, "
	        "`revoked` or `suspended`." },
	{ .method = POST, .path = SELF_LICENSE,
	    .scope = "master", .confirmed = true,
	    .body = FIELDS(
		{ "license_key", FIELD_TEXT, FIELD_REQUIRED, 0, 110000,
		    .help = "Signed by the trust root, and in force." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(license_store),	/* sql  self_license_store */
		FLOW_STEP(license_stored)),
	    .summary = "Store a license for this server; it counts before "
	        "LICET_LICENSE. A refusal is `license_invalid`, with `detail`.",
	    .answer = "`{ok,tier,message}`." },
	{ .method = POST, .path = SELF_LICENSE "/refresh",
	    .scope = "master", .repeatable = true,
	    .steps = FLOW_STEPS(
		SELFLICENSE_STEPS,
		FLOW_STEP(license_ask),		/* sql  self_license_get */
		FLOW_STEP(license_told)),
	    .summary = "Check this server's own license again, now.",
	    .answer = "`{ok,tier,message}`." },
	{ .method = DELETE, .path = SELF_LICENSE,
	    .scope = "master",
	    .sql = &sql_self_license_remove,
	    .errors = "404",
	    .summary = "Forget the stored license; LICET_LICENSE counts again.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
