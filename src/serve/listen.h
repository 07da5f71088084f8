/*
 * Listening sockets: one a worker, all in one SO_REUSEPORT group, so that the
 * kernel spreads connections evenly and Kore's accept lock (which favours one
 * worker) is not used.  The parent opens them and keeps them open: a worker
 * that was restarted gets its own back, with the connections waiting in it.
 */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct kore_server;

/*
 * In the parent: opens worker_count listeners on host and port, or ends the
 * process with a clear message.  `host' is a numeric address or a name; empty
 * or "*" means every IPv4 address, "::" every address of both families.  That
 * no other process listens there is checked first, since SO_REUSEPORT would
 * let two servers share a port unnoticed.  `connect_cb' is the name of the
 * connect callback (exported by the program).
 */
void	listen_open(struct kore_server *, const char *host, const char *port,
	    const char *connect_cb);

/* In a worker: keeps its own listener and closes the others. */
void	listen_own(struct kore_server *);

/*
 * In a worker that stops: accepts what is already waiting, then stops
 * listening for good, also on behalf of the parent's copy of the socket, so
 * that later clients are refused at once instead of waiting for nobody.
 */
void	listen_stop(struct kore_server *);

/*
 * Splits "host:port", "[v6]:port", ":port" or "port" (host "0.0.0.0" for the
 * last two).  False when it is none of these, the port is not 1..65535, or a
 * part does not fit.
 */
bool	listen_split(const char *addr, char *host, size_t hostsize,
	    char *port, size_t portsize);

#endif
