/* What the fuzzers of payment providers demand of ids and URLs. */
#ifndef FUZZ_FOREIGN_CHECKS_H
#define FUZZ_FOREIGN_CHECKS_H

#include "base/utf8.h"
#include "pay/provider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)
#define ID_MAX		200

static int
hex(char c)
{
	const char	*digits = "0123456789ABCDEF", *at = strchr(digits, c);

	REQUIRE(c != '\0' && at != NULL);
	return ((int)(at - digits));
}

/*
 * The URL has to be what stands before, then this id, and nothing but plain
 * bytes.
 */
static void
check_url(const struct pay_ask *ask, const char *authorization,
    const char *before, const char *id)
{
	const char	*p = ask->http.url;

	REQUIRE(ask->sql == NULL);
	REQUIRE(!strcmp(ask->http.method, "GET") && ask->http.body_len == 0);
	REQUIRE(!strcmp(ask->http.authorization, authorization));
	REQUIRE(!strncmp(p, before, strlen(before)));
	p += strlen(before);
	for (; *p != '\0'; id++) {
		if (*p == '%') {
			REQUIRE(hex(p[1]) * 16 + hex(p[2]) ==
			    (unsigned char)*id);
			p += 3;
			continue;
		}
		REQUIRE(strchr("0123456789abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", *p) != NULL);
		REQUIRE(*p == *id);
		p++;
	}
	REQUIRE(*id == '\0');
}

static bool
is_text(const char *s)
{
	return (s != NULL && utf8_valid(s, strlen(s)));
}

static bool
is_id(const char *s)
{
	return (is_text(s) && *s != '\0' && strlen(s) <= ID_MAX);
}

#endif
