/*
 * Scoped API keys.  A key's token is in the answer that makes it and nowhere
 * else: the database has its hash.  What a role may is in domain/role.c.
 */
#include "api/api.h"

#include "crypto/token.h"
#include "domain/role.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

#define PREFIX	"ks_"

struct making {
	const char	*token;
};

static enum flow_next
key_make(struct flow *f)
{
	struct making	*m = flow_state(f);
	char		 random[TOKEN_SIZE], *hash;

	arena_wipe_later(&f->arena);
	token_new(random);
	m->token = arena_printf(&f->arena, PREFIX "%s", random);
	explicit_bzero(random, sizeof(random));
	hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);
	token_hash_hex(m->token, strlen(m->token), hash);
	flow_last(f);
	return (FLOW_QUERY(f, api_key_create, .label = flow_text(f, "label"),
	    .role = flow_text(f, "role"), .scopes = flow_text(f, "scopes"),
	    .extra_scope = ROLE_EXTRA_SCOPE, .token_hash = hash,
	    .actor_kind = f->actor_kind, .actor_hash = f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
key_made(struct flow *f)
{
	struct making		*m = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);

	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, json_pack("{s:s,s:s,s:s,s:o,s:s,s:s}",
	    "id", db_text(rows, 0, "id"), "label", flow_text(f, "label"),
	    "role", flow_text(f, "role"), "scopes",
	    json_loads(db_text(rows, 0, "scopes"), 0, NULL), "created_at",
	    db_text(rows, 0, "created_at"), "token", m->token)));
}

/* clang-format off */
#define ADMIN(m, p)							\
	.method = m, .path = "/v1/admin/api-keys" p, .scope = "master"

const struct endpoint	api_keys[] = {
	{ ADMIN(POST, ""), .confirmed = true,
	    .body = FIELDS(
		{ "label", FIELD_NAME, FIELD_REQUIRED, 1, 320,
		    .help = "For you; 80 characters at most." },
		{ "role", FIELD_CHOICE, FIELD_REQUIRED, .choices = ROLE_NAMES,
		    .help = "What it may: see [Roles](#roles)." },
		{ "scopes", FIELD_TEXTS, 0, 1, 40,
		    .help = "Beyond its role; `" ROLE_EXTRA_SCOPE "` only." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(key_make),		/* sql  api_key_create */
		FLOW_STEP(key_made)),
	    .state = sizeof(struct making),
	    .summary = "Make a key that may less than the master key.",
	    .answer = "`{id,label,role,scopes[],created_at,token}`; `token` is "
	        "shown this once." },
	{ ADMIN(GET, ""),
	    .query = FIELDS(
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_api_key_list,
	    .summary = "Keys, newest first, revoked ones too.",
	    .answer = "`{api_keys:[{id,label,role,scopes[],created_at,"
	        "last_used_at|null,revoked_at|null}],next_cursor}`; "
	        "`last_used_at` is right to the minute." },
	{ ADMIN(GET, "/:id"),
	    .sql = &sql_api_key_get,
	    .summary = "One key.",
	    .answer = "As in the list, with `actor_hash`: the audit trail's name "
	        "for it." },
	{ ADMIN(DELETE, "/:id"),
	    .sql = &sql_api_key_revoke,
	    .summary = "Revoke a key: it opens nothing from now on.",
	    .answer = "`{ok,revoked_at}`, or `{ok,already_revoked:true}`." },
	ENDPOINT_END
};
/* clang-format on */
