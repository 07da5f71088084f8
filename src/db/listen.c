/* LISTEN on a connection of its own; declared in db/pool.h. */
#include "db/pool.h"

#include "db/conn.h"

#define CHANNELS_MAX	8

struct channel {
	struct db_conn	  conn;
	void		(*notify)(const char *);
};

static struct channel		 channels[CHANNELS_MAX];
static unsigned int		 nchannels;
static struct kore_timer	*watchdog;

static void
up(struct db_conn *c)
{
	((struct channel *)c->owner)->notify(NULL);
}

static void
notified(struct db_conn *c, const char *name, const char *payload)
{
	(void)name;
	((struct channel *)c->owner)->notify(payload);
}

static void
tick(void *arg, u_int64_t now)
{
	unsigned int	i;

	(void)arg;
	for (i = 0; i < nchannels; i++)
		db_conn_watch(&channels[i].conn, now);
}

void
db_listen(const char *name, void (*notify)(const char *))
{
	struct channel	*ch = &channels[nchannels++];

	if (nchannels > CHANNELS_MAX)
		fatal("db: too many channels");
	ch->notify = notify;
	ch->conn.channel = name;
	ch->conn.owner = ch;
	ch->conn.up = up;
	ch->conn.notified = notified;
	db_conn_open(&ch->conn);
	if (watchdog == NULL)
		watchdog = kore_timer_add(tick, 1000, NULL, 0);
}

void
db_listen_end(void)
{
	if (watchdog != NULL)
		kore_timer_remove(watchdog);
	watchdog = NULL;
	while (nchannels > 0)
		db_conn_end(&channels[--nchannels].conn);
}
