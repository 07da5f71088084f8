#include "flow/respond.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "flow/idempotency.h"
#include "flow/inner.h"
#include "flow/stream.h"
#include "serve/guard.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE_MAX	4096
#define SLOW_NS		1000000000u

void
flow_header(struct flow *f, const char *name, const char *value)
{
	http_response_header(f->req, name, value);
}

void
flow_account(struct flow *f, int status)
{
	uint64_t	ns = clock_steady_ns() - f->started_ns;
	bool		odd = status >= 500 || ns > SLOW_NS;

	stat_request(f->route, status, ns);
	if (*conf.log_requests == 'n' || (*conf.log_requests == 's' && !odd))
		return;
	LOG(status >= 500 ? LOG_WARNING : LOG_INFO, "request",
	    LS("method", http_method_text(f->req->method)),
	    LS("path", f->endpoint == NULL ? "" : f->endpoint->path),
	    LI("status", status), LI("us", ns / 1000), LS("client", f->client),
	    LS("code", f->fault == ERR_NONE ? "" : err_info(f->fault)->code),
	    LS("message", f->fault_message));
}

enum flow_next
flow_send(struct flow *f, int status, const char *type, const void *data,
    size_t len)
{
	if (inner_keep(f, status, data, len) ||
	    idempotency_keep(f, status, type, data, len))
		return (FLOW_DONE);
	f->answered = true;
	http_response_header(f->req, "content-type", type);
	http_response_header(f->req, "access-control-allow-origin", "*");
	http_response_header(f->req, "cache-control", f->cached == NULL ?
	    "no-store" : f->cached);
	http_response_header(f->req, "x-request-id", f->request_id);
	if (status == 303 && len > 0)
		http_response_header(f->req, "location", data);
	if (len == 0 && status != 204)
		http_response_header(f->req, "content-length", "0");
	guard_respond(f->req, status, data, len);
	flow_account(f, status);
	return (FLOW_DONE);
}

enum flow_next
flow_json_text(struct flow *f, int status, const char *text)
{
	return (flow_send(f, status, "application/json", text, strlen(text)));
}

enum flow_next
flow_json(struct flow *f, int status, json_t *j)
{
	char	*text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (text == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The answer is lost."));
	flow_json_text(f, status, text);
	free(text);
	return (FLOW_DONE);
}

enum flow_next
flow_verdict(struct flow *f, const char *reason)
{
	return (flow_json_text(f, 200, arena_printf(&f->arena,
	    "{\"ok\":false,\"reason\":\"%s\"}", reason)));
}

enum flow_next
flow_html(struct flow *f, int status, char *page, size_t len)
{
	if (page == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The page is lost."));
	flow_header(f, "content-security-policy", "default-src 'none'; "
	    "style-src 'self'; script-src 'self'; img-src 'self'; "
	    "connect-src 'self'; form-action 'self'; base-uri 'none'; "
	    "frame-ancestors 'none'");
	flow_header(f, "x-content-type-options", "nosniff");
	/* Without any, browsers don't say whose form is sent (Origin: null). */
	flow_header(f, "referrer-policy", "same-origin");
	flow_send(f, status, "text/html; charset=utf-8", page, len);
	free(page);
	return (FLOW_DONE);
}

/* What the envelope of some faults has beside code and message. */
static void
put_more(struct buf *b, enum err fault, const char *message)
{
	const char	*url = *conf.upgrade_url == '\0' ? NULL :
			    conf.upgrade_url;

	if (fault == ERR_LICENSE_INVALID) {
		buf_puts(b, ",\"detail\":");
		buf_put_json(b, message, strlen(message));
	}
	if (fault == ERR_TIER_CAP) {
		buf_puts(b, ",\"upgrade_url\":");
		if (url == NULL)
			buf_puts(b, "null");
		else
			buf_put_json(b, url, strlen(url));
	}
}

void
flow_answer_fault(struct flow *f)
{
	const struct err_info	*e;
	struct buf		 b;
	const char		*message = f->fault_message;
	char			 seconds[16];

	if (f->streaming) {
		stream_break(f);
		return;
	}
	if (f->fault == ERR_NONE) {
		LOG(LOG_ERR, "flow.silent", LS("path", f->endpoint->path));
		f->fault = ERR_INTERNAL;
	}
	e = err_info(f->fault);
	if (f->fault == ERR_RATE_LIMITED && f->endpoint != NULL &&
	    f->endpoint->limit_verdict) {
		flow_verdict(f, "rate_limited");
		return;
	}
	if (f->fault == ERR_RATE_LIMITED || f->fault == ERR_UNAVAILABLE ||
	    f->fault == ERR_KEY_RUNNING) {
		snprintf(seconds, sizeof(seconds), "%u",
		    f->fault != ERR_RATE_LIMITED ? 1 : f->retry_after > 0 ?
		    f->retry_after : limit_retry_after(f->limited));
		flow_header(f, "retry-after", seconds);
	}
	if (f->endpoint != NULL && f->endpoint->on_fault != NULL) {
		f->endpoint->on_fault(f);
		if (f->answered)
			return;
	}
	if (f->fault == ERR_UNAUTHORIZED)
		flow_header(f, "www-authenticate", "Bearer");
	if (message == NULL || *message == '\0')
		message = e->help;
	buf_init(&b, ENVELOPE_MAX);
	buf_printf(&b, "{\"ok\":false,\"error\":\"%s\",\"message\":", e->code);
	buf_put_json(&b, message, strlen(message));
	put_more(&b, f->fault, message);
	buf_puts(&b, "}");
	flow_send(f, e->status, "application/json", b.data, b.len);
	buf_free(&b);
}
