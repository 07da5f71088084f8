/*
 * libcurl's transfers on Kore's event loop.
 *
 * Kore has such a bridge of its own, but ends the worker when epoll complains
 * about a socket that libcurl has already closed, which an unreachable host
 * is enough for.  Here libcurl's sockets live in an epoll set of their own,
 * of which Kore's loop sees one descriptor, and complaints do no harm.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>

struct loop_transfer {
	CURL	*handle;
	char	 error[CURL_ERROR_SIZE];

	/*
	 * Runs once, from the event loop and never from within loop_begin(),
	 * when the transfer has ended.  It was removed by then; loop_end() is
	 * still due and may be called from here, as may anything else.
	 */
	void	(*ended)(struct loop_transfer *, CURLcode);
};

/* Makes a handle for `t', to be configured; false when there is none. */
bool	loop_open(struct loop_transfer *t);

/* Starts the transfer; `t' must stay where it is until loop_end(). */
void	loop_begin(struct loop_transfer *t);

/* Ends it at any moment after loop_open() and frees the handle. */
void	loop_end(struct loop_transfer *t);

#endif
