/*
 * Payment providers, as the vendor connects and disconnects them.  A BTCPay
 * server is connected in two parts: here the vendor gets a link to its consent
 * page, which comes back to hooks/btcpay_authorize.c.
 */
#include "api/api.h"

#include "api/disconnect.h"
#include "base/conf.h"
#include "base/uuid.h"
#include "crypto/base32.h"
#include "crypto/sha256.h"
#include "crypto/token.h"
#include "domain/selflicense.h"
#include "flow/account.h"
#include "flow/respond.h"
#include "flow/settle.h"
#include "pay/btcpay_connect.h"

#include "sql.h"

#include <string.h>

#define STATE_BYTES		20
#define ZAPRITE_URL		"https://api.zaprite.com"
#define ZAPRITE_TIMEOUT_MS	8000

/* ---- connecting a BTCPay server ---- */

struct connect {
	char	state[BASE32_TEXT_LEN(STATE_BYTES) + 1];
};

static enum flow_next
connect_begin(struct flow *f)
{
	struct connect	*c = flow_state(f);
	char		 hash[SHA256_HEX_SIZE];

	if (f->role != NULL && conf_is_production())
		return (flow_fail(f, ERR_FORBIDDEN,
		    "In production the master key alone connects."));
	if (*conf.btcpay_url == '\0')
		return (flow_fail(f, ERR_NO_PROVIDER, "LICET_BTCPAY_URL says "
		    "which BTCPay server to connect; it is not set."));
	arena_wipe_later(&f->arena);
	token_new_base32(c->state, STATE_BYTES);
	sha256_hex(c->state, strlen(c->state), hash);
	flow_last(f);
	return (FLOW_QUERY(f, connect_start,
	    .merchant_profile_id = flow_text(f, "merchant_profile_id"),
	    .state_hash = arena_strdup(&f->arena, hash),
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
connect_answer(struct flow *f)
{
	struct connect	*c = flow_state(f);

	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json(f, 200, json_pack("{s:s,s:s,s:s}",
	    "authorize_url", btcpay_consent_url(&f->arena,
	    conf.btcpay_browser_url, arena_printf(&f->arena,
	    "%s/v1/btcpay/authorize/callback?state=%s", conf.public_url,
	    c->state)), "state", c->state, "merchant_profile_id",
	    db_text(flow_rows(f), 0, "merchant_profile_id"))));
}

/* ---- what is connected ---- */

static enum flow_next
status(struct flow *f, const char *kind)
{
	return (FLOW_QUERY(f, provider_status, .kind = kind,
	    .merchant_profile_id = flow_text(f, "merchant_profile_id"),
	    .public_url = conf.public_url));
}

static enum flow_next
status_btcpay(struct flow *f)
{
	return (status(f, "btcpay"));
}

static enum flow_next
status_zaprite(struct flow *f)
{
	return (status(f, "zaprite"));
}

static enum flow_next
status_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* ---- how it can be paid ---- */

static enum flow_next
methods_find(struct flow *f)
{
	return (FLOW_QUERY(f, provider_of_profile, .kind = pay_btcpay.kind,
	    .merchant_profile_id = flow_text(f, "merchant_profile_id")));
}

static enum flow_next
methods_ask(struct flow *f)
{
	struct pay_account	*account = flow_state(f);
	struct pay_ask		 ask = { .sql = NULL };

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND,
		    "There is no such merchant profile."));
	if (db_text(flow_rows(f), 0, "provider_id") == NULL)
		return (flow_fail(f, ERR_NO_PROVIDER,
		    "No BTCPay server is connected."));
	if (!account_read(f, flow_rows(f), 0, account))
		return (flow_fail(f, ERR_INTERNAL,
		    "The provider's secrets do not open."));
	btcpay_ask_methods(&f->arena, account, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
methods_answer(struct flow *f)
{
	struct pay_account	*account = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	json_t			*list = btcpay_read_methods(&answer);

	if (list == NULL)
		return (flow_fail(f, ERR_UPSTREAM,
		    "BTCPay Server does not tell."));
	return (flow_json(f, 200, json_pack("{s:s,s:i,s:o}",
	    "store_id", account->store_id,
	    "count", (int)json_array_size(list), "methods", list)));
}

/* ---- connecting a Zaprite account ---- */

static const char *
zaprite_url(const struct flow *f)
{
	const char	*url = flow_text(f, "base_url");

	return (url == NULL ? ZAPRITE_URL : url);
}

static enum flow_next
zaprite_begin(struct flow *f)
{
	arena_wipe_later(&f->arena);
	if (conf_is_production() && strncmp(zaprite_url(f), "https://", 8))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "base_url: must be an https URL"));
	return (FLOW_QUERY(f, zaprite_may_connect,
	    .trust_root = selflicense_root(),
	    .merchant_profile_id = flow_text(f, "merchant_profile_id")));
}

/* A key that opens nothing is better refused now than at the first sale. */
static enum flow_next
zaprite_try(struct flow *f)
{
	const char		*url = zaprite_url(f);
	size_t			 n = strlen(url);
	struct net_request	 r = { .timeout_ms = ZAPRITE_TIMEOUT_MS };

	if (flow_refused(f))
		return (FLOW_DONE);
	if (url[n - 1] == '/')
		n--;
	r.url = arena_printf(&f->arena, "%.*s/v1/orders?limit=1", (int)n, url);
	r.authorization = arena_printf(&f->arena, "Bearer %s",
	    flow_text(f, "api_key"));
	return (flow_call(f, &r));
}

static enum flow_next
zaprite_keep(struct flow *f)
{
	const struct net_reply	*reply = flow_reply(f);
	const char		*url = zaprite_url(f), *label;
	size_t			 n = strlen(url);
	uint8_t			 id[UUID_LEN];
	char			 text[UUID_TEXT_LEN + 1];

	if (reply->error != NULL || reply->status != 200)
		return (flow_fail(f, ERR_UPSTREAM, "%s",
		    reply->error == NULL && (reply->status == 401 ||
		    reply->status == 403) ? "Zaprite refuses this key." :
		    "Zaprite gave no answer that makes sense."));
	if (url[n - 1] == '/')
		n--;
	label = flow_text(f, "label");
	uuid_random(id);
	uuid_format(id, text);
	flow_last(f);
	return (FLOW_QUERY(f, zaprite_connect,
	    .provider_id = arena_strdup(&f->arena, text),
	    .merchant_profile_id = flow_text(f, "merchant_profile_id"),
	    .label = label == NULL ? "Zaprite" : label,
	    .base_url = arena_strndup(&f->arena, url, n),
	    .sealed_api_key = account_seal_api_key(f, text,
	    flow_text(f, "api_key")),
	    .public_url = conf.public_url,
	    .trust_root = selflicense_root(),
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

/* ---- disconnecting ---- */

struct leaving {
	struct disconnect	 disconnect;	/* first: the steps' state */
	bool			 is_noop;
};

static enum flow_next
leave(struct flow *f, const char *kind)
{
	flow_last(f);
	return (FLOW_QUERY(f, provider_disconnect, .kind = kind,
	    .provider_id = flow_text(f, "provider_id"),
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
leave_btcpay(struct flow *f)
{
	return (leave(f, "btcpay"));
}

static enum flow_next
leave_zaprite(struct flow *f)
{
	return (leave(f, "zaprite"));
}

static enum flow_next	leave_answer(struct flow *);

static enum flow_next
leave_read(struct flow *f)
{
	struct leaving		*l = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);
	const char		*id;

	if (flow_refused(f))
		return (FLOW_DONE);
	l->is_noop = db_true(rows, 0, "noop");
	id = db_text(rows, 0, "provider_id");
	if (l->is_noop) {
		l->disconnect.account.id = id == NULL ? NULL :
		    arena_strdup(&f->arena, id);
		return (flow_skip_to(f, leave_answer));
	}
	if (db_integer(rows, 0, "pending", 0) > 0)
		disconnect_warn(f, "Invoices are still unpaid there; nobody "
		    "will notice their payment unless it is connected again.");
	if (pay_provider(db_text(rows, 0, "provider_kind")) != &pay_btcpay) {
		/* Nothing at the other side. */
		l->disconnect.account.id = arena_strdup(&f->arena, id);
		disconnect_warn(f, "Delete the API key and the webhook at the "
		    "provider.");
		return (FLOW_NEXT);
	}
	disconnect_read(f);
	return (FLOW_NEXT);
}

static enum flow_next
leave_answer(struct flow *f)
{
	struct leaving		*l = flow_state(f);
	struct disconnect	*d = &l->disconnect;
	const char		*store = d->account.store_id;

	return (flow_json(f, 200, json_pack("{s:b,s:b,s:s?,s:s?,s:s?,s:o}",
	    "ok", 1, "noop", l->is_noop, "provider_id", d->account.id,
	    "store_id", store, "webhook_id", d->webhook_id,
	    "warnings", disconnect_warnings(f))));
}

/* clang-format off */
#define PROFILE								\
	{ "merchant_profile_id", FIELD_UUID,				\
	    .help = "The default one unless given." }
#define PROVIDER							\
	{ "provider_id", FIELD_UUID,					\
	    .help = "The default profile's unless given." }
#define LEAVE(first)							\
	.steps = FLOW_STEPS(						\
		FLOW_STEP(first),	/* sql  provider_disconnect */	\
		FLOW_STEP(leave_read),					\
		DISCONNECT_STEPS,					\
		FLOW_STEP(leave_answer)),				\
	.state = sizeof(struct leaving),				\
	.answer = "`{ok,noop,provider_id,store_id,webhook_id,warnings[]}`."

const struct endpoint	api_providers[] = {
	{ .method = GET, .path = "/v1/admin/payment-provider/status",
	    .scope = "payment_providers:read",
	    .sql = &sql_provider_overview,
	    .summary = "What sells for the default profile.",
	    .answer = "`{btcpay_configured,zaprite_configured,preferred,active,"
	        "merchant_profile_id,merchant_profile_name,providers[]}`; "
	        "`preferred` takes sales that name no rail." },
	{ .method = POST, .path = "/v1/admin/btcpay/connect",
	    .scope = "payment_providers:write", .confirmed = true,
	    .body = FIELDS(PROFILE),
	    .steps = FLOW_STEPS(
		FLOW_STEP(connect_begin),	/* sql  connect_start */
		FLOW_STEP(connect_answer)),
	    .state = sizeof(struct connect),
	    .errors = "404 409 503",
	    .summary = "Begin to connect a BTCPay server: open `authorize_url` "
	        "in a browser within 30 minutes. A scoped key may do so "
	        "outside production, for a store of a test network.",
	    .answer = "`{authorize_url,state,merchant_profile_id}`." },
	{ .method = GET, .path = "/v1/admin/btcpay/status",
	    .scope = "payment_providers:read",
	    .query = FIELDS(PROFILE),
	    .steps = FLOW_STEPS(
		FLOW_STEP(status_btcpay),	/* sql  provider_status */
		FLOW_STEP(status_answer)),
	    .errors = "404",
	    .summary = "Is a BTCPay server connected?",
	    .answer = "`{connected:false}`, or also `provider_id,store_id,"
	        "webhook_id,base_url,label,merchant_profile_id,"
	        "merchant_profile_name`." },
	{ .method = GET, .path = "/v1/admin/btcpay/payment-methods",
	    .scope = "payment_providers:read",
	    .query = FIELDS(PROFILE),
	    .steps = FLOW_STEPS(
		FLOW_STEP(methods_find),	/* sql  provider_of_profile */
		FLOW_STEP(methods_ask),		/* call payment-methods */
		FLOW_STEP(methods_answer)),
	    .state = sizeof(struct pay_account),
	    .errors = "404 502 503",
	    .summary = "How the store can be paid, asked now.",
	    .answer = "`{store_id,count,methods:[{payment_method_id,enabled}]}`." },
	{ .method = POST, .path = "/v1/admin/btcpay/disconnect",
	    .scope = "master", .confirmed = true,
	    .body = FIELDS(PROVIDER), LEAVE(leave_btcpay),
	    .errors = "404",
	    .summary = "Disconnect a BTCPay server: at once here, then its "
	        "webhook and API key there." },

	{ .method = POST, .path = "/v1/admin/zaprite/connect",
	    .scope = "master", .confirmed = true,
	    .body = FIELDS(
		{ "api_key", FIELD_NAME, FIELD_REQUIRED, 1, 500, .help = "From Zaprite." },
		{ "base_url", FIELD_URL, .help = "https://api.zaprite.com unless given." },
		{ "label", FIELD_NAME, 0, 1, 100, .help = "Zaprite unless given." },
		PROFILE),
	    .steps = FLOW_STEPS(
		FLOW_STEP(zaprite_begin),	/* sql  zaprite_may_connect */
		FLOW_STEP(zaprite_try),		/* call the newest order */
		FLOW_STEP(zaprite_keep),	/* sql  zaprite_connect */
		FLOW_STEP(status_answer)),
	    .errors = "402 404 409 502",
	    .summary = "Connect a Zaprite account; then enter `webhook_url` there.",
	    .answer = "`{ok,provider,provider_id,merchant_profile_id,"
	        "merchant_profile_name,label,base_url,webhook_url}`." },
	{ .method = GET, .path = "/v1/admin/zaprite/status",
	    .scope = "payment_providers:read",
	    .query = FIELDS(PROFILE),
	    .steps = FLOW_STEPS(
		FLOW_STEP(status_zaprite),	/* sql  provider_status */
		FLOW_STEP(status_answer)),
	    .errors = "404",
	    .summary = "Is a Zaprite account connected?",
	    .answer = "`{connected:false}`, or also `provider_id,base_url,"
	        "label,webhook_url,merchant_profile_id,"
	        "merchant_profile_name`." },
	{ .method = POST, .path = "/v1/admin/zaprite/disconnect",
	    .scope = "master", .confirmed = true,
	    .body = FIELDS(PROVIDER), LEAVE(leave_zaprite),
	    .errors = "404",
	    .summary = "Disconnect a Zaprite account." },
	ENDPOINT_END
};
/* clang-format on */
