/*
 * LISTEN on one connection of a worker for all channels; declared in db/pool.h.
 */
#include "db/pool.h"

#include "db/conn.h"

#include <stdio.h>
#include <string.h>

#define CHANNELS_MAX	8

struct channel {
	const char	*name;
	void		(*notify)(const char *);
};

static struct channel		 channels[CHANNELS_MAX];
static unsigned int		 nchannels;
static char			 command[CHANNELS_MAX * 32];
static struct db_conn		 conn;
static struct kore_timer	*watchdog;

static void
up(struct db_conn *c)
{
	unsigned int	i;

	(void)c;
	for (i = 0; i < nchannels; i++)
		channels[i].notify(NULL);
}

static void
notified(struct db_conn *c, const char *name, const char *payload)
{
	unsigned int	i;

	(void)c;
	for (i = 0; i < nchannels; i++) {
		if (!strcmp(channels[i].name, name))
			channels[i].notify(payload);
	}
}

static void
tick(void *arg, u_int64_t now)
{
	(void)arg;
	db_conn_watch(&conn, now);
}

static void
begin(void)
{
	conn.listen = command;
	conn.up = up;
	conn.notified = notified;
	db_conn_open(&conn);
	watchdog = kore_timer_add(tick, 1000, NULL, 0);
}

/* The connection is made later, in the loop: by then the command is whole. */
void
db_listen(const char *name, void (*notify)(const char *))
{
	size_t	len = strlen(command);

	if (nchannels == CHANNELS_MAX ||
	    (size_t)snprintf(command + len, sizeof(command) - len,
	    "%sLISTEN %s", len == 0 ? "" : "; ", name) >= sizeof(command) - len)
		fatal("db: too many channels");
	channels[nchannels].name = name;
	channels[nchannels++].notify = notify;
	if (watchdog == NULL)
		begin();
}

void
db_listen_end(void)
{
	if (watchdog == NULL)
		return;
	kore_timer_remove(watchdog);
	watchdog = NULL;
	db_conn_end(&conn);
	nchannels = 0;
	command[0] = '\0';
}
