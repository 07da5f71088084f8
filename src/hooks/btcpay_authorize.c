/*
 * /v1/btcpay/authorize/callback: the vendor's browser comes back from BTCPay
 * Server's consent page with an API key.  The state in the address says for
 * which profile, once; without it nothing happens.
 *
 * The row comes first, unconnected; then the webhook, whose address has the
 * row's id; the last statement connects it.  Whoever dies on the way leaves
 * nothing half-connected, and a webhook that the next try finds by its URL.
 */
#include "hooks/hooks.h"

#include "base/conf.h"
#include "base/log.h"
#include "crypto/base32.h"
#include "crypto/sha256.h"
#include "crypto/token.h"
#include "flow/account.h"
#include "flow/bind.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/settle.h"
#include "flow/template.h"
#include "pay/btcpay_connect.h"
#include "pay/sealed.h"

#include "sql.h"
#include "templates.h"

#include <string.h>

#define SECRET_BYTES	32

struct consent {
	struct pay_account	 account;
	const char		*profile_id;
	const char		*actor_kind;	/* who began */
	const char		*actor_hash;	/* NULL: not told */
	bool			 is_scoped;
	struct btcpay_key	 key;
	const char		*store_name;
	const char		*hook_url;
	const char		*hook_id;
	const char		*seen;		/* the sealed secret of the row */
};

/* Without these there is nothing to sell with; the rest is for extras. */
static const char *const	needed[] = { "btcpay.store.canviewinvoices",
    "btcpay.store.cancreateinvoice", "btcpay.store.webhooks.canmodifywebhooks",
    NULL };

/* And without these, voided invoices stay payable, tips and refunds fail. */
static const char *const	extras[] = { "btcpay.store.canmodifyinvoices",
    "btcpay.store.canuselightningnode", "btcpay.store.cancreatepullpayments",
    NULL };

/* Takes the values. */
static enum flow_next
page(struct flow *f, int status, json_t *values)
{
	struct template	 t;
	char		*html;
	size_t		 len;

	template_init(&t, values);
	template_connect(&t);
	html = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, status, html, len));
}

/* What went wrong, for the person in front of the browser. */
static enum flow_next
refuse(struct flow *f, enum err fault, const char *why)
{
	LOG(LOG_NOTICE, "provider.not_connected", LS("kind", "btcpay"),
	    LS("reason", why));
	return (page(f, err_info(fault)->status, json_pack("{s:s}",
	    "refused", why)));
}

/* Of a statement; true: it refused. */
static bool
is_refused(struct flow *f)
{
	const char	*fault = db_text(flow_rows(f), 0, "fault");

	if (fault == NULL)
		return (false);
	refuse(f, err_by_code(fault), db_text(flow_rows(f), 0, "message"));
	return (true);
}

static enum flow_next
silent(struct flow *f)
{
	return (refuse(f, ERR_UPSTREAM, "BTCPay Server gave no answer that "
	    "makes sense. Begin again in a moment."));
}

static enum flow_next
callback_claim(struct flow *f)
{
	struct consent	*c = flow_state(f);
	const char	*state = flow_text(f, "state");
	const void	*body;
	char		 hash[SHA256_HEX_SIZE];
	size_t		 len;

	arena_wipe_later(&f->arena);
	body = flow_request_body(f, &len);
	c->account.api_key = flow_text(f, "apiKey");
	if (c->account.api_key == NULL)
		c->account.api_key = btcpay_read_consent(&f->arena, body, len);
	if (state == NULL)
		state = "";
	sha256_hex(state, strlen(state), hash);
	return (FLOW_QUERY(f, connect_claim,
	    .state_hash = arena_strdup(&f->arena, hash)));
}

static enum flow_next
callback_key(struct flow *f)
{
	struct consent	*c = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };
	const char	*id, *actor, *kind;

	id = db_text(flow_rows(f), 0, "merchant_profile_id");
	actor = db_text(flow_rows(f), 0, "initiator_actor_hash");
	kind = db_text(flow_rows(f), 0, "initiator_actor_kind");
	if (id == NULL)
		return (refuse(f, ERR_UNAUTHORIZED, "This link was used "
		    "already, or is older than 30 minutes."));
	if (flow_text(f, "error") != NULL)
		return (refuse(f, ERR_BAD_REQUEST, "BTCPay Server says that "
		    "you did not agree. Nothing was connected."));
	if (!btcpay_is_api_key(c->account.api_key))
		return (refuse(f, ERR_BAD_REQUEST, "BTCPay Server sent no API "
		    "key. Nothing was connected."));
	if (*conf.btcpay_url == '\0')
		return (refuse(f, ERR_NO_PROVIDER,
		    "LICET_BTCPAY_URL is not set any more."));
	c->profile_id = arena_strdup(&f->arena, id);
	c->actor_hash = actor == NULL ? NULL : arena_strdup(&f->arena, actor);
	c->actor_kind = actor == NULL ? "system" :
	    arena_strdup(&f->arena, kind);
	c->is_scoped = db_true(flow_rows(f), 0, "scoped_initiator");
	c->account.provider = &pay_btcpay;
	c->account.base_url = conf.btcpay_url;
	c->account.public_url = conf.btcpay_public_url;
	c->account.here = conf.public_url;
	btcpay_ask_key(&f->arena, &c->account, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
callback_stores(struct flow *f)
{
	struct consent		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_ask		 ask = { .sql = NULL };

	switch (btcpay_read_key(&f->arena, &answer, &c->key)) {
	case PAY_FAILED:
		return (silent(f));
	case PAY_NONE:
		return (refuse(f, ERR_BAD_REQUEST,
		    "BTCPay Server does not accept the API key."));
	default:
		btcpay_ask_stores(&f->arena, &c->account, &ask);
		return (settle_send(f, &ask));
	}
}

static enum flow_next	callback_prepare(struct flow *);

/* Strangers may connect play money only; others go straight on. */
static enum flow_next
callback_address(struct flow *f)
{
	struct consent		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_ask		 ask = { .sql = NULL };
	size_t			 i;

	switch (btcpay_read_stores(&f->arena, &answer, &c->account.store_id,
	    &c->store_name)) {
	case PAY_FAILED:
		return (silent(f));
	case PAY_NONE:
		return (refuse(f, ERR_BAD_REQUEST,
		    "The API key shows no store. Choose one and agree."));
	default:
		break;
	}
	for (i = 0; c->key.is_told && needed[i] != NULL; i++) {
		if (!btcpay_key_allows(&c->key, needed[i],
		    c->account.store_id))
			return (refuse(f, ERR_BAD_REQUEST, arena_printf(
			    &f->arena, "The API key lacks %s for the store "
			    "%s.", needed[i], c->store_name)));
	}
	if (!c->is_scoped)
		return (flow_skip_to(f, callback_prepare));
	btcpay_ask_address(&f->arena, &c->account, false, &ask);
	return (settle_send(f, &ask));
}

/* Before 2.0 the method had another name. */
static enum flow_next
callback_address_old(struct flow *f)
{
	struct consent	*c = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (flow_reply(f)->error != NULL || flow_reply(f)->status != 404)
		return (FLOW_NEXT);
	btcpay_ask_address(&f->arena, &c->account, true, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
callback_network(struct flow *f)
{
	struct pay_answer	 answer = settle_answer(f);
	const char		*address;

	if (btcpay_read_address(&f->arena, &answer, &address) != PAY_OK ||
	    !btcpay_is_test_address(address))
		return (refuse(f, ERR_BAD_REQUEST, "This store may receive "
		    "real bitcoin, which the key that began this may not "
		    "connect."));
	return (FLOW_NEXT);
}

static enum flow_next
callback_prepare(struct flow *f)
{
	struct consent	*c = flow_state(f);

	return (FLOW_QUERY(f, connect_prepare, .label = c->store_name,
	    .base_url = c->account.base_url, .store_id = c->account.store_id,
	    .merchant_profile_id = c->profile_id));
}

static enum flow_next
callback_secret(struct flow *f)
{
	struct consent		*c = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);
	const char		*secret = NULL;
	char			*made;

	if (is_refused(f))
		return (FLOW_DONE);
	c->account.id = arena_strdup(&f->arena, db_text(rows, 0,
	    "provider_id"));
	c->hook_url = arena_printf(&f->arena, "%s/v1/btcpay/webhook/%s",
	    conf.public_url, c->account.id);
	if (db_text(rows, 0, "webhook_secret") != NULL) {
		c->seen = arena_strdup(&f->arena, db_text(rows, 0,
		    "webhook_secret"));
		secret = pay_unseal(&f->arena, bind_keyring(),
		    PAY_SEALED_WEBHOOK_SECRET, c->account.id, c->seen);
	}
	c->account.webhook_secret = secret;
	if (secret != NULL)
		return (FLOW_NEXT);
	made = arena_alloc(&f->arena, BASE32_TEXT_LEN(SECRET_BYTES) + 1);
	token_new_base32(made, SECRET_BYTES);
	c->account.webhook_secret = made;
	return (FLOW_QUERY(f, connect_secret, .provider_id = c->account.id,
	    .seen = c->seen, .webhook_secret = account_seal_webhook_secret(f,
	    c->account.id, made)));
}

static enum flow_next
callback_hooks(struct flow *f)
{
	struct consent	*c = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (db_rows_count(flow_rows(f)) == 0)
		return (refuse(f, ERR_CONFLICT,
		    "This store is being connected by somebody else."));
	btcpay_ask_hooks(&f->arena, &c->account, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
callback_hook(struct flow *f)
{
	struct consent		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_ask		 ask = { .sql = NULL };

	if (btcpay_read_hooks(&f->arena, &answer, c->hook_url,
	    &c->hook_id) == PAY_FAILED)
		return (silent(f));
	btcpay_ask_hook(&f->arena, &c->account, c->hook_id, c->hook_url,
	    &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
callback_finish(struct flow *f)
{
	struct consent		*c = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	switch (btcpay_read_hook_id(&f->arena, &answer, &c->hook_id)) {
	case PAY_FAILED:
		return (silent(f));
	case PAY_NONE:
		return (refuse(f, ERR_BAD_REQUEST,
		    "BTCPay Server refuses to register the webhook."));
	default:
		break;
	}
	return (FLOW_QUERY(f, connect_finish, .provider_id = c->account.id,
	    .merchant_profile_id = c->profile_id, .label = c->store_name,
	    .public_url = c->account.public_url,
	    .webhook_id = c->hook_id,
	    .api_key = account_seal_api_key(f, c->account.id,
	    c->account.api_key),
	    .webhook_secret = account_seal_webhook_secret(f, c->account.id,
	    c->account.webhook_secret),
	    .actor_kind = c->actor_kind, .actor_hash = c->actor_hash,
	    .request_ip = f->client,
	    .user_agent = f->user_agent));
}

static enum flow_next
callback_done(struct flow *f)
{
	struct consent	*c = flow_state(f);
	json_t		*missing = json_array();
	size_t		 i;

	if (is_refused(f)) {
		json_decref(missing);
		return (FLOW_DONE);
	}
	for (i = 0; c->key.is_told && extras[i] != NULL; i++) {
		if (!btcpay_key_allows(&c->key, extras[i],
		    c->account.store_id))
			json_array_append_new(missing,
			    json_string(extras[i]));
	}
	LOG(LOG_NOTICE, "provider.connected", LS("kind", "btcpay"),
	    LS("provider", c->account.id));
	return (page(f, 200, json_pack("{s:b,s:b,s:s,s:s,s:s,s:o}",
	    "connected", 1, "lacks", json_array_size(missing) > 0,
	    "store", c->store_name, "server", c->account.base_url,
	    "profile", db_text(flow_rows(f), 0, "profile_name"),
	    "missing", missing)));
}

static const struct flow_step	steps[] = {
	FLOW_STEP(callback_claim),	/* sql   connect_claim */
	FLOW_STEP(callback_key),	/* call  the key's permissions */
	FLOW_STEP(callback_stores),	/* call  the stores it shows */
	FLOW_STEP(callback_address),	/* call  an address of the store */
	FLOW_STEP(callback_address_old),	/* call  the same, before 2.0 */
	FLOW_STEP(callback_network),
	FLOW_STEP(callback_prepare),	/* sql   connect_prepare */
	FLOW_STEP(callback_secret),	/* sql   connect_secret */
	FLOW_STEP(callback_hooks),	/* call  the store's webhooks */
	FLOW_STEP(callback_hook),	/* call  ours, made or changed */
	FLOW_STEP(callback_finish),	/* sql   connect_finish */
	FLOW_STEP(callback_done),
	{ NULL, NULL }
};

/* clang-format off */
#define STATE	{ "state", FIELD_TEXT, 0, 0, 200, .help = "As `connect` gave it; good for once." }

const struct endpoint	hooks_btcpay_authorize[] = {
	{ .method = POST, .path = "/v1/btcpay/authorize/callback",
	    .limit = LIMIT_PURCHASE, .raw_body = true,
	    .query = FIELDS(STATE),
	    .steps = steps, .state = sizeof(struct consent),
	    .hidden = true,
	    .summary = "Where the consent page sends the API key, as a form or JSON." },
	{ .method = GET, .path = "/v1/btcpay/authorize/callback",
	    .limit = LIMIT_PURCHASE,
	    .query = FIELDS(STATE,
		{ "apiKey", FIELD_TEXT, 0, 0, 200, .help = "The key." },
		{ "error", FIELD_TEXT, 0, 0, 500, .help = "There is none, and why." }),
	    .steps = steps, .state = sizeof(struct consent),
	    .hidden = true, .summary = "The same, by a link." },
	ENDPOINT_END
};
/* clang-format on */
