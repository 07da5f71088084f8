/*
 * Makes an accepted header block fit for Kore's parser, in place: every line
 * is copied towards the front, or left out, or joined to an earlier one.
 *
 *	block            out        in              end-2
 *	|  lines kept    |  free    |  lines to come  | CR LF
 */
#include "serve/header.h"

#include <string.h>
#include <strings.h>

#define FORWARDED	"x-forwarded-for"
#define FORWARDED_MAX	1024	/* bytes of one such line's value */
#define TARGET_MAX	1990	/* what Kore takes, query included */

/* One pass over a block. */
struct pass {
	char		*block, *out;
	char		*forwarded;	/* CR of X-Forwarded-For, or NULL */
	unsigned int	 kept;
	bool		 crowded;	/* leave out what nobody reads */
};

/* One line of it; `next' is the byte after its LF. */
struct line {
	char		*name, *value, *next;
	size_t		 name_len, value_len;
};

/* Sent by browsers and proxies, read by no code of ours.  '-': a prefix. */
static const char *const	unread[] = {
	"sec-ch-", "sec-gpc", "sec-purpose", "dnt", "priority",
	"upgrade-insecure-requests", "cache-control", "pragma", "keep-alive",
	"te", "via", "accept-encoding", "accept-charset", "cdn-loop",
	"cf-ray", "cf-visitor", "cf-ipcountry", "cf-ew-via", "save-data",
	"device-memory", "dpr", "viewport-width", "downlink", "ect", "rtt",
	"traceparent", "tracestate", "baggage", "x-b3-", "x-amzn-trace-id",
	"x-cloud-trace-context", "x-forwarded-port", "x-forwarded-server",
	"x-request-start", "max-forwards",
};

static char	*pass_run(struct pass *, char *, char *);
static bool	 pass_join(struct pass *, const struct line *);
static void	 pass_keep(struct pass *, const struct line *);
static bool	 line_read(struct line *, char *, char *);
static bool	 line_is_unread(const struct line *);
static const char *method_for_kore(const struct header_facts *);
static size_t	 query_hide(char *, size_t, const struct header_facts *,
		    char **);

size_t
header_normalise(char *block, size_t len)
{
	struct pass	 p;
	char		*lf, *end = block + len;

	if ((lf = memchr(block, '\n', len)) == NULL)
		return (0);
	memset(&p, 0, sizeof(p));
	p.block = block;
	if ((end = pass_run(&p, lf + 1, end)) == NULL)
		return (0);
	if (p.kept > HEADER_KEPT_MAX) {
		p.crowded = true;
		if ((end = pass_run(&p, lf + 1, end)) == NULL ||
		    p.kept > HEADER_KEPT_MAX)
			return (0);
	}

	return ((size_t)(end - block));
}

/* Goes over the lines from `in' on; returns the block's new end, or NULL. */
static char *
pass_run(struct pass *p, char *in, char *end)
{
	struct line	l;

	p->out = in;
	p->forwarded = NULL;
	p->kept = 0;
	for (; line_read(&l, in, end); in = l.next) {
		if (l.value_len == 0)
			continue;
		if (l.name_len > 4 && strncasecmp(l.name, "host", 4) == 0)
			continue;
		if (p->crowded && line_is_unread(&l))
			continue;
		if (l.name_len == sizeof(FORWARDED) - 1 &&
		    strncasecmp(l.name, FORWARDED, l.name_len) == 0) {
			if (p->forwarded != NULL) {
				if (!pass_join(p, &l))
					return (NULL);
				continue;
			}
			pass_keep(p, &l);
			p->forwarded = p->out - 2;
			continue;
		}
		pass_keep(p, &l);
	}
	memmove(p->out, "\r\n", 2);

	return (p->out + 2);
}

/* False at the empty line. */
static bool
line_read(struct line *l, char *in, char *end)
{
	char	*lf, *colon, *p;

	if (end - in <= 2 ||
	    (lf = memchr(in, '\n', (size_t)(end - in))) == NULL || lf - in < 2)
		return (false);
	if ((colon = memchr(in, ':', (size_t)(lf - in))) == NULL)
		return (false);
	l->next = lf + 1;
	l->name = in;
	l->name_len = (size_t)(colon - in);
	lf--;			/* of CR now */
	for (p = colon + 1; p < lf && (*p == ' ' || *p == '\t'); p++)
		;
	for (; lf > p && (lf[-1] == ' ' || lf[-1] == '\t'); lf--)
		;
	l->value = p;
	l->value_len = (size_t)(lf - p);
	for (; p < lf; p++) {
		if (*p == '\t')
			*p = ' ';
		else if ((unsigned char)*p > 127)
			*p = '?';
	}

	return (true);
}

static bool
line_is_unread(const struct line *l)
{
	size_t	i, n;
	bool	prefix;

	for (i = 0; i < sizeof(unread) / sizeof(unread[0]); i++) {
		n = strlen(unread[i]);
		prefix = unread[i][n - 1] == '-';
		if ((prefix ? l->name_len > n : l->name_len == n) &&
		    strncasecmp(l->name, unread[i], n) == 0)
			return (true);
	}

	return (false);
}

/* Never writes past the line that it reads: blanks are dropped, not added. */
static void
pass_keep(struct pass *p, const struct line *l)
{
	bool	blank = l->value > l->name + l->name_len + 1;

	if (p->out == l->name &&
	    l->value + l->value_len + 2 == l->next &&
	    l->value - (l->name + l->name_len) <= 2) {
		p->out = l->next;	/* nothing to move */
	} else {
		memmove(p->out, l->name, l->name_len + 1);
		p->out += l->name_len + 1;
		if (blank)
			*p->out++ = ' ';
		memmove(p->out, l->value, l->value_len);
		p->out += l->value_len;
		memcpy(p->out, "\r\n", 2);
		p->out += 2;
	}
	p->kept++;
}

/*
 * Inserts ", VALUE" at the end of the earlier line.  The line that gives it
 * was at least 16 bytes longer, so the kept lines have room to move.
 */
static bool
pass_join(struct pass *p, const struct line *l)
{
	char	value[FORWARDED_MAX];
	size_t	len = l->value_len;

	if (len > sizeof(value))
		return (false);
	memcpy(value, l->value, len);
	memmove(p->forwarded + len + 2, p->forwarded,
	    (size_t)(p->out - p->forwarded));
	memcpy(p->forwarded, ", ", 2);
	memcpy(p->forwarded + 2, value, len);
	p->forwarded += len + 2;
	p->out += len + 2;

	return (true);
}

/* Right behind the request line, if that is not one header too many. */
static size_t
host_add(char *block, size_t used, size_t size)
{
	static const char	 host[] = "Host: localhost\r\n";
	const size_t		 len = sizeof(host) - 1;
	unsigned int		 lines = 0;
	char			*at, *lf = block;

	do {
		if ((lf = memchr(lf, '\n', used - (size_t)(lf - block))) == NULL)
			return (0);
		lines++;
	} while (lf++[1] != '\r');
	if (len > size - used || lines > HEADER_KEPT_MAX)
		return (0);
	at = (char *)memchr(block, '\n', used) + 1;
	memmove(at + len, at, used - (size_t)(at - block));
	memcpy(at, host, len);

	return (used + len);
}

size_t
header_fit(char *block, size_t used, size_t size,
    const struct header_facts *f, char **query)
{
	const char	*name;

	*query = NULL;
	if (f->no_host && (used = host_add(block, used, size)) == 0)
		return (0);

	if ((name = method_for_kore(f)) != NULL) {
		memset(block, ' ', f->method_len);
		memcpy(block, name, strlen(name));
	}
	if (block[f->target] == '*')
		block[f->target] = '/';
	if (f->query_len > 0 && f->path_len + f->query_len > TARGET_MAX)
		used = query_hide(block, used, f, query);

	return (used);
}

/* Never longer than the name it replaces; NULL: that one will do. */
static const char *
method_for_kore(const struct header_facts *f)
{
	if (f->body_len == 0) {
		switch (f->method) {
		case HEADER_GET:
		case HEADER_HEAD:
			return (NULL);
		case HEADER_DELETE:
		case HEADER_OPTIONS:
			return (f->http10 ? "GET" : NULL);
		case HEADER_POST:
		case HEADER_PUT:
		case HEADER_PATCH:
			return ("GET");
		}
	}
	if (f->method == HEADER_POST)
		return (NULL);
	if (f->http10)
		return ("POST");
	if (f->method == HEADER_PUT || f->method == HEADER_PATCH)
		return (NULL);

	return ("PUT");
}

/* Taking the query out of the request line makes room for exactly it. */
static size_t
query_hide(char *block, size_t used, const struct header_facts *f,
    char **query)
{
	char	 copy[HEADER_BLOCK_MAX];
	char	*at = block + f->query;

	if (f->query_len > sizeof(copy))
		return (used);
	memcpy(copy, at + 1, f->query_len - 1);
	copy[f->query_len - 1] = '\0';
	memmove(at, at + f->query_len, used - f->query - f->query_len);
	used -= f->query_len;
	*query = memcpy(block + used, copy, f->query_len);

	return (used);
}
