/*
 * Who may use the API and the dashboard: scoped keys, whose token is shown
 * once, and the sessions of those who signed in.
 */
#include "pages/page.h"
#include "pages/pages.h"

#define ROLES_BRIEF							\
	"read-only=quiet=Reads|license-issuer=quiet=Licenses|"		\
	"support=quiet=Support|merchant-onboard=quiet=Catalogue|"	\
	"full-admin=warn=Everything"

/* clang-format off */
static const struct column	key_list[] = {
	{ "Label", "label", .link = "/admin/keys/{id}" },
	{ "Role", "role", CELL_BADGE, ROLES_BRIEF },
	{ "Last used", "last_used_at", CELL_TIME, "Never" },
	{ "Made", "created_at", CELL_TIME },
	{ "Revoked", "revoked_at", CELL_TIME, "No" },
	{ 0 }
};

static const struct column	key_facts[] = {
	{ "Role", "role", CELL_BADGE, ROLES_BRIEF },
	{ "Besides", "scopes", CELL_LIST },
	{ "Last used", "last_used_at", CELL_TIME, "Never" },
	{ "Made", "created_at", CELL_TIME },
	{ "Revoked", "revoked_at", CELL_TIME, "No" },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct column	did[] = {
	{ "When", "occurred_at", CELL_TIME },
	{ "What", "action", .link = "/admin/audit/{id}?at={occurred_at}" },
	{ "About", "target_id", CELL_CODE, .link = "/admin/audit?target_id={target_id}" },
	{ "From", "request_ip" },
	{ 0 }
};

static const struct column	token[] = {
	{ "Token", "token", CELL_CODE },
	{ "Label", "label" },
	{ "Role", "role", CELL_BADGE, ROLES_BRIEF },
	{ "Besides", "scopes", CELL_LIST },
	{ 0 }
};

static const struct input	key_new[] = {
	{ "label", "Label", .hint = "Who or what it is for." },
	{ "role", "Role", INPUT_CHOICE, .with =
	    "read-only=Reads: everything but what is the master key’s alone|"
	    "license-issuer=Licenses: also issues, revokes and suspends them|"
	    "support=Support: also changes licenses, subscriptions and machines|"
	    "merchant-onboard=Catalogue: also changes products, policies and licenses|"
	    "full-admin=Everything but payment providers and what is the master key’s alone",
	    .hint = "All of them read." },
	{ "scopes", "Payment providers", INPUT_CHOICE, .with = "=May not connect any|"
	    "payment_providers:write=May connect them", .hint = "Whoever connects one says "
	    "where the money goes." },
	{ 0 }
};

static const struct column	session_list[] = {
	{ "Browser", "user_agent", .with = "Unknown" },
	{ "From", "ip" },
	{ "Which", "current", CELL_BADGE, "true=good=This one|false=quiet=Another" },
	{ "Last seen", "last_seen_at", CELL_TIME },
	{ "Signed in", "created_at", CELL_TIME },
	{ "Password typed", "reauthenticated_at", CELL_TIME },
	{ "End", "-", .with = "End it", .link = "/admin/sessions/{id}/end" },
	{ 0 }
};

#define ONE_KEY		{ "key", "GET /v1/admin/api-keys/{at.id}" }

const struct endpoint	pages_keys[] = {
	PAGE("/admin/keys",
	    .title = "API keys", .section = "keys",
	    .sources = SOURCES({ "keys", "GET /v1/admin/api-keys?limit=50", .filtered = true }),
	    .actions = ACTIONS({ "New key", "/admin/keys/new", "first" }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "keys.api_keys", .columns = key_list,
	        .empty = "The master key is the only one. A key of its own for each program and "
	        "person may only what it must, is named in the audit trail, and can be revoked "
	        "alone.",
	        .first = { "Make a key", "/admin/keys/new" } })),
	FORM("/admin/keys/new",
	    .title = "New API key", .section = "keys", .up = "/admin/keys", .up_title = "API keys",
	    .form = &(const struct form){
		.call = "POST /v1/admin/api-keys", .inputs = key_new, .submit = "Make the key",
		.then = "/admin/keys/{answer.id}", .shown = token, .shown_title = "The key" }),
	PAGE("/admin/keys/:id",
	    .title = "{key.label}", .section = "keys", .up = "/admin/keys", .up_title = "API keys",
	    .sources = SOURCES(ONE_KEY,
		{ "audit", "GET /v1/admin/audit?by_hash={key.actor_hash}&limit=10" }),
	    .actions = ACTIONS({ "Revoke", "/admin/keys/{at.id}/revoke", "danger",
	        .when = "!key.revoked_at" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .from = "key", .columns = key_facts },
		{ BLOCK_LIST, "What it changed", "audit.entries", did,
		    .empty = "It has changed nothing so far. What a key only reads is not kept.",
		    .more = { "All of it", "/admin/audit?by_hash={key.actor_hash}" } })),
	FORM("/admin/keys/:id/revoke",
	    .title = "Revoke {key.label}", .section = "keys", .up = "/admin/keys/{at.id}",
	    .up_title = "{key.label}",
	    .sources = SOURCES(ONE_KEY),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/api-keys/{at.id}",
		.intro = "Whatever uses this key is refused from now on. It can’t be taken back; a "
		    "new key is made quickly.",
		.submit = "Revoke the key", .danger = true, .then = "/admin/keys/{at.id}",
		.said = "revoked" }),

	PAGE("/admin/sessions",
	    .title = "Sessions", .section = "settings", .up = "/admin/settings",
	    .up_title = "Settings",
	    .sources = SOURCES({ "sessions", "GET /v1/admin/sessions?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS({ "End all others", "/admin/sessions/end-others" }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "sessions.sessions",
	        .columns = session_list, .empty = "Nobody is signed in." })),
	FORM("/admin/sessions/:id/end",
	    .title = "End a session", .section = "settings", .up = "/admin/sessions",
	    .up_title = "Sessions",
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/sessions/{at.id}",
		.intro = "Whoever has it must sign in again. If it is your own, so must you.",
		.submit = "End the session", .then = "/admin/sessions", .said = "ended" }),
	FORM("/admin/sessions/end-others",
	    .title = "End all other sessions", .section = "settings", .up = "/admin/sessions",
	    .up_title = "Sessions",
	    .form = &(const struct form){
		.call = "POST /v1/admin/sessions/end-others",
		.intro = "Everybody but you, in this browser, must sign in again. Who knows the "
		    "password still can: set another if you are not sure.",
		.submit = "End all others", .then = "/admin/sessions", .said = "ended" }),
	ENDPOINT_END
};
/* clang-format on */
