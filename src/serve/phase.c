/* The queues; when a phase is over is the guard's to know. */
#include "serve/phase.h"

#include "serve/guard.h"

#include <kore/kore.h>

#define GUARD_MAGIC	0x67756172

TAILQ_HEAD(guard_queue, guard);

static struct guard_queue	queues[PHASE_GONE];
static unsigned int		count;

static void
start(void)
{
	size_t	i;

	for (i = 0; i < PHASE_GONE; i++)
		TAILQ_INIT(&queues[i]);
}

struct guard *
guard_of(struct connection *c)
{
	struct guard	*g = c->hdlr_extra;

	if (g == NULL || g->magic != GUARD_MAGIC || g->c != c)
		fatal("guard: not a connection of ours");

	return (g);
}

void
phase_begin(struct connection *c)
{
	struct guard	*g;

	if (queues[PHASE_IDLE].tqh_last == NULL)
		start();
	g = kore_calloc(1, sizeof(*g));
	g->magic = GUARD_MAGIC;
	g->phase = PHASE_IDLE;
	g->fresh = true;
	g->since = kore_time_ms();
	g->c = c;
	TAILQ_INSERT_TAIL(&queues[PHASE_IDLE], g, link);
	count++;
	c->hdlr_extra = g;
}

void
phase_set(struct guard *g, enum phase phase)
{
	if (g->phase == PHASE_GONE)
		return;
	TAILQ_REMOVE(&queues[g->phase], g, link);
	g->phase = phase;
	g->since = kore_time_ms();
	if (phase == PHASE_GONE)
		count--;
	else
		TAILQ_INSERT_TAIL(&queues[phase], g, link);
}

struct guard *
phase_first(enum phase phase)
{
	return (TAILQ_FIRST(&queues[phase]));
}

unsigned int
guard_count(void)
{
	return (count);
}
