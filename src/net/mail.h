/*
 * A message to a mail server.  libcurl speaks SMTP, but waits for the answers to
 * the message and to QUIT without coming back to the event loop, for as long as
 * the server likes; so it does it in a thread, and the loop hears of the end.
 * Certificates are verified; without TLS that was asked for nothing is sent.
 */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include "net/call.h"

#include <stdbool.h>
#include <stddef.h>

/* Texts are borrowed until the function returns that is given it. */
struct net_mail {
	const char	*from, *to;	/* bare addresses */
	const char	*username;	/* empty: nobody logs in */
	const char	*password;
	const char	*ca_file;	/* empty: the system's authorities */
	bool		 tls;		/* with smtp://, STARTTLS or nothing */
};

struct mail_post;

/*
 * For net/call.c, in a worker: starts the thread for a request with `mail'.
 * `done' runs from the event loop, once, unless the post is cancelled before.
 * NULL: there is no thread to be had.
 */
struct mail_post *mail_post_begin(const struct net_request *,
		    void (*done)(void *, const struct net_reply *), void *arg);
/* The server may have taken the message all the same. */
void		 mail_post_cancel(struct mail_post *);

/* When a worker ends: waits, a few seconds at most, for threads to end. */
void		 net_mail_close(void);

/*
 * For the command line, never in a worker: connects, greets, changes to TLS and
 * logs in, and leaves; `from' and `to' are not used.  Waits up to `seconds'.
 * False: `error' says why not.
 */
bool		 net_mail_try(const char *url, const struct net_mail *,
		    unsigned int seconds, char *error, size_t size);

#endif
