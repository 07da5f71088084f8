/*
 * Webhook endpoints and what was sent to them, as the vendor keeps them.
 * jobs/webhooks.c does the sending.  An endpoint's secret is in the answer that
 * makes it, and afterwards only for those who might make one themselves.
 */
#include "api/api.h"

#include "base/uuid.h"
#include "crypto/token.h"
#include "domain/webhook.h"
#include "flow/access.h"
#include "flow/bind.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pay/sealed.h"

#include "sql.h"

#include <string.h>

#define SECRET_BYTES	32
#define OVERLAP_HOURS	"24"	/* of two secrets */

/* What there is to hear of; docs/webhooks.md has what each says. */
static const struct {
	const char	*name;
	const char	*help;
} event_types[] = {
	{ "*", "Everything, also what is yet to come" },
	{ "license.issued", "A license was issued" },
	{ "license.revoked", "A license was revoked" },
	{ "license.suspended", "A license was suspended" },
	{ "license.unsuspended", "A suspension was lifted" },
	{ "license.extended", "A license got another end" },
	{ "license.tier_changed", "A license moved to another policy" },
	{ "machine.activated", "A machine took a seat" },
	{ "machine.deactivated", "A machine gave its seat back" },
	{ "product.created", "A product was made" },
	{ "code.redeemed", "A discount code was used" },
	{ "invoice.settled", "An invoice was paid" },
	{ "subscription.renewal_pending", "A renewal is to be paid" },
	{ "subscription.renewed", "A renewal was paid" },
	{ "subscription.renewal_skipped", "There was nothing to renew" },
	{ "subscription.auto_charge_initiated", "A card is being charged" },
	{ "subscription.auto_charge_failed", "A card could not be charged" },
	{ "subscription.cancelled", "A subscription was cancelled" },
	{ "subscription.lapsed", "A renewal was not paid in time" },
};

#define NEVENTS	(sizeof(event_types) / sizeof(event_types[0]))

struct making {
	const char	*secret;
};

/* A name and password in it would be shown to all who may read the list. */
static bool
has_credentials(const char *url)
{
	const char	*host = strstr(url, "://") + 3;

	return (memchr(host, '@', strcspn(host, "/?#")) != NULL);
}

static const char *
new_secret(struct flow *f)
{
	char	*hex = arena_alloc(&f->arena, 2 * SECRET_BYTES + 1);

	token_new_hex(hex, SECRET_BYTES);
	return (hex);
}

/* True after flow_fail(). */
static bool
refuse_credentials(struct flow *f)
{
	if (flow_text(f, "url") == NULL || !has_credentials(flow_text(f,
	    "url")))
		return (false);
	flow_fail(f, ERR_BAD_REQUEST, "url: must hold no name or password");
	return (true);
}

/* The body's secret or a new one, kept for the answer; sealed for the id. */
static const char *
take_secret(struct flow *f, const char *id)
{
	struct making	*m = flow_state(f);

	arena_wipe_later(&f->arena);
	if ((m->secret = flow_text(f, "secret")) == NULL)
		m->secret = new_secret(f);
	return (pay_seal(&f->arena, bind_keyring(),
	    PAY_SEALED_ENDPOINT_SECRET, id, m->secret));
}

static enum flow_next
endpoint_make(struct flow *f)
{
	uint8_t	 id[UUID_LEN];
	char	 text[UUID_TEXT_LEN + 1];

	if (refuse_credentials(f))
		return (FLOW_DONE);
	uuid_random(id);
	uuid_format(id, text);
	flow_last(f);
	return (FLOW_QUERY(f, webhook_endpoint_create,
	    .id = arena_strdup(&f->arena, text), .url = flow_text(f, "url"),
	    .event_types = flow_given(f, "event_types") ?
	    flow_text(f, "event_types") : "[\"*\"]",
	    .product_id = flow_text(f, "product_id"),
	    .description = flow_text(f, "description"),
	    .sealed_secret = take_secret(f, text), .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
endpoint_rotate(struct flow *f)
{
	uint8_t	 id[UUID_LEN];
	char	 text[UUID_TEXT_LEN + 1];

	/* It is sealed for the id as the database writes it. */
	if (!uuid_parse(flow_text(f, "id"), UUID_TEXT_LEN, id))
		return (flow_fail(f, ERR_NOT_FOUND, "No such endpoint."));
	uuid_format(id, text);
	flow_last(f);
	return (FLOW_QUERY(f, webhook_endpoint_rotate_secret,
	    .id = arena_strdup(&f->arena, text),
	    .sealed_secret = take_secret(f, text),
	    .overlap_hours = flow_given(f, "overlap_hours") ?
	    flow_text(f, "overlap_hours") : OVERLAP_HOURS,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
endpoint_change(struct flow *f)
{
	if (refuse_credentials(f))
		return (FLOW_DONE);
	flow_last(f);
	return (flow_query_bound(f, &sql_webhook_endpoint_update));
}

static void
show_secret(struct flow *f, json_t *endpoint, const char *secret)
{
	json_object_set_new(endpoint, "secret", json_string(secret));
	json_object_set_new(endpoint, "standard_secret",
	    json_string(webhook_standard_secret(&f->arena, secret)));
}

static json_t *
read_body(struct flow *f)
{
	const char	*body = db_text(flow_rows(f), 0, "body");
	char		 why[128];

	return (body == NULL ? NULL : json_read(body, strlen(body), why,
	    sizeof(why)));
}

static enum flow_next
endpoint_made(struct flow *f)
{
	struct making	*m = flow_state(f);
	json_t		*endpoint;

	if (flow_refused(f))
		return (FLOW_DONE);
	if ((endpoint = read_body(f)) != NULL)
		show_secret(f, endpoint, m->secret);
	return (flow_json(f, 200, endpoint));
}

/* ---- reading ---- */

static enum flow_next
events_answer(struct flow *f)
{
	json_t	*all = json_array();
	size_t	 i;

	for (i = 0; i < NEVENTS; i++)
		json_array_append_new(all, json_pack("{s:s,s:s}",
		    "name", event_types[i].name, "help", event_types[i].help));
	return (flow_json(f, 200, json_pack("{s:o}", "event_types", all)));
}

static bool
wants_secrets(const struct flow *f)
{
	const char	*wish = flow_text(f, "include_secret");

	return (wish != NULL && !strcmp(wish, "true"));
}

static enum flow_next
ask(struct flow *f, const struct sql_stmt *stmt)
{
	if (wants_secrets(f) && !access_allows(f, "webhooks:write"))
		return (flow_fail(f, ERR_FORBIDDEN,
		    "include_secret needs webhooks:write."));
	if (wants_secrets(f) && !session_is_fresh(f))
		return (session_refuse_stale(f));
	return (flow_query_bound(f, stmt));
}

static enum flow_next
endpoints_ask(struct flow *f)
{
	return (ask(f, &sql_webhook_endpoint_list));
}

static enum flow_next
endpoint_ask(struct flow *f)
{
	return (ask(f, &sql_webhook_endpoint_get));
}

/* One that does not open is shown as null: the others are of use. */
static void
open_secret(struct flow *f, json_t *endpoint)
{
	const char	*secret;

	secret = pay_unseal(&f->arena, bind_keyring(),
	    PAY_SEALED_ENDPOINT_SECRET, json_text(endpoint, "id"),
	    json_text(endpoint, "sealed_secret"));
	json_object_del(endpoint, "sealed_secret");
	if (secret != NULL)
		show_secret(f, endpoint, secret);
	else
		json_object_set_new(endpoint, "secret", json_null());
}

/* Of one endpoint, or of a page of them. */
static enum flow_next
endpoints_answer(struct flow *f)
{
	json_t	*body, *list, *endpoint;
	size_t	 i;

	if (flow_refused(f))
		return (FLOW_DONE);
	if (!wants_secrets(f))
		return (flow_json_text(f, 200, db_text(flow_rows(f), 0,
		    "body")));
	body = read_body(f);
	list = json_object_get(body, "endpoints");
	json_array_foreach(list, i, endpoint)
		open_secret(f, endpoint);
	if (list == NULL && body != NULL)
		open_secret(f, body);
	return (flow_json(f, 200, body));
}

/* clang-format off */
#define PAGE								\
	{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." }, \
	{ "cursor", FIELD_CURSOR,				\
	    .help = "`next_cursor` of the page before." }
#define INCLUDE_SECRET							\
	{ "include_secret", FIELD_BOOLEAN,				\
	    .help = "With secrets; needs webhooks:write." }
#define EVENT_TYPES(text)						\
	{ "event_types", FIELD_TEXTS, 0, 1, 100, .help = text }
#define SECRET(text)							\
	{ "secret", FIELD_NAME, 0, 8, 256, .help = text }
#define ENDPOINT(m, p)	.method = m, .path = "/v1/admin/webhook-endpoints" p
#define DELIVERY(m, p)	.method = m, .path = "/v1/admin/webhook-deliveries" p
#define READ		.scope = "webhooks:read"
#define WRITE		.scope = "webhooks:write"

const struct endpoint	api_webhooks[] = {
	{ ENDPOINT(POST, ""), WRITE, .confirmed = true,
	    .body = FIELDS(
		{ "url", FIELD_URL, FIELD_REQUIRED,
		    .help = "Where to send. Its address must be public unless "
		    "LICET_WEBHOOK_PRIVATE is on." },
		EVENT_TYPES("Which events; [\"*\"], all, unless given."),
		{ "product_id", FIELD_UUID, 0,
		    .help = "Events of this product only." },
		{ "description", FIELD_TEXT, FIELD_NULLABLE, 0, 2000,
		    .help = "For you." },
		SECRET("What messages are signed with; made unless given.")),
	    .steps = FLOW_STEPS(
		FLOW_STEP(endpoint_make),	/* sql  webhook_endpoint_create */
		FLOW_STEP(endpoint_made)),
	    .state = sizeof(struct making),
	    .errors = "404",
	    .summary = "Have events sent to a URL.",
	    .answer = "WebhookEndpoint with `secret`, and `standard_secret`: "
	        "the same for libraries of Standard Webhooks." },
	{ ENDPOINT(GET, ""), READ,
	    .query = FIELDS(PAGE, INCLUDE_SECRET),
	    .steps = FLOW_STEPS(
		FLOW_STEP(endpoints_ask),	/* sql  webhook_endpoint_list */
		FLOW_STEP(endpoints_answer)),
	    .summary = "Webhook endpoints, newest first.",
	    .answer = "`{endpoints:[{id,url,event_types,product_id|null,active,"
	        "description|null,consecutive_failures,open_until|null,"
	        "previous_secret_until|null,created_at,updated_at}],"
	        "next_cursor}`; `open_until`: it failed too often, and is tried "
	        "again then; `previous_secret_until`: the secret before this one "
	        "signs, too." },
	{ .method = GET, .path = "/v1/admin/webhook-event-types", READ,
	    .steps = FLOW_STEPS(FLOW_STEP(events_answer)),
	    .summary = "What endpoints can hear of.",
	    .answer = "`{event_types:[{name,help}]}`, `*` among them: all." },
	{ ENDPOINT(GET, "/:id"), READ,
	    .query = FIELDS(INCLUDE_SECRET),
	    .steps = FLOW_STEPS(
		FLOW_STEP(endpoint_ask),	/* sql  webhook_endpoint_get */
		FLOW_STEP(endpoints_answer)),
	    .summary = "A webhook endpoint.",
	    .answer = "WebhookEndpoint." },
	{ ENDPOINT(PATCH, "/:id"), WRITE, .confirmed = true,
	    .body = FIELDS(
		{ "url", FIELD_URL, .help = "Where to send; what waits, too." },
		EVENT_TYPES("Which events."),
		{ "product_id", FIELD_UUID, FIELD_NULLABLE,
		    .help = "Events of this product only; null: of all." },
		{ "description", FIELD_TEXT, FIELD_NULLABLE, 0, 2000,
		    .help = "For you." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(endpoint_change),	/* sql  webhook_endpoint_update */
		FLOW_STEP(endpoints_answer)),
	    .errors = "404",
	    .summary = "Change an endpoint: the fields that are given.",
	    .answer = "WebhookEndpoint." },
	{ ENDPOINT(POST, "/:id/rotate-secret"), WRITE, .confirmed = true,
	    .body = FIELDS(SECRET("The new secret; made unless given."),
		{ "overlap_hours", FIELD_INTEGER, 0, 0, 168,
		    .help = "How long the old secret signs, too; 24 unless "
		    "given, 0: not at all." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(endpoint_rotate),	/* sql  ..._rotate_secret */
		FLOW_STEP(endpoint_made)),
	    .state = sizeof(struct making),
	    .summary = "Give an endpoint another secret.",
	    .answer = "WebhookEndpoint with `secret` and `standard_secret`." },
	{ ENDPOINT(PATCH, "/:id/active"), WRITE,
	    .body = FIELDS(
		{ "active", FIELD_BOOLEAN, FIELD_REQUIRED,
		    .help = "Is anything sent?" }),
	    .sql = &sql_webhook_endpoint_set_active,
	    .summary = "Switch an endpoint off, which ends what waits for it, "
	        "or on.",
	    .answer = "`{ok:true}`." },
	{ ENDPOINT(DELETE, "/:id"), WRITE,
	    .sql = &sql_webhook_endpoint_delete,
	    .summary = "Delete an endpoint; its deliveries stay listed.",
	    .answer = "`{ok:true}`." },
	{ ENDPOINT(POST, "/:id/test"), WRITE,
	    .sql = &sql_webhook_endpoint_test,
	    .errors = "409",
	    .summary = "Send a message `endpoint.test`.",
	    .answer = "Its WebhookDelivery, not sent yet." },
	{ ENDPOINT(POST, "/:id/replay"), WRITE,
	    .body = FIELDS(
		{ "from", FIELD_TEXT, FIELD_REQUIRED, 1, 40,
		    .help = "A time, or `outbox_id` of a delivery." },
		{ "to", FIELD_TEXT, 0, 1, 40,
		    .help = "The same; now unless given. Both are included." }),
	    .lock = &sql_webhook_endpoint_replay_lock,
	    .sql = &sql_webhook_endpoint_replay,
	    .errors = "409",
	    .summary = "Send past events again, as new deliveries; 10,000 "
	        "events at a time.",
	    .answer = "`{ok,replay,deliveries,began_at|null,next_from|null}`; "
	        "`began_at`: of the first event that was looked at, `next_from`: "
	        "where to go on." },
	{ DELIVERY(GET, ""), READ,
	    .query = FIELDS(PAGE,
		{ "endpoint_id", FIELD_UUID, .help = "To this endpoint." },
		{ "status", FIELD_CHOICE,
		    .choices = "pending|delivered|failed|all",
		    .help = "all unless given. failed: tried, and given up." }),
	    .sql = &sql_webhook_delivery_list,
	    .summary = "What was sent, or is to be; newest first.",
	    .answer = "`{deliveries:[{id,endpoint_id,event_type,status,payload_json,"
	        "attempt_count,next_attempt_at|null,last_status_code|null,"
	        "last_error|null,last_response|null,delivered_at|null,"
	        "created_at,outbox_id|null}],next_cursor}`; status is `pending`, "
	        "`delivered`, `failed`, or `dropped`: its endpoint was switched "
	        "off before the first try." },
	{ DELIVERY(GET, "/:id"), READ,
	    .sql = &sql_webhook_delivery_get,
	    .summary = "One delivery.",
	    .answer = "WebhookDelivery." },
	{ DELIVERY(POST, "/:id/retry"), WRITE,
	    .sql = &sql_webhook_delivery_retry,
	    .errors = "409",
	    .summary = "Send one again, from the first try on.",
	    .answer = "The WebhookDelivery." },
	ENDPOINT_END
};
/* clang-format on */
