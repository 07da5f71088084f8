#include "flow/passkey.h"

#include "base/conf.h"
#include "base/stat.h"
#include "base/text.h"
#include "crypto/base64.h"
#include "flow/form.h"
#include "flow/respond.h"
#include "flow/session.h"

#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS	300000	/* as long as the challenge is good */
#define FIELD_MAX	16384	/* characters of one member */

/* ---- the site ---- */

bool
passkey_here(struct flow *f, struct passkey_site *s)
{
	if (passkey_site(conf.public_url, s))
		return (true);
	flow_fail(f, ERR_CONFLICT, "Browsers have passkeys for names over "
	    "https only: LICET_PUBLIC_URL must be such a one.");
	return (false);
}

/* ---- what is to be signed ---- */

const char *
passkey_challenge(struct flow *f, char challenge[TOKEN_SIZE])
{
	char	*hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);

	token_new(challenge);
	token_hash_hex(challenge, TOKEN_LEN, hash);
	return (hash);
}

const char *
passkey_options(struct flow *f, const char *challenge, const char *named,
    bool verified)
{
	struct passkey_site	 site;
	const char		*copy;
	json_t			*j;
	char			*text;

	if (!passkey_here(f, &site))
		return (NULL);
	j = json_pack("{s:{s:s,s:s,s:i,s:s,s:o}}", "publicKey",
	    "challenge", challenge, "rpId", site.id, "timeout", PATIENCE_MS,
	    "userVerification", verified ? "required" : "preferred",
	    "allowCredentials", named == NULL ? json_array() :
	    json_loads(named, 0, NULL));
	text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (text == NULL) {
		flow_fail(f, ERR_INTERNAL, "The answer is lost.");
		return (NULL);
	}
	copy = arena_strdup(&f->arena, text);
	free(text);
	return (copy);
}

/* ---- what came ---- */

const void *
passkey_bytes(struct flow *f, const json_t *object, const char *name,
    size_t *len)
{
	const char	*text = json_text(object, name);
	void		*bytes;

	*len = 0;
	if (text == NULL || *text == '\0' || strlen(text) > FIELD_MAX)
		return (NULL);
	bytes = arena_alloc(&f->arena, strlen(text));
	return (base64_url_decode(text, bytes, strlen(text), len) ? bytes :
	    NULL);
}

void
passkey_read_form(struct flow *f)
{
	const char	*text = form_text(f, "credential");
	char		 why[96];
	json_t		*j;

	j = json_read(text, strlen(text), why, sizeof(why));
	json_decref(f->body);
	f->body = json_pack("{s:o*}", "credential", j);
}

/* Into t->given; false: it is no credential that signed something. */
static bool
read_given(struct flow *f, struct passkey_try *t)
{
	const json_t	*c = json_object_get(f->body, "credential");
	const json_t	*r = json_object_get(c, "response");
	const void	*id;
	char		*hex;
	size_t		 len;

	id = passkey_bytes(f, c, "rawId", &len);
	t->given.client = passkey_bytes(f, r, "clientDataJSON",
	    &t->given.client_len);
	t->given.data = passkey_bytes(f, r, "authenticatorData",
	    &t->given.data_len);
	t->given.signature = passkey_bytes(f, r, "signature",
	    &t->given.signature_len);
	if (id == NULL || len > PASSKEY_ID_MAX || t->given.client == NULL ||
	    t->given.data == NULL || t->given.signature == NULL)
		return (false);
	hex = arena_alloc(&f->arena, 2 * len + 1);
	text_hex(id, len, hex);
	t->credential_id = hex;
	return (true);
}

/* ---- who is let in ---- */

static const char *
actor(const struct flow *f)
{
	return (f->session == NULL ? NULL : f->actor_hash);
}

enum flow_next
passkey_take(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);
	struct passkey_site	 site;
	char			*hash;

	if (!passkey_here(f, &site))
		return (FLOW_DONE);
	if (!read_given(f, t)) {
		t->why = "No passkey answered.";
		return (FLOW_NEXT);
	}
	t->why = passkey_client_check(t->given.client, t->given.client_len,
	    PASSKEY_GET, &site, t->challenge);
	if (t->why != NULL)
		return (FLOW_NEXT);
	hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);
	token_hash_hex(t->challenge, TOKEN_LEN, hash);
	return (FLOW_QUERY(f, passkey_use, .challenge_hash = hash,
	    .confirms = t->confirms ? "true" : "false",
	    .actor_hash = actor(f), .credential_id = t->credential_id));
}

/* The key that the row has; false: none is known by that id. */
static bool
read_key(const struct db_rows *rows, struct passkey_key *k)
{
	const char	*hex = db_text(rows, 0, "public_key");

	memset(k, 0, sizeof(*k));
	k->algorithm = (int)db_integer(rows, 0, "algorithm", 0);
	for (; hex != NULL && k->len < sizeof(k->bytes) && hex[0] != '\0' &&
	    hex[1] != '\0'; hex += 2)
		k->bytes[k->len++] = (uint8_t)(text_hex_value(hex[0]) << 4 |
		    text_hex_value(hex[1]));
	return (k->len > 0);
}

/* Alone it must have asked who is there; after the password it need not. */
static const char *
judge(struct flow *f, struct passkey_try *t, uint32_t *sign_count)
{
	const struct db_rows	*rows = flow_rows(f);
	struct passkey_site	 site;
	struct passkey_key	 key;

	if (db_rows_count(rows) == 0)
		return ("This answers no request of the last five minutes, or "
		    "was sent before; try again.");
	if (!read_key(rows, &key))
		return ("This passkey is not known here.");
	(void)passkey_site(conf.public_url, &site);
	return (passkey_signed_check(&t->given, &key, &site,
	    strcmp(db_text(rows, 0, "purpose"), "second") != 0, sign_count));
}

static enum flow_next
begin(struct flow *f, struct passkey_try *t, const char *sign_count)
{
	const struct db_rows	*rows = flow_rows(f);
	const char		*id, *bound_to;
	char			*hash;

	id = arena_strdup(&f->arena, db_text(rows, 0, "id"));
	if (t->confirms)
		return (FLOW_QUERY(f, passkey_confirm, .id = id,
		    .sign_count = sign_count, .actor_hash = actor(f),
		    .request_ip = f->client, .user_agent = f->user_agent));
	bound_to = db_text(rows, 0, "bound_to");
	if (bound_to != NULL)
		bound_to = arena_strdup(&f->arena, bound_to);
	arena_wipe_later(&f->arena);
	token_new(t->token);
	hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);
	token_hash_hex(t->token, TOKEN_LEN, hash);
	return (FLOW_LOCKED_QUERY(f, passkey_share, (.none = NULL),
	    passkey_begin, .id = id, .sign_count = sign_count,
	    .bound_to = bound_to, .token_hash = hash, .actor_hash = actor(f),
	    .request_ip = f->client, .user_agent = f->user_agent));
}

enum flow_next
passkey_judge(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);
	uint32_t		 count = 0;

	if (t->why == NULL)
		t->why = judge(f, t, &count);
	if (t->why == NULL)
		return (begin(f, t, arena_printf(&f->arena, "%u", count)));
	return (FLOW_QUERY(f, passkey_refuse, .actor_hash = actor(f),
	    .request_ip = f->client, .user_agent = f->user_agent,
	    .why = t->why));
}

enum flow_next
passkey_end(struct flow *f)
{
	struct passkey_try	*t = flow_state(f);

	if (t->why == NULL && db_true(flow_rows(f), 0, "is_in")) {
		t->result = PASSKEY_IN;
		if (!t->confirms)
			session_keep(f, t->token);
	} else if (t->why == NULL) {
		t->why = db_true(flow_rows(f), 0, "is_counted") ?
		    "Something changed meanwhile; try again." :
		    "This passkey counts backwards: there may be a copy of "
		    "it.  Delete it.";
	}
	stat_add(t->result == PASSKEY_IN ? STAT_LOGINS_OK :
	    STAT_LOGINS_WRONG, 1);
	return (FLOW_NEXT);
}
