/*
 * The header block of an HTTP request: what is refused, and how a block that
 * is accepted is made fit for Kore's parser.  Knows no Kore; pure functions
 * over bytes, fuzzed and unit-tested.
 *
 * Kore 4.1 splits a block at any CR or LF, keeps the first 23 headers only,
 * takes any line that begins with "host" for the Host header, answers 400 to
 * an empty or non-ASCII value, and reads a body by method rather than by
 * length.  What is accepted here has one meaning only, the same for Kore, for
 * us and for any proxy in front that keeps to RFC 9112.
 */
#ifndef SERVE_HEADER_H
#define SERVE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#define HEADER_BLOCK_MAX	8192	/* bytes of a block, body excluded */
#define HEADER_KEPT_MAX		23	/* headers Kore keeps, Host included */
#define HEADER_LINES_MAX	64	/* headers we look at before 431 */
#define HEADER_PATH_MAX		1900	/* bytes of path, without the query */
#define HEADER_HOST_MAX		250	/* bytes of the Host header's value */

enum header_method {
	HEADER_GET,
	HEADER_HEAD,
	HEADER_POST,
	HEADER_PUT,
	HEADER_PATCH,
	HEADER_DELETE,
	HEADER_OPTIONS,
};

/* Offsets count from the block's first byte. */
struct header_facts {
	enum header_method	 method;
	bool			 http10;
	bool			 no_host;	/* HTTP/1.0 only */
	bool			 has_length;	/* Content-Length was there */
	bool			 expect;	/* waits for 100 Continue */
	size_t			 body_len;	/* bytes after the block */
	size_t			 method_len;
	size_t			 target;	/* begins with '/' or is "*" */
	size_t			 path_len;	/* up to '?' */
	size_t			 query;		/* of '?', 0: there is none */
	size_t			 query_len;	/* '?' included */
};

/*
 * Judges a block of `len' bytes that ends in its first CRLF CRLF.  Returns 0
 * and fills `facts', or the status to refuse the request with: 400, 414, 417,
 * 431, 501 or 505.  Of `facts' only `method' is then of use, and only when the
 * request line was sound (GET otherwise).  Body lengths are not compared with
 * any limit here; lengths that do not fit 10^17 give 413.
 */
int	header_check(const char *block, size_t len,
	    struct header_facts *facts);

/*
 * Judges the bytes of a block that is not complete yet: `seen' of the `len'
 * bytes were judged by an earlier call.  Returns 0, or 400 when no bytes that
 * may follow could make it acceptable (a binary protocol, bare line feeds).
 */
int	header_check_partial(const char *block, size_t len, size_t seen);

/*
 * Rewrites a block that header_check() accepted, in place, and returns its
 * new length, never more than before.  Drops headers with empty values and
 * look-alikes of Host; trims values; replaces tabs by spaces and bytes above
 * 127 by '?'; joins repeated X-Forwarded-For lines in order, so that a line
 * sent by the client can not hide the one that a proxy added; and when there
 * are more headers than Kore keeps, drops those that no code of ours reads.
 * Returns 0 when there are still too many (431).  The request line keeps its
 * place and length; `facts' stay true.
 */
size_t	header_normalise(char *block, size_t len);

/*
 * The last touch before Kore reads the block: `used' bytes are in `block',
 * body included; the new number is returned.  Kore reads a body by method, so
 * the method's name is replaced by one that makes it read exactly body_len
 * bytes (the caller puts the real method back into the request).  Kore limits
 * path and query together to 2,000 bytes, so a longer query is moved behind
 * the bytes used, where Kore does not look, and `*query' points at it, NUL-
 * terminated; otherwise `*query' is NULL.  "OPTIONS *" becomes "OPTIONS /".
 * HTTP/1.0 knows no Host, Kore insists on one: it is added.  Returns 0 when
 * there is no room for it, in the `size' bytes or among the headers (431).
 */
size_t	header_fit(char *block, size_t used, size_t size,
	    const struct header_facts *, char **query);

#endif
