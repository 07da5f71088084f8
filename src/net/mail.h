/*
 * What a call needs to hand a message to a mail server, and what became of it.
 * Certificates are verified; without TLS that was asked for nothing is sent.
 */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <curl/curl.h>

#include <stdbool.h>
#include <stddef.h>

#define NET_MAIL_SAID_MAX	256

/* Texts are borrowed until net_call() or net_mail_try() returns. */
struct net_mail {
	const char	*from, *to;	/* bare addresses */
	const char	*username;	/* empty: nobody logs in */
	const char	*password;
	const char	*ca_file;	/* empty: the system's authorities */
	bool		 tls;		/* with smtp://, STARTTLS or nothing */
};

/*
 * For the command line, never in a worker: connects, greets, changes to TLS and
 * logs in, and leaves; `from' and `to' are not used.  Waits up to `seconds'.
 * False: `error' says why not.
 */
bool	net_mail_try(const char *url, const struct net_mail *,
	    unsigned int seconds, char *error, size_t size);

/* What the server said; for net/call.c. */
struct mail_talk {
	struct curl_slist	*to;
	const char		*stage;	/* command that is under way */
	char			 said[NET_MAIL_SAID_MAX];	/* last line */
	bool			 over;	/* we take our leave */
	const char		*message;	/* what is left of it */
	size_t			 left;
	char			 error[NET_MAIL_SAID_MAX + 64];
};

/*
 * Prepares `handle' to send `len' bytes of message, CRLF at line ends, which
 * must stay until mail_talk_end().  NULL, or what is wrong.
 */
const char	*mail_talk_begin(struct mail_talk *, CURL *handle,
		    const struct net_mail *, const char *message, size_t len);
void		 mail_talk_end(struct mail_talk *);

/*
 * After it failed: in words why, "RCPT: 550 no such user" when it was the
 * server who said so, and else what libcurl says.
 */
const char	*mail_talk_error(struct mail_talk *, const char *otherwise);

/*
 * Did the server refuse this message or its recipient for good?  What it
 * thinks of us (greeting, login, sender) may be mended.
 */
bool		 mail_talk_is_refused(const struct mail_talk *);

#endif
