/*
 * Reads a header block byte by byte and refuses whatever has more than one
 * reading: folded lines, spaces before a colon, bare line ends, control
 * characters, lengths that repeat, any transfer coding.
 */
#include "serve/header.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX	17

/* What a block has had so far. */
struct census {
	unsigned int	lines, hosts, lengths;
};

/* One header line, without its CRLF. */
struct line {
	const char	*name, *value;	/* value without surrounding blanks */
	size_t		 name_len, value_len;
};

static const struct {
	const char		*name;
	enum header_method	 method;
} methods[] = {
	{ "GET", HEADER_GET },
	{ "HEAD", HEADER_HEAD },
	{ "POST", HEADER_POST },
	{ "PUT", HEADER_PUT },
	{ "PATCH", HEADER_PATCH },
	{ "DELETE", HEADER_DELETE },
	{ "OPTIONS", HEADER_OPTIONS },
};

static int	check_request_line(const char *, size_t,
		    struct header_facts *);
static int	check_version(const char *, size_t, struct header_facts *);
static int	check_method(const char *, size_t, struct header_facts *);
static int	check_target(const char *, size_t, size_t,
		    struct header_facts *);
static int	check_line(const struct line *, struct census *,
		    struct header_facts *);
static int	check_length(const struct line *, struct header_facts *);
static int	check_host(const struct line *);
static int	check_whole(const struct census *, struct header_facts *);

static bool
is_token(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return (true);

	return (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What a header's value may hold: blanks, visible ASCII, bytes above 127. */
static bool
is_content(unsigned char c)
{
	return (c == '\t' || (c >= 0x20 && c != 0x7f));
}

static bool
name_is(const struct line *l, const char *name)
{
	return (l->name_len == strlen(name) &&
	    strncasecmp(l->name, name, l->name_len) == 0);
}

/* Takes a line apart; false when it is not NAME ":" VALUE. */
static bool
line_parse(struct line *l, const char *text, size_t len)
{
	size_t	i;

	for (i = 0; i < len && is_token((unsigned char)text[i]); i++)
		;
	if (i == 0 || i == len || text[i] != ':')
		return (false);
	l->name = text;
	l->name_len = i;
	for (i++; i < len && (text[i] == ' ' || text[i] == '\t'); i++)
		;
	for (; len > i && (text[len - 1] == ' ' || text[len - 1] == '\t');
	    len--)
		;
	l->value = text + i;
	l->value_len = len - i;
	for (i = 0; i < l->value_len; i++) {
		if (!is_content((unsigned char)l->value[i]))
			return (false);
	}

	return (true);
}

int
header_check(const char *block, size_t len, struct header_facts *f)
{
	struct census	 seen;
	struct line	 l;
	const char	*p, *eol, *end = block + len;
	int		 status;

	memset(f, 0, sizeof(*f));
	memset(&seen, 0, sizeof(seen));
	if (len < 4 || memcmp(end - 4, "\r\n\r\n", 4) != 0)
		return (400);
	end -= 2;
	for (p = block; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL || eol - p < 2 || eol[-1] != '\r')
			return (400);
		if (p == block) {
			status = check_request_line(p, (size_t)(eol - p - 1),
			    f);
		} else if (++seen.lines > HEADER_LINES_MAX) {
			status = 431;
		} else if (!line_parse(&l, p, (size_t)(eol - p - 1))) {
			status = 400;
		} else {
			status = check_line(&l, &seen, f);
		}
		if (status != 0)
			return (status);
	}

	return (check_whole(&seen, f));
}

/* METHOD SP TARGET SP VERSION, one space each. */
static int
check_request_line(const char *line, size_t len, struct header_facts *f)
{
	const char	*a, *b;
	int		 status;

	if ((a = memchr(line, ' ', len)) == NULL)
		return (400);
	b = memchr(a + 1, ' ', len - (size_t)(a + 1 - line));
	if (b == NULL)
		return (400);
	status = check_version(b + 1, len - (size_t)(b + 1 - line), f);
	if (status == 0)
		status = check_method(line, (size_t)(a - line), f);
	if (status == 0)
		status = check_target(line, (size_t)(a + 1 - line),
		    (size_t)(b - line), f);

	return (status);
}

static int
check_version(const char *v, size_t len, struct header_facts *f)
{
	if (len != 8 || memcmp(v, "HTTP/", 5) != 0 || v[6] != '.' ||
	    v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9')
		return (400);
	if (v[5] != '1' || v[7] > '1')
		return (505);
	f->http10 = v[7] == '0';

	return (0);
}

static int
check_method(const char *m, size_t len, struct header_facts *f)
{
	size_t	i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (len == strlen(methods[i].name) &&
		    memcmp(m, methods[i].name, len) == 0) {
			f->method = methods[i].method;
			f->method_len = len;
			return (0);
		}
	}
	if (len == 0 || m[0] < 'A' || m[0] > 'Z')
		return (400);
	for (i = 0; i < len; i++) {
		if (!is_token((unsigned char)m[i]))
			return (400);
	}

	return (501);
}

/* The target lies at line[start] up to line[end]. */
static int
check_target(const char *line, size_t start, size_t end,
    struct header_facts *f)
{
	size_t		i;
	unsigned char	c;

	f->target = start;
	if (end - start == 1 && line[start] == '*' &&
	    f->method == HEADER_OPTIONS) {
		f->path_len = 1;
		return (0);
	}
	if (start == end || line[start] != '/')
		return (400);
	for (i = start; i < end; i++) {
		c = (unsigned char)line[i];
		if (c <= 0x20 || c >= 0x7f || c == '#')
			return (400);
		if (c == '?' && f->query == 0) {
			f->query = i;
			f->query_len = end - i;
		}
	}
	f->path_len = (f->query != 0 ? f->query : end) - start;

	return (f->path_len > HEADER_PATH_MAX ? 414 : 0);
}

static int
check_line(const struct line *l, struct census *seen,
    struct header_facts *f)
{
	if (name_is(l, "transfer-encoding"))
		return (501);
	if (name_is(l, "content-length"))
		return (++seen->lengths > 1 ? 400 : check_length(l, f));
	if (name_is(l, "host"))
		return (++seen->hosts > 1 ? 400 : check_host(l));
	if (name_is(l, "expect") && l->value_len > 0 && !f->http10) {
		if (l->value_len != 12 ||
		    strncasecmp(l->value, "100-continue", 12) != 0)
			return (417);
		f->expect = true;
	}

	return (0);
}

static int
check_length(const struct line *l, struct header_facts *f)
{
	size_t	i;

	f->has_length = true;
	if (l->value_len == 0)
		return (400);
	for (i = 0; i < l->value_len; i++) {
		if (l->value[i] < '0' || l->value[i] > '9')
			return (400);
	}
	if (l->value_len > LENGTH_DIGITS_MAX)
		return (413);
	for (i = 0; i < l->value_len; i++)
		f->body_len = f->body_len * 10 + (size_t)(l->value[i] - '0');

	return (0);
}

static int
check_host(const struct line *l)
{
	size_t		i;
	unsigned char	c;

	if (l->value_len == 0 || l->value_len > HEADER_HOST_MAX)
		return (400);
	for (i = 0; i < l->value_len; i++) {
		c = (unsigned char)l->value[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && strchr(".-_:[]", c) == NULL)
			return (400);
	}
	if (l->value[0] == '[' && memchr(l->value, ']', l->value_len) == NULL)
		return (400);

	return (0);
}

static int
check_whole(const struct census *seen, struct header_facts *f)
{
	f->no_host = seen->hosts == 0;
	if (seen->hosts > 1 || (f->no_host && !f->http10))
		return (400);

	/* There is no shorter name that Kore lets have a body in 1.0. */
	if (f->http10 && f->body_len > 0 &&
	    (f->method == HEADER_GET || f->method == HEADER_PUT))
		return (505);

	return (0);
}

int
header_check_partial(const char *block, size_t len, size_t seen)
{
	size_t		i;
	unsigned char	c;
	bool		after_cr;

	if (len > 0 && (block[0] < 'A' || block[0] > 'Z'))
		return (400);
	for (i = seen; i < len; i++) {
		c = (unsigned char)block[i];
		after_cr = i > 0 && block[i - 1] == '\r';
		if ((c == '\n') != after_cr)
			return (400);
		if (c != '\r' && c != '\n' && !is_content(c))
			return (400);
	}

	return (0);
}
