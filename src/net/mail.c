/*
 * A message to a mail server, by libcurl.  Its error codes do not tell a
 * recipient that is unknown from a login that is wrong, so what is said is
 * listened to: the last command, and the last line of the answer.
 */
#include "net/mail.h"

#include <stdio.h>
#include <string.h>

static int	mail_listen(CURL *, curl_infotype, char *, size_t, void *);
static size_t	mail_read(char *, size_t, size_t, void *);

/* What is the same for a message and for a try. */
static bool
mail_setup(struct mail_talk *t, CURL *h, const struct net_mail *m)
{
	if (curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps") !=
	    CURLE_OK)
		return (false);
	t->stage = "connecting";
	curl_easy_setopt(h, CURLOPT_USE_SSL, m->tls ? (long)CURLUSESSL_ALL :
	    (long)CURLUSESSL_NONE);
	if (*m->ca_file != '\0')
		curl_easy_setopt(h, CURLOPT_CAINFO, m->ca_file);
	if (*m->username != '\0') {
		curl_easy_setopt(h, CURLOPT_USERNAME, m->username);
		curl_easy_setopt(h, CURLOPT_PASSWORD, m->password);
	}
	curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, mail_listen);
	curl_easy_setopt(h, CURLOPT_DEBUGDATA, t);
	curl_easy_setopt(h, CURLOPT_VERBOSE, 1L);
	return (true);
}

const char *
mail_talk_begin(struct mail_talk *t, CURL *h, const struct net_mail *m,
    const char *message, size_t len)
{
	if (!mail_setup(t, h, m))
		return ("cannot restrict protocols");
	if ((t->to = curl_slist_append(NULL, m->to)) == NULL)
		return ("out of memory");
	t->message = message;
	t->left = len;
	curl_easy_setopt(h, CURLOPT_MAIL_FROM, m->from);
	curl_easy_setopt(h, CURLOPT_MAIL_RCPT, t->to);
	curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h, CURLOPT_READFUNCTION, mail_read);
	curl_easy_setopt(h, CURLOPT_READDATA, t);
	curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
	/* A kept connection may be dead, and nobody knows before DATA. */
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	return (NULL);
}

bool
net_mail_try(const char *url, const struct net_mail *m, unsigned int seconds,
    char *error, size_t size)
{
	struct mail_talk	 talk = { .to = NULL };
	char			 why[CURL_ERROR_SIZE] = "";
	CURL			*h;
	CURLcode		 code = CURLE_OUT_OF_MEMORY;

	if ((h = curl_easy_init()) != NULL && mail_setup(&talk, h, m) &&
	    curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK) {
		curl_easy_setopt(h, CURLOPT_PROXY, "");
		curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
		curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)seconds);
		curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
		curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
		code = curl_easy_perform(h);
	}
	if (code != CURLE_OK)
		(void)snprintf(error, size, "%s", mail_talk_error(&talk,
		    *why != '\0' ? why : curl_easy_strerror(code)));
	curl_easy_cleanup(h);
	return (code == CURLE_OK);
}

void
mail_talk_end(struct mail_talk *t)
{
	curl_slist_free_all(t->to);
	t->to = NULL;
}

static size_t
mail_read(char *out, size_t one, size_t n, void *arg)
{
	struct mail_talk	*t = arg;

	n *= one;
	if (n > t->left)
		n = t->left;
	if (n > 0)
		memcpy(out, t->message, n);
	t->message += n;
	t->left -= n;
	return (n);
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
mail_listen(CURL *h, curl_infotype type, char *data, size_t len, void *arg)
{
	(void)h;
	if (type == CURLINFO_HEADER_OUT)
		heard_command(arg, data, len);
	else if (type == CURLINFO_HEADER_IN &&
	    !((const struct mail_talk *)arg)->over)
		heard_answer(arg, data, len);
	return (0);
}

const char *
mail_talk_error(struct mail_talk *t, const char *otherwise)
{
	if (t->stage == NULL)
		(void)snprintf(t->error, sizeof(t->error), "%.200s", otherwise);
	else if (t->said[0] == '4' || t->said[0] == '5')
		(void)snprintf(t->error, sizeof(t->error), "%s: %s", t->stage,
		    t->said);
	else
		(void)snprintf(t->error, sizeof(t->error), "%s: %.200s",
		    t->stage, otherwise);
	return (t->error);
}

bool
mail_talk_is_refused(const struct mail_talk *t)
{
	return (t->said[0] == '5' && (!strcmp(t->stage, "RCPT") ||
	    !strcmp(t->stage, "DATA")));
}
