/*
 * Header blocks: whatever header_check() accepts must, once it is rewritten,
 * mean the same to a parser that reads as Kore 4.1 does (splitting at any CR
 * or LF, skipping empty lines, 24 lines at most, any "host..." for Host).
 */
#include "serve/header.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINES_MAX	24
#define WORDS_MAX	3

/* What Kore would make of a block. */
struct reading {
	const char	*method, *target, *host;
	size_t		 lines, body;
	bool		 sound;
};

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)

/* Kore's kore_split_string(). */
static size_t
split(char *text, const char *at, char **out, size_t max)
{
	size_t	n = 0;

	while (n < max && (out[n] = strsep(&text, at)) != NULL) {
		if (*out[n] != '\0')
			n++;
	}

	return (n);
}

/* Kore's http_validate_header(); NULL where it answers 400. */
static const char *
value_of(char *line)
{
	char	*colon = strchr(line, ':'), *p;

	if (colon == NULL)
		return (NULL);
	*colon = '\0';
	for (p = colon + 1; *p == ' ' || (*p >= '\t' && *p <= '\r'); p++)
		;
	if (*p == '\0')
		return (NULL);
	for (colon = p; *colon != '\0'; colon++) {
		if (*colon < 0x20 || *colon > 0x7e)
			return (NULL);
	}

	return (p);
}

static void
read_as_kore(struct reading *r, char *block, size_t len)
{
	char		*lines[LINES_MAX + 1], *words[WORDS_MAX + 1], *end;
	const char	*value;
	size_t		 i;

	memset(r, 0, sizeof(*r));
	REQUIRE(memmem(block, len, "\r\n\r\n", 4) == block + len - 4);
	block[len - 4] = '\0';
	REQUIRE(strlen(block) == len - 4);
	r->lines = split(block, "\r\n", lines, LINES_MAX + 1);
	REQUIRE(r->lines >= 2);
	REQUIRE(split(lines[0], " ", words, WORDS_MAX + 1) == 3);
	r->method = words[0];
	r->target = words[1];
	r->sound = true;
	for (i = 1; i < r->lines; i++) {
		if ((value = value_of(lines[i])) == NULL)
			r->sound = false;
		else if (strncasecmp(lines[i], "host", 4) == 0)
			r->host = value;
		else if (strcasecmp(lines[i], "transfer-encoding") == 0)
			r->sound = false;
		else if (strcasecmp(lines[i], "content-length") == 0) {
			r->body = strtoull(value, &end, 10);
			REQUIRE(*end == '\0');
		}
	}
}

static bool
takes_body(const char *method)
{
	return (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "PATCH") == 0);
}

/* `block' has `len' bytes of header and is `used' long, as received. */
static void
judge(char *block, size_t len, size_t used)
{
	struct header_facts	 f, again;
	struct reading		 r;
	char			*query, *end;
	size_t			 now;

	if (header_check(block, len, &f) != 0)
		return;
	REQUIRE(header_check_partial(block, len, 0) == 0);
	if ((now = header_normalise(block, len)) == 0)
		return;
	REQUIRE(now <= len);
	memmove(block + now, block + len, used - len);
	used -= len - now;
	REQUIRE(header_check(block, now, &again) == 0);
	REQUIRE(memcmp(&f, &again, sizeof(f)) == 0);
	if ((used = header_fit(block, used, HEADER_BLOCK_MAX, &f, &query)) == 0)
		return;
	if (query != NULL)
		REQUIRE(strlen(query) == f.query_len - 1);
	end = memmem(block, used, "\r\n\r\n", 4);
	REQUIRE(end != NULL);
	read_as_kore(&r, block, (size_t)(end + 4 - block));
	REQUIRE(r.sound && r.lines <= LINES_MAX && r.host != NULL);
	REQUIRE(r.body == f.body_len);
	REQUIRE(takes_body(r.method) == (f.body_len > 0));
	REQUIRE(r.target[0] == '/' && strlen(r.target) < 1999);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*copy, *end;

	if (size == 0 || size > HEADER_BLOCK_MAX)
		return (0);
	copy = malloc(HEADER_BLOCK_MAX);	/* as large as Kore's buffer */
	memcpy(copy, data, size);
	end = memmem(copy, size, "\r\n\r\n", 4);
	if (end == NULL)
		(void)header_check_partial(copy, size, size / 2);
	else
		judge(copy, (size_t)(end + 4 - copy), size);
	free(copy);

	return (0);
}
