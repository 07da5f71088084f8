/*
 * Connections that are answered for long: the request is over, as far as Kore
 * and the drain can tell, and what is sent from now on is its owner's doing.
 *
 * Nothing is read from such a connection and no timeout of Kore's or ours ends
 * it; a client that closes, half-closes or vanishes does.  It doesn't count
 * towards the limit of connections: its owner has a limit.
 */
#ifndef SERVE_HOLD_H
#define SERVE_HOLD_H

#include <stdbool.h>

struct connection;
struct guard;
struct http_request;

/*
 * Takes over the connection of a request that is being answered.  `gone' runs
 * once, when the connection ends, whoever ends it; what is still queued for it is
 * released after that.  False: the client is gone already.
 */
bool		 hold_begin(struct http_request *, void (*gone)(void *owner),
		    void *owner);
/* Of a connection that is held and not ending; else NULL. */
void		*hold_owner(struct connection *);
/* The client has said that it sends no more; perhaps it has left. */
bool		 hold_is_half_closed(struct connection *);

/* The guard's: a connection has ended. */
void		 hold_gone(struct guard *);

#endif
