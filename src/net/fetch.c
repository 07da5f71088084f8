#include "net/fetch.h"

#include "base/buf.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX	(1024 * 1024)
#define HEADER_MAX	8192
#define USER_AGENT	"Licet/1"

static bool	fetch_setup(CURL *, const char *, unsigned int, struct buf *);
static bool	fetch_headers(struct curl_slist **, const char *);
static size_t	fetch_write(char *, size_t, size_t, void *);

bool
net_fetch(struct net_fetched *out, const char *url, const char *authorization,
    unsigned int seconds)
{
	struct curl_slist	*headers = NULL;
	struct buf		 body;
	CURL			*h;
	CURLcode		 code = CURLE_OUT_OF_MEMORY;
	char			 why[CURL_ERROR_SIZE] = "";
	long			 status = 0;

	memset(out, 0, sizeof(*out));
	buf_init(&body, BODY_MAX);
	buf_puts(&body, "");
	h = curl_easy_init();
	if (h != NULL && fetch_setup(h, url, seconds, &body) &&
	    fetch_headers(&headers, authorization)) {
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
		code = curl_easy_perform(h);
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	}
	if (code == CURLE_OK) {
		out->status = (int)status;
		out->body = body.data;
		out->len = body.len;
	} else {
		(void)snprintf(out->error, sizeof(out->error), "%s",
		    *why != '\0' ? why : curl_easy_strerror(code));
		buf_free(&body);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(h);
	return (code == CURLE_OK);
}

void
net_fetched_free(struct net_fetched *f)
{
	free(f->body);
	f->body = NULL;
}

static bool
fetch_setup(CURL *h, const char *url, unsigned int seconds, struct buf *body)
{
	if (curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") !=
	    CURLE_OK || curl_easy_setopt(h, CURLOPT_URL, url) != CURLE_OK)
		return (false);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)seconds);
	curl_easy_setopt(h, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, fetch_write);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, body);
	return (true);
}

/* Refuses a value with a line break: it would be two headers. */
static bool
fetch_headers(struct curl_slist **headers, const char *authorization)
{
	char	line[HEADER_MAX];
	int	n;

	if (authorization == NULL)
		return (true);
	n = snprintf(line, sizeof(line), "Authorization: %s", authorization);
	if (n > 0 && (size_t)n < sizeof(line) &&
	    strpbrk(line, "\r\n") == NULL)
		*headers = curl_slist_append(NULL, line);
	explicit_bzero(line, sizeof(line));
	return (*headers != NULL);
}

static size_t
fetch_write(char *data, size_t size, size_t n, void *arg)
{
	struct buf	*body = arg;

	buf_put(body, data, size * n);
	return (body->failed ? 0 : size * n);
}
