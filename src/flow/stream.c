#include "flow/stream.h"

#include "base/buf.h"
#include "base/conf.h"
#include "flow/respond.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX	1024
#define LAST_CHUNK	"0\r\n\r\n"

/* On its way; Kore tells of its end, be it the connection's. */
struct flow_piece {
	struct flow	*flow;		/* NULL: nobody waits any more */
	char		*data;
	bool		 is_at_once;	/* within stream_put() */
};

static bool
is_chunked(const struct flow *f)
{
	return (!(f->req->flags & HTTP_VERSION_1_0));
}

static bool
is_head(const struct flow *f)
{
	return (f->req->method == HTTP_METHOD_HEAD);
}

void
stream_begin(struct flow *f, const char *type, const char *name)
{
	char	header[HEADER_MAX];
	int	n;

	n = snprintf(header, sizeof(header), "HTTP/1.%c 200 OK\r\n"
	    "connection: close\r\n%s"
	    "content-type: %s\r\n"
	    "content-disposition: attachment; filename=\"%s\"\r\n"
	    "access-control-allow-origin: *\r\n"
	    "cache-control: no-store\r\n"
	    "x-content-type-options: nosniff\r\n"
	    "x-request-id: %s\r\n\r\n", is_chunked(f) ? '1' : '0',
	    is_chunked(f) ? "transfer-encoding: chunked\r\n" : "", type, name,
	    f->request_id);
	if (n < 0 || (size_t)n >= sizeof(header))
		fatal("stream: header too long");
	f->streaming = true;
	net_send_queue(f->req->owner, header, (size_t)n);
}

static int
piece_ended(struct netbuf *nb)
{
	struct flow_piece	*p = nb->extra;
	struct flow		*f = p->flow;

	if (f != NULL) {
		f->piece = NULL;
		if (!p->is_at_once)
			flow_wake(f, ERR_NONE, NULL);
	}
	free(p->data);
	free(p);
	return (KORE_RESULT_OK);
}

void
stream_forget(struct flow_piece *p)
{
	p->flow = NULL;
}

enum flow_next
stream_put(struct flow *f, char *data, size_t len)
{
	struct connection	*c = f->req->owner;
	struct flow_piece	*p;
	struct netbuf		*nb;
	char			 size[24];

	if (len == 0 || is_head(f)) {
		free(data);
		return (FLOW_NEXT);
	}
	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("no memory");
	p->flow = f;
	p->data = data;
	p->is_at_once = true;
	f->piece = p;
	if (is_chunked(f))
		net_send_queue(c, size, (size_t)snprintf(size, sizeof(size),
		    "%zx\r\n", len));
	net_send_stream(c, data, len, piece_ended, &nb);
	nb->extra = p;
	if (is_chunked(f))
		net_send_queue(c, "\r\n", 2);
	kore_connection_start_idletimer(c);
	f->deadline_ms = kore_time_ms() + (uint64_t)conf.request_timeout_ms;
	if (!net_send_flush(c))
		kore_connection_disconnect(c);
	if (f->piece == NULL)
		return (FLOW_NEXT);
	p->is_at_once = false;
	return (FLOW_WAIT);
}

enum flow_next
stream_end(struct flow *f)
{
	struct connection	*c = f->req->owner;

	if (is_chunked(f) && !is_head(f))
		net_send_queue(c, LAST_CHUNK, sizeof(LAST_CHUNK) - 1);
	c->flags |= CONN_CLOSE_EMPTY;	/* Kore flushes, then closes */
	kore_connection_start_idletimer(c);
	f->answered = true;
	flow_account(f, 200);
	return (FLOW_DONE);
}

void
stream_break(struct flow *f)
{
	f->answered = true;
	flow_account(f, 500);
	kore_connection_disconnect(f->req->owner);
}
