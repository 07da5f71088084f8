#include "jobs/claim.h"

#include "serve/drain.h"

#include <stdio.h>

static struct claim		*claims;	/* of this worker */
static const struct db_rows	*lent;
static unsigned int		 lent_row;

static void	claim_more(struct claim *);

const struct db_rows *
claim_row(unsigned int *row)
{
	*row = lent_row;
	return (lent);
}

const char *
claim_text(struct flow *f, const char *column)
{
	const char	*text = db_text(lent, lent_row, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

static void
ended(struct flow *f, enum err fault)
{
	struct claim	*c = claims;

	(void)fault;
	while (c->name != f->job)
		c = c->next;
	c->running--;
	if (c->more && c->running <= c->together / 2)
		claim_more(c);
}

static void
claimed(void *arg, struct db_reply *reply)
{
	struct claim	*c = arg;
	unsigned int	 i, n = db_rows_count(reply->rows);

	c->claiming = NULL;
	c->more = c->refills && n > 0 && n == c->asked;
	for (i = 0; i < n; i++) {
		c->running++;
		lent = reply->rows;
		lent_row = i;
		flow_start_job(c->name, c->steps, c->state, NULL, NULL, ended);
		lent = NULL;
	}
	db_rows_free(reply->rows);
}

static void
claim_more(struct claim *c)
{
	char		 limit[16];
	const char	*params[] = { limit, c->argument };
	struct db_query	 q = { .stmt = c->stmt, .params = params };

	if (c->claiming != NULL || c->running >= c->together ||
	    drain_started())
		return;
	c->asked = c->together - c->running;
	(void)snprintf(limit, sizeof(limit), "%u", c->asked);
	c->claiming = db_exec(c->pool, &q, claimed, c);
}

void
claim_tick(struct claim *c, struct db_pool *pool)
{
	if (c->pool == NULL) {
		c->next = claims;
		claims = c;
	}
	c->pool = pool;
	claim_more(c);
}
