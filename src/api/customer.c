/*
 * Customers, in and out of the portal: by a code or link that is mailed to
 * them, or by the key of a license, which opens that license alone.
 *
 * Whether an address is a customer's is not to be learned here: what is done
 * and answered is the same for all of them, and the letter is a job's.  A code
 * is known by the letter's id (`challenge'), its hash is keyed, and it is used
 * once, with its link.
 */
#include "api/api.h"

#include "base/stat.h"
#include "base/uuid.h"
#include "crypto/hmac.h"
#include "crypto/keyring.h"
#include "crypto/token.h"
#include "flow/bind.h"
#include "flow/customer.h"
#include "flow/key.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "mail/settings.h"
#include "pay/sealed.h"

#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define CODE_DIGITS	8
#define CODE_KEY	"customer_codes.code_hash"

struct entering {
	char		 token[TOKEN_SIZE];	/* the new session's */
	const char	*challenge;
};

/* Nobody's browser is made to sign in as somebody else. */
static enum flow_next
customer_check_site(struct flow *f)
{
	arena_wipe_later(&f->arena);
	return (session_check_site(f));
}

static const char *
hash_of(struct flow *f, const char *token)
{
	char	*hash = arena_alloc(&f->arena, TOKEN_HASH_HEX_SIZE);

	token_hash_hex(token, strlen(token), hash);
	return (hash);
}

/* Eight digits are soon guessed from a plain hash, so it is keyed. */
static const char *
code_hash(struct flow *f, const char *challenge, const char *code)
{
	char		*hash = arena_alloc(&f->arena, HMAC_SHA256_HEX_SIZE);
	const char	*text;
	uint8_t		 key[32];

	text = arena_printf(&f->arena, "%s %s", challenge, code);
	keyring_derive(bind_keyring(), CODE_KEY, key);
	hmac_sha256_hex(key, sizeof(key), text, strlen(text), hash);
	explicit_bzero(key, sizeof(key));
	return (hash);
}

/* ---- a letter ---- */

static const char *
new_challenge(struct flow *f)
{
	uint8_t	id[UUID_LEN];
	char	text[UUID_TEXT_LEN + 1];

	uuid_random(id);
	uuid_format(id, text);
	return (arena_strdup(&f->arena, text));
}

static const char *
new_code(struct flow *f)
{
	char	random[17];
	char	*code;

	token_new_hex(random, 8);
	code = arena_printf(&f->arena, "%0*llu", CODE_DIGITS,
	    strtoull(random, NULL, 16) % 100000000);
	explicit_bzero(random, sizeof(random));
	return (code);
}

static enum flow_next
letter_ask(struct flow *f)
{
	struct entering	*e = flow_state(f);
	const char	*code, *said;
	char		*link = arena_alloc(&f->arena, TOKEN_SIZE);

	if (!mail_is_on())
		return (flow_fail(f, ERR_NO_MAIL,
		    "No mail is sent from here; come with a license key."));
	e->challenge = new_challenge(f);
	code = new_code(f);
	token_new(link);
	said = arena_printf(&f->arena, "%s %s", code, link);
	return (FLOW_LOCKED_QUERY(f, customer_code_lock,
	    (.email = flow_text(f, "email")), customer_code_ask,
	    .email = flow_text(f, "email"), .id = e->challenge,
	    .code_hash = code_hash(f, e->challenge, code),
	    .token_hash = hash_of(f, link),
	    .sealed = pay_seal(&f->arena, bind_keyring(), PAY_SEALED_LETTER,
	    e->challenge, said)));
}

static enum flow_next
letter_answer(struct flow *f)
{
	struct entering	*e = flow_state(f);

	f->retry_after = (unsigned int)db_integer(flow_rows(f), 0, "wait", 0);
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, json_pack("{s:b,s:s,s:i}", "ok", 1,
	    "challenge", e->challenge, "expires_in", 900)));
}

/* ---- in ---- */

/* As it was typed: with a gap, from a letter.  NULL: no code looks so. */
static const char *
typed_code(struct flow *f)
{
	const char	*p = flow_text(f, "code");
	char		*code = arena_alloc(&f->arena, CODE_DIGITS + 1);
	size_t		 n = 0;

	for (; p != NULL && *p != '\0'; p++) {
		if (*p == ' ' || *p == '-')
			continue;
		if (*p < '0' || *p > '9' || n == CODE_DIGITS)
			return (NULL);
		code[n++] = *p;
	}
	return (n == CODE_DIGITS ? code : NULL);
}

static enum flow_next
refuse(struct flow *f, const char *why)
{
	stat_add(STAT_CUSTOMERS_WRONG, 1);
	return (flow_fail(f, ERR_UNAUTHORIZED, "%s", why));
}

#define NO_CODE								\
	"This is not the code, or it is over: five tries and fifteen "	\
	"minutes are all it has."
#define NO_LINK								\
	"This link is over: it is good for fifteen minutes, and once."
#define NO_KEY	"This license key opens nothing."

static enum flow_next
code_enter(struct flow *f)
{
	struct entering	*e = flow_state(f);
	const char	*code = typed_code(f);

	if (code == NULL)
		return (refuse(f, NO_CODE));
	token_new(e->token);
	return (FLOW_QUERY(f, customer_code_enter,
	    .challenge = flow_text(f, "challenge"),
	    .code_hash = code_hash(f, flow_text(f, "challenge"), code),
	    .token_hash = hash_of(f, e->token), .request_ip = f->client,
	    .user_agent = f->user_agent));
}

static enum flow_next
link_enter(struct flow *f)
{
	struct entering	*e = flow_state(f);

	token_new(e->token);
	return (FLOW_QUERY(f, customer_link_enter,
	    .link_hash = hash_of(f, flow_text(f, "token")),
	    .token_hash = hash_of(f, e->token), .request_ip = f->client,
	    .user_agent = f->user_agent));
}

/* The license that the pasted key names; NULL after a refusal. */
static const char *
pasted_license(struct flow *f)
{
	struct license_key	 key;
	const char		*id = NULL;

	if (key_read(f, flow_text(f, "license_key"), &key) == KEY_GOOD)
		id = key_license_id(f, &key);
	else
		(void)refuse(f, NO_KEY);
	flow_request_wipe(f);
	return (id);
}

static enum flow_next
key_enter(struct flow *f)
{
	struct entering	*e = flow_state(f);
	const char	*license = pasted_license(f);

	if (license == NULL)
		return (FLOW_DONE);
	token_new(e->token);
	return (FLOW_QUERY(f, customer_key_enter, .license_id = license,
	    .token_hash = hash_of(f, e->token), .request_ip = f->client,
	    .user_agent = f->user_agent));
}

static enum flow_next
entered(struct flow *f, const char *otherwise)
{
	struct entering		*e = flow_state(f);
	const struct db_rows	*r = flow_rows(f);

	if (db_rows_count(r) == 0)
		return (refuse(f, otherwise));
	stat_add(STAT_CUSTOMERS_IN, 1);
	customer_keep(f, e->token);
	return (flow_json(f, 200, json_pack("{s:b,s:s?,s:s?}", "ok", 1,
	    "email", db_text(r, 0, "email"), "license_id",
	    db_text(r, 0, "license_id"))));
}

static enum flow_next
code_entered(struct flow *f)
{
	return (entered(f, NO_CODE));
}

static enum flow_next
link_entered(struct flow *f)
{
	return (entered(f, NO_LINK));
}

static enum flow_next
key_entered(struct flow *f)
{
	return (entered(f, NO_KEY));
}

/* ---- again ---- */

static enum flow_next
confirm_by_code(struct flow *f)
{
	const char	*challenge = flow_text(f, "challenge");
	const char	*code = typed_code(f);

	if (challenge == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST, "challenge: is needed, "
		    "from POST /v1/portal/sign-in for the same address"));
	if (code == NULL)
		return (refuse(f, NO_CODE));
	return (FLOW_QUERY(f, customer_code_confirm, .challenge = challenge,
	    .code_hash = code_hash(f, challenge, code),
	    .email = f->session->customer->email,
	    .session_id = f->session->customer->session_id,
	    .actor_hash = f->actor_hash, .request_ip = f->client,
	    .user_agent = f->user_agent));
}

/* By what it was opened with: a key is shown in the portal itself. */
static enum flow_next
confirm_read(struct flow *f)
{
	const struct customer	*c = f->session->customer;
	const char		*license;

	arena_wipe_later(&f->arena);
	if (c->email != NULL)
		return (confirm_by_code(f));
	if (flow_text(f, "license_key") == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "license_key: is needed, since it opened this session"));
	if ((license = pasted_license(f)) == NULL)
		return (FLOW_DONE);
	if (strcmp(license, c->license_id))
		return (refuse(f, "This is another license's key."));
	return (FLOW_QUERY(f, customer_key_confirm, .license_id = license,
	    .session_id = c->session_id, .actor_hash = f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
confirm_answer(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (refuse(f, f->session->customer->email != NULL ?
		    NO_CODE : NO_KEY));
	return (flow_json(f, 200, json_pack("{s:b}", "ok", 1)));
}

/* ---- out ---- */

static enum flow_next
leave(struct flow *f)
{
	const char	*token = customer_token(f);

	customer_forget(f);
	if (token == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, customer_leave, .token_hash = hash_of(f, token),
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
leave_answer(struct flow *f)
{
	return (flow_json(f, 200, json_pack("{s:b}", "ok", 1)));
}

#define IN								\
	.method = POST, .limit = LIMIT_CUSTOMER, .repeatable = true,	\
	.state = sizeof(struct entering)
#define IN_ANSWER							\
	"`{ok,email|null,license_id|null}`, and the cookie `"		\
	CUSTOMER_COOKIE "`, for 24 hours after its last use, 30 days at "	\
	"most."

/* clang-format off */
const struct endpoint	api_customer[] = {
	{ IN, .path = "/v1/portal/sign-in",
	    .body = FIELDS(
		{ "email", FIELD_EMAIL, FIELD_REQUIRED,
		    .help = "The address that licenses were bought with." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(customer_check_site),
		FLOW_STEP(letter_ask),		/* sql  customer_code_ask */
		FLOW_STEP(letter_answer)),
	    .errors = "403 409 429",
	    .summary = "Ask for a letter with a code and a link, three an hour "
	        "for an address.",
	    .answer = "`{ok,challenge,expires_in}`, whether the address is a "
	        "customer's or not; only customers get a letter." },
	{ IN, .path = "/v1/portal/sign-in/code",
	    .body = FIELDS(
		{ "challenge", FIELD_UUID, FIELD_REQUIRED,
		    .help = "As answered when the letter was asked for." },
		{ "code", FIELD_TEXT, FIELD_REQUIRED, 1, 40,
		    .help = "Of the letter; blanks and dashes don't matter." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(customer_check_site),
		FLOW_STEP(code_enter),		/* sql  customer_code_enter */
		FLOW_STEP(code_entered)),
	    .errors = "401 403",
	    .summary = "Sign in by the code of a letter.",
	    .answer = IN_ANSWER },
	{ IN, .path = "/v1/portal/sign-in/link",
	    .body = FIELDS(
		{ "token", FIELD_TEXT, FIELD_REQUIRED, 1, 100,
		    .help = "Of the letter's link." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(customer_check_site),
		FLOW_STEP(link_enter),		/* sql  customer_link_enter */
		FLOW_STEP(link_entered)),
	    .errors = "401 403",
	    .summary = "Sign in by the link of a letter.",
	    .answer = IN_ANSWER },
	{ IN, .path = "/v1/portal/sign-in/key",
	    .body = FIELDS(
		{ "license_key", FIELD_TEXT, FIELD_REQUIRED, 1, 8192,
		    .help = "Of a license that isn't revoked." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(customer_check_site),
		FLOW_STEP(key_enter),		/* sql  customer_key_enter */
		FLOW_STEP(key_entered)),
	    .errors = "401 403",
	    .summary = "Sign in by a license's key, to that license alone.",
	    .answer = IN_ANSWER },
	{ .method = POST, .path = "/v1/portal/sign-out",
	    .limit = LIMIT_PORTAL, .repeatable = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(customer_check_site),
		FLOW_STEP(leave),		/* sql  customer_leave */
		FLOW_STEP(leave_answer)),
	    .errors = "403",
	    .summary = "Sign out.",
	    .answer = "`{ok:true}`; the session, if there is one, has ended." },
	{ .method = GET, .path = "/v1/portal/me", .scope = CUSTOMER_SCOPE,
	    .limit = LIMIT_PORTAL,
	    .sql = &sql_customer_me,
	    .summary = "Who one is in the portal.",
	    .answer = "`{email|null,license_id|null,signed_in_at,"
	        "confirmed_at,sessions}`: `sessions` is how many there are." },
	{ .method = POST, .path = "/v1/portal/confirm",
	    .scope = CUSTOMER_SCOPE, .limit = LIMIT_CUSTOMER, .repeatable = true,
	    .body = FIELDS(
		{ "challenge", FIELD_UUID,
		    .help = "Of a letter to the same address." },
		{ "code", FIELD_TEXT, 0, 1, 40, .help = "Of that letter." },
		{ "license_key", FIELD_TEXT, 0, 1, 8192,
		    .help = "Instead, if the session was opened by it." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(confirm_read),	/* sql  customer_code_confirm */
		FLOW_STEP(confirm_answer)),
	    .summary = "Give code or key again, for what wants it of the last "
	        "ten minutes.",
	    .answer = "`{ok:true}`." },
	{ .method = POST, .path = "/v1/portal/sessions/end-others",
	    .scope = CUSTOMER_SCOPE, .limit = LIMIT_PORTAL,
	    .sql = &sql_customer_end_others,
	    .summary = "End the customer's sessions but the one that asks.",
	    .answer = "`{ok,ended}`." },
	ENDPOINT_END
};
/* clang-format on */
