/*
 * stub: a BTCPay Server that costs next to nothing: behind our guard, a handler
 * that makes up an invoice for each order it is told of.  It looks for the id
 * of the order in the body and no further, so what renewals are measured
 * against is mostly the renewals.  GET answers how many it has made.
 *
 * STUB_LISTEN is its address.  One worker, so that the ids are unique.
 */
#include "serve/guard.h"
#include "serve/listen.h"
#include "serve/setup.h"

#include <kore/kore.h>
#include <kore/http.h>
#include <kore/hooks.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDER_ID	"\"orderId\":\""
#define ORDER_ID_LEN	36

static unsigned long	made;

int	stub_answer(struct http_request *);

void
kore_parent_configure(int argc __attribute__((unused)),
    char **argv __attribute__((unused)))
{
	const char	*address = getenv("STUB_LISTEN");
	char		 pidfile[64];

	if (address == NULL)
		fatal("STUB_LISTEN, please");
	kore_foreground = skip_chroot = skip_runas = 1;
	kore_quiet = 1;
	(void)snprintf(pidfile, sizeof(pidfile), "/tmp/licet-stub.%d.pid",
	    getpid());
	serve_setup(&(struct serve_settings){
	    .listen = address, .pidfile = pidfile, .workers = 1,
	    .connections = 4096, .body_max = 65536, .header_timeout = 15,
	    .body_timeout = 30, .keepalive = 75 }, "stub_answer");
}

void
kore_worker_configure(void)
{
	listen_own(serve_server);
}

/* The order's id, ORDER_ID_LEN bytes, or NULL. */
static const char *
order_of(const struct http_request *req)
{
	const char	*body, *at;
	size_t		 len = req->http_body_length;

	if (req->http_body == NULL || len == 0)
		return (NULL);
	body = (const char *)req->http_body->data;
	at = memmem(body, len, ORDER_ID, sizeof(ORDER_ID) - 1);
	if (at == NULL)
		return (NULL);
	at += sizeof(ORDER_ID) - 1;
	return (body + len - at < ORDER_ID_LEN ? NULL : at);
}

int
stub_answer(struct http_request *req)
{
	const char	*order = order_of(req);
	char		 answer[512];
	int		 n, status = HTTP_STATUS_OK;

	if (req->method != HTTP_METHOD_POST) {
		n = snprintf(answer, sizeof(answer), "{\"made\":%lu}", made);
	} else if (order == NULL) {
		status = HTTP_STATUS_BAD_REQUEST;
		n = snprintf(answer, sizeof(answer), "[]");
	} else {
		made++;
		n = snprintf(answer, sizeof(answer),
		    "{\"id\":\"stub%018lu\",\"checkoutLink\":"
		    "\"http://127.0.0.1/i/stub%018lu\",\"status\":\"New\","
		    "\"additionalStatus\":\"None\",\"amount\":\"50000\","
		    "\"paidAmount\":\"0\",\"currency\":\"SATS\","
		    "\"metadata\":{\"orderId\":\"%.*s\"}}", made, made,
		    ORDER_ID_LEN, order);
	}
	http_response_header(req, "content-type", "application/json");
	guard_respond(req, status, answer, (size_t)n);
	return (KORE_RESULT_OK);
}
