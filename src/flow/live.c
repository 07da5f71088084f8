#include "flow/live.h"

#include "base/log.h"
#include "base/uuid.h"
#include "crypto/hash.h"
#include "db/batch.h"
#include "db/pool.h"
#include "flow/events.h"
#include "flow/fail.h"

#include "sql.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define BUCKETS		4096
#define ROWS		500	/* invoices that are asked about at once */
#define TICK_MS		1000

/* Columns of the statement. */
#define COLUMN_BODY	0
#define COLUMN_IS_FINAL	1

struct live_stream {
	struct events			 events;	/* must be first */
	struct live_invoice		*invoice;
	uint64_t			 told;		/* id of the last state */
	LIST_ENTRY(live_stream)		 link;
};

/* One that has streams. */
struct live_invoice {
	struct batch_item		 item;		/* must be first */
	LIST_HEAD(, live_stream)	 streams;
	LIST_ENTRY(live_invoice)	 link;		/* in its bucket */
	uint8_t				 id[UUID_LEN];
	bool				 asked;		/* it is under way */
	bool				 again;		/* news came meanwhile */
	bool				 failed;	/* to be asked once more */
	bool				 telling;	/* not to be freed now */
};

static LIST_HEAD(, live_invoice)	 invoices[BUCKETS];
static struct db_pool			*pool;
static struct batch			*batch;
static struct kore_timer		*timer;
static bool				 some_failed;

/* ---- invoices ---- */

static struct live_invoice *
invoice_find(const uint8_t id[UUID_LEN], bool make)
{
	size_t			 bucket = hash_table(id, UUID_LEN) % BUCKETS;
	struct live_invoice	*i;

	LIST_FOREACH(i, &invoices[bucket], link) {
		if (!memcmp(i->id, id, UUID_LEN))
			return (i);
	}
	if (!make)
		return (NULL);
	if ((i = calloc(1, sizeof(*i))) == NULL)
		fatal("no memory");
	memcpy(i->id, id, UUID_LEN);
	LIST_INIT(&i->streams);
	LIST_INSERT_HEAD(&invoices[bucket], i, link);
	return (i);
}

static void
invoice_leave(struct live_invoice *i)
{
	if (i->telling || !LIST_EMPTY(&i->streams))
		return;
	batch_forget(&i->item);
	LIST_REMOVE(i, link);
	free(i);
}

/* An answer that is on its way may be older than the news: once more, then. */
static void
invoice_ask(struct live_invoice *i)
{
	i->failed = false;
	if (i->asked) {
		i->again = i->item.seat != NULL;
		return;
	}
	i->asked = true;
	batch_add(batch, &i->item);
}

static void
ask_all(bool failed_only)
{
	struct live_invoice	*i;
	size_t			 b;

	for (b = 0; b < BUCKETS; b++) {
		LIST_FOREACH(i, &invoices[b], link) {
			if (!failed_only || i->failed)
				invoice_ask(i);
		}
	}
}

/* NULL: what was said before is unknown. */
static void
notified(const char *payload)
{
	struct live_invoice	*i;
	uint8_t			 id[UUID_LEN];

	if (payload == NULL)
		ask_all(false);
	else if (uuid_parse(payload, strlen(payload), id) &&
	    (i = invoice_find(id, false)) != NULL)
		invoice_ask(i);
}

/* ---- what is told ---- */

/* Every stream that doesn't know it yet; one that was deleted has no state. */
static void
tell(struct live_invoice *i, const char *body, size_t len, bool is_final)
{
	struct events_text	*t = NULL;
	struct live_stream	*s, *next;
	uint64_t		 id = events_id(body, len);

	i->telling = true;
	for (s = LIST_FIRST(&i->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (s->told == id && !is_final)
			continue;
		s->told = id;
		if (t == NULL)
			t = events_state(body, len, is_final);
		events_put(&s->events, t, is_final);
	}
	events_free(t);
	i->telling = false;
	invoice_leave(i);
}

static void
written(const struct batch_item *item, struct db_array *columns)
{
	const struct live_invoice	*i = (const void *)item;

	db_array_put(&columns[0], i->id, UUID_LEN);
}

static void
answered(struct batch_item *item, const struct db_rows *rows,
    unsigned int row, enum err error, const char *message)
{
	struct live_invoice	*i = (void *)item;
	const uint8_t		*body, *is_final;
	size_t			 len, n;

	i->asked = false;
	if (error != ERR_NONE) {
		LOG(LOG_WARNING, "live.failed", LS("message", message));
		i->again = false;
		i->failed = some_failed = true;
		return;
	}
	if (i->again) {
		i->again = false;
		invoice_ask(i);
	}
	if ((body = db_bytes(rows, row, COLUMN_BODY, &len)) == NULL) {
		tell(i, NULL, 0, true);
		return;
	}
	is_final = db_bytes(rows, row, COLUMN_IS_FINAL, &n);
	tell(i, (const char *)body, len, n > 0 && *is_final != 0);
}

static void
tick(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	events_beat();
	if (some_failed && db_pool_up(pool) > 0) {
		some_failed = false;
		ask_all(true);
	}
}

void
live_open(struct db_pool *p)
{
	static const uint32_t		types[] = { DB_TYPE_UUID };
	static const struct batch_kind	kind = {
		.stmt = &sql_checkout_states,
		.columns = 1,
		.types = types,
		.write = written,
		.answer = answered,
	};

	pool = p;
	batch = batch_open_on(pool, &kind, ROWS, 1);
	events_open();
	timer = kore_timer_add(tick, TICK_MS, NULL, 0);
	db_listen("licet_invoice", notified);
}

/* Streams that are left are Kore's to disconnect, after this. */
void
live_close(void)
{
	struct live_invoice	*i;
	size_t			 b;

	kore_timer_remove(timer);
	for (b = 0; b < BUCKETS; b++) {
		LIST_FOREACH(i, &invoices[b], link)
			batch_forget(&i->item);
	}
	batch_close(batch);
}

/* ---- streams ---- */

enum flow_next
live_ask(struct flow *f)
{
	if (!events_have_room(f))
		return (FLOW_DONE);
	return (FLOW_QUERY(f, checkout_states, .ids = arena_printf(&f->arena,
	    "{%s}", flow_text(f, "invoice_id"))));
}

static void
stream_gone(struct events *e)
{
	struct live_stream	*s = (void *)e;

	LIST_REMOVE(s, link);
	invoice_leave(s->invoice);
	free(s);
}

/*
 * What happened between its state's reading and now wasn't heard: it is asked
 * for once more, with others.
 */
enum flow_next
live_stream(struct flow *f)
{
	const char		*body = db_text(flow_rows(f), 0, "body");
	const char		*id = flow_text(f, "invoice_id");
	bool			 is_final = db_true(flow_rows(f), 0, "is_final");
	struct live_stream	*s;
	uint8_t			 bytes[UUID_LEN];

	if (body == NULL || !uuid_parse(id, strlen(id), bytes))
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("no memory");
	s->events.gone = stream_gone;
	s->told = events_id(body, strlen(body));
	s->invoice = invoice_find(bytes, true);
	LIST_INSERT_HEAD(&s->invoice->streams, s, link);
	if (!is_final)
		invoice_ask(s->invoice);
	return (events_begin(f, &s->events, body, is_final));
}
