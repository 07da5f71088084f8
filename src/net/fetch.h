/*
 * One blocking HTTP GET, for the command line.  Never in a worker: those use
 * net/call.h.  Redirects are not followed, proxies from the environment are
 * ignored, TLS certificates are verified.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include <stdbool.h>
#include <stddef.h>

struct net_fetched {
	int	 status;	/* 0: no answer */
	char	*body;		/* NUL-terminated; NULL without an answer */
	size_t	 len;
	char	 error[256];	/* why there is none */
};

/*
 * Waits up to `seconds' for the answer, of which at most 1 MiB is taken: a
 * longer one counts as none.  `authorization' is that header's value; NULL:
 * none is sent.  False: no answer, `error' says why.  To be freed either way.
 */
bool	net_fetch(struct net_fetched *, const char *url,
	    const char *authorization, unsigned int seconds);
void	net_fetched_free(struct net_fetched *);

#endif
