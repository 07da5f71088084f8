/*
 * pay/btcpay: what is asked of BTCPay Server and what its answers mean.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"
#include "pay/provider.h"

#include <stdio.h>
#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define ORDER		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define STORE_URL	"http://10.0.0.2:23000/api/v1/stores/Hq4T"
#define ID		"7mK2xQd9VhTf3yLw8cRz5e"

static const struct pay_account	plain = { .id = ORDER,
    .base_url = "http://10.0.0.2:23000", .public_url = "", .store_id = "Hq4T",
    .api_key = "k3y", .webhook_secret = "whsec-test",
    .here = "https://licet.example" };

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

static void
a_created_invoice(void **state)
{
	struct pay_order	order = { .id = ORDER, .product_id = "p",
				    .product_name = "Ana's \"game\" \xc3\xa9",
				    .redirect_url = "https://a.example/?b=c",
				    .amount_sats = 50000 };
	struct pay_ask		ask = { .sql = NULL };
	json_t			*body, *want;

	pay_btcpay.ask_create(&arena, &plain, &order, &ask);
	assert_null(ask.sql);
	assert_string_equal(ask.http.method, "POST");
	assert_string_equal(ask.http.url, STORE_URL "/invoices");
	assert_string_equal(ask.http.authorization, "token k3y");
	assert_string_equal(ask.http.content_type, "application/json");
	assert_true(ask.http.timeout_ms > 0);
	assert_false(ask.http.public_only);
	assert_int_equal(ask.http.body_len, strlen(ask.http.body));

	body = json_loads(ask.http.body, 0, NULL);
	want = json_pack("{s:s,s:s,s:{s:s,s:s,s:s,s:s},s:{s:s,s:b}}",
	    "amount", "0.00050000", "currency", "BTC", "metadata",
	    "orderId", ORDER, "productId", "p", "itemDesc",
	    order.product_name, "source", "licet", "checkout",
	    "redirectURL", order.redirect_url, "redirectAutomatically", 1);
	assert_true(json_equal(body, want));
	json_decref(body);
	json_decref(want);
}

/* 4.1: what renewals and tier changes add, and nothing that isn't known. */
static void
metadata_by_kind(void **state)
{
#define OFTEN		"\"orderId\":\"" ORDER "\",\"productId\":\"p\"," \
	      "\"itemDesc\":\"n\",\"source\":\"licet\""
	static const struct {
		struct pay_order	 order;
		const char		*metadata, *checkout;
	} rows[] = {
		{ { .kind = PAY_PURCHASE, .subscription_id = "s",
		    .intent = "i", .buyer_email = "b@x.test" },
		    "{" OFTEN "}", "{\"redirectAutomatically\":true}" },
		{ { .kind = PAY_RENEWAL, .subscription_id = "s",
		    .cycle_start_at = "2026-01-01T00:00:00Z", .intent = "i",
		    .expiration_minutes = 10080 },
		    "{" OFTEN ",\"subscriptionId\":\"s\","
		    "\"cycleStartAt\":\"2026-01-01T00:00:00Z\"}",
		    "{\"redirectAutomatically\":true,"
		    "\"expirationMinutes\":10080}" },
		{ { .kind = PAY_TIER_CHANGE, .intent = "admin_tier_change",
		    .license_id = "l", .from_policy_id = "f",
		    .to_policy_id = "t", .redirect_url = "https://a/" },
		    "{" OFTEN ",\"intent\":\"admin_tier_change\","
		    "\"licenseId\":\"l\",\"fromPolicyId\":\"f\","
		    "\"toPolicyId\":\"t\"}",
		    "{\"redirectURL\":\"https://a/\","
		    "\"redirectAutomatically\":true}" },
	};
	struct pay_order	order;
	struct pay_ask		ask = { .sql = NULL };
	json_t			*body, *want;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		order = rows[i].order;
		order.id = ORDER;
		order.product_id = "p";
		order.product_name = "n";
		order.amount_sats = 1;
		pay_btcpay.ask_create(&arena, &plain, &order, &ask);
		body = json_loads(ask.http.body, 0, NULL);
		want = json_loads(rows[i].metadata, 0, NULL);
		assert_true(json_equal(json_object_get(body, "metadata"),
		    want));
		json_decref(want);
		want = json_loads(rows[i].checkout, 0, NULL);
		assert_true(json_equal(json_object_get(body, "checkout"),
		    want));
		json_decref(want);
		json_decref(body);
	}
}

static void
a_void_invoice(void **state)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_btcpay.ask_void(&arena, &plain, ID, &ask);
	assert_string_equal(ask.http.method, "POST");
	assert_string_equal(ask.http.url, STORE_URL "/invoices/" ID "/status");
	assert_string_equal(ask.http.body, "{\"status\":\"Invalid\"}");
}

/* Ids come from webhooks: nothing of them may leave their place in a URL. */
static void
ids_in_urls(void **state)
{
	static const struct {
		const char	*id, *escaped;
	} rows[] = {
		ROW(ID, ID), ROW(ORDER, ORDER), ROW("a_b", "a_b"),
		ROW("../x", "%2E%2E%2Fx"), ROW("a?b=c&d#e", "a%3Fb%3Dc%26d%23e"),
		ROW("a b\r\n", "a%20b%0D%0A"), ROW("%2e", "%252e"),
		ROW("\xc3\xa9", "%C3%A9"), ROW("a@b:c", "a%40b%3Ac"),
		ROW("", ""),
	};
	struct pay_ask	ask;
	char		want[160];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask = (struct pay_ask){ .sql = NULL };
		pay_btcpay.ask_status(&arena, &plain, rows[i].id, &ask);
		snprintf(want, sizeof(want), STORE_URL "/invoices/%s",
		    rows[i].escaped);
		assert_string_equal(ask.http.url, want);
		assert_string_equal(ask.http.method, "GET");
		assert_string_equal(ask.http.authorization, "token k3y");
		assert_int_equal(ask.http.body_len, 0);

		ask = (struct pay_ask){ .sql = NULL };
		pay_btcpay.ask_find(&arena, &plain, rows[i].id, &ask);
		snprintf(want, sizeof(want), STORE_URL "/invoices?"
		    "includeArchived=true&orderId=%s",
		    rows[i].escaped);
		assert_string_equal(ask.http.url, want);
		assert_string_equal(ask.http.method, "GET");
	}
}

/* ---- what is answered ---- */

static enum pay_result
answer(const struct pay_account *account, int status, const char *body,
    struct pay_invoice *out)
{
	struct net_reply	reply = { .status = status, .body = body,
				    .len = strlen(body) };
	struct pay_answer	a = { .reply = &reply };

	*out = (struct pay_invoice){ .id = NULL };
	return (pay_btcpay.read(&arena, account, &a, out));
}

/* Each status with each additional status that comes with it, and oddities. */
static void
statuses(void **state)
{
	static const struct {
		const char	*status, *additional;	/* NULL: not there */
		enum pay_status	 want;
		enum pay_exception odd;
	} rows[] = {
		ROW("New", "None", PAY_PENDING, PAY_AS_ASKED),
		ROW("New", "PaidPartial", PAY_PENDING, PAY_PARTIAL),
		ROW("New", NULL, PAY_PENDING, PAY_AS_ASKED),
		ROW("Processing", "None", PAY_PENDING, PAY_AS_ASKED),
		ROW("Processing", "PaidOver", PAY_PENDING, PAY_OVER),
		ROW("Processing", "Marked", PAY_PENDING, PAY_MARKED),
		ROW("Processing", "PaidLate", PAY_PENDING, PAY_LATE),
		ROW("Settled", "None", PAY_SETTLED, PAY_AS_ASKED),
		ROW("Settled", "PaidOver", PAY_SETTLED, PAY_OVER),
		ROW("Settled", "Marked", PAY_SETTLED, PAY_MARKED),
		ROW("Settled", NULL, PAY_SETTLED, PAY_AS_ASKED),
		ROW("Complete", "None", PAY_SETTLED, PAY_AS_ASKED),
		ROW("Expired", "None", PAY_EXPIRED, PAY_AS_ASKED),
		ROW("Expired", "PaidPartial", PAY_EXPIRED, PAY_PARTIAL),
		ROW("Expired", "PaidLate", PAY_SETTLED, PAY_LATE),
		ROW("Expired", NULL, PAY_EXPIRED, PAY_AS_ASKED),
		ROW("Invalid", "None", PAY_INVALID, PAY_AS_ASKED),
		ROW("Invalid", "Marked", PAY_INVALID, PAY_MARKED),
		ROW("Invalid", "PaidLate", PAY_INVALID, PAY_LATE),
		ROW("New", "PaidLate", PAY_PENDING, PAY_LATE),
		ROW("settled", "None", PAY_PENDING, PAY_AS_ASKED),
		ROW("Settled ", "None", PAY_PENDING, PAY_AS_ASKED),
		ROW("", "Settled", PAY_PENDING, PAY_AS_ASKED),
		ROW("Confirmed", "None", PAY_PENDING, PAY_AS_ASKED),
	};
	struct pay_invoice	in;
	char			body[200], detail[80];
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body),
		    "{\"id\":\"a\",\"status\":\"%s\"%s%s%s}", rows[i].status,
		    rows[i].additional == NULL ? "" : ",\"additionalStatus\":\"",
		    rows[i].additional == NULL ? "" : rows[i].additional,
		    rows[i].additional == NULL ? "" : "\"");
		assert_int_equal(answer(&plain, 200, body, &in), PAY_OK);
		if (in.status != rows[i].want)
			fail_msg("%s is %s", body, pay_status_name(in.status));
		assert_int_equal(in.exception, rows[i].odd);
		snprintf(detail, sizeof(detail), "%s/%s",
		    strchr(rows[i].status, ' ') != NULL ? "?" : rows[i].status,
		    rows[i].additional == NULL ? "None" : rows[i].additional);
		assert_string_equal(in.detail, detail);
	}
	assert_int_equal(answer(&plain, 200, "{\"id\":\"a\",\"status\":"
	    "\"b\xc3\xa9\",\"additionalStatus\":\"c d\"}", &in), PAY_OK);
	assert_string_equal(in.detail, "?/?");
}

/* Members as JSON; decimals lose zeros on their way. */
static void
amounts(void **state)
{
	static const struct {
		const char	*amount, *currency;
		int64_t		 sats;
	} rows[] = {
		ROW("\"0.00050000\"", "\"BTC\"", 50000),
		ROW("\"0.0005\"", "\"BTC\"", 50000),
		ROW("\"1\"", "\"BTC\"", 100000000),
		ROW("\"0\"", "\"BTC\"", 0),
		ROW("\"0.000000001\"", "\"BTC\"", -1),
		ROW("\"-0.0005\"", "\"BTC\"", -1),
		ROW("\"5E-4\"", "\"BTC\"", -1),
		ROW("\"50000\"", "\"SATS\"", 50000),
		ROW("\"50000.0\"", "\"SATS\"", 50000),
		ROW("\"50000.5\"", "\"SATS\"", -1),
		ROW("\"-5\"", "\"SATS\"", -1),
		ROW("\" 5\"", "\"SATS\"", -1),
		ROW("\"5.x\"", "\"SATS\"", -1),
		ROW("\"\"", "\"SATS\"", -1),
		ROW("\"9223372036854775808\"", "\"SATS\"", -1),
		ROW("\"9.99\"", "\"USD\"", -1),
		ROW("\"5\"", "\"btc\"", -1),
		ROW("0.0005", "\"BTC\"", -1),
		ROW("null", "\"BTC\"", -1),
		ROW("\"5\"", "null", -1),
	};
	static const char *const	names[] = { "amount", "paidAmount" };
	struct pay_invoice		in;
	char				body[200];
	int64_t				got;
	size_t				i, k;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		k = i / 2;
		snprintf(body, sizeof(body), "{\"id\":\"a\",\"status\":\"New\","
		    "\"%s\":%s,\"currency\":%s}", names[i % 2],
		    rows[k].amount, rows[k].currency);
		assert_int_equal(answer(&plain, 200, body, &in), PAY_OK);
		got = i % 2 == 0 ? in.amount_sats : in.paid_sats;
		if (got != rows[k].sats)
			fail_msg("%s is %lld", body, (long long)got);
		assert_int_equal(i % 2 == 0 ? in.paid_sats : in.amount_sats,
		    -1);
	}
}

static void
a_whole_invoice(void **state)
{
	static const char	text[] = "{\"id\":\"" ID "\","
	    "\"storeId\":\"Hq4T\",\"amount\":\"0.0005\",\"paidAmount\":\"0\","
	    "\"currency\":\"BTC\",\"type\":\"Standard\",\"checkoutLink\":"
	    "\"http://10.0.0.2:23000/i/" ID "?lang=en\","
	    "\"createdTime\":1767225600,\"status\":\"New\","
	    "\"additionalStatus\":\"None\",\"archived\":false,"
	    "\"metadata\":{\"orderId\":\"" ORDER "\"},\"checkout\":{}}";
	struct pay_invoice	in;

	assert_int_equal(answer(&plain, 200, text, &in), PAY_OK);
	assert_string_equal(in.id, ID);
	assert_string_equal(in.order_id, ORDER);
	assert_string_equal(in.checkout_url,
	    "http://10.0.0.2:23000/i/" ID "?lang=en");
	assert_int_equal(in.status, PAY_PENDING);
	assert_int_equal(in.amount_sats, 50000);

	assert_int_equal(answer(&plain, 200,
	    "{\"id\":\"a\",\"status\":\"New\"}", &in), PAY_OK);
	assert_null(in.order_id);
	assert_string_equal(in.checkout_url, "");
	assert_int_equal(in.amount_sats, -1);
}

/* Buyers may know the server under another name than we do. */
static void
checkout_links(void **state)
{
	static const struct {
		const char	*public_url, *link, *want;
	} rows[] = {
		ROW("", "https://btc.lan/i/a", "https://btc.lan/i/a"),
		ROW("https://pay.example", "https://btc.lan/i/a",
		    "https://pay.example/i/a"),
		ROW("https://pay.example", "http://10.0.0.2:23000/i/a?b=c#d",
		    "https://pay.example/i/a?b=c#d"),
		ROW("https://pay.example/btc", "http://btc.lan/i/a",
		    "https://pay.example/btc/i/a"),
		ROW("https://pay.example", "http://btc.lan",
		    "https://pay.example"),
		ROW("https://pay.example", "", ""),
	};
	struct pay_account	account = plain;
	struct pay_invoice	in;
	char			body[200];
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		account.public_url = rows[i].public_url;
		snprintf(body, sizeof(body), "{\"id\":\"a\",\"status\":\"New\","
		    "\"checkoutLink\":\"%s\"}", rows[i].link);
		assert_int_equal(answer(&account, 200, body, &in), PAY_OK);
		assert_string_equal(in.checkout_url, rows[i].want);
	}
}

static void
results(void **state)
{
#define SETTLED(id)	"{\"id\":\"" id "\",\"status\":\"Settled\"}"
	static const struct {
		int		 status;
		const char	*body;
		enum pay_result	 want;
	} rows[] = {
		ROW(200, SETTLED("a"), PAY_OK),
		ROW(200, "[" SETTLED("a") "]", PAY_OK),
		ROW(200, "[" SETTLED("a") "," SETTLED("b") "]", PAY_OK),
		ROW(200, "[{\"id\":\"b\",\"status\":\"Expired\"},"
		    SETTLED("a") "]", PAY_OK),
		ROW(200, "[]", PAY_NONE),
		ROW(400, "{\"code\":\"a\",\"message\":\"b\"}", PAY_NONE),
		ROW(401, "", PAY_NONE), ROW(403, "{}", PAY_NONE),
		ROW(404, SETTLED("a"), PAY_NONE),
		ROW(422, "[{\"path\":\"amount\",\"message\":\"a\"}]", PAY_NONE),
		ROW(408, SETTLED("a"), PAY_FAILED),
		ROW(429, SETTLED("a"), PAY_FAILED),
		ROW(500, SETTLED("a"), PAY_FAILED), ROW(502, "", PAY_FAILED),
		ROW(503, "<html>", PAY_FAILED), ROW(0, "", PAY_FAILED),
		ROW(201, SETTLED("a"), PAY_FAILED), ROW(204, "", PAY_FAILED),
		ROW(302, "", PAY_FAILED), ROW(600, "", PAY_FAILED),
		ROW(200, "", PAY_FAILED), ROW(200, "<html>", PAY_FAILED),
		ROW(200, "null", PAY_FAILED), ROW(200, "\"a\"", PAY_FAILED),
		ROW(200, "[1]", PAY_FAILED), ROW(200, "[[]]", PAY_FAILED),
		ROW(200, "{}", PAY_FAILED), ROW(200, SETTLED(""), PAY_FAILED),
		ROW(200, "{\"id\":\"a\"}", PAY_FAILED),
		ROW(200, "{\"status\":\"Settled\"}", PAY_FAILED),
		ROW(200, "{\"id\":1,\"status\":\"Settled\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a\",\"status\":2}", PAY_FAILED),
		ROW(200, SETTLED("a") "x", PAY_FAILED),
		ROW(200, "{\"id\":\"a\",\"status\":\"New\","
		    "\"status\":\"Settled\"}", PAY_FAILED),
	};
	struct net_reply	silence = { .body = "", .error = "timed out" };
	struct pay_answer	a = { .reply = &silence };
	struct pay_invoice	in;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (answer(&plain, rows[i].status, rows[i].body, &in) !=
		    rows[i].want)
			fail_msg("%d %s", rows[i].status, rows[i].body);
		if (rows[i].want == PAY_OK)
			assert_string_equal(in.id, "a"); /* paid, or newest */
		else
			assert_null(in.id);
	}
	assert_int_equal(pay_btcpay.read(&arena, &plain, &a, &in), PAY_FAILED);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		TEST(a_created_invoice),
		TEST(metadata_by_kind),
		TEST(a_void_invoice),
		TEST(ids_in_urls),
		TEST(statuses),
		TEST(amounts),
		TEST(a_whole_invoice),
		TEST(checkout_links),
		TEST(results),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
