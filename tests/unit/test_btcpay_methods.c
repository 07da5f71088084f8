/*
 * pay/btcpay_methods: the ways to pay, as BTCPay Server 2.x and 1.x say them,
 * and as somebody else might.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/provider.h"
#include "pay/testcoin.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS	"bc1qufgy354j3kmvuch987xe4s40836x3h0lg8f5n2"

static const struct pay_account	account = { .id = "x",
    .base_url = "http://10.0.0.2:23000", .public_url = "", .store_id = "Hq4T",
    .api_key = "k3y", .webhook_secret = "", .here = "https://licet.example" };

static struct arena	arena;
static char		bolt11[TESTCOIN_SIZE];	/* over 53,552 sats */

static int
open_arena(void **state)
{
	arena_init(&arena);
	testcoin_bolt11(bolt11, "test", 53552, 1767225600, 900);
	return (0);
}

static int
close_arena(void **state)
{
	arena_reset(&arena);
	return (0);
}

static enum pay_result
answer(int status, const char *body, struct pay_methods *out)
{
	struct net_reply	reply = { .status = status,
				    .body = arena_strdup(&arena, body),
				    .len = strlen(body) };
	struct pay_answer	a = { .reply = &reply };

	return (pay_btcpay.read_methods(&arena, &account, &a, out));
}

/* One Lightning method and one of the chain, with these members. */
static const char *
both(const char *id, const char *ln, const char *chain, const char *more)
{
	return (arena_printf(&arena, "[{\"%s\":\"%s\",\"destination\":\"%s\","
	    "\"due\":\"0.00053552\",%s\"payments\":[]},"
	    "{\"%s\":\"%s\",\"destination\":\"" ADDRESS "\","
	    "\"due\":\"0.00053552\",%s\"payments\":[]}]", id, ln, bolt11,
	    more, id, chain, more));
}

static void
what_is_asked(void **state)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_btcpay.ask_methods(&arena, &account, "7mK2 x/..", &ask);
	assert_string_equal(ask.http.method, "GET");
	assert_string_equal(ask.http.url, "http://10.0.0.2:23000/api/v1/stores/"
	    "Hq4T/invoices/7mK2%20x%2F%2E%2E/payment-methods");
	assert_string_equal(ask.http.authorization, "token k3y");
}

static void
both_shapes(void **state)
{
	static const struct {
		const char	*id, *ln, *chain;
	} rows[] = {
		{ "paymentMethodId", "BTC-LN", "BTC-CHAIN" },
		{ "paymentMethod", "BTC-LightningNetwork", "BTC" },
		{ "paymentMethod", "BTC_LightningLike", "BTC-OnChain" },
	};
	struct pay_methods	m;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(answer(200, both(rows[i].id, rows[i].ln,
		    rows[i].chain, "\"totalPaid\":\"0\","), &m), PAY_OK);
		assert_string_equal(m.bolt11, bolt11);
		assert_string_equal(m.address, ADDRESS);
		assert_int_equal(m.due_sats, 53552);
		assert_int_equal(m.seen_sats, 0);
		assert_int_equal(m.confirmations, -1);
	}
}

/* What is not bitcoin, and what is no way to pay here, is left out. */
static void
other_methods(void **state)
{
	struct pay_methods	m;

	assert_int_equal(answer(200, "[{\"paymentMethodId\":\"LTC-CHAIN\","
	    "\"destination\":\"" ADDRESS "\",\"due\":\"1\"},"
	    "{\"paymentMethodId\":\"BTCX-CHAIN\",\"destination\":\"" ADDRESS
	    "\",\"due\":\"1\"},{\"paymentMethodId\":\"BTC-LNURL\","
	    "\"destination\":\"LNURL1\",\"due\":\"1\"},"
	    "{\"paymentMethodId\":\"BTC-CHAIN\",\"activated\":false,"
	    "\"destination\":null,\"due\":\"1\"}]", &m), PAY_OK);
	assert_null(m.bolt11);
	assert_null(m.address);
	assert_int_equal(answer(200, "[]", &m), PAY_OK);
	assert_null(m.bolt11);
	assert_int_equal(m.due_sats, -1);
}

/* Neither markup nor another amount ever gets to the buyer's wallet. */
static void
hostile_destinations(void **state)
{
	static const char *const	rows[] = { "\"<script>\"", "\"\"", "5",
					    "null", "[]", "{}", "\"1\"",
					    "\"javascript:alert(1)\"" };
	struct pay_methods		m;
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(answer(200, arena_printf(&arena,
		    "[{\"paymentMethodId\":\"BTC-LN\",\"destination\":%s,"
		    "\"due\":\"0.00053552\"},{\"paymentMethodId\":\"BTC-CHAIN\","
		    "\"destination\":%s,\"due\":\"0.00053552\"}]", rows[i],
		    rows[i]), &m), PAY_OK);
		assert_null(m.bolt11);
		assert_null(m.address);
	}
	assert_int_equal(answer(200, arena_printf(&arena,
	    "[{\"paymentMethodId\":\"BTC-LN\",\"destination\":\"%s\","
	    "\"due\":\"0.00053551\"}]", bolt11), &m), PAY_OK);
	assert_null(m.bolt11);
}

static void
what_has_arrived(void **state)
{
	static const struct {
		const char	*members;
		int64_t		 due, seen;
	} rows[] = {
		{ "\"due\":\"0.00033552\",\"totalPaid\":\"0.0002\"", 33552,
		    20000 },
		{ "\"due\":\"-0.00000001\",\"totalPaid\":\"0.00053553\"", 0,
		    53553 },
		/* Finer than a satoshi: due is not made less, paid not more. */
		{ "\"due\":\"0.00000000001\",\"totalPaid\":\"0.00053551999\"",
		    1, 53551 },
		/* 1.x without totals: the payments that count. */
		{ "\"due\":\"0.0003\",\"payments\":[{\"value\":\"0.0001\","
		    "\"status\":\"Settled\"},{\"value\":\"0.0002\",\"status\":"
		    "\"Processing\"},{\"value\":\"0.5\",\"status\":\"Invalid\"},"
		    "{\"value\":5},{\"value\":\"-1\"},7]", 30000, 30000 },
		{ "\"due\":\"rubbish\",\"totalPaid\":{}", -1, 0 },
		{ "\"due\":\"99999999999999999999999\"", -1, 0 },
		{ "\"due\":\"0.0000000x1\"", -1, 0 },
		{ "\"due\":\"0.00000001x\"", -1, 0 },
		{ "\"due\":1", -1, 0 },
	};
	struct pay_methods	m;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(answer(200, arena_printf(&arena,
		    "[{\"paymentMethodId\":\"BTC-CHAIN\",\"destination\":\""
		    ADDRESS "\",%s}]", rows[i].members), &m), PAY_OK);
		assert_string_equal(m.address, ADDRESS);
		if (m.due_sats != rows[i].due || m.seen_sats != rows[i].seen)
			fail_msg("row %zu: %lld %lld", i,
			    (long long)m.due_sats, (long long)m.seen_sats);
	}
}

static void
answers_that_are_none(void **state)
{
	static const struct {
		int		 status;
		const char	*body;
		enum pay_result	 result;
	} rows[] = {
		{ 200, "", PAY_FAILED },
		{ 200, "{}", PAY_FAILED },
		{ 200, "null", PAY_FAILED },
		{ 200, "[", PAY_FAILED },
		{ 200, "<html>", PAY_FAILED },
		{ 500, "[]", PAY_FAILED },
		{ 429, "[]", PAY_FAILED },
		{ 404, "{}", PAY_NONE },
		{ 403, "", PAY_NONE },
		{ 200, "[5,null,\"x\",[]]", PAY_OK },
	};
	struct pay_methods	m;
	struct net_reply	none = { .error = "timeout" };
	struct pay_answer	a = { .reply = &none };
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (answer(rows[i].status, rows[i].body, &m) != rows[i].result)
			fail_msg("%d %s", rows[i].status, rows[i].body);
		assert_null(m.bolt11);
		assert_null(m.address);
	}
	assert_int_equal(pay_btcpay.read_methods(&arena, &account, &a, &m),
	    PAY_FAILED);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(both_shapes),
		cmocka_unit_test(other_methods),
		cmocka_unit_test(hostile_destinations),
		cmocka_unit_test(what_has_arrived),
		cmocka_unit_test(answers_that_are_none),
	};

	return (cmocka_run_group_tests(tests, open_arena, close_arena));
}
