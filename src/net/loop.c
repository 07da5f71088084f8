/*
 * One multi handle a worker, made at its first transfer.
 */
#include "net/loop.h"

#include <kore/kore.h>

#include <sys/epoll.h>

#include <errno.h>
#include <string.h>

#define EVENTS_MAX	64	/* taken from epoll at a time */
#define KEPT_MAX	64	/* idle connections kept for later calls */

/* What Kore's loop calls when one of libcurl's sockets is ready. */
static struct {
	struct kore_event	 event;	/* first: Kore looks for it here */
	int			 epoll;
} ready = { .epoll = -1 };

static CURLM			*multi;
static struct kore_timer	*timer;

static void	loop_start(void);
static void	loop_reap(void);
static void	on_ready(void *, int);
static void	on_timer(void *, u_int64_t);
static int	set_socket(CURL *, curl_socket_t, int, void *, void *);
static int	set_timer(CURLM *, long, void *);

static void
loop_start(void)
{
	if (multi != NULL)
		return;
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL)
		fatal("net: libcurl does not start");
	if ((ready.epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("net: epoll_create1: %s", errno_s);
	ready.event.handle = on_ready;
	kore_platform_event_schedule(ready.epoll, EPOLLIN, 0, &ready);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)KEPT_MAX);
}

bool
loop_open(struct loop_transfer *t)
{
	loop_start();
	if ((t->handle = curl_easy_init()) == NULL)
		return (false);
	t->error[0] = '\0';
	curl_easy_setopt(t->handle, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->handle, CURLOPT_ERRORBUFFER, t->error);

	return (true);
}

/* libcurl sets a timer of 0 ms now, which takes it from here. */
void
loop_begin(struct loop_transfer *t)
{
	CURLMcode	code;

	if ((code = curl_multi_add_handle(multi, t->handle)) != CURLM_OK)
		fatal("net: curl_multi_add_handle: %s",
		    curl_multi_strerror(code));
}

void
loop_end(struct loop_transfer *t)
{
	if (t->handle == NULL)
		return;
	(void)curl_multi_remove_handle(multi, t->handle);
	curl_easy_cleanup(t->handle);
	t->handle = NULL;
}

/* libcurl wants to know of a socket's readiness, or no longer. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct epoll_event	e;

	(void)easy;
	(void)arg;
	(void)sock;
	memset(&e, 0, sizeof(e));
	e.data.fd = fd;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(ready.epoll, EPOLL_CTL_DEL, fd, &e);
		return (0);
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		e.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		e.events |= EPOLLOUT;
	if (epoll_ctl(ready.epoll, EPOLL_CTL_ADD, fd, &e) == -1 &&
	    errno == EEXIST)
		(void)epoll_ctl(ready.epoll, EPOLL_CTL_MOD, fd, &e);

	return (0);
}

static int
set_timer(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	if (timer != NULL)
		kore_timer_remove(timer);
	timer = ms < 0 ? NULL : kore_timer_add(on_timer, (u_int64_t)ms, NULL,
	    KORE_TIMER_ONESHOT);

	return (0);
}

static void
on_timer(void *arg, u_int64_t now)
{
	int	running;

	(void)arg;
	(void)now;
	timer = NULL;		/* Kore frees it */
	(void)curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0,
	    &running);
	loop_reap();
}

static void
on_ready(void *arg, int error)
{
	struct epoll_event	events[EVENTS_MAX];
	int			i, n, flags, running;

	(void)arg;
	(void)error;
	n = epoll_wait(ready.epoll, events, EVENTS_MAX, 0);
	for (i = 0; i < n; i++) {
		flags = 0;
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			flags |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			flags |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			flags |= CURL_CSELECT_ERR;
		(void)curl_multi_socket_action(multi, events[i].data.fd,
		    flags, &running);
	}
	loop_reap();
}

/* Tells of transfers that have ended; what is told may begin or end others. */
static void
loop_reap(void)
{
	struct loop_transfer	*t;
	CURLMsg			*msg;
	CURLcode		 code;
	int			 left;

	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result;
		t = NULL;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
		    (char **)&t);
		if (t == NULL)
			fatal("net: a transfer of nobody");
		(void)curl_multi_remove_handle(multi, t->handle);
		t->ended(t, code);
	}
}
