/*
 * Opens, keeps and closes the listening sockets, and turns clients away when
 * the worker has all the connections it may have: Kore would leave them in
 * the queue and spin.
 */
#include "serve/listen.h"

#include "base/stat.h"
#include "serve/refusal.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <sys/socket.h>

#include <bsd/string.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#define SHED_MAX	16	/* clients turned away at a time */

static struct addrinfo	*address_find(const char *, const char *);
static void		 port_probe(const struct addrinfo *, const char *,
			    const char *);
static void		 listener_open(struct kore_server *,
			    const struct addrinfo *, const char *,
			    const char *, const char *);
static void		 accept_or_shed(void *, int);
static bool		 port_check(const char *, size_t);

void
listen_open(struct kore_server *srv, const char *host, const char *port,
    const char *connect_cb)
{
	struct addrinfo	*ai;
	unsigned int	 i;

	if (*host == '\0' || strcmp(host, "*") == 0)
		host = "0.0.0.0";
	ai = address_find(host, port);
	port_probe(ai, host, port);
	for (i = 0; i < worker_count; i++)
		listener_open(srv, ai, host, port, connect_cb);
	freeaddrinfo(ai);

	/* With no listeners that it knows of, Kore uses no accept lock. */
	nlisteners = 0;
}

static struct addrinfo *
address_find(const char *host, const char *port)
{
	struct addrinfo	 hints, *ai;
	int		 r;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
	if ((r = getaddrinfo(host, port, &hints, &ai)) != 0)
		fatal("cannot listen on %s port %s: %s", host, port,
		    gai_strerror(r));

	return (ai);
}

/*
 * Without SO_REUSEPORT, bind(2) fails when anybody listens there; with
 * SO_REUSEADDR, connections of a former server that linger do no harm.
 */
static void
port_probe(const struct addrinfo *ai, const char *host, const char *port)
{
	int	fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1)
		fatal("socket: %s", errno_s);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1)
		fatal("cannot listen on %s port %s: %s", host, port, errno_s);
	close(fd);
}

static void
listener_open(struct kore_server *srv, const struct addrinfo *ai,
    const char *host, const char *port, const char *connect_cb)
{
	struct listener	*l;
	int		 off = 0;

	l = kore_listener_create(srv);
	l->host = kore_strdup(host);
	l->port = kore_strdup(port);
	l->evt.handle = accept_or_shed;
	if (!kore_listener_init(l, ai->ai_family, connect_cb) ||
	    !kore_sockopt(l->fd, SOL_SOCKET, SO_REUSEPORT))
		fatal("cannot listen on %s port %s", host, port);
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof(off));
	if (bind(l->fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(l->fd, SOMAXCONN) == -1)
		fatal("cannot listen on %s port %s: %s", host, port, errno_s);
}

/* The event handler of a listener. */
static void
accept_or_shed(void *arg, int error)
{
	struct listener	*l = arg;
	char		 text[REFUSAL_MAX], unread[4096];
	size_t		 len;
	int		 fd, i;

	if (worker_active_connections < worker_max_connections) {
		kore_listener_accept(arg, error);
		return;
	}
	len = refusal_render(503, text, sizeof(text));
	for (i = 0; i < SHED_MAX; i++) {
		if ((fd = accept(l->fd, NULL, NULL)) == -1)
			break;
		stat_add(STAT_CONNECTIONS_SHED, 1);
		/* Best effort: what is unread may reset the connection. */
		(void)send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)shutdown(fd, SHUT_WR);
		(void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
		close(fd);
	}
}

void
listen_own(struct kore_server *srv)
{
	struct listener	*l, *next;
	unsigned int	 i = 1;

	for (l = LIST_FIRST(&srv->listeners); l != NULL; l = next) {
		next = LIST_NEXT(l, list);
		if (i++ != worker->id)
			kore_listener_free(l);
	}
}

void
listen_stop(struct kore_server *srv)
{
	struct listener	*l;
	uint32_t	 before;

	while ((l = LIST_FIRST(&srv->listeners)) != NULL) {
		do {
			before = worker_active_connections;
			l->evt.flags |= KORE_EVENT_READ;
			accept_or_shed(l, 0);
		} while (worker_active_connections != before);

		/*
		 * The parent has the socket open too: closing alone would
		 * neither end the queue nor take it out of our epoll set.
		 */
		if (worker->has_lock)
			kore_platform_disable_read(l->fd);
		(void)shutdown(l->fd, SHUT_RDWR);
		kore_listener_free(l);
	}
	worker->has_lock = 0;
}

bool
listen_split(const char *addr, char *host, size_t hostsize, char *port,
    size_t portsize)
{
	const char	*any = "0.0.0.0";
	const char	*colon, *from = addr, *to = addr;
	size_t		 len = 0;

	if ((colon = strrchr(addr, ':')) != NULL) {
		to = colon + 1;
		len = (size_t)(colon - addr);
	}
	if (colon != NULL && *addr == '[') {
		if (len < 3 || colon[-1] != ']')
			return (false);
		from = addr + 1;
		len -= 2;
	} else if (memchr(addr, ':', len) != NULL) {
		return (false);
	} else if (len == 0) {
		from = any;
		len = strlen(any);
	}
	if (len >= hostsize || !port_check(to, portsize))
		return (false);
	memcpy(host, from, len);
	host[len] = '\0';

	return (strlcpy(port, to, portsize) < portsize);
}

static bool
port_check(const char *port, size_t size)
{
	unsigned int	n = 0;
	size_t		i;

	for (i = 0; i < 5 && port[i] >= '0' && port[i] <= '9'; i++)
		n = n * 10 + (unsigned int)(port[i] - '0');

	return (i < size && port[i] == '\0' && n >= 1 && n <= 65535);
}
