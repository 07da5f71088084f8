#include "flow/events.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/stat.h"
#include "crypto/hash.h"
#include "flow/respond.h"
#include "serve/hold.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <stdlib.h>
#include <string.h>

#define TYPE		"text/event-stream; charset=utf-8"
#define TEXT_MAX	65536
#define SILENT_MS	15000
#define PEER_BUCKETS	1024
/* In how many turns all of a crowd that came together are sent a comment. */
#define BEAT_TURNS	8
#define BEAT_LEAST	64

/* Milliseconds after which a browser comes back: not all at once. */
#define RETRY_MS	1000
#define RETRY_SPREAD_MS	4000

/* Bytes that are sent, for as long as somebody is to have them. */
struct events_text {
	unsigned int	refs;
	size_t		len;
	char		data[];
};

/* A client address and how many streams it has. */
struct events_peer {
	LIST_ENTRY(events_peer)	 link;
	unsigned int		 count;
	char			 address[ADDRESS_TEXT_MAX];
};

static TAILQ_HEAD(, events)		 streams =
    TAILQ_HEAD_INITIALIZER(streams);
static LIST_HEAD(, events_peer)		 peers[PEER_BUCKETS];
static unsigned int			 count;
static struct events_text		*beat;

static void	gone(void *);
static int	text_sent(struct netbuf *);

/* ---- texts ---- */

static struct events_text *
text_new(struct buf *b)
{
	struct events_text	*t;

	if (b->failed || (t = malloc(sizeof(*t) + b->len)) == NULL)
		fatal("events: no memory");
	t->refs = 1;
	t->len = b->len;
	memcpy(t->data, b->data, b->len);
	buf_free(b);
	return (t);
}

void
events_free(struct events_text *t)
{
	if (t != NULL && --t->refs == 0)
		free(t);
}

/* FNV-1a: the same in all workers and releases. */
uint64_t
events_id(const char *json, size_t len)
{
	uint64_t	h = 0xcbf29ce484222325;
	size_t		i;

	for (i = 0; i < len; i++)
		h = (h ^ (uint8_t)json[i]) * 0x100000001b3;
	return (h == 0 ? 1 : h);
}

/* A line break would end the field; in JSON it is a blank like any other. */
static void
put_state(struct buf *b, const char *json, size_t len)
{
	size_t	i, n;

	buf_printf(b, "id: %016llx\nevent: state\ndata: ",
	    (unsigned long long)events_id(json, len));
	for (i = 0; i < len; i += n + 1) {
		n = 0;
		while (i + n < len && json[i + n] != '\n' && json[i + n] != '\r')
			n++;
		buf_put(b, json + i, n);
		if (i + n < len)
			buf_puts(b, " ");
	}
	buf_puts(b, "\n\n");
}

static void
put_end(struct buf *b, const char *reason)
{
	buf_printf(b, "event: end\ndata: {\"reason\":\"%s\"}\n\n", reason);
}

struct events_text *
events_state(const char *json, size_t len, bool is_last)
{
	struct buf	b;

	buf_init(&b, TEXT_MAX);
	if (json != NULL)
		put_state(&b, json, len);
	if (is_last)
		put_end(&b, "final");
	return (text_new(&b));
}

static unsigned int
retry_ms(void)
{
	return (RETRY_MS + (unsigned int)random() % RETRY_SPREAD_MS);
}

/* ---- who has how many ---- */

static struct events_peer *
peer_find(const char *address)
{
	struct events_peer	*p;

	LIST_FOREACH(p, &peers[hash_table(address, strlen(address)) %
	    PEER_BUCKETS], link) {
		if (!strcmp(p->address, address))
			return (p);
	}
	return (NULL);
}

static struct events_peer *
peer_enter(const char *address)
{
	struct events_peer	*p = peer_find(address);

	if (p == NULL) {
		if ((p = calloc(1, sizeof(*p))) == NULL)
			fatal("no memory");
		(void)kore_strlcpy(p->address, address, sizeof(p->address));
		LIST_INSERT_HEAD(&peers[hash_table(address, strlen(address)) %
		    PEER_BUCKETS], p, link);
	}
	p->count++;
	return (p);
}

static void
peer_leave(struct events_peer *p)
{
	if (--p->count > 0)
		return;
	LIST_REMOVE(p, link);
	free(p);
}

bool
events_have_room(struct flow *f)
{
	struct events_peer	*p = peer_find(f->client);

	if (count >= (unsigned int)conf.streams_max) {
		flow_fail(f, ERR_UNAVAILABLE,
		    "Too many streams are open; poll.");
	} else if (p != NULL &&
	    p->count >= (unsigned int)conf.streams_per_address) {
		flow_fail(f, ERR_RATE_LIMITED,
		    "Too many streams are open to this address; poll.");
	} else {
		return (true);
	}
	stat_add(STAT_STREAMS_REFUSED, 1);
	return (false);
}

/* ---- a stream's life ---- */

static void
counted(int more)
{
	count += (unsigned int)more;
	stat_set(STAT_STREAMS, count);
}

static void
text_send(struct events *s, struct events_text *t)
{
	struct netbuf	*nb;

	t->refs++;
	s->busy = true;
	s->sent_ms = kore_time_ms();
	TAILQ_REMOVE(&streams, s, list);
	TAILQ_INSERT_TAIL(&streams, s, list);
	net_send_stream(s->c, t->data, t->len, text_sent, &nb);
	nb->extra = t;
}

/* The kernel has it, or the connection is over. */
static int
text_sent(struct netbuf *nb)
{
	struct events		*s = hold_owner(nb->owner);
	struct events_text	*t = nb->extra;

	events_free(t);
	if (s == NULL)
		return (KORE_RESULT_OK);
	s->busy = false;
	if ((t = s->next) != NULL) {
		s->next = NULL;
		text_send(s, t);
		events_free(t);
	}
	return (KORE_RESULT_OK);
}

static void
put(struct events *s, struct events_text *t)
{
	struct connection	*c = s->c;

	if (s->busy) {
		events_free(s->next);
		s->next = t;
		t->refs++;
		return;
	}
	text_send(s, t);
	if (!net_send_flush(c))
		kore_connection_disconnect(c);
}

/* Kore closes once all is sent. */
static void
leave(struct events *s)
{
	s->leaving = true;
	s->c->flags |= CONN_CLOSE_EMPTY;
}

void
events_put(struct events *s, struct events_text *t, bool is_last)
{
	if (s->leaving)
		return;
	stat_add(STAT_STREAM_EVENTS, 1);
	if (is_last)
		leave(s);
	put(s, t);
}

static void
gone(void *arg)
{
	struct events	*s = arg;

	TAILQ_REMOVE(&streams, s, list);
	peer_leave(s->peer);
	events_free(s->next);
	counted(-1);
	s->gone(s);
}

static struct events_text *
first_text(const struct flow *f, const char *json, bool is_last)
{
	struct buf	b;

	buf_init(&b, TEXT_MAX);
	buf_printf(&b, "HTTP/1.%c 200 OK\r\n"
	    "connection: close\r\n"
	    "content-type: " TYPE "\r\n"
	    "cache-control: no-store, no-transform\r\n"
	    "x-accel-buffering: no\r\n"
	    "access-control-allow-origin: *\r\n"
	    "x-content-type-options: nosniff\r\n"
	    "x-request-id: %s\r\n\r\n"
	    "retry: %u\n", f->req->flags & HTTP_VERSION_1_0 ? '0' : '1',
	    f->request_id, retry_ms());
	put_state(&b, json, strlen(json));
	if (is_last)
		put_end(&b, "final");
	return (text_new(&b));
}

/*
 * Without a length and without chunks: the stream's end is the connection's, and
 * all streams can have the same bytes.
 */
enum flow_next
events_begin(struct flow *f, struct events *s, const char *json, bool is_last)
{
	struct events_text	*t;
	void			(*not_begun)(struct events *) = s->gone;

	if (f->req->method == HTTP_METHOD_HEAD) {
		not_begun(s);
		return (flow_send(f, 200, TYPE, NULL, 0));
	}
	if (!events_have_room(f)) {
		not_begun(s);
		return (FLOW_DONE);
	}
	f->answered = true;
	if (!hold_begin(f->req, gone, s)) {
		not_begun(s);
		return (FLOW_DONE);
	}
	s->c = f->req->owner;
	s->peer = peer_enter(f->client);
	s->next = NULL;
	s->busy = s->leaving = false;
	TAILQ_INSERT_TAIL(&streams, s, list);
	counted(1);
	stat_add(STAT_STREAM_EVENTS, 1);
	flow_account(f, 200);
	if (is_last || hold_is_half_closed(s->c))
		leave(s);
	t = first_text(f, json, is_last);
	put(s, t);
	events_free(t);
	return (FLOW_DONE);
}

/* ---- all of them ---- */

void
events_open(void)
{
	struct buf	b;

	buf_init(&b, TEXT_MAX);
	buf_puts(&b, ":\n\n");
	beat = text_new(&b);
	counted(0);
}

static void
drop(struct events *s)
{
	stat_add(STAT_STREAMS_DROPPED, 1);
	kore_connection_disconnect(s->c);
}

void
events_beat(void)
{
	uint64_t	 now = kore_time_ms();
	unsigned int	 most = count / BEAT_TURNS + BEAT_LEAST;
	struct events	*s;

	while (most-- > 0 && (s = TAILQ_FIRST(&streams)) != NULL &&
	    s->sent_ms + SILENT_MS <= now) {
		if (s->busy)
			drop(s);
		else
			put(s, beat);
	}
}

void
events_end_all(void)
{
	struct events		*s, *next;
	struct events_text	*t;
	struct buf		 b;

	for (s = TAILQ_FIRST(&streams); s != NULL; s = next) {
		next = TAILQ_NEXT(s, list);
		if (s->busy) {
			drop(s);
			continue;
		}
		buf_init(&b, TEXT_MAX);
		buf_printf(&b, "retry: %u\n", retry_ms());
		put_end(&b, "again");
		t = text_new(&b);
		leave(s);
		put(s, t);
		events_free(t);
	}
}
