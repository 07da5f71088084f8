/*
 * What is said between libcurl and a mail server.  libcurl's error codes do not
 * tell a recipient that is unknown from a login that is wrong, so what is said
 * is listened to: the last command, and the last line of the answer.
 */
#ifndef NET_MAIL_TALK_H
#define NET_MAIL_TALK_H

#include "net/mail.h"

#include <curl/curl.h>

#define MAIL_SAID_MAX	256

/* Zeroed before its first use. */
struct mail_talk {
	const char	*stage;		/* command that is under way */
	char		 said[MAIL_SAID_MAX];	/* last line */
	bool		 over;		/* we take our leave */
	char		 why[CURL_ERROR_SIZE];	/* as libcurl has it */
	char		 error[MAIL_SAID_MAX + 64];
};

/* What every talk needs; false: libcurl does not speak SMTP. */
bool		 mail_talk_setup(struct mail_talk *, CURL *, const char *url,
		    const struct net_mail *);

/* "RCPT: 550 no such user" if the server said so, else libcurl's words. */
const char	*mail_talk_error(struct mail_talk *, CURLcode);

/*
 * Did the server refuse this message or its recipient for good?  What it
 * thinks of us (greeting, login, sender) may be mended.
 */
bool		 mail_talk_is_refused(const struct mail_talk *);

#endif
