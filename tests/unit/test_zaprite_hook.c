/*
 * pay/zaprite: its webhooks, which anybody may have sent (4.10): which events
 * concern us, and which order each names.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/provider.h"

#include "arena.h"

#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }
#define ORDER		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"

static const struct pay_account	account = { .provider = &pay_zaprite,
    .id = ORDER, .base_url = "https://api.zaprite.test", .public_url = "",
    .store_id = ORDER, .api_key = "k3y", .webhook_secret = "",
    .here = "https://licet.example" };

static const struct {
	const char	*body;
	const char	*id, *order;	/* NULL: nothing for us */
} rows[] = {
	/* the name: the first of four that isn't empty */
	ROW("{\"event\":\"order.paid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"eventType\":\"order.paid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"type\":\"order.paid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"name\":\"order.paid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"\",\"eventType\":null,\"type\":5,"
	    "\"name\":\"order.paid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"x\",\"name\":\"order.paid\",\"id\":\"a\"}",
	    NULL, NULL),
	/* the id: the first of four */
	ROW("{\"event\":\"order.paid\",\"id\":\"e\",\"orderId\":\"o\","
	    "\"data\":{\"id\":\"d\",\"object\":{\"id\":\"b\"}}}",
	    "d", NULL),
	ROW("{\"event\":\"order.paid\",\"id\":\"e\",\"orderId\":\"o\","
	    "\"data\":{\"object\":{\"id\":\"b\"}}}", "b", NULL),
	ROW("{\"event\":\"order.paid\",\"id\":\"e\",\"orderId\":\"o\","
	    "\"data\":{\"id\":\"\"}}", "o", NULL),
	ROW("{\"event\":\"order.paid\",\"id\":\"e\",\"data\":[]}",
	    "e", NULL),
	ROW("{\"event\":\"order.paid\",\"data\":{\"id\":\"../x\"},"
	    "\"id\":\"e\"}", NULL, NULL),
	ROW("{\"event\":\"order.paid\"}", NULL, NULL),
	/* ours, as a hint */
	ROW("{\"event\":\"order.paid\",\"data\":{\"id\":\"d\","
	    "\"externalUniqId\":\"" ORDER "\"}}", "d", ORDER),
	ROW("{\"event\":\"order.paid\",\"data\":{\"id\":\"d\","
	    "\"externalUniqId\":\"a b\"}}", "d", NULL),
	/* which events */
	ROW("{\"event\":\"order.complete\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.overpaid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.underpaid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.expired\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.invalid\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.cancelled\",\"id\":\"a\"}", "a", NULL),
	ROW("{\"event\":\"order.created\",\"id\":\"a\"}", NULL, NULL),
	ROW("{\"event\":\"paid\",\"id\":\"a\"}", NULL, NULL),
	/* a change, by its status */
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\","
	    "\"status\":\"PAID\"}}", "a", NULL),
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\","
	    "\"status\":\"EXPIRED\"}}", "a", NULL),
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\","
	    "\"status\":\"UNDERPAID\"}}", "a", NULL),
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\","
	    "\"status\":\"PENDING\"}}", NULL, NULL),
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\","
	    "\"status\":\"PROCESSING\"}}", NULL, NULL),
	ROW("{\"event\":\"order.change\",\"data\":{\"id\":\"a\"}}",
	    "a", NULL),
	/* no JSON, no object */
	ROW("", NULL, NULL),
	ROW("{", NULL, NULL),
	ROW("[]", NULL, NULL),
	ROW("5", NULL, NULL),
	ROW("\"order.paid\"", NULL, NULL),
};

static void
hooks(void **state)
{
	struct pay_hook	hook;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(pay_zaprite.read_hook(&arena, &account, NULL,
		    rows[i].body, strlen(rows[i].body), &hook));
		if ((hook.invoice_id == NULL) != (rows[i].id == NULL) ||
		    (hook.order_id == NULL) != (rows[i].order == NULL))
			fail_msg("%s", rows[i].body);
		if (rows[i].id != NULL)
			assert_string_equal(hook.invoice_id, rows[i].id);
		if (rows[i].order != NULL)
			assert_string_equal(hook.order_id, rows[i].order);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(hooks),
	};

	return (cmocka_run_group_tests(tests, begin, end));
}
