/*
 * Outbound HTTP, and mail, on the event loop.  A call has a deadline, a ceiling on its
 * reply and, for addresses that strangers may name, an address policy that is
 * checked on each address at the moment of connecting (so that a name which
 * resolves to something else the second time gains nothing).  Redirects are
 * never followed; proxies from the environment are ignored; but for mail, only http
 * and https are spoken.  TLS certificates are verified.
 */
#ifndef NET_CALL_H
#define NET_CALL_H

#include <stdbool.h>
#include <stddef.h>

struct net_call;
struct net_mail;

struct net_request {
	const char		*method;	/* NULL: "GET" */
	const char		*url;
	const char		*content_type;	/* NULL: none is sent */
	const char		*authorization;	/* NULL: none is sent */
	const char *const	*headers;	/* more "Name: value" lines,
						   NULL at the end; or NULL */
	const void		*body;
	size_t			 body_len;
	unsigned int		 timeout_ms;	/* for all of it; 0: 30 s */
	size_t			 reply_max;	/* bytes of body; 0: 1 MiB */
	bool			 public_only;	/* refuse private, loopback,
						   link-local... addresses */
	bool			 status_only;	/* a status is an answer, even
						   if the body is too large or
						   does not end in time */
	const struct net_mail	*mail;		/* not NULL: by SMTP; the body
						   is the message, and of what
						   is above only url and
						   timeout_ms count */
};

/* Borrowed: valid until done returns. */
struct net_reply {
	int		 status;	/* 0 when there is no reply */
	const char	*body;		/* never NULL, NUL-terminated */
	size_t		 len;
	const char	*error;		/* NULL, or why there is no reply; of
					   mail, why it was not taken */
	bool		 refused;	/* mail: for good */
};

/*
 * Starts a call; copies what it needs from the request.  `done' runs exactly
 * once from the event loop, never from within net_call() itself, also for a
 * request that can not be sent at all (bad URL, line breaks in a header).  It
 * may start other calls and cancel them, but not its own.  The handle is
 * invalid once done was called.  Never NULL.
 */
struct net_call	*net_call(const struct net_request *,
		    void (*done)(void *arg, const struct net_reply *),
		    void *arg);

/* Ends a call whose done has not run; it will not run.  NULL is ignored. */
void		 net_call_cancel(struct net_call *);

/* Calls of this worker that have not ended. */
unsigned int	 net_call_count(void);

#endif
