/* Which header blocks are refused, and what becomes of the others. */
#include "serve/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START	"GET / HTTP/1.1\r\nHost: x\r\n"
#define PUT	"PUT / HTTP/1.1\r\nHost: x\r\n"

struct check {
	const char	*block;
	size_t		 len;
	int		 status;
	size_t		 body;
};

#define CHECK(text, status, body) { (text), sizeof(text) - 1, status, body }

static const struct check	checks[] = {
	CHECK(START "\r\n", 0, 0),
	CHECK("GET /", 400, 0),
	CHECK("\r\n\r\n", 400, 0),
	CHECK("", 400, 0),
	CHECK(START "\r\n\r\n\r\n", 400, 0),
	/* lengths */
	CHECK(PUT "Content-Length: 7\r\n\r\n", 0, 7),
	CHECK(PUT "content-length:0\r\n\r\n", 0, 0),
	CHECK(PUT "CONTENT-LENGTH:\t 12 \t\r\n\r\n", 0, 12),
	CHECK(PUT "Content-Length: 00012\r\n\r\n", 0, 12),
	CHECK(PUT "Content-Length: 99999999999999999\r\n\r\n", 0,
	    99999999999999999),
	CHECK(PUT "Content-Length: 100000000000000000\r\n\r\n", 413, 0),
	CHECK(PUT "Content-Length: 18446744073709551617\r\n\r\n", 413, 0),
	CHECK(PUT "Content-Length: \r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: +1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: -1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 1, 1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 1 1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 0x1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 1\r\nCONTENT-length: 2\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length : 1\r\n\r\n", 400, 0),
	CHECK(PUT "X: y\r\n Content-Length: 1\r\n\r\n", 400, 0),
	CHECK(PUT "Content_Length: 1\r\n\r\n", 0, 0),
	/* codings */
	CHECK(PUT "Transfer-Encoding: chunked\r\n\r\n", 501, 0),
	CHECK(PUT "transfer-ENCODING:\r\n\r\n", 501, 0),
	CHECK(PUT "Transfer-Encoding : chunked\r\n\r\n", 400, 0),
	CHECK(PUT "Content-Length: 1\r\nTransfer-Encoding: x\r\n\r\n", 501, 0),
	CHECK("PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
	    501, 0),
	/* line ends and bytes */
	CHECK("GET / HTTP/1.1\nHost: x\r\n\r\n", 400, 0),
	CHECK(START "X: y\n\r\n\r\n", 400, 0),
	CHECK(START "X: a\rb\r\n\r\n", 400, 0),
	CHECK(START "X: a\r\r\n\r\n", 400, 0),
	CHECK(START "X: a\0b\r\n\r\n", 400, 0),
	CHECK(START "X\0: a\r\n\r\n", 400, 0),
	CHECK(START "X: a\x01\r\n\r\n", 400, 0),
	CHECK(START "X: a\x7f\r\n\r\n", 400, 0),
	CHECK(START "X: a\tb\xc3\xa9\r\n\r\n", 0, 0),
	CHECK(START "X\xc3: a\r\n\r\n", 400, 0),
	CHECK(START " X: a\r\n\r\n", 400, 0),
	CHECK(START "X: a\r\n\tb\r\n\r\n", 400, 0),
	CHECK(START "X\r\n\r\n", 400, 0),
	CHECK(START ": a\r\n\r\n", 400, 0),
	CHECK(START "X:\r\n\r\n", 0, 0),
	/* Host */
	CHECK("GET / HTTP/1.1\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.0\r\n\r\n", 0, 0),
	CHECK("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, 0),
	CHECK("GET / HTTP/1.1\r\nHosts: x\r\n\r\n", 400, 0),
	CHECK(START "hOST: x\r\n\r\n", 400, 0),
	/* Expect */
	CHECK(PUT "Expect: 100-Continue\r\n\r\n", 0, 0),
	CHECK(PUT "Expect: 100-continue, x\r\n\r\n", 417, 0),
	CHECK("PUT / HTTP/1.0\r\nHost: x\r\nExpect: x\r\n\r\n", 0, 0),
	/* the request line */
	CHECK("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / x HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK(" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.1.\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / http/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, 0),
	CHECK("GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, 0),
	CHECK("get / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GETS / HTTP/1.1\r\nHost: x\r\n\r\n", 501, 0),
	CHECK("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501, 0),
	CHECK("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501, 0),
	CHECK("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0, 0),
	CHECK("OPTIONS ** HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0),
	CHECK("GET / HTTP/1.0\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 505,
	    1),
	CHECK("POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 0,
	    1),
};

static void
blocks(void **state)
{
	struct header_facts	 f;
	char			*copy;
	size_t			 i;
	int			 status;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		/* At the end of an allocation, so that ASan watches. */
		copy = malloc(checks[i].len + 1);
		memcpy(copy, checks[i].block, checks[i].len);
		status = header_check(copy, checks[i].len, &f);
		if (status != checks[i].status)
			fail_msg("%d, not %d: %s", status, checks[i].status,
			    checks[i].block);
		if (status == 0)
			assert_int_equal(f.body_len, checks[i].body);
		free(copy);
	}
}

static void
facts(void **state)
{
	static const char	block[] = "DELETE /a/b?c=d?e HTTP/1.1\r\n"
	    "Host: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
	struct header_facts	f;

	assert_int_equal(header_check(block, sizeof(block) - 1, &f), 0);
	assert_int_equal(f.method, HEADER_DELETE);
	assert_int_equal(f.method_len, 6);
	assert_int_equal(f.target, 7);
	assert_int_equal(f.path_len, 4);
	assert_int_equal(f.query, 11);
	assert_int_equal(f.query_len, 6);
	assert_int_equal(f.body_len, 3);
	assert_true(f.has_length && f.expect && !f.http10);
}

static void
limits(void **state)
{
	char			block[16384];
	struct header_facts	f;
	int			i, n;

	n = snprintf(block, sizeof(block), "GET /%0*d HTTP/1.1\r\n"
	    "Host: x\r\n\r\n", HEADER_PATH_MAX - 1, 0);
	assert_int_equal(header_check(block, (size_t)n, &f), 0);
	n = snprintf(block, sizeof(block), "GET /%0*d HTTP/1.1\r\n"
	    "Host: x\r\n\r\n", HEADER_PATH_MAX, 0);
	assert_int_equal(header_check(block, (size_t)n, &f), 414);

	n = snprintf(block, sizeof(block), START);
	for (i = 1; i < HEADER_LINES_MAX; i++)
		n += snprintf(block + n, sizeof(block) - (size_t)n,
		    "Dnt: 1\r\n");
	memcpy(block + n, "\r\n", 2);
	assert_int_equal(header_check(block, (size_t)n + 2, &f), 0);
	memcpy(block + n, "Dnt: 1\r\n\r\n", 10);
	assert_int_equal(header_check(block, (size_t)n + 10, &f), 431);
}

static void
partial_blocks(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len, seen;
		int		 status;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "G", 1, 0, 0 },
		{ "\x16\x03", 2, 0, 400 },
		{ "g", 1, 0, 400 },
		{ "\r", 1, 0, 400 },
		{ "\n", 1, 0, 400 },
		{ "GET / HTTP/1.1\r", 15, 0, 0 },
		{ "GET / HTTP/1.1\r\n", 16, 15, 0 },
		{ "GET / HTTP/1.1\rX", 16, 15, 400 },
		{ "GET / HTTP/1.1\n", 15, 14, 400 },
		{ "GET\0", 4, 0, 400 }, { "GET \x7f", 5, 0, 400 },
		{ "GET \x80", 5, 0, 0 },
	};
	size_t	i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(header_check_partial(cases[i].text,
		    cases[i].len, cases[i].seen), cases[i].status);
}

static void
normal_forms(void **state)
{
	static const struct {
		const char	*before, *after;
	} cases[] = {
		{ "", "" },
		{ "A: b\r\n", "A: b\r\n" },
		{ "A:b\r\n", "A:b\r\n" },
		{ "A: \t b \t\r\nC: d\r\n", "A: b\r\nC: d\r\n" },
		{ "A:\r\nB: \t\r\nC: d\r\nD:\r\n", "C: d\r\n" },
		{ "A: b\tc\xc3\xa9\r\n", "A: b c??\r\n" },
		{ "Hosts: evil\r\nhost-x: evil\r\nA: b\r\n", "A: b\r\n" },
		{ "X-Forwarded-For: 1\r\n", "X-Forwarded-For: 1\r\n" },
		{ "X-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\n",
		    "X-Forwarded-For: 1, 2\r\n" },
		{ "x-forwarded-for:1\r\nA: b\r\nX-Forwarded-For:2\r\n"
		    "C:\r\nX-FORWARDED-FOR: 3, 4\r\nD: e\r\n",
		    "x-forwarded-for:1, 2, 3, 4\r\nA: b\r\nD: e\r\n" },
		{ "X-Forwarded-For:\r\nX-Forwarded-For: 2\r\n",
		    "X-Forwarded-For: 2\r\n" },
	};
	char	block[1024], want[1024];
	size_t	i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = (size_t)snprintf(block, sizeof(block), START "%s\r\n",
		    cases[i].before);
		(void)snprintf(want, sizeof(want), START "%s\r\n",
		    cases[i].after);
		n = header_normalise(block, n);
		assert_int_equal(n, strlen(want));
		assert_memory_equal(block, want, n);
	}
}

static void
crowded_blocks(void **state)
{
	static const struct {
		int		 named, unread;
		bool		 fits;
	} cases[] = {
		{ 22, 0, true },
		{ 22, 1, true },
		{ 10, 30, true },
		{ 12, 10, true },
		{ 23, 0, false },
		{ 23, 5, false },
	};
	char	block[4096];
	size_t	i, n;
	int	k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = (size_t)snprintf(block, sizeof(block), START);
		for (k = 0; k < cases[i].unread; k++)
			n += (size_t)snprintf(block + n, sizeof(block) - n,
			    "Sec-CH-UA-%d: x\r\n", k);
		for (k = 0; k < cases[i].named; k++)
			n += (size_t)snprintf(block + n, sizeof(block) - n,
			    "X-%d: x\r\n", k);
		n += (size_t)snprintf(block + n, sizeof(block) - n, "\r\n");
		n = header_normalise(block, n);
		assert_int_equal(n != 0, cases[i].fits);
		if (n == 0)
			continue;
		block[n] = '\0';
		assert_true((strstr(block, "Sec-CH") == NULL) ==
		    (cases[i].unread == 0 ||
		    cases[i].unread + cases[i].named > 22));
		(void)snprintf(block + 2048, 64, "X-%d: x\r\n\r\n",
		    cases[i].named - 1);
		assert_non_null(strstr(block, block + 2048));
	}
}

static void
methods_for_kore(void **state)
{
	static const struct {
		const char	*line, *more, *first;
	} cases[] = {
		{ "GET / HTTP/1.1", "", "GET / " },
		{ "GET / HTTP/1.1", "Content-Length: 1\r\n", "PUT / " },
		{ "HEAD / HTTP/1.1", "", "HEAD / " },
		{ "HEAD / HTTP/1.1", "Content-Length: 1\r\n", "PUT  / " },
		{ "POST / HTTP/1.1", "", "GET  / " },
		{ "POST / HTTP/1.1", "Content-Length: 0\r\n", "GET  / " },
		{ "POST / HTTP/1.1", "Content-Length: 1\r\n", "POST / " },
		{ "PUT / HTTP/1.1", "", "GET / " },
		{ "PATCH / HTTP/1.1", "", "GET   / " },
		{ "PATCH / HTTP/1.1", "Content-Length: 1\r\n", "PATCH / " },
		{ "DELETE / HTTP/1.1", "", "DELETE / " },
		{ "DELETE / HTTP/1.1", "Content-Length: 1\r\n", "PUT    / " },
		{ "OPTIONS * HTTP/1.1", "", "OPTIONS / " },
		{ "OPTIONS * HTTP/1.1", "Content-Length: 1\r\n",
		    "PUT     / " },
		{ "DELETE / HTTP/1.0", "", "GET    / " },
		{ "DELETE / HTTP/1.0", "Content-Length: 1\r\n", "POST   / " },
		{ "HEAD / HTTP/1.0", "Content-Length: 1\r\n", "POST / " },
	};
	struct header_facts	 f;
	char			 block[512], *query;
	size_t			 i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = (size_t)snprintf(block, sizeof(block),
		    "%s\r\nHost: x\r\n%s\r\n", cases[i].line, cases[i].more);
		assert_int_equal(header_check(block, n, &f), 0);
		assert_int_equal(header_fit(block, n, sizeof(block), &f,
		    &query), n);
		assert_null(query);
		assert_memory_equal(block, cases[i].first,
		    strlen(cases[i].first));
	}
}

/* HTTP/1.0 has no Host, Kore wants one; a full buffer or block has no room. */
static void
host_is_added(void **state)
{
	struct header_facts	 f;
	char			 block[1024], *query;
	size_t			 n, i, room;

	for (i = 0; i < 24; i++) {
		n = (size_t)snprintf(block, sizeof(block), "GET /a HTTP/1.0\r\n");
		for (room = 0; room < i; room++)
			n += (size_t)snprintf(block + n, sizeof(block) - n,
			    "X%zu: y\r\n", room);
		n += (size_t)snprintf(block + n, sizeof(block) - n, "\r\n");
		assert_int_equal(header_check(block, n, &f), 0);
		assert_true(f.no_host);
		assert_int_equal(header_fit(block, n, n + 16, &f, &query), 0);
		if (i == 23) {
			assert_int_equal(header_fit(block, n, sizeof(block),
			    &f, &query), 0);
			continue;
		}
		assert_int_equal(header_fit(block, n, n + 17, &f, &query),
		    n + 17);
		assert_memory_equal(block,
		    "GET /a HTTP/1.0\r\nHost: localhost\r\n", 34);
	}
}

static void
long_queries(void **state)
{
	struct header_facts	 f;
	char			*block, *query;
	size_t			 n, used, q;

	for (q = 1900; q < 4100; q += 100) {
		block = malloc(8192);
		n = (size_t)snprintf(block, 8192, "POST /p?%0*d HTTP/1.1\r\n"
		    "Host: x\r\nContent-Length: 4\r\n\r\n", (int)q, 7);
		block = realloc(block, n + 4);
		memcpy(block + n, "body", 4);
		assert_int_equal(header_check(block, n, &f), 0);
		used = header_fit(block, n + 4, n + 4, &f, &query);
		if (q < 1980) {
			assert_null(query);
			assert_int_equal(used, n + 4);
		} else {
			assert_int_equal(strlen(query), q);
			assert_int_equal(query[q - 1], '7');
			assert_int_equal(used, n + 4 - q - 1);
			assert_memory_equal(block, "POST /p HTTP/1.1\r\n", 18);
		}
		assert_memory_equal(block + used - 8, "\r\n\r\nbody", 8);
		free(block);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(facts),
		cmocka_unit_test(limits),
		cmocka_unit_test(partial_blocks),
		cmocka_unit_test(normal_forms),
		cmocka_unit_test(crowded_blocks),
		cmocka_unit_test(methods_for_kore),
		cmocka_unit_test(host_is_added),
		cmocka_unit_test(long_queries),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
