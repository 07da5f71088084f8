/*
 * pay/btcpay_out: refunds and Lightning payments.  What may have been sent is
 * never called failed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/provider.h"

#include "arena.h"

#include <stdio.h>
#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define REFUND		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define STORE_URL	"http://btc.lan/api/v1/stores/Hq4T/"
#define PULL(id, name)	"{\"id\":\"" id "\",\"name\":\"" name "\"," \
		       "\"viewLink\":\"http://btc.lan/pull-payments/" id "\"}"

static const struct pay_account	account = { .provider = &pay_btcpay,
    .id = REFUND, .base_url = "http://btc.lan",
    .public_url = "https://pay.example", .store_id = "Hq4T", .api_key = "k3y",
    .webhook_secret = "w", .here = "https://licet.example" };

/* ---- refunds ---- */

static void
what_a_refund_asks(void **state)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_btcpay.ask_refund(&arena, &account, "In/1", REFUND, "RateThen",
	    &ask);
	assert_string_equal(ask.http.method, "POST");
	assert_string_equal(ask.http.url,
	    STORE_URL "invoices/In%2F1/refund");
	assert_string_equal(ask.http.body, "{\"refundVariant\":\"RateThen\","
	    "\"name\":\"Refund " REFUND "\"}");
	assert_true(strlen("Refund " REFUND) <= 50);

	ask = (struct pay_ask){ .sql = NULL };
	pay_btcpay.ask_find_refund(&arena, &account, REFUND, &ask);
	assert_string_equal(ask.http.method, "GET");
	assert_string_equal(ask.http.url,
	    STORE_URL "pull-payments?includeArchived=true");
	assert_int_equal(ask.http.body_len, 0);
}

static void
what_a_refund_answers(void **state)
{
#define OURS	"Refund " REFUND
	static const struct {
		int		 status;
		const char	*body;
		enum pay_result	 want;
	} rows[] = {
		ROW(200, PULL("a", OURS), PAY_OK),
		ROW(200, PULL("a", "named by the server"), PAY_OK),
		ROW(200, "[" PULL("b", "Refund x") "," PULL("a", OURS) "]",
		    PAY_OK),
		ROW(200, "[" PULL("a", OURS) "," PULL("b", OURS) "]", PAY_OK),
		ROW(200, "[]", PAY_NONE),
		ROW(200, "[1,null,{},{\"name\":5}]", PAY_NONE),
		ROW(200, "[" PULL("b", "refund " REFUND) "]", PAY_NONE),
		ROW(200, "[{\"name\":\"" OURS "\"}]", PAY_FAILED),
		ROW(200, "{\"id\":\"a\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a b\",\"viewLink\":\"\"}", PAY_FAILED),
		ROW(200, "<html>", PAY_FAILED), ROW(200, "", PAY_FAILED),
		ROW(400, "{\"code\":\"non-refundable\"}", PAY_NONE),
		ROW(403, "{}", PAY_NONE), ROW(404, "{}", PAY_NONE),
		ROW(422, "[]", PAY_NONE),
		ROW(408, "", PAY_FAILED), ROW(429, "", PAY_FAILED),
		ROW(500, "", PAY_FAILED), ROW(503, "{}", PAY_FAILED),
	};
	struct net_reply	reply = { .body = "", .error = "timed out" };
	struct pay_answer	a = { .reply = &reply };
	struct pay_refund	got = { NULL, NULL };
	size_t			i;

	assert_int_equal(pay_btcpay.read_refund(&arena, &account, REFUND, &a,
	    &got), PAY_FAILED);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reply = (struct net_reply){ .status = rows[i].status,
		    .body = rows[i].body, .len = strlen(rows[i].body) };
		got = (struct pay_refund){ NULL, NULL };
		if (pay_btcpay.read_refund(&arena, &account, REFUND, &a,
		    &got) != rows[i].want)
			fail_msg("%d %s", rows[i].status, rows[i].body);
		if (rows[i].want != PAY_OK)
			continue;
		assert_string_equal(got.id, "a");
		assert_string_equal(got.claim_url,
		    "https://pay.example/pull-payments/a");
	}
}

/* ---- Lightning payments ---- */

static void
what_a_payment_asks(void **state)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_btcpay.ask_pay(&arena, &account, "lnbc1x", &ask);
	assert_string_equal(ask.http.method, "POST");
	assert_string_equal(ask.http.url,
	    STORE_URL "lightning/BTC/invoices/pay");
	assert_string_equal(ask.http.body,
	    "{\"BOLT11\":\"lnbc1x\",\"sendTimeout\":20}");
	assert_true(ask.http.timeout_ms > 20000);

	ask = (struct pay_ask){ .sql = NULL };
	pay_btcpay.ask_payment(&arena, &account, "0a1b", &ask);
	assert_string_equal(ask.http.method, "GET");
	assert_string_equal(ask.http.url,
	    STORE_URL "lightning/BTC/payments/0a1b");
}

#define CODE(c)		"{\"code\":\"" c "\",\"message\":\"m\"}"
#define STATUS(s)	"{\"status\":\"" s "\",\"paymentHash\":\"0a\"}"
static const struct {
	int		 status;
	const char	*body;
	enum pay_sent	 paid, asked;
	const char	*detail;
} payments[] = {
	ROW(200, STATUS("Complete"), PAY_SENT_DONE, PAY_SENT_DONE,
	    "200 Complete"),
	ROW(200, STATUS("Pending"), PAY_SENT_WAITING,
	    PAY_SENT_WAITING, "200 Pending"),
	ROW(200, STATUS("Unknown"), PAY_SENT_WAITING,
	    PAY_SENT_WAITING, "200 Unknown"),
	ROW(200, STATUS("Failed"), PAY_SENT_WAITING, PAY_SENT_FAILED,
	    "200 Failed"),
	ROW(200, "", PAY_SENT_WAITING, PAY_SENT_WAITING, "200 "),
	ROW(200, "<html>", PAY_SENT_WAITING, PAY_SENT_WAITING, "200 "),
	ROW(200, "[]", PAY_SENT_WAITING, PAY_SENT_WAITING, "200 "),
	ROW(200, STATUS("a b"), PAY_SENT_WAITING, PAY_SENT_WAITING,
	    "200 ?"),
	ROW(202, STATUS("Complete"), PAY_SENT_WAITING,
	    PAY_SENT_WAITING, "202 Complete"),
	ROW(202, "", PAY_SENT_WAITING, PAY_SENT_WAITING, "202 "),
	ROW(400, CODE("could-not-find-route"), PAY_SENT_FAILED,
	    PAY_SENT_WAITING, "400 could-not-find-route"),
	ROW(400, CODE("generic-error"), PAY_SENT_WAITING,
	    PAY_SENT_WAITING, "400 generic-error"),
	ROW(400, "", PAY_SENT_WAITING, PAY_SENT_WAITING, "400 "),
	ROW(401, "", PAY_SENT_FAILED, PAY_SENT_WAITING, "401 "),
	ROW(403, CODE("missing-permission"), PAY_SENT_FAILED,
	    PAY_SENT_WAITING, "403 missing-permission"),
	ROW(404, CODE("lightning-not-configured"), PAY_SENT_FAILED,
	    PAY_SENT_WAITING, "404 lightning-not-configured"),
	ROW(404, CODE("payment-not-found"), PAY_SENT_FAILED,
	    PAY_SENT_NONE, "404 payment-not-found"),
	ROW(404, "<html>", PAY_SENT_WAITING, PAY_SENT_WAITING,
	    "404 "),
	ROW(422, "[{\"path\":\"BOLT11\",\"message\":\"m\"}]",
	    PAY_SENT_FAILED, PAY_SENT_WAITING, "422 "),
	ROW(429, "", PAY_SENT_WAITING, PAY_SENT_WAITING, "429 "),
	ROW(500, STATUS("Complete"), PAY_SENT_WAITING,
	    PAY_SENT_WAITING, "500 Complete"),
	ROW(502, "", PAY_SENT_WAITING, PAY_SENT_WAITING, "502 "),
	ROW(503, CODE("lightning-node-unavailable"),
	    PAY_SENT_WAITING, PAY_SENT_WAITING,
	    "503 lightning-node-unavailable"),
};

/* The same answers mean one thing after paying and another after asking. */
static void
what_a_payment_answers(void **state)
{
	struct net_reply	reply = { .body = "", .error = "timed out" };
	struct pay_answer	a = { .reply = &reply };
	const char		*detail;
	size_t			i;

	assert_int_equal(pay_btcpay.read_pay(&arena, &account, &a, &detail),
	    PAY_SENT_WAITING);
	assert_string_equal(detail, "no answer");
	assert_int_equal(pay_btcpay.read_payment(&arena, &account, &a,
	    &detail), PAY_SENT_WAITING);
	for (i = 0; i < sizeof(payments) / sizeof(payments[0]); i++) {
		reply = (struct net_reply){ .status = payments[i].status,
		    .body = payments[i].body, .len = strlen(payments[i].body) };
		if (pay_btcpay.read_pay(&arena, &account, &a, &detail) !=
		    payments[i].paid)
			fail_msg("paid: %d %s", reply.status, reply.body);
		assert_string_equal(detail, payments[i].detail);
		if (pay_btcpay.read_payment(&arena, &account, &a, &detail) !=
		    payments[i].asked)
			fail_msg("asked: %d %s", reply.status, reply.body);
		assert_string_equal(detail, payments[i].detail);
	}
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_a_refund_asks),
		TEST(what_a_refund_answers),
		TEST(what_a_payment_asks),
		TEST(what_a_payment_answers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
