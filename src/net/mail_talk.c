#include "net/mail_talk.h"

#include <stdio.h>
#include <string.h>

static int	talk_listen(CURL *, curl_infotype, char *, size_t, void *);

bool
mail_talk_setup(struct mail_talk *t, CURL *h, const char *url,
    const struct net_mail *m)
{
	if (curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps") !=
	    CURLE_OK || curl_easy_setopt(h, CURLOPT_URL, url) != CURLE_OK)
		return (false);
	t->stage = "connecting";
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(h, CURLOPT_USE_SSL, m->tls ? (long)CURLUSESSL_ALL :
	    (long)CURLUSESSL_NONE);
	if (*m->ca_file != '\0')
		curl_easy_setopt(h, CURLOPT_CAINFO, m->ca_file);
	if (*m->username != '\0') {
		curl_easy_setopt(h, CURLOPT_USERNAME, m->username);
		curl_easy_setopt(h, CURLOPT_PASSWORD, m->password);
	}
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, talk_listen);
	curl_easy_setopt(h, CURLOPT_DEBUGDATA, t);
	curl_easy_setopt(h, CURLOPT_VERBOSE, 1L);
	return (true);
}

/* The commands, by their names alone: what follows AUTH is secret. */
static void
heard_command(struct mail_talk *t, const char *data, size_t len)
{
	static const char *const	names[] = { "EHLO", "HELO", "STARTTLS",
					    "AUTH", "MAIL", "RCPT", "DATA" };
	size_t				i, n;

	if ((t->over = t->over || (len >= 4 && !memcmp(data, "QUIT", 4))))
		return;
	t->said[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = strlen(names[i]);
		if (len >= n && !memcmp(data, names[i], n))
			t->stage = names[i];
	}
}

/* One line of an answer, fit to be shown. */
static void
heard_answer(struct mail_talk *t, const char *data, size_t len)
{
	size_t	i, n = 0;

	for (i = 0; i < len && n < sizeof(t->said) - 1; i++) {
		if (data[i] == '\r' || data[i] == '\n')
			break;
		t->said[n++] = data[i] >= 32 && data[i] < 127 ? data[i] : '?';
	}
	t->said[n] = '\0';
}

static int
talk_listen(CURL *h, curl_infotype type, char *data, size_t len, void *arg)
{
	struct mail_talk	*t = arg;

	(void)h;
	if (type == CURLINFO_HEADER_OUT)
		heard_command(t, data, len);
	else if (type == CURLINFO_HEADER_IN && !t->over)
		heard_answer(t, data, len);
	return (0);
}

const char *
mail_talk_error(struct mail_talk *t, CURLcode code)
{
	const char	*stage = t->stage == NULL ? "starting" : t->stage;

	if (t->said[0] == '4' || t->said[0] == '5')
		(void)snprintf(t->error, sizeof(t->error), "%s: %s", stage,
		    t->said);
	else
		(void)snprintf(t->error, sizeof(t->error), "%s: %.200s", stage,
		    t->why[0] != '\0' ? t->why : curl_easy_strerror(code));
	return (t->error);
}

bool
mail_talk_is_refused(const struct mail_talk *t)
{
	return (t->said[0] == '5' && (!strcmp(t->stage, "RCPT") ||
	    !strcmp(t->stage, "DATA")));
}
