#include "flow/request.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <string.h>

const char *
flow_request_header(const struct flow *f, const char *name)
{
	const char	*value;

	return (http_request_header(f->req, name, &value) ? value : NULL);
}

bool
flow_wants_html(const struct flow *f)
{
	const char	*accept = flow_request_header(f, "accept");

	return (accept != NULL && strstr(accept, "text/html") != NULL);
}

const void *
flow_request_body(const struct flow *f, size_t *len)
{
	*len = f->req->http_body == NULL ? 0 : f->req->http_body_length;
	return (*len == 0 ? "" : (const char *)f->req->http_body->data);
}

unsigned int
flow_request_headers(const struct flow *f, const char *name)
{
	struct http_header	*h;
	unsigned int		 n = 0;

	TAILQ_FOREACH(h, &f->req->req_headers, list)
		n += !strcasecmp(h->header, name);
	return (n);
}

const char *
flow_request_path(const struct flow *f)
{
	return (f->req->path);
}

const char *
flow_request_query(const struct flow *f)
{
	return (f->req->query_string == NULL ? "" : f->req->query_string);
}

void
flow_request_wipe(struct flow *f)
{
	if (f->req->http_body != NULL)
		explicit_bzero(f->req->http_body->data,
		    f->req->http_body_length);
}
