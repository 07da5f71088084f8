/*
 * Everything kore.conf could say, said from settings.
 */
#ifndef SERVE_SETUP_H
#define SERVE_SETUP_H

#include <stddef.h>

struct kore_server;

struct serve_settings {
	const char	*listen;		/* "host:port", see listen.h */
	const char	*pidfile;
	unsigned int	 workers;		/* 1..64; 0: one a processor */
	unsigned int	 connections;		/* at most, per worker */
	unsigned int	 held;			/* more of them, see hold.h */
	size_t		 body_max;		/* bytes */
	unsigned int	 header_timeout;	/* s, for a whole header block */
	unsigned int	 body_timeout;		/* s, for a whole body */
	unsigned int	 keepalive;		/* s idle; 0: none */
};

/* The one server; NULL before serve_setup(). */
extern struct kore_server	*serve_server;

/*
 * Call from kore_parent_configure().  Configures Kore, opens the listeners
 * behind the guard and routes every path and method to the handler named
 * `handler_name' (an exported int (*)(struct http_request *)).  Ends the
 * process with a clear message on a setting that can not work.  Workers then
 * call listen_own(serve_server).
 */
void	serve_setup(const struct serve_settings *, const char *handler_name);

/*
 * In a worker: from now on it drains and ends when the parent is gone, however
 * that died.  Kore notices only if no other worker holds the parent's sockets.
 */
void	serve_follow_parent(void);

#endif
