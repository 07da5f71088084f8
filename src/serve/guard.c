/* A connection's phases, and what ends each: serve/phase.h. */
#include "serve/guard.h"

#include "base/log.h"
#include "serve/header.h"
#include "serve/hold.h"
#include "serve/phase.h"
#include "serve/refusal.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <sys/socket.h>
#include <stdint.h>
#include <string.h>

#define TICK_MS		100
#define LINGER_MS	2000
#define LINGER_BYTES	(4 * 1024 * 1024)
#define LINGER_BUF	8192
#define FRESH_MS	1000	/* a new client's grace in a drain */

static const uint8_t	kore_methods[] = {
	[HEADER_GET] = HTTP_METHOD_GET,
	[HEADER_HEAD] = HTTP_METHOD_HEAD,
	[HEADER_POST] = HTTP_METHOD_POST,
	[HEADER_PUT] = HTTP_METHOD_PUT,
	[HEADER_PATCH] = HTTP_METHOD_PATCH,
	[HEADER_DELETE] = HTTP_METHOD_DELETE,
	[HEADER_OPTIONS] = HTTP_METHOD_OPTIONS,
};

static const char		 go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
static bool			 started, draining, nudged;
static int			(*kore_recv_body)(struct netbuf *);

static void	guard_start(void);
static void	guard_tick(void *, u_int64_t);
static void	guard_expire(enum phase, uint64_t, uint64_t);
static void	guard_event(void *, int);
static int	guard_read(struct connection *, size_t *);
static void	guard_gone(struct connection *);
static int	recv_header(struct netbuf *);
static int	recv_block(struct netbuf *, size_t);
static int	recv_partial(struct netbuf *);
static int	recv_body(struct netbuf *);
static int	recv_discard(struct netbuf *);
static int	hand_over(struct netbuf *, const struct header_facts *);
static int	refuse(struct connection *, int);

/* Silence for this long closes the connection without a word. */
static void
idle_set(struct connection *c, uint64_t seconds)
{
	c->idle_timer.length = seconds * 1000;
	kore_connection_start_idletimer(c);
}

void
guard_connect(struct connection *c)
{
	guard_start();
	phase_begin(c);
	c->proto = CONN_PROTO_HTTP;
	c->flags |= CONN_IS_BUSY;	/* we re-arm the reader, not Kore */
	c->http_timeout = 0;		/* and we own the deadlines */
	c->evt.flags = 0;		/* Kore leaves those of the last one */
	c->evt.handle = guard_event;
	c->read = guard_read;
	c->disconnect = guard_gone;
	idle_set(c, http_header_timeout);
	net_recv_queue(c, http_header_max, NETBUF_CALL_CB_ALWAYS,
	    recv_header);
}

static void
guard_start(void)
{
	if (started)
		return;
	started = true;
	kore_timer_add(guard_tick, TICK_MS, NULL, 0);
}

static void
guard_gone(struct connection *c)
{
	struct guard	*g = guard_of(c);

	phase_set(g, PHASE_GONE);
	hold_gone(g);
}

static void
guard_tick(void *arg, u_int64_t now)
{
	(void)arg;
	guard_expire(PHASE_HEADER, now, http_header_timeout * 1000);
	guard_expire(PHASE_BODY, now, http_body_timeout * 1000);
	guard_expire(PHASE_LINGER, now, LINGER_MS);
}

static void
guard_expire(enum phase phase, uint64_t now, uint64_t limit)
{
	struct guard		*g;
	struct http_request	*req;

	while ((g = phase_first(phase)) != NULL &&
	    now >= g->since + limit) {
		if (phase == PHASE_LINGER) {
			kore_connection_disconnect(g->c);
			continue;
		}
		if (phase == PHASE_BODY && (req = g->c->rnb->extra) != NULL) {
			g->c->rnb->extra = NULL;
			req->flags |= HTTP_REQUEST_DELETE;
			http_request_wakeup(req);
		}
		if (!refuse(g->c, 408))
			kore_connection_disconnect(g->c);
	}
}

/*
 * Kore ends a connection at any error event, and half-closing is one.  Here
 * a client that has sent all it will may still wait for its answer.
 */
static void
guard_event(void *arg, int error)
{
	struct connection	*c = arg;
	struct guard		*g = guard_of(c);
	char			 byte;
	ssize_t			 n;

	if (g->phase == PHASE_GONE)
		return;
	if (error) {
		n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			kore_connection_disconnect(c);
			return;
		}
		g->half_closed = true;
		if (n == 0 && g->phase != PHASE_HANDLER &&
		    TAILQ_EMPTY(&c->send_queue)) {
			kore_connection_disconnect(c);
			return;
		}
	}
	if (!c->handle(c))
		kore_connection_disconnect(c);
	else if (g->phase == PHASE_LINGER && TAILQ_EMPTY(&c->send_queue))
		(void)shutdown(c->fd, SHUT_WR);
}

/* As net_read(), but the end of the client's stream is not its end. */
static int
guard_read(struct connection *c, size_t *bytes)
{
	struct netbuf	*nb = c->rnb;
	ssize_t		 n;

	n = recv(c->fd, nb->buf + nb->s_off, nb->b_len - nb->s_off, 0);
	if (n > 0 || (n == -1 && errno == EINTR)) {
		*bytes = n > 0 ? (size_t)n : 0;
		return (KORE_RESULT_OK);
	}
	if (n == -1 && errno != EAGAIN)
		return (KORE_RESULT_ERROR);
	c->evt.flags &= ~KORE_EVENT_READ;
	if (n == 0) {
		guard_of(c)->half_closed = true;
		if (TAILQ_EMPTY(&c->send_queue))
			kore_connection_disconnect(c);
		else
			c->flags |= CONN_CLOSE_EMPTY;
	}

	return (KORE_RESULT_OK);
}

static int
recv_header(struct netbuf *nb)
{
	struct connection	*c = nb->owner;
	struct guard		*g = guard_of(c);
	const uint8_t		*end;
	size_t			 from;

	if (g->phase == PHASE_GONE || nb->s_off == 0)
		return (KORE_RESULT_OK);
	if (g->phase == PHASE_IDLE) {
		phase_set(g, PHASE_HEADER);
		g->seen = 0;
		c->idle_timer.length = KORE_IDLE_TIMER_MAX +
		    http_header_timeout * 1000;
	}
	from = g->seen > 3 ? g->seen - 3 : 0;
	end = memmem(nb->buf + from, nb->s_off - from, "\r\n\r\n", 4);
	if (end == NULL)
		return (recv_partial(nb));

	return (recv_block(nb, (size_t)(end + 4 - nb->buf)));
}

static int
recv_partial(struct netbuf *nb)
{
	struct guard	*g = guard_of(nb->owner);
	int		 status;

	status = header_check_partial((const char *)nb->buf, nb->s_off,
	    g->seen);
	if (status != 0)
		return (refuse(nb->owner, status));
	g->seen = nb->s_off;
	if (nb->s_off == nb->b_len)
		return (refuse(nb->owner,
		    memchr(nb->buf, '\n', nb->s_off) == NULL ? 414 : 431));

	return (KORE_RESULT_OK);
}

/* The block is complete: `len' bytes, perhaps some of its body behind it. */
static int
recv_block(struct netbuf *nb, size_t len)
{
	struct connection	*c = nb->owner;
	struct header_facts	 f;
	size_t			 after = nb->s_off - len, now;
	int			 status;

	if ((status = header_check((const char *)nb->buf, len, &f)) != 0)
		return (refuse(c, status));
	if (f.body_len > http_body_max)
		return (refuse(c, 413));
	if (after > f.body_len)
		return (refuse(c, 400));
	if (http_request_count >= http_request_limit)
		return (refuse(c, 503));
	if ((now = header_normalise((char *)nb->buf, len)) == 0)
		return (refuse(c, 431));
	if (now < len) {
		memmove(nb->buf + now, nb->buf + len, after);
		nb->s_off = now + after;
	}
	if (f.expect && after == 0 && f.body_len > 0) {
		net_send_queue(c, go_on, sizeof(go_on) - 1);
		if (!net_send_flush(c))
			return (KORE_RESULT_ERROR);
	}

	return (hand_over(nb, &f));
}

/* Gives a sound block to Kore, in words that it reads as we do. */
static int
hand_over(struct netbuf *nb, const struct header_facts *f)
{
	struct connection	*c = nb->owner;
	struct http_request	*req;
	uint8_t			*block = nb->buf;
	char			*query;
	size_t			 used;

	if ((used = header_fit((char *)block, nb->s_off, nb->b_len, f,
	    &query)) == 0)
		return (refuse(c, 431));
	nb->s_off = used;
	if (!http_header_recv(nb))
		return (KORE_RESULT_ERROR);
	c->http_timeout = 0;
	TAILQ_FOREACH(req, &c->http_requests, olist) {
		if (req->headers == block)
			break;
	}
	if (req == NULL || req->flags & HTTP_REQUEST_DELETE) {
		LOG(LOG_ERR, "serve.mismatch");	/* Kore refused it */
		c->evt.flags &= ~KORE_EVENT_READ;
		return (KORE_RESULT_OK);
	}
	req->method = kore_methods[f->method];
	if (query != NULL)
		req->query_string = query;
	if (req->flags & HTTP_REQUEST_COMPLETE) {
		phase_set(guard_of(c), PHASE_HANDLER);
	} else {
		kore_recv_body = nb->cb;
		nb->cb = recv_body;
		phase_set(guard_of(c), PHASE_BODY);
	}

	return (KORE_RESULT_OK);
}

static int
recv_body(struct netbuf *nb)
{
	struct connection	*c = nb->owner;
	struct guard		*g = guard_of(c);
	int			 r;

	if (g->phase != PHASE_BODY || nb->extra == NULL || nb->s_off == 0)
		return (KORE_RESULT_OK);
	r = kore_recv_body(nb);
	c->http_timeout = 0;
	if (nb->extra != NULL) {
		nb->cb = recv_body;
	} else {
		/* Complete: nothing more is read until it is answered. */
		kore_free(nb->buf);
		nb->buf = NULL;
		nb->m_len = 0;
		phase_set(g, PHASE_HANDLER);
	}

	return (r);
}

/*
 * Answers without a request.  Closing with unread bytes would reset the
 * connection and could take the answer back, so the rest is read for a while.
 */
static int
refuse(struct connection *c, int status)
{
	struct guard	*g = guard_of(c);
	char		 text[512];

	if (g->phase == PHASE_GONE || g->phase == PHASE_LINGER)
		return (KORE_RESULT_OK);
	phase_set(g, PHASE_LINGER);
	c->idle_timer.length = 2 * LINGER_MS;
	net_recv_reset(c, LINGER_BUF, recv_discard);
	net_send_queue(c, text, refusal_render(status, text, sizeof(text)));
	if (!net_send_flush(c))
		return (KORE_RESULT_ERROR);
	if (TAILQ_EMPTY(&c->send_queue)) {
		(void)shutdown(c->fd, SHUT_WR);
		if (g->half_closed)
			kore_connection_disconnect(c);
	}

	return (KORE_RESULT_OK);
}

static int
recv_discard(struct netbuf *nb)
{
	struct connection	*c = nb->owner;
	struct guard		*g = guard_of(c);

	g->thrown += nb->s_off;
	nb->s_off = 0;
	if (g->thrown > LINGER_BYTES) {
		c->evt.flags &= ~KORE_EVENT_READ;
		kore_connection_disconnect(c);
	}

	return (KORE_RESULT_OK);
}

static void
nudge(void *arg __attribute__((unused)), u_int64_t now __attribute__((unused)))
{
	nudged = false;
}

void
guard_respond(struct http_request *req, int status, const void *data,
    size_t len)
{
	struct connection	*c = req->owner;
	struct guard		*g;

	if (c == NULL || (g = guard_of(c))->phase == PHASE_GONE)
		return;
	if (draining || g->half_closed)
		c->flags |= CONN_CLOSE_EMPTY;
	http_response(req, status, data, len);
	g->fresh = false;
	phase_set(g, PHASE_IDLE);
	idle_set(c, http_keepalive_time > 0 ? http_keepalive_time :
	    http_header_timeout);
	if (c->flags & CONN_CLOSE_EMPTY)
		return;

	net_recv_reset(c, http_header_max, recv_header);
	if (!net_recv_flush(c))
		kore_connection_disconnect(c);
	else if (g->phase == PHASE_HANDLER && !nudged) {
		/* Kore may sleep before it looks at the new request. */
		nudged = true;
		kore_timer_add(nudge, 0, NULL, KORE_TIMER_ONESHOT);
	}
}

void
guard_drain(void)
{
	draining = true;
}

void
guard_close_idle(void)
{
	struct guard	*g, *next;
	uint64_t	 now = kore_time_ms();

	guard_start();
	for (g = phase_first(PHASE_IDLE); g != NULL; g = next) {
		next = TAILQ_NEXT(g, link);
		if (g->fresh && now < g->since + FRESH_MS)
			continue;
		if (TAILQ_EMPTY(&g->c->send_queue))
			kore_connection_disconnect(g->c);
		else
			g->c->flags |= CONN_CLOSE_EMPTY;
	}
}
