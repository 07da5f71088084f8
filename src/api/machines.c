/*
 * Machines: activate, heartbeat and release by whoever holds the key, list
 * and deactivate by the vendor.  Seats are counted by the statements, under a
 * lock on the license.
 */
#include "api/api.h"

#include "flow/key.h"
#include "base/conf.h"
#include "base/uuid.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

/* ---- activate and release ---- */

static enum flow_next
machine_activate(struct flow *f)
{
	const char		*fingerprint = flow_text(f, "fingerprint"), *id;
	struct license_key	 key;

	if (!key_authorize(f, &key))
		return (FLOW_DONE);
	id = key_license_id(f, &key);
	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, machine_activate_lock,
	    (.license_id = id),
	    machine_activate,
	    .license_id = id,
	    .fingerprint_hash = key_fingerprint_hex(f, fingerprint),
	    .bound_ok = key_is_bound_elsewhere(&key, fingerprint) ? "false" :
	    "true",
	    .hostname = flow_text(f, "hostname"),
	    .platform = flow_text(f, "platform"),
	    .request_ip = f->client));
}

static enum flow_next
machine_release(struct flow *f)
{
	struct license_key	key;

	if (!key_authorize(f, &key))
		return (FLOW_DONE);
	flow_last(f);
	return (FLOW_QUERY(f, machine_deactivate_own,
	    .license_id = key_license_id(f, &key),
	    .fingerprint_hash = key_fingerprint_hex(f,
	    flow_text(f, "fingerprint")),
	    .reason = flow_text(f, "reason")));
}

static enum flow_next
machine_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* ---- heartbeat ---- */

struct heartbeat {
	struct batch_item	 item;		/* must be first */
	struct flow		*flow;
	struct license_key	 key;
	uint8_t			 hash[32];
	bool			 known;
	uint8_t			 machine_id[16];
};

enum {
	BEAT_LICENSE, BEAT_FINGERPRINT, BEAT_IP, BEAT_COLUMNS
};

static struct batch	*batch;

static void
heartbeat_write(const struct batch_item *item, struct db_array *c)
{
	const struct heartbeat	*h = (const void *)item;

	db_array_put(&c[BEAT_LICENSE], h->key.license_id, 16);
	db_array_put(&c[BEAT_FINGERPRINT], h->hash, 32);
	db_array_put_text(&c[BEAT_IP], h->flow->client);
}

static void
heartbeat_answer(struct batch_item *item, const struct db_rows *rows,
    unsigned int row, enum err error, const char *message)
{
	struct heartbeat	*h = (void *)item;
	const uint8_t		*id;
	size_t			 len;

	if (error == ERR_NONE && db_bytes(rows, row, 0, &len) == NULL &&
	    (id = db_bytes(rows, row, 1, &len)) != NULL && len == 16) {
		h->known = true;
		memcpy(h->machine_id, id, 16);
	}
	flow_wake(h->flow, error, message);
}

static const uint32_t	beat_types[BEAT_COLUMNS] = {
	[BEAT_LICENSE] = DB_TYPE_UUID, [BEAT_FINGERPRINT] = DB_TYPE_BYTEA,
	[BEAT_IP] = DB_TYPE_TEXT
};

static const struct batch_kind	kind = {
	.stmt = &sql_heartbeat_batch,
	.columns = BEAT_COLUMNS,
	.types = beat_types,
	.write = heartbeat_write,
	.answer = heartbeat_answer,
};

void
machines_open(void)
{
	batch = batch_open(&kind, (unsigned int)conf.batch_rows, 1, 1);
}

void
machines_close(void)
{
	batch_close(batch);
}

static enum flow_next
heartbeat_read(struct flow *f)
{
	struct heartbeat	*h = flow_state(f);
	const char		*fingerprint = flow_text(f, "fingerprint");

	if (!key_authorize(f, &h->key))
		return (FLOW_DONE);
	if (!limit_take(LIMIT_HEARTBEAT, key_license_id(f, &h->key)))
		return (flow_verdict(f, "rate_limited"));
	h->flow = f;
	license_key_fingerprint(fingerprint, strlen(fingerprint), h->hash);
	return (flow_batch(f, batch, &h->item));
}

static enum flow_next
heartbeat_send(struct flow *f)
{
	struct heartbeat	*h = flow_state(f);
	char			 id[37];

	if (!h->known)
		return (flow_verdict(f, "not_activated"));
	uuid_format(h->machine_id, id);
	return (flow_json_text(f, 200, arena_printf(&f->arena,
	    "{\"ok\":true,\"machine_id\":\"%s\"}", id)));
}

/* clang-format off */
#define KEY_FIELD							\
	{ "key", FIELD_TEXT, FIELD_REQUIRED, 0, 200000,			\
	    .help = "The license key." }
#define FINGERPRINT_FIELD						\
	{ "fingerprint", FIELD_TEXT, FIELD_REQUIRED, 1, 4096,		\
	    .help = "What identifies the machine." }

const struct endpoint	api_machines[] = {
	{ .method = POST, .path = "/v1/machines/activate",
	    .limit = LIMIT_MACHINE,
	    .body = FIELDS(KEY_FIELD, FINGERPRINT_FIELD,
		{ "hostname", FIELD_TEXT, 0, 0, 255, .help = "For the vendor's eyes." },
		{ "platform", FIELD_TEXT, 0, 0, 255, .help = "For the vendor's eyes." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(machine_activate),	/* sql  machine_activate */
		FLOW_STEP(machine_answer)),
	    .errors = "404",
	    .summary = "Take a seat of a license for a machine.",
	    .answer = "`{ok,machine_id|null,active_count,max_machines,reason|null}`." },
	{ .method = POST, .path = "/v1/machines/heartbeat",
	    .limit = LIMIT_VALIDATE, .limit_verdict = true, .repeatable = true,
	    .body = FIELDS(KEY_FIELD, FINGERPRINT_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(heartbeat_read),	/* sql  heartbeat_batch */
		FLOW_STEP(heartbeat_send)),
	    .state = sizeof(struct heartbeat),
	    .summary = "The machine is still there.",
	    .answer = "`{ok:true,machine_id}` or `{ok:false,reason}` with "
	        "`not_activated` or `rate_limited`." },
	{ .method = POST, .path = "/v1/machines/deactivate",
	    .limit = LIMIT_MACHINE,
	    .body = FIELDS(KEY_FIELD, FINGERPRINT_FIELD,
		{ "reason", FIELD_TEXT, 0, 0, 500, .help = "Kept with the machine." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(machine_release),	/* sql  machine_deactivate_own */
		FLOW_STEP(machine_answer)),
	    .summary = "Give a seat back.",
	    .answer = "`{ok:true}` or `{ok:false,reason:\"not_found\"}`." },

	{ .method = GET, .path = "/v1/admin/machines",
	    .scope = "machines:read",
	    .query = FIELDS(
		{ "license_id", FIELD_UUID, .help = "Only this license's." },
		{ "product_id", FIELD_UUID, .help = "Only this product's." },
		{ "product_slug", FIELD_TEXT, 0, 1, 63, .help = "Only this product's." },
		{ "include_inactive", FIELD_BOOLEAN, .help = "Those that were released too." },
		{ "order", FIELD_CHOICE, .choices = "seen|activated",
		    .help = "By when they were seen last, unless given." },
		{ "limit", FIELD_INTEGER, 0, 1, 5000, .help = "500 unless given." },
		{ "cursor", FIELD_CURSOR, .help = "`next_cursor` of the page before." }),
	    .sql = &sql_machine_list,
	    .summary = "Machines, last seen first.",
	    .answer = "`{machines:[…],next_cursor}`." },
	{ .method = GET, .path = "/v1/admin/machines/:id",
	    .scope = "machines:read",
	    .sql = &sql_machine_get,
	    .summary = "One machine.", .answer = "Machine." },
	{ .method = POST, .path = "/v1/admin/machines/:id/deactivate",
	    .scope = "machines:write",
	    .body = FIELDS(
		{ "reason", FIELD_TEXT, 0, 0, 500,
		    .help = "Kept with the machine and in the audit trail." }),
	    .sql = &sql_machine_deactivate,
	    .summary = "Free a machine's seat.",
	    .answer = "`{ok:true}`." },
	ENDPOINT_END
};
/* clang-format on */
