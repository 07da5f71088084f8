#include "flow/limit.h"

#include "base/stat.h"
#include "crypto/hash.h"
#include "db/array.h"
#include "db/pool.h"

#include "sql.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define WAYS		4
#define SETS		32768	/* 131,072 clients a worker, 12 MB when full */
#define KEY_SIZE	48
#define SETTLE_MS	250
#define SETTLE_MAX	1000	/* buckets in one exchange */

struct bucket {
	char		key[KEY_SIZE];
	uint64_t	at_ms;		/* when `tokens' was true */
	float		tokens;
	float		unsettled;	/* spent, unknown to the database */
	float		sent;		/* on its way there */
	uint8_t		kind;
	bool		dirty;		/* in the list to be settled */
};

static const struct {
	const char	*name;
	float		 capacity;
	float		 refill;	/* tokens a second */
} limits[LIMIT_COUNT] = {
	[LIMIT_VALIDATE] = { "validate_ip", 60, 1 },
	[LIMIT_HEARTBEAT] = { "heartbeat_license", 60, 1.0f / 60 },
	[LIMIT_MACHINE] = { "machine_ip", 60, 1 },
	[LIMIT_PURCHASE] = { "purchase_ip", 30, 0.5f },
	[LIMIT_POLL] = { "poll_ip", 120, 2 },
	[LIMIT_CATALOGUE] = { "catalogue_ip", 120, 4 },
	[LIMIT_RECOVER] = { "recover_ip", 10, 1.0f / 6 },
	[LIMIT_LOGIN] = { "web_login", 5, 1.0f / 180 },
	[LIMIT_CUSTOMER] = { "portal_sign_in_ip", 10, 1.0f / 30 },
	[LIMIT_WRONG_KEY] = { "wrong_key_ip", 20, 1.0f / 6 },
	[LIMIT_PORTAL] = { "portal_ip", 120, 2 },
};

static struct bucket		*table;		/* SETS * WAYS */
static uint32_t			 dirty[SETTLE_MAX];
static unsigned int		 ndirty;
static uint32_t			 travelling[SETTLE_MAX];
static unsigned int		 ntravelling;
static struct db_pool		*pool;
static struct db_op		*op;
static struct kore_timer	*timer;
static char			 since[64];	/* the database's clock */
static struct db_array		 columns[5];

static void	settle(void *, u_int64_t);

/* The client's bucket, or NULL and the stalest of those it may have. */
static struct bucket *
bucket_find(enum limit_kind kind, const char *key, char id[KEY_SIZE + 1],
    struct bucket **oldest)
{
	struct bucket	*set, *b;
	size_t		 n;

	memset(id, 0, KEY_SIZE + 1);
	n = kore_strlcpy(id + 1, key, KEY_SIZE);
	id[0] = (char)kind;
	n = (n >= KEY_SIZE ? KEY_SIZE - 1 : n) + 1;
	set = &table[(hash_table(id, n) % SETS) * WAYS];
	*oldest = set;
	for (b = set; b < set + WAYS; b++) {
		if (b->kind == kind && !strcmp(b->key, id + 1))
			return (b);
		if (b->at_ms < (*oldest)->at_ms)
			*oldest = b;
	}
	return (NULL);
}

/* The client's bucket, or the stalest of its set, emptied for it. */
static struct bucket *
bucket_get(enum limit_kind kind, const char *key, uint64_t now)
{
	struct bucket	*b, *oldest;
	char		 id[KEY_SIZE + 1];

	if ((b = bucket_find(kind, key, id, &oldest)) != NULL)
		return (b);
	memcpy(oldest->key, id + 1, KEY_SIZE);
	oldest->kind = (uint8_t)kind;
	oldest->tokens = limits[kind].capacity;
	oldest->unsettled = oldest->sent = 0;
	oldest->at_ms = now;
	return (oldest);
}

static void
refill(struct bucket *b, uint64_t now)
{
	float	full = limits[b->kind].capacity;

	b->tokens += (float)(now - b->at_ms) / 1000 * limits[b->kind].refill;
	/* Full again: what little it spent no longer matters to anyone. */
	if (b->tokens >= full) {
		b->tokens = full;
		b->unsettled = 0;
	}
	b->at_ms = now;
}

static void
mark(struct bucket *b)
{
	if (b->dirty || ndirty == SETTLE_MAX)
		return;
	b->dirty = true;
	dirty[ndirty++] = (uint32_t)(b - table);
}

bool
limit_take(enum limit_kind kind, const char *key)
{
	struct bucket	*b;
	uint64_t	 now = kore_time_ms();
	float		 quarter = limits[kind].capacity / 4;

	if (table == NULL)
		return (true);
	b = bucket_get(kind, key, now);
	refill(b, now);
	if (b->tokens < 1) {
		stat_add(STAT_LIMITED, 1);
		return (false);
	}
	b->tokens -= 1;
	b->unsettled += 1;
	if (b->unsettled >= quarter || b->tokens < quarter)
		mark(b);
	return (true);
}

bool
limit_is_spent(enum limit_kind kind, const char *key)
{
	struct bucket	*b, *oldest;
	char		 id[KEY_SIZE + 1];

	if (table == NULL ||
	    (b = bucket_find(kind, key, id, &oldest)) == NULL)
		return (false);
	refill(b, kore_time_ms());
	return (b->tokens < 1);
}

unsigned int
limit_retry_after(enum limit_kind kind)
{
	if (kind == LIMIT_NONE || limits[kind].refill >= 1)
		return (1);
	return ((unsigned int)(1 / limits[kind].refill + 0.5f));
}

/* ---- settling ---- */

static enum limit_kind
kind_by_name(const char *name)
{
	int	k;

	for (k = LIMIT_NONE + 1; k < LIMIT_COUNT; k++) {
		if (!strcmp(limits[k].name, name))
			return ((enum limit_kind)k);
	}
	return (LIMIT_NONE);	/* of a newer release */
}

/* What the database says counts, less what it can't know yet. */
static void
learn(const struct db_rows *rows, unsigned int row, uint64_t now)
{
	const char	*name = db_text(rows, row, "bucket_kind");
	const char	*key = db_text(rows, row, "bucket_key");
	enum limit_kind	 kind;
	struct bucket	*b;
	float		 ago;

	if (name == NULL || key == NULL ||
	    (kind = kind_by_name(name)) == LIMIT_NONE)
		return;
	b = bucket_get(kind, key, now);
	ago = strtof(db_text(rows, row, "seconds_ago"), NULL);
	b->tokens = strtof(db_text(rows, row, "tokens_remaining"), NULL) +
	    ago * limits[kind].refill - b->unsettled;
	if (b->tokens > limits[kind].capacity)
		b->tokens = limits[kind].capacity;
	b->at_ms = now;
}

static void
settled(void *arg, struct db_reply *reply)
{
	uint64_t	now = kore_time_ms();
	const char	*clock;
	unsigned int	i;

	(void)arg;
	op = NULL;
	for (i = 0; i < ntravelling; i++) {
		struct bucket *b = &table[travelling[i]];

		/* Unknown whether it arrived: once more is the safe side. */
		if (reply->error != ERR_NONE)
			b->unsettled += b->sent;
		b->sent = 0;
	}
	ntravelling = 0;
	for (i = 0; i < db_rows_count(reply->rows); i++)
		learn(reply->rows, i, now);
	if ((clock = db_text(reply->rows, 0, "clock")) != NULL)
		(void)kore_strlcpy(since, clock, sizeof(since));
	db_rows_free(reply->rows);
}

static void
write_columns(void)
{
	static const uint32_t	types[] = { DB_TYPE_TEXT, DB_TYPE_TEXT,
	    DB_TYPE_FLOAT8, DB_TYPE_FLOAT8, DB_TYPE_FLOAT8 };
	struct bucket		*b;
	unsigned int		 i;

	for (i = 0; i < 5; i++)
		db_array_begin(&columns[i], types[i]);
	for (i = 0; i < ndirty; i++) {
		b = &table[dirty[i]];
		b->dirty = false;
		b->sent = b->unsettled;
		b->unsettled = 0;
		travelling[ntravelling++] = dirty[i];
		db_array_put_text(&columns[0], limits[b->kind].name);
		db_array_put_text(&columns[1], b->key);
		db_array_put_float(&columns[2], (double)b->sent);
		db_array_put_float(&columns[3],
		    (double)limits[b->kind].capacity);
		db_array_put_float(&columns[4],
		    (double)limits[b->kind].refill);
	}
	ndirty = 0;
}

/* Twice a second even when there is nothing to tell: others may have. */
static void
settle(void *arg, u_int64_t now)
{
	static unsigned int	turn;
	const char		*params[6];
	int			 lengths[6] = { 0 }, formats[6] = { 0 };
	struct db_query		 q = { .stmt = &sql_limit_settle,
				    .params = params, .lengths = lengths,
				    .formats = formats };
	unsigned int		 i;

	(void)arg;
	(void)now;
	if (op != NULL || (ndirty == 0 && ++turn % 2 == 0) ||
	    db_pool_up(pool) == 0)
		return;
	write_columns();
	for (i = 0; i < 5; i++) {
		if (!db_array_end(&columns[i]))
			fatal("limit: arrays too large");
		params[i] = columns[i].bytes.data;
		lengths[i] = (int)columns[i].bytes.len;
		formats[i] = 1;
	}
	params[5] = since[0] == '\0' ? NULL : since;
	stat_add(STAT_LIMIT_SETTLES, 1);
	op = db_exec(pool, &q, settled, NULL);
}

void
limit_open(struct db_pool *p)
{
	unsigned int	i;

	pool = p;
	if ((table = calloc(SETS * WAYS, sizeof(*table))) == NULL)
		fatal("no memory");
	for (i = 0; i < 5; i++)
		db_array_init(&columns[i], 1 << 20);
	timer = kore_timer_add(settle, SETTLE_MS, NULL, 0);
}

void
limit_close(void)
{
	unsigned int	i;

	kore_timer_remove(timer);
	if (op != NULL)
		db_cancel(op);
	for (i = 0; i < 5; i++)
		db_array_free(&columns[i]);
	free(table);
	table = NULL;
}
