/*
 * What a client reads when its request never became one.
 */
#include "serve/refusal.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	int		 status;
	const char	*reason, *code, *message;
} refusals[] = {
	{ 400, "Bad Request", "bad_request", "malformed HTTP request" },
	{ 408, "Request Timeout", "request_timeout",
	    "the request did not arrive in time" },
	{ 413, "Content Too Large", "payload_too_large",
	    "the request body is too large" },
	{ 414, "URI Too Long", "uri_too_long",
	    "the request target is too long" },
	{ 417, "Expectation Failed", "expectation_failed",
	    "only 100-continue can be expected" },
	{ 431, "Request Header Fields Too Large",
	    "request_header_fields_too_large",
	    "too many or too long request headers" },
	{ 501, "Not Implemented", "not_implemented",
	    "transfer codings and unknown methods are not implemented" },
	{ 503, "Service Unavailable", "service_unavailable",
	    "the server is at its limit, try again" },
	{ 505, "HTTP Version Not Supported", "http_version_not_supported",
	    "use HTTP/1.1" },
};

size_t
refusal_render(int status, char *out, size_t size)
{
	char	body[192];
	size_t	i, last = sizeof(refusals) / sizeof(refusals[0]) - 1;
	int	n;

	for (i = 0; i < last && refusals[i].status != status; i++)
		;
	n = snprintf(body, sizeof(body),
	    "{\"ok\":false,\"error\":\"%s\",\"message\":\"%s\"}",
	    refusals[i].code, refusals[i].message);
	if (n < 0 || (size_t)n >= sizeof(body))
		abort();
	n = snprintf(out, size, "HTTP/1.1 %d %s\r\nserver: licet\r\n"
	    "connection: close\r\ncontent-type: application/json\r\n"
	    "access-control-allow-origin: *\r\ncontent-length: %d\r\n\r\n%s",
	    refusals[i].status, refusals[i].reason, n, body);
	if (n < 0 || (size_t)n >= size)
		abort();

	return ((size_t)n);
}
