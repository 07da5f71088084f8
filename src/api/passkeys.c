/*
 * Passkeys: those that are kept, how another is added, how one lets in, alone
 * or after the password.  Bytes are crypto/passkey.h's, the rules of being let
 * in flow/passkey.h's.
 */
#include "api/api.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/base64.h"
#include "crypto/sha256.h"
#include "flow/bind.h"
#include "flow/passkey.h"
#include "flow/respond.h"

#include "sql.h"

#include <stdlib.h>
#include <string.h>

/* For both ways of asking: what is to be signed, and by whom. */
struct asking {
	const char	*purpose;
	char		 challenge[TOKEN_SIZE];
};

static enum flow_next
ask(struct flow *f, const char *purpose, const char *bound_to)
{
	struct asking		*a = flow_state(f);
	struct passkey_site	 site;

	if (!passkey_here(f, &site))
		return (FLOW_DONE);
	a->purpose = purpose;
	return (FLOW_QUERY(f, passkey_ask, .purpose = purpose,
	    .bound_to = bound_to,
	    .challenge_hash = passkey_challenge(f, a->challenge)));
}

/* ---- to add one ---- */

static enum flow_next
create_ask(struct flow *f)
{
	return (ask(f, "register", f->actor_hash));
}

/* One for all who sign in: by it a device tells an old one from a new one. */
static json_t *
user(const struct passkey_site *s)
{
	uint8_t	hash[SHA256_LEN];
	char	id[BASE64_SIZE(SHA256_LEN)];

	sha256(s->origin, strlen(s->origin), hash);
	base64_url_encode(id, hash, sizeof(hash));
	return (json_pack("{s:s,s:s,s:s}", "id", id, "name", "dashboard",
	    "displayName", "Licet dashboard"));
}

static enum flow_next
create_answer(struct flow *f)
{
	struct asking		*a = flow_state(f);
	struct passkey_site	 site;

	if (flow_refused(f) || !passkey_here(f, &site))
		return (FLOW_DONE);
	return (flow_json(f, 200, json_pack("{s:{s:s,s:{s:s,s:s},s:o,"
	    "s:[{s:s,s:i},{s:s,s:i}],s:i,s:o,s:{s:s,s:s},s:s,s:{s:b}}}",
	    "publicKey", "challenge", a->challenge,
	    "rp", "id", site.id, "name", "Licet", "user", user(&site),
	    "pubKeyCredParams", "type", "public-key", "alg", PASSKEY_ES256,
	    "type", "public-key", "alg", PASSKEY_EDDSA, "timeout", 300000,
	    "excludeCredentials",
	    json_loads(db_text(flow_rows(f), 0, "named"), 0, NULL),
	    "authenticatorSelection", "residentKey", "preferred",
	    "userVerification", "preferred", "attestation", "none",
	    "extensions", "credProps", 1)));
}

/* What a browser says of how the passkey is reached: hints, no more. */
static const char *
transports(struct flow *f, const json_t *response)
{
	static const char	*known[] = { "ble", "hybrid", "internal", "nfc",
				    "smart-card", "usb" };
	const json_t		*one, *given;
	const char		*list = "";
	size_t			 i, k;

	given = json_object_get(response, "transports");
	for (k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		json_array_foreach(given, i, one) {
			if (!json_is_string(one) ||
			    strcmp(json_string_value(one), known[k]))
				continue;
			list = arena_printf(&f->arena, "%s%s\"%s\"", list,
			    *list == '\0' ? "" : ",", known[k]);
			break;
		}
	}
	return (arena_printf(&f->arena, "[%s]", list));
}

/* Unless the browser says that it can't be found without being named. */
static bool
is_found(const json_t *credential)
{
	const json_t	*props;

	props = json_object_get(json_object_get(credential,
	    "clientExtensionResults"), "credProps");
	return (!json_is_false(json_object_get(props, "rk")));
}

static const char *
hex_of(struct flow *f, const void *bytes, size_t len)
{
	char	*hex = arena_alloc(&f->arena, 2 * len + 1);

	text_hex(bytes, len, hex);
	return (hex);
}

static enum flow_next
add_keep(struct flow *f, const char *challenge, const struct passkey_made *m)
{
	const json_t	*c = json_object_get(f->body, "credential");
	char		*hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);

	token_hash_hex(challenge, TOKEN_LEN, hash);
	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, passkey_lock, (.none = NULL), passkey_add,
	    .challenge_hash = hash, .name = flow_text(f, "name"),
	    .credential_id = hex_of(f, m->id, m->id_len),
	    .algorithm = arena_printf(&f->arena, "%d", m->key.algorithm),
	    .public_key = hex_of(f, m->key.bytes, m->key.len),
	    .sign_count = arena_printf(&f->arena, "%u", m->sign_count),
	    .transports = transports(f, json_object_get(c, "response")),
	    .alone = m->verified && is_found(c) ? "true" : "false",
	    .actor_kind = f->actor_kind, .actor_hash = f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
add_check(struct flow *f)
{
	const json_t		*c = json_object_get(f->body, "credential");
	const json_t		*r = json_object_get(c, "response");
	const void		*client, *data;
	const char		*why;
	struct passkey_site	 site;
	struct passkey_made	*made;
	char			 challenge[TOKEN_SIZE];
	size_t			 client_len, data_len;

	if (!passkey_here(f, &site))
		return (FLOW_DONE);
	client = passkey_bytes(f, r, "clientDataJSON", &client_len);
	data = passkey_bytes(f, r, "authenticatorData", &data_len);
	if (client == NULL || data == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "No passkey was made."));
	made = arena_alloc(&f->arena, sizeof(*made));
	why = passkey_client_check(client, client_len, PASSKEY_CREATE, &site,
	    challenge);
	if (why == NULL)
		why = passkey_made_read(data, data_len, &site, made);
	if (why != NULL)
		return (flow_fail(f, ERR_BAD_REQUEST, "%s", why));
	return (add_keep(f, challenge, made));
}

static enum flow_next
add_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* ---- to sign in, and again ---- */

static enum flow_next
alone_ask(struct flow *f)
{
	return (ask(f, "alone", NULL));
}

static enum flow_next
again_ask(struct flow *f)
{
	if (f->session == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "Only sessions are confirmed."));
	return (ask(f, "confirm", f->actor_hash));
}

/* A stranger is not told which passkeys there are. */
static enum flow_next
ask_answer(struct flow *f)
{
	struct asking	*a = flow_state(f);
	const char	*options;

	if (flow_refused(f))
		return (FLOW_DONE);
	options = passkey_options(f, a->challenge, f->session == NULL ? NULL :
	    db_text(flow_rows(f), 0, "named"), true);
	return (options == NULL ? FLOW_DONE : flow_json_text(f, 200, options));
}

static enum flow_next
again_read(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	if (f->session == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "Only sessions are confirmed."));
	t->confirms = true;
	return (FLOW_NEXT);
}

static enum flow_next
try_answer(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	if (t->result != PASSKEY_IN)
		return (flow_fail(f, ERR_UNAUTHORIZED, "%s", t->why));
	return (flow_send(f, 204, "text/plain", NULL, 0));
}

/* clang-format off */
#define ADMIN(m, p)							\
	.method = m, .path = "/v1/admin/passkeys" p, .scope = "master"
#define CREDENTIAL							\
	{ "credential", FIELD_OBJECT, FIELD_REQUIRED,			\
	    .help = "What the browser made of it: the `PublicKeyCredential`’s `toJSON()`." }
#define PASSKEY								\
	"{id,name,algorithm,alone,transports,sign_count,created_at,"	\
	"last_used_at|null}"

const struct endpoint	api_passkeys[] = {
	{ ADMIN(GET, ""),
	    .sql = &sql_passkey_list,
	    .summary = "Passkeys of the web login, and what signing in takes.",
	    .answer = "`{passkeys:[" PASSKEY "],at_most,mode}`; `alone`: also good without the "
	        "password." },
	{ ADMIN(GET, "/:id"),
	    .sql = &sql_passkey_get,
	    .summary = "A passkey.",
	    .answer = "`" PASSKEY "`." },
	{ ADMIN(POST, "/begin"), .confirmed = true, .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(create_ask),		/* sql  passkey_ask */
		FLOW_STEP(create_answer)),
	    .state = sizeof(struct asking),
	    .errors = "409",
	    .summary = "What `navigator.credentials.create()` takes; good for five minutes, "
	        "once.",
	    .answer = "`{publicKey:{…}}`, bytes in base64url." },
	{ ADMIN(POST, ""), .confirmed = true,
	    .body = FIELDS(
		{ "name", FIELD_NAME, FIELD_REQUIRED, 1, 200,
		    .help = "For you: whose, or on which device." },
		CREDENTIAL),
	    .steps = FLOW_STEPS(
		FLOW_STEP(add_check),		/* sql  passkey_add */
		FLOW_STEP(add_answer)),
	    .errors = "409",
	    .summary = "Keep a passkey that was made; 20 at most.",
	    .answer = "`" PASSKEY "`." },
	{ ADMIN(PATCH, "/:id"),
	    .body = FIELDS(
		{ "name", FIELD_NAME, FIELD_REQUIRED, 1, 200, .help = "For you." }),
	    .sql = &sql_passkey_rename,
	    .summary = "Give a passkey another name.",
	    .answer = "`" PASSKEY "`." },
	{ ADMIN(DELETE, "/:id"), .confirmed = true,
	    .sql = &sql_passkey_delete, .lock = &sql_passkey_lock,
	    .summary = "Delete a passkey; with the last one the password is enough again.",
	    .answer = "`{ok:true}`." },
	{ .method = POST, .path = "/v1/admin/settings/sign-in", .scope = "master",
	    .confirmed = true,
	    .body = FIELDS(
		{ "mode", FIELD_CHOICE, FIELD_REQUIRED,
		    .choices = "password_or_passkey|password_and_passkey",
		    .help = "Both: sessions that began with less end, but the one that asks." }),
	    .sql = &sql_passkey_mode_set, .lock = &sql_passkey_lock,
	    .errors = "409",
	    .summary = "What signing in takes: one of the two, or both.",
	    .answer = "`{ok,mode}`." },
	{ .method = POST, .path = PASSKEY_ASK_PATH, .limit = LIMIT_RECOVER,
	    .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(alone_ask),		/* sql  passkey_ask */
		FLOW_STEP(ask_answer)),
	    .state = sizeof(struct asking),
	    .errors = "404 409",
	    .summary = "What `navigator.credentials.get()` takes, to log in without a password.",
	    .answer = "`{publicKey:{…}}`, bytes in base64url. 409: the password comes first; "
	        "`POST /admin/login` answers with the same." },
	{ .method = POST, .path = "/admin/login/passkey", .limit = LIMIT_LOGIN,
	    .repeatable = true,
	    .body = FIELDS(CREDENTIAL),
	    .steps = FLOW_STEPS(
		PASSKEY_STEPS,
		FLOW_STEP(try_answer)),
	    .state = sizeof(struct passkey_try),
	    .is_empty = true,
	    .errors = "401 409",
	    .summary = "Log in by what a passkey signed.",
	    .answer = "204, and the cookie of a login by password." },
	{ .method = POST, .path = PASSKEY_ASK_AGAIN_PATH, .scope = "master",
	    .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(again_ask),		/* sql  passkey_ask */
		FLOW_STEP(ask_answer)),
	    .state = sizeof(struct asking),
	    .errors = "400 404 409",
	    .summary = "What `navigator.credentials.get()` takes, to confirm a session.",
	    .answer = "`{publicKey:{…}}`, bytes in base64url." },
	{ .method = POST, .path = "/v1/admin/confirm/passkey", .scope = "master",
	    .limit = LIMIT_LOGIN, .repeatable = true,
	    .body = FIELDS(CREDENTIAL),
	    .steps = FLOW_STEPS(
		FLOW_STEP(again_read),
		PASSKEY_STEPS,
		FLOW_STEP(try_answer)),
	    .state = sizeof(struct passkey_try),
	    .is_empty = true,
	    .errors = "401 409",
	    .summary = "Confirm a session by a passkey, as by its password.",
	    .answer = "204." },
	ENDPOINT_END
};
/* clang-format on */
