/*
 * pay/lnurl: which addresses are asked, which answers count, and which
 * invoices are the one that was asked for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "crypto/sha256.h"
#include "pay/lnurl.h"

#include "invoice.h"

#include <stdio.h>
#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define X16		"xxxxxxxxxxxxxxxx"
#define X64		X16 X16 X16 X16
#define METADATA	"[[\"text/plain\",\"Payout for dev@pay.example\"]," ENTRY
#define ENTRY		"[\"text/identifier\",\"dev@pay.example\"]]"
#define METADATA_JSON							\
    "\"[[\\\"text/plain\\\",\\\"Payout for dev@pay.example\\\"],"	\
    "[\\\"text/identifier\\\",\\\"dev@pay.example\\\"]]\""

static struct arena	arena;

static int
open_arena(void **state)
{
	arena_init(&arena);
	return (0);
}

static int
close_arena(void **state)
{
	arena_reset(&arena);
	return (0);
}

/* ---- what is asked ---- */

/* LUD-16, and keysat 4.11: letters of either case. */
static void
addresses(void **state)
{
	static const struct {
		const char	*address;
		const char	*url;		/* NULL: refused */
		const char	*insecure;
	} rows[] = {
		ROW("dev@pay.example",
		    "https://pay.example/.well-known/lnurlp/dev",
		    "http://pay.example/.well-known/lnurlp/dev"),
		ROW("A.b_c-9@Sub.Pay-2.example",
		    "https://Sub.Pay-2.example/.well-known/lnurlp/A.b_c-9",
		    "http://Sub.Pay-2.example/.well-known/lnurlp/A.b_c-9"),
		ROW("a@b", "https://b/.well-known/lnurlp/a",
		    "http://b/.well-known/lnurlp/a"),
		ROW("...a@b", "https://b/.well-known/lnurlp/...a",
		    "http://b/.well-known/lnurlp/...a"),
		ROW(X64 "@b", "https://b/.well-known/lnurlp/" X64,
		    "http://b/.well-known/lnurlp/" X64),
		ROW("dev@127.0.0.1:3000", NULL,
		    "http://127.0.0.1:3000/.well-known/lnurlp/dev"),
		ROW("a@b:65535", NULL, "http://b:65535/.well-known/lnurlp/a"),
	};
	const char	*url;
	size_t		 i;
	int		 insecure;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (insecure = 0; insecure < 2; insecure++) {
			const char *want = insecure ? rows[i].insecure :
			    rows[i].url;

			url = lnurl_address_url(&arena, rows[i].address,
			    insecure);
			assert_int_equal(want != NULL, lnurl_is_address(
			    rows[i].address, insecure));
			if ((url == NULL) != (want == NULL))
				fail_msg("%s: %s", rows[i].address,
				    url == NULL ? "refused" : "accepted");
			if (url != NULL)
				assert_string_equal(url, want);
		}
	}
}

/* With or without a port's permission. */
static void
no_addresses(void **state)
{
	static const char *const	rows[] = {
		"a@b:0", "a@b:65536", "a@b:", "a@b:1/x", "a@b:-1", "a@b: 1",
		"", "@", "a", "a@", "@b", "a@@b", "a@b@c", ".@b", "..@b",
		"...@b", "a@.b", "a@b.", "a@b..c", "a@.", " a@b", "a@b ",
		"a+tag@b", "a/b@c", "a?b@c", "a%2e@c", "a@b/c", "a@b?c",
		"a@b#c", "a@b\\c", "a@[::1]", "\xc3\xa9@b", "a@\xc3\xa9",
		"a\n@b", "a@b\n", X64 "x@b", "a@" X64 X64 X64 X64,
	};
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (lnurl_is_address(rows[i], false) ||
		    lnurl_is_address(rows[i], true) ||
		    lnurl_address_url(&arena, rows[i], true) != NULL)
			fail_msg("%s: accepted", rows[i]);
	}
}

static void
callback_urls(void **state)
{
	static const struct {
		const char	*callback, *url;
	} rows[] = {
		ROW("https://a/cb", "https://a/cb?amount=90000000"),
		ROW("https://a/cb/dev?x=1", "https://a/cb/dev?x=1&amount=90000000"),
		ROW("https://a/cb?", "https://a/cb?amount=90000000"),
		ROW("https://a/cb?x&", "https://a/cb?x&amount=90000000"),
		ROW("https://a", "https://a?amount=90000000"),
		ROW("https://a/?x=?", "https://a/?x=?&amount=90000000"),
	};
	struct lnurl_pay	pay = { .min_msat = 0 };
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pay.callback = rows[i].callback;
		assert_string_equal(lnurl_callback_url(&arena, &pay, 90000000),
		    rows[i].url);
	}
}

/* ---- what is answered ---- */

static bool
read_pay(const char *body, bool insecure, struct lnurl_pay *pay,
    const char **why)
{
	bool	ok = lnurl_pay_read(&arena, body, strlen(body), insecure, pay,
		    why);

	assert_int_equal(ok, *why == NULL);
	return (ok);
}

static void
a_pay_request(void **state)
{
	struct lnurl_pay	pay;
	const char		*why;
	char			 hex[SHA256_HEX_SIZE];

	assert_true(read_pay("{\"tag\":\"payRequest\",\"callback\":"
	    "\"https://pay.example/cb/dev?x=1\",\"minSendable\":1000,"
	    "\"maxSendable\":500000000,\"commentAllowed\":120,\"metadata\":"
	    METADATA_JSON "}", false, &pay, &why));
	assert_string_equal(pay.callback, "https://pay.example/cb/dev?x=1");
	assert_string_equal(pay.metadata, METADATA);
	assert_int_equal(pay.min_msat, 1000);
	assert_int_equal(pay.max_msat, 500000000);
	sha256_hex(pay.metadata, strlen(pay.metadata), hex);
	assert_string_equal(hex, "e07e57a778242a02c3a0a783c0be26fb"
	    "2782e01c58cb460943cd38ce4d41726d");
}

#define PAY(callback, min, max)	"{\"tag\":\"payRequest\",\"callback\":"	\
    callback ",\"minSendable\":" min ",\"maxSendable\":" max		\
    ",\"metadata\":\"[]\"}"

static void
pay_requests(void **state)
{
	static const struct {
		const char	*body;
		bool		 good, insecure;
	} rows[] = {
		ROW(PAY("\"https://a/b\"", "1", "1"), true, true),
		ROW(PAY("\"HTTPS://a/b\"", "1", "1"), true, true),
		ROW(PAY("\"http://a/b\"", "1", "1"), false, true),
		ROW(PAY("\"HTTP://127.0.0.1:1/b\"", "1", "1"), false, true),
		ROW(PAY("\"https://a:8443/b?c=@d\"", "1", "1"), true, true),
		ROW(PAY("\"https://a/b\"", "0", "1"), true, true),
		ROW(PAY("\"https://a/b\"", "1e3", "1e11"), true, true),
		ROW(PAY("\"https://a/b\"", "1000.0", "2000.0"), true, true),
		ROW(PAY("\"https://a/b\"", "1", "9223372036854775807"), true,
		    true),
	};
	struct lnurl_pay	pay;
	const char		*why;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_pay(rows[i].body, false, &pay, &why) != rows[i].good)
			fail_msg("%s: %s", rows[i].body,
			    why == NULL ? "accepted" : why);
		if (read_pay(rows[i].body, true, &pay, &why) !=
		    rows[i].insecure)
			fail_msg("%s, insecure: %s", rows[i].body,
			    why == NULL ? "accepted" : why);
	}
}

/* Whether plain http may pass or not. */
static void
no_pay_requests(void **state)
{
	static const char *const	rows[] = {
		PAY("\"ftp://a/b\"", "1", "1"),
		PAY("\"//a/b\"", "1", "1"),
		PAY("\"https://\"", "1", "1"),
		PAY("\"https://a/b#c\"", "1", "1"),
		PAY("\"https://a/b c\"", "1", "1"),
		PAY("\"https://a\\\\b\"", "1", "1"),
		PAY("\"https://a/b\\nc\"", "1", "1"),
		PAY("\"https://c:d@a/b\"", "1", "1"),
		PAY("\"https://c@a?b\"", "1", "1"),
		PAY("\"\"", "1", "1"),
		PAY("null", "1", "1"),
		PAY("[]", "1", "1"),
		PAY("\"https://a/b\"", "2", "1"),
		PAY("\"https://a/b\"", "0", "0"),
		PAY("\"https://a/b\"", "-1", "1"),
		PAY("\"https://a/b\"", "1", "-1"),
		PAY("\"https://a/b\"", "\"1\"", "1"),
		PAY("\"https://a/b\"", "1", "\"1\""),
		PAY("\"https://a/b\"", "1.5", "2"),
		PAY("\"https://a/b\"", "1", "1e16"),
		PAY("\"https://a/b\"", "1", "1e300"),
		PAY("\"https://a/b\"", "-1e300", "1"),
		PAY("\"https://a/b\"", "1", "null"),
		"{\"tag\":\"payRequest\",\"callback\":\"https://a/b\","
		    "\"minSendable\":1,\"maxSendable\":1}",
		"{\"tag\":\"payRequest\",\"callback\":\"https://a/b\","
		    "\"minSendable\":1,\"maxSendable\":1,\"metadata\":\"\"}",
		"{\"tag\":\"payRequest\",\"callback\":\"https://a/b\","
		    "\"minSendable\":1,\"maxSendable\":1,\"metadata\":[]}",
		"{\"tag\":\"payRequest\",\"callback\":\"https://a/b\","
		    "\"minSendable\":1,\"metadata\":\"[]\"}",
		"{\"tag\":\"withdrawRequest\",\"callback\":\"https://a/b\","
		    "\"minSendable\":1,\"maxSendable\":1,\"metadata\":\"[]\"}",
		"{}", "[]",
		"\"a\"", "",
		"<html>", "{\"tag\":\"pay",
	};
	struct lnurl_pay		pay;
	const char			*why;
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_pay(rows[i], false, &pay, &why) ||
		    read_pay(rows[i], true, &pay, &why))
			fail_msg("%s: accepted", rows[i]);
	}
}

/* LUD-01: an error is in the body, whatever the status. */
static void
reasons(void **state)
{
	static const struct {
		const char	*body, *why;
	} rows[] = {
		ROW("{\"status\":\"ERROR\",\"reason\":\"No such user\"}",
		    "the host says: No such user"),
		ROW("{\"status\":\"error\",\"reason\":\"\"}",
		    "the host says: "),
		ROW("{\"status\":\"ERROR\"}", "the host says: an error"),
		ROW("{\"status\":\"ERROR\",\"reason\":5}",
		    "the host says: an error"),
		ROW("{\"status\":\"ERROR\",\"reason\":\"a\\nb\\u0007c\"}",
		    "the host says: a b c"),
		ROW("{\"status\":\"ERROR\",\"pr\":\"lnbc1\",\"tag\":"
		    "\"payRequest\",\"reason\":\"x\"}", "the host says: x"),
		ROW("[]", "the host's answer is no object"),
		ROW("", NULL), ROW("Not found", NULL),
	};
	struct lnurl_pay	pay;
	const char		*why;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(read_pay(rows[i].body, false, &pay, &why));
		if (rows[i].why != NULL)
			assert_string_equal(why, rows[i].why);
		assert_null(lnurl_invoice_read(&arena, rows[i].body,
		    strlen(rows[i].body), &why));
		if (rows[i].why != NULL)
			assert_string_equal(why, rows[i].why);
		assert_non_null(why);
	}
}

/* 200 bytes of it, and no half of a character. */
static void
long_reasons(void **state)
{
	struct lnurl_pay	pay;
	const char		*why;
	char			body[400], want[300];
	size_t			n;

	for (n = 196; n <= 204; n++) {
		snprintf(body, sizeof(body), "{\"status\":\"ERROR\","
		    "\"reason\":\"%0*d\xc3\xa9x\"}", (int)n, 0);
		assert_false(read_pay(body, false, &pay, &why));
		snprintf(want, sizeof(want), "the host says: %0*d%s%s",
		    n > 200 ? 200 : (int)n, 0, n <= 198 ? "\xc3\xa9" : "",
		    n <= 197 ? "x" : "");
		assert_string_equal(why, want);
	}
}

static void
amounts(void **state)
{
	struct lnurl_pay	pay = { .min_msat = 1000,
				    .max_msat = 500000000 };
	const char		*why;

	assert_true(lnurl_pay_takes(&arena, &pay, 1000, &why));
	assert_null(why);
	assert_true(lnurl_pay_takes(&arena, &pay, 500000000, &why));
	assert_false(lnurl_pay_takes(&arena, &pay, 999, &why));
	assert_string_equal(why, "the host takes 1000 to 500000000 "
	    "millisatoshis, not 999");
	assert_false(lnurl_pay_takes(&arena, &pay, 500000001, &why));
	pay.min_msat = 0;
	assert_false(lnurl_pay_takes(&arena, &pay, 0, &why));
	assert_true(lnurl_pay_takes(&arena, &pay, 1, &why));
}

static void
invoices_in_answers(void **state)
{
	static const struct {
		const char	*body, *pr;
	} rows[] = {
		ROW("{\"pr\":\"lnbc900u1x\",\"routes\":[],\"verify\":"
		    "\"https://pay.example/verify/02d4\"}", "lnbc900u1x"),
		ROW("{\"status\":\"OK\",\"pr\":\"LNBC1\"}", "LNBC1"),
		ROW("{\"pr\":\"\"}", NULL), ROW("{\"pr\":null}", NULL),
		ROW("{\"pr\":[\"lnbc1\"]}", NULL), ROW("{}", NULL),
		ROW("{\"pr\":\"a\\u0000b\"}", NULL),
		ROW("{\"pr\":\"a\"}x", NULL), ROW("", NULL),
	};
	char		 body[BOLT11_TEXT_MAX + 20];
	const char	*pr, *why;
	size_t		 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pr = lnurl_invoice_read(&arena, rows[i].body,
		    strlen(rows[i].body), &why);
		assert_int_equal(pr == NULL, why != NULL);
		if ((pr == NULL) != (rows[i].pr == NULL))
			fail_msg("%s: %s", rows[i].body, pr == NULL ? why : pr);
		if (pr != NULL)
			assert_string_equal(pr, rows[i].pr);
	}
	for (i = BOLT11_TEXT_MAX; i <= BOLT11_TEXT_MAX + 1; i++) {
		snprintf(body, sizeof(body), "{\"pr\":\"%0*d\"}", (int)i, 0);
		assert_int_equal(i == BOLT11_TEXT_MAX,
		    lnurl_invoice_read(&arena, body, strlen(body), &why) !=
		    NULL);
	}
}

/* ---- the invoice ---- */

static char	pr[1000];

static bool
check(const char *prefix, const char *hashed, const char *described,
    int64_t msat, const char **why)
{
	static const uint8_t	payment[32] = { 1, 2, 3 };
	struct invoice		in = { .n = 0 };
	struct bolt11		got;
	uint8_t			hash[32];
	bool			ok;

	invoice_number(&in, 1767225600, 7);
	invoice_bytes(&in, 1, payment, 32);
	if (hashed != NULL) {
		sha256(hashed, strlen(hashed), hash);
		invoice_bytes(&in, 23, hash, 32);
	}
	if (described != NULL)
		invoice_bytes(&in, 13, described, strlen(described));
	invoice_end(&in, prefix, pr);
	ok = lnurl_check(pr, msat, METADATA, &got, why);
	assert_int_equal(ok, *why == NULL);
	if (ok)
		assert_memory_equal(got.payment_hash, payment, 32);
	return (ok);
}

/* payments.md 3: exactly the amount, and the hash of exactly the metadata. */
static void
checks(void **state)
{
	static const struct {
		const char	*prefix, *hashed, *described;
		int64_t		 msat;
		bool		 good;
	} rows[] = {
		ROW("lnbc900u", METADATA, NULL, 90000000, true),
		ROW("lnbcrt900u", METADATA, NULL, 90000000, true),
		ROW("lnbc900u", METADATA, "a", 90000000, true),
		ROW("lnbc900000000p", METADATA, NULL, 90000000, true),
		ROW("lnbc900u", METADATA, NULL, 90000001, false),
		ROW("lnbc900u", METADATA, NULL, 89999999, false),
		ROW("lnbc900u", METADATA, NULL, 90000, false),
		ROW("lnbc9000u", METADATA, NULL, 90000000, false),
		ROW("lnbc", METADATA, NULL, 90000000, false),
		ROW("lnbc", METADATA, NULL, -1, false),
		ROW("lnbc900u", NULL, NULL, 90000000, false),
		ROW("lnbc900u", NULL, METADATA, 90000000, false),
		ROW("lnbc900u", "", NULL, 90000000, false),
		ROW("lnbc900u", METADATA " ", NULL, 90000000, false),
		ROW("lnbc900u", "other", NULL, 90000000, false),
	};
	struct bolt11	got;
	const char	*why;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (check(rows[i].prefix, rows[i].hashed, rows[i].described,
		    rows[i].msat, &why) != rows[i].good)
			fail_msg("row %zu: %s", i, why == NULL ? "" : why);
	}
	assert_false(lnurl_check("", 1, METADATA, &got, &why));
	assert_false(lnurl_check("lnbc1", 1, METADATA, &got, &why));
	assert_non_null(why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(no_addresses),
		cmocka_unit_test(callback_urls),
		cmocka_unit_test(a_pay_request),
		cmocka_unit_test(pay_requests),
		cmocka_unit_test(no_pay_requests),
		cmocka_unit_test(reasons),
		cmocka_unit_test(long_reasons),
		cmocka_unit_test(amounts),
		cmocka_unit_test(invoices_in_answers),
		cmocka_unit_test(checks),
	};

	return (cmocka_run_group_tests(tests, open_arena, close_arena));
}
