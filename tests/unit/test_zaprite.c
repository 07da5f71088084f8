/* pay/zaprite: what is asked of Zaprite and what its answers mean. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"
#include "pay/provider.h"

#include "arena.h"

#include <stdio.h>
#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define ORDER		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define API		"https://api.zaprite.test/v1/"
#define ID		"od_7mK2xQd9VhTf3yLw8cRz"

static const struct pay_account	account = { .provider = &pay_zaprite,
    .id = ORDER, .base_url = "https://api.zaprite.test", .public_url = "",
    .store_id = ORDER, .api_key = "k3y", .webhook_secret = "",
    .here = "https://licet.example" };

/* ---- what is asked ---- */

static void
assert_asked(const struct pay_ask *ask, const char *method, const char *url,
    const char *body)
{
	json_t	*got, *want;

	assert_null(ask->sql);
	assert_string_equal(ask->http.method, method);
	assert_string_equal(ask->http.url, url);
	assert_string_equal(ask->http.authorization, "Bearer k3y");
	assert_true(ask->http.timeout_ms > 0);
	if (body == NULL) {
		assert_int_equal(ask->http.body_len, 0);
		return;
	}
	assert_string_equal(ask->http.content_type, "application/json");
	assert_int_equal(ask->http.body_len, strlen(ask->http.body));
	got = json_loads(ask->http.body, 0, NULL);
	want = json_loads(body, 0, NULL);
	assert_non_null(want);
	if (!json_equal(got, want))
		fail_msg("%s is not %s", (const char *)ask->http.body, body);
	json_decref(got);
	json_decref(want);
}

/* 4.10: what an order has, and nothing that isn't known. */
static void
orders(void **state)
{
#define OFTEN	"\"amount\":4321,\"currency\":\"BTC\"," \
	    "\"externalUniqId\":\"" ORDER "\""
#define META	"\"orderId\":\"" ORDER "\",\"source\":\"licet\""
	static const struct {
		struct pay_order	 order;
		const char		*body;
	} rows[] = {
		{ { .kind = PAY_PURCHASE, .subscription_id = "s",
		    .intent = "i", .expiration_minutes = 5 },
		    "{" OFTEN ",\"metadata\":{" META "}}" },
		{ { .kind = PAY_PURCHASE, .product_id = "p",
		    .product_name = "Ana's \"game\"",
		    .redirect_url = "https://a/?b=c", .buyer_email = "b@x.y",
		    .contact_id = "ct_1", .save_card = true },
		    "{" OFTEN ",\"metadata\":{" META ",\"productId\":\"p\"},"
		    "\"label\":\"Ana's \\\"game\\\"\","
		    "\"redirectUrl\":\"https://a/?b=c\","
		    "\"customerData\":{\"email\":\"b@x.y\"},"
		    "\"contactId\":\"ct_1\","
		    "\"allowSavePaymentProfile\":true}" },
		{ { .kind = PAY_RENEWAL, .subscription_id = "s",
		    .cycle_start_at = "2026-01-01T00:00:00Z", .intent = "i",
		    .contact_id = "ct_1" },
		    "{" OFTEN ",\"metadata\":{" META ",\"subscriptionId\":"
		    "\"s\",\"cycleStartAt\":\"2026-01-01T00:00:00Z\"},"
		    "\"contactId\":\"ct_1\"}" },
		{ { .kind = PAY_TIER_CHANGE, .intent = "tier_change",
		    .license_id = "l", .from_policy_id = "f",
		    .to_policy_id = "t" },
		    "{" OFTEN ",\"metadata\":{" META ",\"intent\":"
		    "\"tier_change\",\"licenseId\":\"l\","
		    "\"fromPolicyId\":\"f\",\"toPolicyId\":\"t\"}}" },
	};
	struct pay_order	order;
	struct pay_ask		ask;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		order = rows[i].order;
		order.id = ORDER;
		order.amount_sats = 4321;
		ask = (struct pay_ask){ .sql = NULL };
		pay_zaprite.ask_create(&arena, &account, &order, &ask);
		assert_asked(&ask, "POST", API "orders", rows[i].body);
	}
}

/* Ids come from webhooks: nothing of them may leave their place in a URL. */
static void
ids_in_urls(void **state)
{
	static const struct {
		const char	*id, *escaped;
	} rows[] = {
		ROW(ID, ID), ROW(ORDER, ORDER), ROW("../contacts",
		    "%2E%2E%2Fcontacts"), ROW("a?b=c&d#e", "a%3Fb%3Dc%26d%23e"),
		ROW("charge", "charge"), ROW("a b\r\n", "a%20b%0D%0A"),
	};
	struct pay_ask	ask;
	char		want[160];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(want, sizeof(want), API "orders/%s",
		    rows[i].escaped);
		ask = (struct pay_ask){ .sql = NULL };
		pay_zaprite.ask_status(&arena, &account, rows[i].id, &ask);
		assert_asked(&ask, "GET", want, NULL);
		ask = (struct pay_ask){ .sql = NULL };
		pay_zaprite.ask_find(&arena, &account, rows[i].id, &ask);
		assert_asked(&ask, "GET", want, NULL);
		snprintf(want, sizeof(want), API "contacts/%s",
		    rows[i].escaped);
		ask = (struct pay_ask){ .sql = NULL };
		pay_zaprite.ask_card(&arena, &account, rows[i].id, &ask);
		assert_asked(&ask, "GET", want, NULL);
	}
}

static void
contacts_and_charges(void **state)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_zaprite.ask_contact(&arena, &account, "b@x.y", &ask);
	assert_asked(&ask, "POST", API "contacts",
	    "{\"email\":\"b@x.y\",\"legalName\":\"b@x.y\"}");
	ask = (struct pay_ask){ .sql = NULL };
	pay_zaprite.ask_charge(&arena, &account, ID, "pp_1", &ask);
	assert_asked(&ask, "POST", API "orders/charge",
	    "{\"orderId\":\"" ID "\",\"paymentProfileId\":\"pp_1\"}");
}

/* What it can't do, nobody is to try. */
static void
abilities(void **state)
{
	assert_string_equal(pay_zaprite.kind, "zaprite");
	assert_string_equal(pay_zaprite.rails, "card lightning onchain");
	assert_null(pay_zaprite.ask_void);
	assert_null(pay_zaprite.ask_refund);
	assert_null(pay_zaprite.ask_pay);
}

/* ---- what is answered ---- */

static enum pay_result
answer(int status, const char *body, struct pay_invoice *out)
{
	struct net_reply	reply = { .status = status, .body = body,
				    .len = strlen(body) };
	struct pay_answer	a = { .reply = &reply };

	*out = (struct pay_invoice){ .id = NULL };
	return (pay_zaprite.read(&arena, &account, &a, out));
}

/* 4.10: "PAID, COMPLETE, OVERPAID; PENDING, PROCESSING, UNDERPAID; else". */
static void
statuses(void **state)
{
	static const struct {
		const char		*word;
		enum pay_status		 status;
		enum pay_exception	 odd;
		bool			 under_way;
	} rows[] = {
		ROW("PAID", PAY_SETTLED, PAY_AS_ASKED, false),
		ROW("COMPLETE", PAY_SETTLED, PAY_AS_ASKED, false),
		ROW("OVERPAID", PAY_SETTLED, PAY_OVER, false),
		ROW("PENDING", PAY_PENDING, PAY_AS_ASKED, false),
		ROW("PROCESSING", PAY_PENDING, PAY_AS_ASKED, true),
		ROW("UNDERPAID", PAY_PENDING, PAY_PARTIAL, false),
		ROW("EXPIRED", PAY_INVALID, PAY_AS_ASKED, false),
		ROW("CANCELLED", PAY_INVALID, PAY_AS_ASKED, false),
		ROW("INVALID", PAY_INVALID, PAY_AS_ASKED, false),
		ROW("paid", PAY_INVALID, PAY_AS_ASKED, false),
		ROW("PAID ", PAY_INVALID, PAY_AS_ASKED, false),
		ROW("REFUNDED", PAY_INVALID, PAY_AS_ASKED, false),
	};
	struct pay_invoice	in;
	char			body[200];
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{\"id\":\"" ID "\","
		    "\"status\":\"%s\"}", rows[i].word);
		assert_int_equal(answer(200, body, &in), PAY_OK);
		if (in.status != rows[i].status)
			fail_msg("%s is %d", body, (int)in.status);
		assert_int_equal(in.exception, rows[i].odd);
		assert_int_equal(in.is_under_way, rows[i].under_way);
		assert_string_equal(in.detail, strchr(rows[i].word, ' ') ?
		    "?" : rows[i].word);
		assert_int_equal(in.amount_sats, -1);
		assert_int_equal(in.paid_sats, -1);
		assert_string_equal(in.checkout_url, "");
		assert_null(in.order_id);
	}
}

/* Integers of satoshis; another currency's don't say how many. */
static void
amounts(void **state)
{
	static const struct {
		const char	*members;
		int64_t		 amount, paid;
	} rows[] = {
		ROW("\"totalAmount\":5,\"currency\":\"BTC\"", 5, -1),
		ROW("\"amount\":5,\"currency\":\"BTC\"", 5, -1),
		ROW("\"totalAmount\":5,\"amount\":6,\"currency\":\"BTC\"",
		    5, -1),
		ROW("\"totalAmount\":5,\"currency\":\"USD\"", -1, -1),
		ROW("\"totalAmount\":5", -1, -1),
		ROW("\"totalAmount\":\"5\",\"currency\":\"BTC\"", -1, -1),
		ROW("\"totalAmount\":5.0,\"currency\":\"BTC\"", -1, -1),
		ROW("\"totalAmount\":-5,\"currency\":\"BTC\"", -1, -1),
		ROW("\"totalAmount\":2100000000000000,\"currency\":\"BTC\"",
		    2100000000000000, -1),
		ROW("\"totalAmount\":2100000000000001,\"currency\":\"BTC\"",
		    -1, -1),
		ROW("\"transactions\":[]", -1, 0),
		ROW("\"transactions\":[{\"amountInOrderCurrency\":2,"
		    "\"orderCurrency\":\"BTC\"},{\"amountInOrderCurrency\":3,"
		    "\"orderCurrency\":\"BTC\"}]", -1, 5),
		ROW("\"transactions\":[{\"amountInOrderCurrency\":2,"
		    "\"orderCurrency\":\"USD\"}]", -1, -1),
		ROW("\"transactions\":[5]", -1, -1),
		ROW("\"transactions\":{}", -1, -1),
		ROW("\"transactions\":[{\"amountInOrderCurrency\":"
		    "2100000000000000,\"orderCurrency\":\"BTC\"},"
		    "{\"amountInOrderCurrency\":1,\"orderCurrency\":\"BTC\"}]",
		    -1, -1),
	};
	struct pay_invoice	in;
	char			body[400];
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{\"id\":\"a\",\"status\":"
		    "\"UNDERPAID\",%s}", rows[i].members);
		assert_int_equal(answer(200, body, &in), PAY_OK);
		if (in.amount_sats != rows[i].amount ||
		    in.paid_sats != rows[i].paid)
			fail_msg("%s is %lld, %lld", body,
			    (long long)in.amount_sats,
			    (long long)in.paid_sats);
	}
}

static void
a_whole_order(void **state)
{
	struct pay_invoice	in;

	assert_int_equal(answer(201, "{\"id\":\"" ID "\",\"status\":\"PAID\","
	    "\"externalUniqId\":\"" ORDER "\",\"totalAmount\":4321,"
	    "\"currency\":\"BTC\",\"checkoutUrl\":\"https://pay.test/o\"}",
	    &in), PAY_OK);
	assert_string_equal(in.id, ID);
	assert_string_equal(in.order_id, ORDER);
	assert_string_equal(in.checkout_url, "https://pay.test/o");
	assert_int_equal(in.amount_sats, 4321);
	assert_int_equal(answer(200, "{\"id\":\"a\",\"status\":\"PAID\","
	    "\"externalUniqId\":\"a/b\",\"checkoutUrl\":\"javascript:1\"}",
	    &in), PAY_OK);
	assert_null(in.order_id);
	assert_string_equal(in.checkout_url, "");
}

/* A clear no is one; what can't be read, or may be a race, is nothing known. */
static void
other_answers(void **state)
{
	static const struct {
		int		 status;
		const char	*body;
		enum pay_result	 want;
	} rows[] = {
		ROW(400, "{}", PAY_NONE),
		ROW(401, "{}", PAY_NONE),
		ROW(403, "", PAY_NONE),
		ROW(404, "{}", PAY_NONE),
		ROW(422, "{}", PAY_NONE),
		ROW(408, "{}", PAY_FAILED),
		ROW(409, "{}", PAY_FAILED),
		ROW(429, "{}", PAY_FAILED),
		ROW(500, "{}", PAY_FAILED),
		ROW(302, "{}", PAY_FAILED),
		ROW(200, "", PAY_FAILED),
		ROW(200, "[]", PAY_FAILED),
		ROW(200, "null", PAY_FAILED),
		ROW(200, "{}", PAY_FAILED),
		ROW(200, "{\"id\":\"a\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a\",\"status\":\"\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a\",\"status\":5}", PAY_FAILED),
		ROW(200, "{\"id\":5,\"status\":\"PAID\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a/b\",\"status\":\"PAID\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"\",\"status\":\"PAID\"}", PAY_FAILED),
		ROW(200, "{\"id\":\"a\",\"status\":\"PAID\"", PAY_FAILED),
	};
	struct net_reply	none = { .body = "", .error = "timed out" };
	struct pay_answer	silence = { .reply = &none };
	struct pay_invoice	in;
	const char		*contact;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (answer(rows[i].status, rows[i].body, &in) != rows[i].want)
			fail_msg("%d %s", rows[i].status, rows[i].body);
		assert_null(in.id);
	}
	assert_int_equal(pay_zaprite.read(&arena, &account, &silence, &in),
	    PAY_FAILED);
	assert_int_equal(pay_zaprite.read_contact(&arena, &account, &silence,
	    &contact), PAY_FAILED);
}

/* ---- contacts and cards ---- */

static void
contacts(void **state)
{
	static const struct {
		int		 status;
		const char	*body, *id;	/* NULL: none */
	} rows[] = {
		ROW(200, "{\"id\":\"ct_1\"}", "ct_1"),
		ROW(201, "{\"id\":\"ct_1\"}", "ct_1"),
		ROW(200, "{\"id\":\"a b\"}", NULL), ROW(200, "{}", NULL),
		ROW(200, "[]", NULL), ROW(400, "{\"id\":\"ct_1\"}", NULL),
		ROW(500, "{\"id\":\"ct_1\"}", NULL),
	};
	struct net_reply	reply;
	struct pay_answer	a = { .reply = &reply };
	const char		*id;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reply = (struct net_reply){ .status = rows[i].status,
		    .body = rows[i].body, .len = strlen(rows[i].body) };
		assert_int_equal(pay_zaprite.read_contact(&arena, &account,
		    &a, &id) == PAY_OK, rows[i].id != NULL);
		if (rows[i].id == NULL)
			assert_null(id);
		else
			assert_string_equal(id, rows[i].id);
	}
}

/* 4.10: the profile whose sourceOrder.externalUniqId is our invoice. */
static void
cards(void **state)
{
#define PROFILE(id, more, order)					\
	"{\"id\":\"" id "\"" more ",\"sourceOrder\":{"		\
	"\"id\":\"od_1\",\"externalUniqId\":\"" order "\"}}"
	static const struct {
		const char	*profiles;
		const char	*id, *method;	/* NULL: none */
		int64_t		 expires;
	} rows[] = {
		ROW("[" PROFILE("pp_1", "", ORDER) "]", "pp_1", "", 0),
		ROW("[" PROFILE("pp_0", "", "other") "," PROFILE("pp_1",
		    ",\"method\":\"STRIPE_CARD\",\"expiresAt\":"
		    "\"2030-12-31T23:59:59.000Z\"", ORDER) "]",
		    "pp_1", "STRIPE_CARD", 1924991999),
		ROW("[" PROFILE("pp_1", ",\"method\":\"a b\",\"expiresAt\":"
		    "\"2030-12-31\"", ORDER) "]", "pp_1", "?", 0),
		ROW("[" PROFILE("pp_1", ",\"expiresAt\":"
		    "\"2030-12-31T23:59:59+01:00\"", ORDER) "]", "pp_1", "", 0),
		ROW("[" PROFILE("pp_1", ",\"expiresAt\":5,\"method\":{}",
		    ORDER) "]", "pp_1", "", 0),
		ROW("[" PROFILE("pp_1", ",\"expiresAt\":"
		    "\"2030-13-31T23:59:59Z\"", ORDER) "]", "pp_1", "", 0),
		ROW("[" PROFILE("a/b", "", ORDER) "]", NULL, NULL, 0),
		ROW("[" PROFILE("pp_1", "", "") "]", NULL, NULL, 0),
		ROW("[{\"id\":\"pp_1\"},5,null]", NULL, NULL, 0),
		ROW("[]", NULL, NULL, 0), ROW("{}", NULL, NULL, 0),
		ROW("null", NULL, NULL, 0),
	};
	struct net_reply	reply = { .status = 200 };
	struct pay_answer	a = { .reply = &reply };
	struct pay_card		card;
	char			body[600];
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{\"id\":\"ct_1\","
		    "\"paymentProfiles\":%s}", rows[i].profiles);
		reply.body = body;
		reply.len = strlen(body);
		assert_int_equal(pay_zaprite.read_card(&arena, &account,
		    ORDER, &a, &card), rows[i].id == NULL ? PAY_NONE : PAY_OK);
		if (rows[i].id == NULL)
			continue;
		assert_string_equal(card.id, rows[i].id);
		assert_string_equal(card.method, rows[i].method);
		assert_int_equal(card.expires_at, rows[i].expires);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(ids_in_urls),
		cmocka_unit_test(contacts_and_charges),
		cmocka_unit_test(abilities),
		cmocka_unit_test(statuses),
		cmocka_unit_test(amounts),
		cmocka_unit_test(a_whole_order),
		cmocka_unit_test(other_answers),
		cmocka_unit_test(contacts),
		cmocka_unit_test(cards),
	};

	return (cmocka_run_group_tests(tests, begin, end));
}
