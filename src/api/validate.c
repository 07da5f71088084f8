/*
 * POST /v1/validate: may this key run here, now?  The call that shipped
 * software makes all day.
 *
 * "No" is an answer (200, ok:false, a reason), never an error.  The worker
 * reads the key and checks its signature; everything else is judged by
 * PostgreSQL, a batch at a time, and each answer is in validation_log before
 * it is given.  The order of checks is that of sql/validate.sql.
 */
#include "api/api.h"

#include "flow/key.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/stat.h"
#include "base/uuid.h"
#include "flow/respond.h"

#include "sql.h"

#include <endian.h>
#include <string.h>

/* Seconds from 1970 to 2000, where PostgreSQL's timestamps begin. */
#define POSTGRES_EPOCH	946684800

struct validate {
	struct batch_item	 item;		/* must be first */
	struct flow		*flow;
	enum key_verdict	 verdict;
	struct license_key	 key;
	bool			 bound_elsewhere;
	const uint8_t		*fingerprint;	/* its hash; NULL: none given */
	uint8_t			 hash[32];
	const char		*answer;	/* JSON */
};

/* Columns of the arrays, in the order of the statement's arguments. */
enum {
	ASK_LICENSE, ASK_EARLY, ASK_PRODUCT, ASK_FINGERPRINT, ASK_BOUND_OK,
	ASK_HOSTNAME, ASK_PLATFORM, ASK_IP, ASK_AGENT, ASK_COLUMNS
};

/* Columns of the answer. */
enum {
	GOT_REASON, GOT_PRODUCT_ID, GOT_PRODUCT_SLUG, GOT_ISSUED_AT,
	GOT_EXPIRES_AT, GOT_GRACE_UNTIL, GOT_IN_GRACE, GOT_MAX_MACHINES,
	GOT_IS_TRIAL, GOT_ENTITLEMENTS, GOT_MACHINE_ID
};

static struct batch	*batch;
static struct buf	 text;		/* of the answer being written */

/* ---- what is sent ---- */

static void
validate_write(const struct batch_item *item, struct db_array *c)
{
	const struct validate	*v = (const void *)item;
	const struct flow	*f = v->flow;
	static const char *const early[] = { [KEY_GOOD] = NULL,
	    [KEY_BAD_FORMAT] = "bad_format",
	    [KEY_BAD_SIGNATURE] = "bad_signature" };

	db_array_put(&c[ASK_LICENSE], v->verdict == KEY_BAD_FORMAT ? NULL :
	    v->key.license_id, 16);
	db_array_put_text(&c[ASK_EARLY], early[v->verdict]);
	db_array_put_text(&c[ASK_PRODUCT], flow_text(f, "product_slug"));
	db_array_put(&c[ASK_FINGERPRINT], v->fingerprint, 32);
	db_array_put_bool(&c[ASK_BOUND_OK], !v->bound_elsewhere);
	db_array_put_text(&c[ASK_HOSTNAME], flow_text(f, "hostname"));
	db_array_put_text(&c[ASK_PLATFORM], flow_text(f, "platform"));
	db_array_put_text(&c[ASK_IP], f->client);
	db_array_put_text(&c[ASK_AGENT], f->user_agent);
}

/* ---- what comes back ---- */

/* A member whose value needs no escapes. */
static void
put_text(const char *name, const char *value)
{
	buf_puts(&text, ",\"");
	buf_puts(&text, name);
	buf_puts(&text, "\":\"");
	buf_puts(&text, value);
	buf_puts(&text, "\"");
}

static void
put_uuid(const char *name, const struct db_rows *r, unsigned int row,
    unsigned int column)
{
	const uint8_t	*id;
	char		 s[37];
	size_t		 len;

	if ((id = db_bytes(r, row, column, &len)) == NULL || len != 16)
		return;
	uuid_format(id, s);
	put_text(name, s);
}

static void
put_time(const char *name, const struct db_rows *r, unsigned int row,
    unsigned int column)
{
	const uint8_t	*bytes;
	uint64_t	 us;
	char		 s[CLOCK_TEXT_SIZE];
	size_t		 len;

	if ((bytes = db_bytes(r, row, column, &len)) == NULL || len != 8)
		return;
	memcpy(&us, bytes, 8);
	clock_format((int64_t)be64toh(us) / 1000000 + POSTGRES_EPOCH, s);
	put_text(name, s);
}

static void
put_integer(const char *name, const struct db_rows *r, unsigned int row,
    unsigned int column)
{
	const uint8_t	*bytes;
	uint32_t	 n;
	size_t		 len;

	if ((bytes = db_bytes(r, row, column, &len)) == NULL || len != 4)
		return;
	memcpy(&n, bytes, 4);
	buf_printf(&text, ",\"%s\":%d", name, (int)be32toh(n));
}

static void
put_if_true(const char *name, const struct db_rows *r, unsigned int row,
    unsigned int column)
{
	const uint8_t	*byte;
	size_t		 len;

	if ((byte = db_bytes(r, row, column, &len)) != NULL && len == 1 &&
	    *byte)
		buf_printf(&text, ",\"%s\":true", name);
}

static void
put_license(const struct validate *v)
{
	char	s[37];

	uuid_format(v->key.license_id, s);
	put_text("license_id", s);
}

static void
write_no(const struct validate *v, const struct db_rows *r, unsigned int row,
    const char *reason, size_t len)
{
	bool	expired = len == 7 && !memcmp(reason, "expired", 7);
	bool	full = len == 17 && !memcmp(reason, "too_many_machines", 17);

	buf_puts(&text, "{\"ok\":false,\"reason\":");
	buf_put_json(&text, reason, len);
	if (expired || full) {
		put_license(v);
		put_uuid("product_id", r, row, GOT_PRODUCT_ID);
	}
	if (expired)
		put_time("expires_at", r, row, GOT_EXPIRES_AT);
	if (full)
		put_integer("max_machines", r, row, GOT_MAX_MACHINES);
	buf_puts(&text, "}");
}

static void
write_yes(const struct validate *v, const struct db_rows *r, unsigned int row)
{
	const char	*s;
	size_t		 len;

	buf_puts(&text, "{\"ok\":true");
	put_license(v);
	put_uuid("product_id", r, row, GOT_PRODUCT_ID);
	s = (const char *)db_bytes(r, row, GOT_PRODUCT_SLUG, &len);
	buf_puts(&text, ",\"product_slug\":");
	buf_put_json(&text, s == NULL ? "" : s, len);
	put_time("issued_at", r, row, GOT_ISSUED_AT);
	buf_puts(&text, ",\"status\":\"active\"");
	put_integer("max_machines", r, row, GOT_MAX_MACHINES);
	put_time("expires_at", r, row, GOT_EXPIRES_AT);
	put_time("grace_until", r, row, GOT_GRACE_UNTIL);
	put_if_true("in_grace_period", r, row, GOT_IN_GRACE);
	put_if_true("is_trial", r, row, GOT_IS_TRIAL);
	s = (const char *)db_bytes(r, row, GOT_ENTITLEMENTS, &len);
	if (s != NULL) {
		buf_puts(&text, ",\"entitlements\":");
		buf_put(&text, s, len);
	}
	put_uuid("machine_id", r, row, GOT_MACHINE_ID);
	buf_puts(&text, "}");
}

/* The row is gone after this, so the answer is written here and now. */
static void
validate_answer(struct batch_item *item, const struct db_rows *rows,
    unsigned int row, enum err error, const char *message)
{
	struct validate	*v = (void *)item;
	const char	*reason;
	size_t		 len;

	if (error == ERR_NONE) {
		buf_reset(&text);
		reason = (const char *)db_bytes(rows, row, GOT_REASON, &len);
		if (reason == NULL)
			write_yes(v, rows, row);
		else
			write_no(v, rows, row, reason, len);
		stat_add(reason == NULL ? STAT_VALIDATIONS_OK :
		    STAT_VALIDATIONS_REFUSED, 1);
		if (text.failed)
			error = ERR_INTERNAL;
		else
			v->answer = arena_strndup(&v->flow->arena, text.data,
			    text.len);
	}
	flow_wake(v->flow, error, message);
}

static const uint32_t	ask_types[ASK_COLUMNS] = {
	[ASK_LICENSE] = DB_TYPE_UUID, [ASK_EARLY] = DB_TYPE_TEXT,
	[ASK_PRODUCT] = DB_TYPE_TEXT, [ASK_FINGERPRINT] = DB_TYPE_BYTEA,
	[ASK_BOUND_OK] = DB_TYPE_BOOL, [ASK_HOSTNAME] = DB_TYPE_TEXT,
	[ASK_PLATFORM] = DB_TYPE_TEXT, [ASK_IP] = DB_TYPE_TEXT,
	[ASK_AGENT] = DB_TYPE_TEXT,
};

static const struct batch_kind	kind = {
	.stmt = &sql_validate_batch,
	.columns = ASK_COLUMNS,
	.types = ask_types,
	.write = validate_write,
	.answer = validate_answer,
};

void
validate_open(void)
{
	buf_init(&text, 1 << 20);
	batch = batch_open(&kind, (unsigned int)conf.batch_rows,
	    (unsigned int)conf.batch_lanes,
	    (unsigned int)conf.database_connections);
}

void
validate_close(void)
{
	batch_close(batch);
	buf_free(&text);
}

/* ---- the steps ---- */

static enum flow_next
validate_judge(struct flow *f)
{
	struct validate	*v = flow_state(f);
	const char	*fingerprint = flow_text(f, "fingerprint");

	v->flow = f;
	v->verdict = key_read(f, flow_text(f, "key"), &v->key);
	if (fingerprint != NULL && *fingerprint != '\0') {
		license_key_fingerprint(fingerprint, strlen(fingerprint),
		    v->hash);
		v->fingerprint = v->hash;
	}
	v->bound_elsewhere = v->verdict == KEY_GOOD &&
	    v->fingerprint != NULL &&
	    key_is_bound_elsewhere(&v->key, fingerprint);
	return (flow_batch(f, batch, &v->item));
}

static enum flow_next
validate_send(struct flow *f)
{
	struct validate	*v = flow_state(f);

	return (flow_json_text(f, 200, v->answer));
}

/* clang-format off */
const struct endpoint	api_validate[] = {
	{ .method = POST, .path = "/v1/validate",
	    .repeatable = true,
	    .limit = LIMIT_VALIDATE, .limit_verdict = true, .plain_body = true,
	    .body = FIELDS(
		{ "key", FIELD_TEXT, FIELD_REQUIRED, 0, 200000,
		    .help = "The license key." },
		{ "product_slug", FIELD_TEXT, 0, 0, 200,
		    .help = "The product that asks; another one's key is a mismatch." },
		{ "fingerprint", FIELD_TEXT, 0, 0, 4096,
		    .help = "What identifies this machine; takes a seat." },
		{ "hostname", FIELD_TEXT, 0, 0, 255, .help = "For the vendor's eyes." },
		{ "platform", FIELD_TEXT, 0, 0, 255, .help = "For the vendor's eyes." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(validate_judge),	/* sql  validate_batch */
		FLOW_STEP(validate_send)),
	    .state = sizeof(struct validate),
	    .summary = "May this key run here, now?",
	    .answer = "`{ok:true,license_id,product_id,product_slug,issued_at,"
	        "status,max_machines,expires_at?,grace_until?,in_grace_period?,"
	        "is_trial?,entitlements?,machine_id?}` or `{ok:false,reason}` "
	        "with reason `rate_limited`, `bad_format`, `bad_signature`, "
	            "`not_found`, `revoked`, `suspended`, `product_mismatch`, "
	            "`expired`, `fingerprint_mismatch` or `too_many_machines`." },
	ENDPOINT_END
};
/* clang-format on */
