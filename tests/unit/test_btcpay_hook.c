/* pay/btcpay: which webhooks are BTCPay Server's, and which of them count. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"
#include "crypto/hmac.h"
#include "pay/btcpay.h"

#include "vectors.h"

#include <stdio.h>
#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define ORDER		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define ID		"7mK2xQd9VhTf3yLw8cRz5e"

static const struct pay_account	plain = { .provider = &pay_btcpay,
    .id = ORDER, .base_url = "http://10.0.0.2:23000", .public_url = "",
    .store_id = "Hq4T", .api_key = "k3y", .webhook_secret = "whsec-test",
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

static void
published_webhooks(void **state)
{
	static const char	indented[] =
	    "{\n  \"deliveryId\": \"D1\",\n  \"type\": \"InvoiceSettled\"\n}";
	static const char	signature[] = "sha256="
	    "7155c8020865e47409150a8ec1725cc63c0e24b4e200f678e69129a20f00581c";
	struct pay_account	account = plain;
	struct pay_hook		hook;
	json_t			*vectors = vectors_load(), *row;
	const char		*body;

	assert_int_equal(strlen(indented), 52);
	assert_true(pay_btcpay.read_hook(&arena, &plain, signature, indented,
	    52, &hook));
	assert_null(hook.invoice_id);	/* it names none */
	assert_false(pay_btcpay.read_hook(&arena, &plain, signature, indented,
	    51, &hook));
	/* The same JSON in other bytes is not what was signed. */
	body = "{\"deliveryId\":\"D1\",\"type\":\"InvoiceSettled\"}";
	assert_false(pay_btcpay.read_hook(&arena, &plain, signature, body,
	    strlen(body), &hook));

	assert_non_null(vectors);
	row = json_array_get(json_object_get(vectors, "hmac"), 0);
	assert_string_equal(vectors_text(row, "kind"), "btcpay");
	account.webhook_secret = vectors_text(row, "secret");
	body = vectors_text(row, "body");
	assert_true(pay_btcpay.read_hook(&arena, &account,
	    vectors_text(row, "value"), body, strlen(body), &hook));
	assert_string_equal(hook.invoice_id, "abc");
	assert_null(hook.order_id);
	assert_false(pay_btcpay.read_hook(&arena, &plain,
	    vectors_text(row, "value"), body, strlen(body), &hook));
	assert_null(hook.invoice_id);
	json_decref(vectors);
}

static bool
signed_hook(const struct pay_account *account, const char *body,
    struct pay_hook *hook)
{
	char	signature[80] = "sha256=";

	hmac_sha256_hex(account->webhook_secret,
	    strlen(account->webhook_secret), body, strlen(body),
	    signature + 7);
	return (pay_btcpay.read_hook(&arena, account, signature, body,
	    strlen(body), hook));
}

static void
events(void **state)
{
	static const struct {
		const char	*type;
		bool		 concerns_us;
	} rows[] = {
		ROW("InvoiceSettled", true), ROW("InvoiceExpired", true),
		ROW("InvoiceInvalid", true),
		ROW("InvoicePaymentSettled", true),
		ROW("InvoicePaidAfterExpiration", true),
		ROW("InvoiceProcessing", true),
		ROW("InvoiceExpiredPaidPartial", true),
		ROW("InvoiceCreated", false),
		ROW("InvoiceReceivedPayment", true),
		ROW("InvoiceRefund", false), ROW("PayoutCreated", false),
		ROW("", false), ROW("invoicesettled", false),
	};
	struct pay_hook	hook;
	char		body[200];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{ \"invoiceId\": \"" ID "\", "
		    "\"metadata\": {\"orderId\": \"" ORDER "\"},\r\n"
		    "\"type\": \"%s\" }", rows[i].type);
		assert_true(signed_hook(&plain, body, &hook));
		if ((hook.invoice_id != NULL) != rows[i].concerns_us)
			fail_msg("%s", rows[i].type);
		if (rows[i].concerns_us) {
			assert_string_equal(hook.invoice_id, ID);
			assert_string_equal(hook.order_id, ORDER);
		} else {
			assert_null(hook.order_id);
		}
	}
}

/* Rightly signed, yet nothing to go by. */
static void
empty_events(void **state)
{
#define EVENT(id)	"{\"type\":\"InvoiceSettled\",\"invoiceId\":" id "}"
	static const char *const	rows[] = { "", "{", "[]", "null", "{}",
	    "not JSON", "{\"type\":\"InvoiceSettled\"}", EVENT("null"),
	    EVENT("1"), EVENT("\"\""), EVENT("[\"a\"]"), EVENT("\"a\\u0000\""),
	    "{\"type\":1,\"invoiceId\":\"a\"}", "{\"invoiceId\":\"a\"}",
	    "{\"type\":\"InvoiceSettled\",\"invoiceId\":\"a\","
	    "\"invoiceId\":\"b\"}" };
	struct pay_account		open = plain;
	struct pay_hook			hook;
	char				body[300];
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(signed_hook(&plain, rows[i], &hook));
		if (hook.invoice_id != NULL || hook.order_id != NULL)
			fail_msg("%s", rows[i]);
	}
	for (i = 200; i <= 201; i++) {
		snprintf(body, sizeof(body), EVENT("\"%0*d\""), (int)i, 0);
		assert_true(signed_hook(&plain, body, &hook));
		assert_int_equal(hook.invoice_id != NULL, i == 200);
	}

	/* Without a secret anyone could sign. */
	open.webhook_secret = "";
	assert_false(signed_hook(&open, EVENT("\"a\""), &hook));
	assert_null(hook.invoice_id);
	assert_false(pay_btcpay.read_hook(&arena, &plain, NULL,
	    EVENT("\"a\""), strlen(EVENT("\"a\"")), &hook));
	assert_null(hook.invoice_id);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		TEST(published_webhooks),
		TEST(events),
		TEST(empty_events),
	};

	if (sodium_init() < 0)
		return (1);

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
