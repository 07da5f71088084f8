#include "db/batch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stat.h"
#include "db/pool.h"

#include <kore/kore.h>

#define COLUMNS_MAX	16
#define AGAIN_MAX	5	/* times a lone row is sent */
#define ARRAY_MAX	(16 * 1024 * 1024)

/* Items that travel in one statement; a seat is NULL once forgotten. */
struct lane {
	struct batch		 *batch;
	bool			  busy;
	unsigned int		  count;
	struct batch_item	**seats;
	uint64_t		  sent_ns;
};

struct batch {
	const struct batch_kind		*kind;
	struct db_pool			*pool;
	bool				 has_lent_pool;
	unsigned int			 rows;
	unsigned int			 nlanes;
	struct lane			*lanes;
	unsigned int			 alone;	/* items to be sent singly */
	unsigned int			 again;	/* rolled back in a row */
	bool				 scheduled;
	TAILQ_HEAD(, batch_item)	 waiting;
	struct db_array			 columns[COLUMNS_MAX];
};

static void	pump(struct batch *);

static void
answer(struct lane *l, unsigned int i, const struct db_rows *rows,
    enum err error, const char *message)
{
	struct batch_item	*item = l->seats[i];

	if (item == NULL)
		return;
	item->batch = NULL;
	item->seat = NULL;
	l->batch->kind->answer(item, rows, i, error, message);
}

/* Back to the head of the line, in order, each to travel alone. */
static void
replay(struct lane *l)
{
	struct batch	*b = l->batch;
	unsigned int	 i;

	stat_add(STAT_BATCHES_REPLAYED, 1);
	for (i = l->count; i-- > 0;) {
		if (l->seats[i] == NULL)
			continue;
		l->seats[i]->seat = NULL;
		TAILQ_INSERT_HEAD(&b->waiting, l->seats[i], list);
		b->alone++;
	}
}

static void
lane_done(void *arg, struct db_reply *reply)
{
	struct lane	*l = arg;
	struct batch	*b = l->batch;
	bool		 odd;
	unsigned int	 i;

	stat_observe(HIST_BATCH_SECONDS, clock_steady_ns() - l->sent_ns);
	odd = reply->error == ERR_NONE &&
	    db_rows_count(reply->rows) != l->count;
	if (odd) {
		LOG(LOG_ERR, "batch.rows", LS("statement", b->kind->stmt->name),
		    LI("sent", l->count),
		    LI("answered", db_rows_count(reply->rows)));
		reply->error = ERR_INTERNAL;
	}
	b->again = reply->again ? b->again + 1 : 0;
	/* After a lost connection nobody knows: a replay could count twice. */
	if ((reply->error != ERR_NONE && reply->error != ERR_UNAVAILABLE &&
	    l->count > 1 && !odd) ||
	    (reply->again && (l->count > 1 || b->again < AGAIN_MAX))) {
		replay(l);
	} else {
		for (i = 0; i < l->count; i++)
			answer(l, i, reply->rows, reply->error,
			    reply->message);
	}
	db_rows_free(reply->rows);
	l->busy = false;
	pump(b);
}

/* Takes as many as may travel together. */
static void
lane_board(struct lane *l)
{
	struct batch		*b = l->batch;
	struct batch_item	*item;
	unsigned int		 limit = b->alone > 0 ? 1 : b->rows;

	for (l->count = 0; l->count < limit &&
	    (item = TAILQ_FIRST(&b->waiting)) != NULL; l->count++) {
		TAILQ_REMOVE(&b->waiting, item, list);
		l->seats[l->count] = item;
		item->seat = &l->seats[l->count];
		b->kind->write(item, b->columns);
	}
	if (b->alone > 0)
		b->alone--;
}

static void
lane_send(struct lane *l)
{
	struct batch	*b = l->batch;
	const char	*params[COLUMNS_MAX];
	int		 lengths[COLUMNS_MAX], formats[COLUMNS_MAX];
	struct db_reply	 refused = { .error = ERR_UNAVAILABLE };
	struct db_query	 q = { .stmt = b->kind->stmt, .params = params,
			    .lengths = lengths, .formats = formats,
			    .binary_rows = true };
	unsigned int	 i;
	bool		 ok = true;

	for (i = 0; i < b->kind->columns; i++)
		db_array_begin(&b->columns[i], b->kind->types[i]);
	lane_board(l);
	for (i = 0; i < b->kind->columns; i++) {
		ok = ok && db_array_end(&b->columns[i]);
		params[i] = b->columns[i].bytes.data;
		lengths[i] = (int)b->columns[i].bytes.len;
		formats[i] = 1;
	}
	l->busy = true;
	l->sent_ns = clock_steady_ns();
	stat_observe(HIST_BATCH_ROWS, l->count);
	if (!ok || db_exec(b->pool, &q, lane_done, l) == NULL)
		lane_done(l, &refused);
}

static void
pump(struct batch *b)
{
	unsigned int	i;

	for (i = 0; i < b->nlanes && !TAILQ_EMPTY(&b->waiting); i++) {
		if (!b->lanes[i].busy)
			lane_send(&b->lanes[i]);
	}
}

static void
pump_now(void *arg, u_int64_t now)
{
	struct batch	*b = arg;

	(void)now;
	b->scheduled = false;
	pump(b);
}

struct batch *
batch_open(const struct batch_kind *kind, unsigned int rows,
    unsigned int lanes, unsigned int conns)
{
	struct batch	*b;

	b = batch_open_on(db_pool_open(lanes < conns ? lanes : conns), kind,
	    rows, lanes);
	b->has_lent_pool = false;
	return (b);
}

struct batch *
batch_open_on(struct db_pool *pool, const struct batch_kind *kind,
    unsigned int rows, unsigned int lanes)
{
	struct batch	*b;
	unsigned int	 i;

	if (kind->columns > COLUMNS_MAX)
		fatal("batch: too many columns");
	b = kore_calloc(1, sizeof(*b));
	b->kind = kind;
	b->rows = rows;
	b->nlanes = lanes;
	b->pool = pool;
	b->has_lent_pool = true;
	TAILQ_INIT(&b->waiting);
	b->lanes = kore_calloc(lanes, sizeof(*b->lanes));
	for (i = 0; i < lanes; i++) {
		b->lanes[i].batch = b;
		b->lanes[i].seats = kore_calloc(rows,
		    sizeof(struct batch_item *));
	}
	for (i = 0; i < kind->columns; i++)
		db_array_init(&b->columns[i], ARRAY_MAX);
	return (b);
}

void
batch_close(struct batch *b)
{
	unsigned int	i;

	if (!b->has_lent_pool)
		db_pool_close(b->pool);
	for (i = 0; i < b->nlanes; i++)
		kore_free(b->lanes[i].seats);
	kore_free(b->lanes);
	for (i = 0; i < b->kind->columns; i++)
		db_array_free(&b->columns[i]);
	kore_free(b);
}

/*
 * The send is put off to the end of this turn of the event loop, so that what
 * arrived together travels together.
 */
void
batch_add(struct batch *b, struct batch_item *item)
{
	unsigned int	i;

	item->batch = b;
	item->seat = NULL;
	TAILQ_INSERT_TAIL(&b->waiting, item, list);
	if (b->scheduled)
		return;
	for (i = 0; i < b->nlanes; i++) {
		if (!b->lanes[i].busy) {
			b->scheduled = true;
			kore_timer_add(pump_now, 0, b, KORE_TIMER_ONESHOT);
			return;
		}
	}
}

void
batch_forget(struct batch_item *item)
{
	if (item->batch == NULL)
		return;
	if (item->seat == NULL)
		TAILQ_REMOVE(&item->batch->waiting, item, list);
	else
		*item->seat = NULL;
	item->batch = NULL;
}
