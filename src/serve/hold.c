#include "serve/hold.h"

#include "serve/phase.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define UNHEARD_MS	30000	/* of a client that acknowledges nothing */
#define SEND_BUFFER	8192	/* bytes, which the kernel doubles */

/*
 * A vanished client must not cost more than a few unread lines of the kernel's
 * memory, nor that for long.
 */
static void
be_frugal(int fd)
{
	unsigned int	unheard = UNHEARD_MS;
	int		size = SEND_BUFFER;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard,
	    sizeof(unheard));
}

bool
hold_begin(struct http_request *req, void (*gone)(void *), void *owner)
{
	struct connection	*c = req->owner;
	struct guard		*g;

	if (c == NULL || (g = guard_of(c))->phase == PHASE_GONE)
		return (false);
	g->fresh = false;
	g->gone = gone;
	g->owner = owner;
	phase_set(g, PHASE_HELD);
	c->idle_timer.length = UINT64_MAX;
	be_frugal(c->fd);
	worker_max_connections++;

	return (true);
}

void *
hold_owner(struct connection *c)
{
	struct guard	*g;

	if (c->state == CONN_STATE_DISCONNECTING)
		return (NULL);	/* and the guard may be freed */
	g = guard_of(c);

	return (g->phase == PHASE_HELD ? g->owner : NULL);
}

bool
hold_is_half_closed(struct connection *c)
{
	return (guard_of(c)->half_closed);
}

void
hold_gone(struct guard *g)
{
	if (g->gone == NULL)
		return;
	worker_max_connections--;
	g->gone(g->owner);
}
