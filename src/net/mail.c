/*
 * The thread has a message's copy and a libcurl handle of its own; when it is
 * through, it writes the post's address to a pipe, and the loop, which alone
 * frees posts, takes it from there.  A post that was cancelled is told to hurry,
 * and nobody is told of its end.
 */
#include "net/mail.h"

#include "net/mail_talk.h"

#include <kore/kore.h>

#include <sys/epoll.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS	30000
#define STACK_SIZE	(512 * 1024)
#define CLOSE_MS	3000

struct mail_post {
	char			*url, *message;
	size_t			 len, sent;
	struct net_mail		 mail;		/* with texts of its own */
	unsigned int		 timeout_ms;
	atomic_bool		 cancelled;
	void			(*done)(void *, const struct net_reply *);
	void			*arg;

	/* The thread's, until it is through. */
	struct mail_talk	 talk;
	CURLcode		 code;
	long			 status;
};

/* Where the loop hears of posts that are through. */
static struct {
	struct kore_event	 event;		/* first: Kore looks here */
	int			 pipe[2];
	unsigned int		 running;
} posts = { .pipe = { -1, -1 } };

static bool	posts_open(void);
static void	posts_through(void *, int);
static void	*post_run(void *);
static void	post_talk(struct mail_post *, CURL *);
static bool	post_start(struct mail_post *);
static void	post_free(struct mail_post *);

static bool
posts_open(void)
{
	if (posts.pipe[0] != -1)
		return (true);
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK ||
	    pipe2(posts.pipe, O_CLOEXEC) == -1)
		return (false);
	posts.event.handle = posts_through;
	kore_platform_event_schedule(posts.pipe[0], EPOLLIN, 0, &posts);
	return (true);
}

struct mail_post *
mail_post_begin(const struct net_request *req,
    void (*done)(void *, const struct net_reply *), void *arg)
{
	const struct net_mail	*m = req->mail;
	struct mail_post	*p;

	if (!posts_open())
		return (NULL);
	p = kore_calloc(1, sizeof(*p));
	p->url = kore_strdup(req->url);
	p->mail = (struct net_mail){ .from = kore_strdup(m->from),
	    .to = kore_strdup(m->to), .username = kore_strdup(m->username),
	    .password = kore_strdup(m->password),
	    .ca_file = kore_strdup(m->ca_file), .tls = m->tls };
	p->len = req->body_len;
	p->message = kore_malloc(p->len + 1);
	memcpy(p->message, req->body, p->len);
	p->timeout_ms = req->timeout_ms > 0 ? req->timeout_ms : TIMEOUT_MS;
	p->done = done;
	p->arg = arg;
	if (!post_start(p)) {
		post_free(p);
		return (NULL);
	}
	posts.running++;
	return (p);
}

/* Signals are the loop's. */
static bool
post_start(struct mail_post *p)
{
	pthread_attr_t	attr;
	pthread_t	thread;
	sigset_t	all, before;
	int		error;

	if (pthread_attr_init(&attr) != 0)
		return (false);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attr, post_run, p);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return (error == 0);
}

void
mail_post_cancel(struct mail_post *p)
{
	atomic_store(&p->cancelled, true);
}

/* ---- in the thread ---- */

static size_t
post_read(char *out, size_t one, size_t n, void *arg)
{
	struct mail_post	*p = arg;

	n *= one;
	if (n > p->len - p->sent)
		n = p->len - p->sent;
	memcpy(out, p->message + p->sent, n);
	p->sent += n;
	return (n);
}

/* Asked about once a second, or more often. */
static int
post_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
    curl_off_t d)
{
	struct mail_post	*p = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return (atomic_load(&p->cancelled));
}

static void
post_talk(struct mail_post *p, CURL *h)
{
	struct curl_slist	*to;

	if (!mail_talk_setup(&p->talk, h, p->url, &p->mail) ||
	    (to = curl_slist_append(NULL, p->mail.to)) == NULL)
		return;
	curl_easy_setopt(h, CURLOPT_MAIL_FROM, p->mail.from);
	curl_easy_setopt(h, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h, CURLOPT_READFUNCTION, post_read);
	curl_easy_setopt(h, CURLOPT_READDATA, p);
	curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)p->len);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, post_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, p);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
	/* Greeting and login count as connecting. */
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)p->timeout_ms);
	p->code = curl_easy_perform(h);
	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &p->status);
	/* QUIT is a courtesy. */
	curl_easy_setopt(h, CURLOPT_SERVER_RESPONSE_TIMEOUT, 1L);
	curl_slist_free_all(to);
}

static void *
post_run(void *arg)
{
	struct mail_post	*p = arg;
	CURL			*h = curl_easy_init();

	p->code = CURLE_OUT_OF_MEMORY;
	if (h != NULL)
		post_talk(p, h);
	curl_easy_cleanup(h);
	/* Whole or not at all: an address is shorter than PIPE_BUF. */
	while (write(posts.pipe[1], &p, sizeof(p)) != sizeof(p))
		;
	return (NULL);
}

/* ---- in the loop ---- */

static void
post_end(struct mail_post *p)
{
	struct net_reply	reply = { .body = "" };

	posts.running--;
	reply.status = (int)p->status;
	if (p->code != CURLE_OK) {
		reply.error = mail_talk_error(&p->talk, p->code);
		reply.refused = mail_talk_is_refused(&p->talk);
	}
	if (!atomic_load(&p->cancelled))
		p->done(p->arg, &reply);
	post_free(p);
}

static void
posts_through(void *arg, int error)
{
	struct mail_post	*p;

	(void)arg;
	(void)error;
	if (read(posts.pipe[0], &p, sizeof(p)) == sizeof(p))
		post_end(p);
}

/* The message may hold a license key. */
static void
post_free(struct mail_post *p)
{
	explicit_bzero(p->message, p->len);
	kore_free(p->message);
	explicit_bzero((char *)(uintptr_t)p->mail.password,
	    strlen(p->mail.password));
	kore_free((void *)(uintptr_t)p->mail.from);
	kore_free((void *)(uintptr_t)p->mail.to);
	kore_free((void *)(uintptr_t)p->mail.username);
	kore_free((void *)(uintptr_t)p->mail.password);
	kore_free((void *)(uintptr_t)p->mail.ca_file);
	kore_free(p->url);
	kore_free(p);
}

void
net_mail_close(void)
{
	struct pollfd	fd = { .fd = posts.pipe[0], .events = POLLIN };

	while (posts.running > 0 && poll(&fd, 1, CLOSE_MS) == 1)
		posts_through(NULL, 0);
}

/* ---- the command line ---- */

bool
net_mail_try(const char *url, const struct net_mail *m, unsigned int seconds,
    char *error, size_t size)
{
	struct mail_talk	 talk = { .stage = NULL };
	CURL			*h;
	CURLcode		 code = CURLE_OUT_OF_MEMORY;

	if ((h = curl_easy_init()) != NULL &&
	    mail_talk_setup(&talk, h, url, m)) {
		curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)seconds);
		curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
		code = curl_easy_perform(h);
	}
	if (code != CURLE_OK)
		(void)snprintf(error, size, "%s", mail_talk_error(&talk,
		    code));
	curl_easy_cleanup(h);
	return (code == CURLE_OK);
}
