/*
 * Calls of libcurl, each with limits that it can not lift:
 *
 *  - when a call ends while its name is being resolved, libcurl would wait
 *    for the resolver's thread, for as long as the name server likes, and all
 *    of the worker with it, so it is told to be quick;
 *  - a connection kept from an earlier call was judged by that call's policy,
 *    so calls to public addresses share none.
 */
#include "net/call.h"

#include "net/address.h"
#include "net/loop.h"
#include "net/mail.h"

#include <kore/kore.h>

#include <curl/curl.h>

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_MAGIC		0x63616c6c
#define CONNECT_MS		5000
#define TIMEOUT_MS		30000
#define REPLY_MAX		(1024 * 1024)
#define REPLY_FIRST		4096	/* bytes, then doubled */
#define HEADER_LINE_MAX		8192
#define USER_AGENT		"Licet/1"

struct net_call {
	struct loop_transfer	 transfer;	/* first: see call_ended */
	uint32_t		 magic;
	struct kore_timer	*failing;	/* tells of `error' soon */
	const char		*error;
	struct mail_post	*post;		/* it is a mail, under way */
	void			(*done)(void *, const struct net_reply *);
	void			*arg;
	struct curl_slist	*headers;
	char			*sent;		/* body */
	size_t			 sent_len;
	char			*body;		/* of the reply, or NULL */
	size_t			 len, size, max;
	bool			 status_only;
};

static unsigned int	count;

static void		 call_fail_soon(struct net_call *, const char *);
static const char	*call_setup(struct net_call *,
			    const struct net_request *);
static void		 call_posted(void *, const struct net_reply *);
static const char	*call_headers(struct net_call *,
			    const struct net_request *);
static const char	*call_method(struct net_call *,
			    const struct net_request *);
static void		 call_limits(struct net_call *,
			    const struct net_request *);
static void		 call_ended(struct loop_transfer *, CURLcode);
static void		 call_failed(void *, u_int64_t);
static void		 call_free(struct net_call *);
static size_t		 reply_write(char *, size_t, size_t, void *);
static curl_socket_t	 socket_open(void *, curlsocktype,
			    struct curl_sockaddr *);

struct net_call *
net_call(const struct net_request *req,
    void (*done)(void *, const struct net_reply *), void *arg)
{
	struct net_call	*call;
	const char	*error;

	call = kore_calloc(1, sizeof(*call));
	call->magic = CALL_MAGIC;
	call->done = done;
	call->arg = arg;
	call->max = req->reply_max > 0 ? req->reply_max : REPLY_MAX;
	call->status_only = req->status_only;
	count++;
	call->transfer.ended = call_ended;
	if (req->mail != NULL) {
		call->post = mail_post_begin(req, call_posted, call);
		if (call->post == NULL)
			call_fail_soon(call, "cannot start a thread");
		return (call);
	}
	if (!loop_open(&call->transfer))
		error = "cannot start a transfer";
	else
		error = call_setup(call, req);
	if (error != NULL)
		call_fail_soon(call, error);
	else
		loop_begin(&call->transfer);

	return (call);
}

static void
call_fail_soon(struct net_call *call, const char *error)
{
	call->error = error;
	call->failing = kore_timer_add(call_failed, 0, call,
	    KORE_TIMER_ONESHOT);
}

static const char *
call_setup(struct net_call *call, const struct net_request *req)
{
	CURL		*h = call->transfer.handle;
	const char	*error;

	if (req->url == NULL || curl_easy_setopt(h, CURLOPT_URL, req->url) !=
	    CURLE_OK)
		return ("no URL");
	if (curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") !=
	    CURLE_OK)
		return ("cannot restrict protocols");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, reply_write);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, call);
	call_limits(call, req);
	if ((error = call_headers(call, req)) != NULL)
		return (error);

	return (call_method(call, req));
}

static void
call_limits(struct net_call *call, const struct net_request *req)
{
	CURL	*h = call->transfer.handle;
	long	 total, connect;

	total = req->timeout_ms > 0 ? (long)req->timeout_ms : TIMEOUT_MS;
	connect = total < CONNECT_MS ? total : CONNECT_MS;
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, total);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, connect);
	/*
	 * What got no reply on a kept connection libcurl sends again by itself:
	 * harmless for a question, but not for what creates or pays.
	 */
	if (req->method != NULL && strcmp(req->method, "GET") != 0)
		curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	if (!req->public_only)
		return;
	curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
}

/* False when the line has a line break in it, or does not fit. */
static bool
header_add(struct net_call *call, const char *name, const char *value)
{
	char			 line[HEADER_LINE_MAX];
	struct curl_slist	*list;
	int			 n;

	n = snprintf(line, sizeof(line), "%s%s", name, value);
	if (n < 0 || (size_t)n >= sizeof(line) ||
	    strpbrk(line, "\r\n") != NULL) {
		explicit_bzero(line, sizeof(line));
		return (false);
	}
	if ((list = curl_slist_append(call->headers, line)) == NULL)
		fatal("net: out of memory");
	call->headers = list;
	explicit_bzero(line, (size_t)n);

	return (true);
}

static const char *
call_headers(struct net_call *call, const struct net_request *req)
{
	const char *const	*h;

	if (!header_add(call, "Expect:", ""))
		return ("bad header");
	if (!header_add(call, "Content-Type:",
	    req->content_type == NULL ? "" : req->content_type))
		return ("bad content type");
	if (req->authorization != NULL &&
	    !header_add(call, "Authorization: ", req->authorization))
		return ("bad authorization");
	for (h = req->headers; h != NULL && *h != NULL; h++) {
		if (strchr(*h, ':') == NULL || !header_add(call, *h, ""))
			return ("bad header");
	}
	curl_easy_setopt(call->transfer.handle, CURLOPT_HTTPHEADER,
	    call->headers);

	return (NULL);
}

static const char *
call_method(struct net_call *call, const struct net_request *req)
{
	CURL		*h = call->transfer.handle;
	const char	*method = req->method == NULL ? "GET" : req->method;
	bool		 body;

	if (strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method) ||
	    *method == '\0')
		return ("bad method");
	body = req->body_len > 0 || strcmp(method, "POST") == 0 ||
	    strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	if (body) {
		call->sent_len = req->body_len;
		call->sent = kore_malloc(req->body_len + 1);
		if (req->body_len > 0)
			memcpy(call->sent, req->body, req->body_len);
		call->sent[req->body_len] = '\0';
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)req->body_len);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->sent);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
		return (NULL);
	}
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);

	return (NULL);
}

/* libcurl asks for each address that it is about to connect to. */
static curl_socket_t
socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct net_call	*call = arg;

	(void)purpose;
	if (!address_is_public(&to->addr)) {
		call->error = "the address is not public";
		return (CURL_SOCKET_BAD);
	}

	return (socket(to->family, to->socktype | SOCK_CLOEXEC,
	    to->protocol));
}

static size_t
reply_write(char *data, size_t one, size_t n, void *arg)
{
	struct net_call	*call = arg;
	size_t		 size;

	n *= one;
	if (n > call->max - call->len) {
		call->error = "the reply is too large";
		return (0);
	}
	if (n + 1 > call->size - call->len) {
		size = call->size == 0 ? REPLY_FIRST : call->size;
		while (size < call->len + n + 1)
			size *= 2;
		if ((call->body = realloc(call->body, size)) == NULL)
			fatal("net: out of memory");
		call->size = size;
	}
	memcpy(call->body + call->len, data, n);
	call->len += n;
	call->body[call->len] = '\0';

	return (n);
}

static void
call_ended(struct loop_transfer *t, CURLcode code)
{
	struct net_call		*call = (struct net_call *)t;
	struct net_reply	 reply;
	long			 status = 0;

	if (call->magic != CALL_MAGIC)
		fatal("net: not a call");
	memset(&reply, 0, sizeof(reply));
	reply.body = "";
	if (code == CURLE_OK || call->status_only)
		(void)curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE,
		    &status);
	if (code == CURLE_OK || status >= 200) {
		reply.status = (int)status;
		if (call->body != NULL)
			reply.body = call->body;
		reply.len = call->len;
	} else if (call->error != NULL) {
		reply.error = call->error;
	} else {
		reply.error = t->error[0] != '\0' ? t->error :
		    curl_easy_strerror(code);
	}
	call->done(call->arg, &reply);
	call_free(call);
}

static void
call_posted(void *arg, const struct net_reply *reply)
{
	struct net_call	*call = arg;

	if (call->magic != CALL_MAGIC)
		fatal("net: not a call");
	call->post = NULL;
	call->done(call->arg, reply);
	call_free(call);
}

static void
call_failed(void *arg, u_int64_t now)
{
	struct net_call		*call = arg;
	struct net_reply	 reply;

	(void)now;
	memset(&reply, 0, sizeof(reply));
	reply.body = "";
	reply.error = call->error;
	call->failing = NULL;	/* Kore frees it */
	call->done(call->arg, &reply);
	call_free(call);
}

void
net_call_cancel(struct net_call *call)
{
	if (call == NULL)
		return;
	if (call->magic != CALL_MAGIC)
		fatal("net: not a call");
	if (call->failing != NULL)
		kore_timer_remove(call->failing);
	call_free(call);
}

/* Headers and bodies may hold secrets. */
static void
call_free(struct net_call *call)
{
	struct curl_slist	*s;

	if (call->post != NULL)
		mail_post_cancel(call->post);
	loop_end(&call->transfer);
	for (s = call->headers; s != NULL; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(call->headers);
	if (call->sent != NULL)
		explicit_bzero(call->sent, call->sent_len);
	kore_free(call->sent);
	if (call->body != NULL)
		explicit_bzero(call->body, call->size);
	free(call->body);
	call->magic = 0;
	kore_free(call);
	count--;
}

unsigned int
net_call_count(void)
{
	return (count);
}
