/*
 * A stricter front for Kore 4.1's HTTP reader, made of its public API only.
 *
 * Kore 4.1 mishandles bytes that follow a request, drops headers in silence,
 * reads bodies by method, sends unasked 408s to idle connections, and cuts
 * off clients that half-close.  The guard owns each connection's reader, its
 * deadlines and every refusal; Kore's parser only sees blocks that passed
 * header_check() and were rewritten by header_normalise().
 *
 * Every refusal is JSON, {"ok":false,"error":CODE,"message":TEXT}, carries
 * Access-Control-Allow-Origin: * and closes the connection:
 *   400 bad_request            malformed, or bytes beyond the body's length
 *   408 request_timeout        header block or body slower than its deadline
 *   413 payload_too_large      Content-Length above http_body_max
 *   414 uri_too_long
 *   431 request_header_fields_too_large
 *   417 expectation_failed     an Expect other than 100-continue
 *   501 not_implemented        Transfer-Encoding, or a method nobody knows
 *   503 service_unavailable    the worker is full
 *   505 http_version_not_supported
 * A POST, PUT or PATCH without Content-Length has no body (RFC 9112, 6.3), so
 * 411 is never sent.  Any method may have a body.
 */
#ifndef SERVE_GUARD_H
#define SERVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct http_request;

/* The listener's connect callback: takes over a new connection. */
void	guard_connect(struct connection *);

/*
 * Answers `req' as http_response() does (headers by http_response_header()
 * before), then waits for the connection's next request.  The only way to
 * answer: http_response() alone leaves the connection deaf.  `data' is copied.
 * Does nothing when the client is gone.
 */
void	guard_respond(struct http_request *req, int status, const void *data,
	    size_t len);

/* From now on every answer carries connection: close. */
void	guard_drain(void);

/* Closes the connections on which no request has begun. */
void	guard_close_idle(void);

/* Connections of this worker, with or without a request. */
unsigned int	guard_count(void);

#endif
