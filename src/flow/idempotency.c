#include "flow/idempotency.h"

#include "base/conf.h"
#include "base/stat.h"
#include "base/text.h"
#include "base/uuid.h"
#include "crypto/hmac.h"
#include "crypto/keyring.h"
#include "crypto/sha256.h"
#include "flow/bind.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/router.h"
#include "pay/sealed.h"

#include "sql.h"

#include <string.h>

#define HEADER		"idempotency-key"
#define KEY_MAX		255
#define PUBLIC_KEY_MIN	16	/* strangers share the public endpoints */
#define LEASE_EXTRA_MS	3000	/* for what a worker does after a deadline */
#define SEALED_ANSWER	"idempotency_keys.answer"
#define REQUEST_KEY	"idempotency_keys.request"

enum phase {
	ASKED,		/* for the key's row */
	RUNNING,	/* it is ours */
	KEPT,		/* answered, neither stored nor sent */
	STORING,
	OVER		/* no key any more */
};

struct attempt {
	enum phase	 phase;
	bool		 unsure;	/* what was sent may still happen */
	char		 id[SHA256_HEX_SIZE];
	char		 request[HMAC_SHA256_HEX_SIZE];
	char		 name[UUID_TEXT_LEN + 1];
	char		 resource[UUID_TEXT_LEN + 1];
	const char	**left;		/* invoices of attempts before */
	size_t		 nleft, at;

	bool		 is_verdict;	/* an answer to be told again */
	int		 status;
	const char	*type;
	const char	*body;
	size_t		 len;
	enum err	 fault;		/* for the log */
	const char	*message;
};

/* ---- the key ---- */

bool
idempotency_takes_key(const struct endpoint *ep)
{
	return (ep->method != GET && !ep->hidden && !ep->repeatable);
}

static bool
check_key(struct flow *f, const char *key)
{
	size_t	n = strlen(key), i;

	for (i = 0; i < n && key[i] > ' ' && key[i] <= '~'; i++)
		;
	if (n == 0 || n > KEY_MAX || i < n) {
		flow_fail(f, ERR_BAD_REQUEST, "Idempotency-Key: must be of 1 "
		    "to 255 visible ASCII characters");
		return (false);
	}
	if (flow_request_headers(f, HEADER) > 1) {
		flow_fail(f, ERR_BAD_REQUEST, "Idempotency-Key: came twice");
		return (false);
	}
	if (f->endpoint->scope == NULL && n < PUBLIC_KEY_MIN) {
		flow_fail(f, ERR_BAD_REQUEST, "Idempotency-Key: must be of 16 "
		    "characters at least, since anybody may send one here; "
		    "use a random UUID");
		return (false);
	}
	return (true);
}

static void
new_uuid(char out[UUID_TEXT_LEN + 1])
{
	uint8_t	id[UUID_LEN];

	uuid_random(id);
	uuid_format(id, out);
}

/*
 * Keyed, since bodies hold passwords that could be guessed from a plain hash.
 * Path and query end with a line that neither can contain.
 */
static void
hash_request(struct flow *f, char out[HMAC_SHA256_HEX_SIZE])
{
	const void	*body;
	const char	*text;
	char		 digest[SHA256_HEX_SIZE];
	uint8_t		 key[32];
	size_t		 len;

	body = flow_request_body(f, &len);
	sha256_hex(body, len, digest);
	text = arena_printf(&f->arena, "%s\n%s\n%s", flow_request_path(f),
	    flow_request_query(f), digest);
	keyring_derive(bind_keyring(), REQUEST_KEY, key);
	hmac_sha256_hex(key, sizeof(key), text, strlen(text), out);
	explicit_bzero(key, sizeof(key));
}

static struct attempt *
new_attempt(struct flow *f, const char *key)
{
	struct attempt	*a = arena_alloc(&f->arena, sizeof(*a));
	const char	*text;

	text = arena_printf(&f->arena, "%s\n%s %s\n%s", f->actor_hash,
	    method_name(f->endpoint->method), f->endpoint->path, key);
	sha256_hex(text, strlen(text), a->id);
	hash_request(f, a->request);
	new_uuid(a->name);
	new_uuid(a->resource);
	return (a);
}

enum flow_next
idempotency_claim(struct flow *f, const char *key)
{
	if (!check_key(f, key))
		return (FLOW_DONE);
	if (f->attempt == NULL)
		f->attempt = new_attempt(f, key);
	f->attempt->phase = ASKED;
	return (FLOW_QUERY(f, idempotency_begin,
	    .id = f->attempt->id,
	    .request = f->attempt->request,
	    .attempt = f->attempt->name,
	    .resource = f->attempt->resource,
	    .lease_ms = arena_printf(&f->arena, "%lld",
	    conf.request_timeout_ms + LEASE_EXTRA_MS)));
}

enum flow_next
idempotency_begin(struct flow *f)
{
	const char	*key;

	if (!idempotency_takes_key(f->endpoint) ||
	    (key = flow_request_header(f, HEADER)) == NULL)
		return (FLOW_NEXT);
	return (idempotency_claim(f, key));
}

/* ---- what became of it ---- */

const char *
idempotency_answer(struct flow *f)
{
	return (pay_unseal(&f->arena, bind_keyring(), SEALED_ANSWER,
	    f->attempt->id, db_text(flow_rows(f), 0, "answer")));
}

static enum flow_next
replay(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*body = idempotency_answer(f);
	int			 status;

	if (body == NULL)
		return (flow_fail(f, ERR_INTERNAL,
		    "This key ring does not open the answer that was kept."));
	status = (int)db_integer(r, 0, "status", 500);
	flow_header(f, "idempotent-replayed", "true");
	if (status == 401)
		flow_header(f, "www-authenticate", "Bearer");
	return (flow_send(f, status, db_text(r, 0, "answer_type"), body,
	    strlen(body)));
}

static void
read_left_over(struct flow *f, struct attempt *a)
{
	const char	*text = db_text(flow_rows(f), 0, "left_over");
	json_t		*list, *one;
	char		 why[96];
	size_t		 i;

	if (text == NULL ||
	    (list = json_read(text, strlen(text), why, sizeof(why))) == NULL)
		return;
	a->left = arena_alloc(&f->arena,
	    (json_array_size(list) + 1) * sizeof(*a->left));
	json_array_foreach(list, i, one)
		a->left[a->nleft++] = arena_strdup(&f->arena,
		    json_string_value(one));
	json_decref(list);
	if (a->nleft > 0)
		stat_add(STAT_KEYS_RESUMED, 1);
}

enum idempotency_verdict
idempotency_verdict(struct flow *f)
{
	struct attempt	*a = f->attempt;
	const char	*verdict = db_text(flow_rows(f), 0, "verdict");

	if (!strcmp(verdict, "mine")) {
		a->phase = RUNNING;
		read_left_over(f, a);
		return (IDEMPOTENCY_OURS);
	}
	a->phase = OVER;
	if (!strcmp(verdict, "replay")) {
		stat_add(STAT_KEYS_REPLAYED, 1);
		return (IDEMPOTENCY_ANSWERED);
	}
	if (!strcmp(verdict, "mismatch")) {
		stat_add(STAT_KEYS_MISMATCHED, 1);
		return (IDEMPOTENCY_OTHER);
	}
	stat_add(STAT_KEYS_RUNNING, 1);
	return (IDEMPOTENCY_RUNNING);
}

enum flow_next
idempotency_judge(struct flow *f)
{
	if (f->attempt == NULL)
		return (FLOW_NEXT);
	switch (idempotency_verdict(f)) {
	case IDEMPOTENCY_OURS:
		return (FLOW_NEXT);
	case IDEMPOTENCY_ANSWERED:
		return (replay(f));
	case IDEMPOTENCY_OTHER:
		return (flow_fail(f, ERR_KEY_MISMATCH,
		    "This Idempotency-Key was sent with another request."));
	default:
		return (flow_fail(f, ERR_KEY_RUNNING, "A request with this "
		    "Idempotency-Key is being worked on."));
	}
}

/* ---- what attempts before have left ---- */

static const char *
left_over(const struct flow *f)
{
	const struct attempt	*a = f->attempt;

	return (a == NULL || a->at == a->nleft ? NULL : a->left[a->at]);
}

enum flow_next
idempotency_tidy(struct flow *f)
{
	const char	*id = left_over(f);

	if (id == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, invoice_abandon, .id = id));
}

enum flow_next
idempotency_untie(struct flow *f)
{
	const char	*id = left_over(f);

	if (id == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, tier_drop, .invoice_id = id));
}

enum flow_next
idempotency_tidied(struct flow *f)
{
	if (left_over(f) == NULL)
		return (FLOW_NEXT);
	f->attempt->at++;
	return (flow_back_to(f, idempotency_tidy));
}

enum flow_next
idempotency_forget(struct flow *f)
{
	struct attempt	*a = f->attempt;

	if (a == NULL || a->nleft == 0)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, idempotency_forget, .id = a->id,
	    .attempt = a->name));
}

void
flow_new_id(struct flow *f, char out[UUID_TEXT_LEN + 1])
{
	if (idempotency_runs(f))
		memcpy(out, f->attempt->resource, UUID_TEXT_LEN + 1);
	else
		new_uuid(out);
}

/* ---- the answer ---- */

bool
idempotency_runs(const struct flow *f)
{
	return (f->attempt != NULL && f->attempt->phase == RUNNING);
}

bool
idempotency_keep(struct flow *f, int status, const char *type,
    const void *data, size_t len)
{
	struct attempt	*a = f->attempt;

	if (a == NULL || a->phase == OVER)
		return (false);
	a->is_verdict = status < 500 && status != 429 && status != 402;
	if (!a->is_verdict)
		flow_let_go(f);
	/* Of no use to wait for: the database is away, or time is up. */
	if (a->phase != RUNNING || (!a->is_verdict && (a->unsure ||
	    f->fault == ERR_UNAVAILABLE))) {
		idempotency_drop(f);
		return (false);
	}
	arena_wipe_later(&f->arena);
	a->phase = KEPT;
	a->status = status;
	a->type = arena_strdup(&f->arena, type);
	a->body = arena_strndup(&f->arena, data == NULL ? "" : data, len);
	a->len = len;
	a->fault = f->fault;
	a->message = f->fault_message;
	return (true);
}

/* The next attempt need not wait: told before the client, who may be quick. */
static enum flow_next
release(struct flow *f)
{
	struct attempt	*a = f->attempt;

	return (FLOW_QUERY(f, idempotency_release, .id = a->id,
	    .attempt = a->name));
}

static enum flow_next
store(struct flow *f)
{
	struct attempt				*a = f->attempt;
	const struct sql_idempotency_store_args	 args = {
	    .id = a->id,
	    .attempt = a->name,
	    .status = arena_printf(&f->arena, "%d", a->status),
	    .answer_type = a->type,
	    .answer = pay_seal(&f->arena, bind_keyring(), SEALED_ANSWER, a->id,
	    a->body) };
	const struct db_query			 q = {
	    .stmt = &sql_idempotency_store,
	    .params = (const char *const *)(const void *)&args };

	return (flow_commit(f, &q));
}

static enum flow_next
idempotency_store(struct flow *f)
{
	f->attempt->phase = STORING;
	return (f->attempt->is_verdict ? store(f) : release(f));
}

static enum flow_next
idempotency_send(struct flow *f)
{
	struct attempt	*a = f->attempt;

	a->phase = OVER;
	f->fault = a->fault;
	f->fault_message = a->message;
	return (flow_send(f, a->status, a->type, a->body, a->len));
}

static const struct flow_step	answering[] = {
	FLOW_STEP(idempotency_store),	/* sql  idempotency_store */
	FLOW_STEP(idempotency_send),
	{ NULL, NULL }
};

bool
idempotency_enter(struct flow *f)
{
	if (f->attempt == NULL || f->attempt->phase != KEPT)
		return (false);
	f->fault = ERR_NONE;
	f->at = answering;
	return (true);
}

/* ---- giving up ---- */

void
idempotency_unsure(struct flow *f)
{
	if (f->attempt != NULL)
		f->attempt->unsure = true;
}

/*
 * What the attempt's own transaction would still do can't be done once another
 * has taken over.  Any other statement that is adrift may: the lease stays until
 * it must be over.
 */
void
idempotency_drop(struct flow *f)
{
	struct attempt	*a = f->attempt;

	if (a == NULL || a->phase == OVER)
		return;
	a->phase = OVER;
	flow_let_go(f);
	if (!a->unsure)
		FLOW_TELL(idempotency_release, .id = a->id,
		    .attempt = a->name);
}
