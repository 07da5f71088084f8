/* pay/btcpay_connect: what is asked for a connection, what answers mean. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/btcpay_connect.h"

#include <stdio.h>
#include <string.h>

#define BASE	"http://10.0.0.2:23000"
#define HOOK	"https://licet.example/v1/btcpay/webhook/2b6f"
#define KEY	"f00ba4f00ba4f00ba4f00ba4f00ba4f00ba4f00b"

static const struct pay_account	account = { .provider = &pay_btcpay,
    .id = "2b6f", .base_url = BASE, .public_url = "", .store_id = "Hq4T",
    .api_key = KEY, .webhook_secret = "ABCDEF", .here = "" };

static struct arena	arena;

static int
open_arena(void **state)
{
	(void)state;
	arena_init(&arena);
	return (0);
}

static int
close_arena(void **state)
{
	(void)state;
	arena_reset(&arena);
	return (0);
}

static struct pay_answer
answer(struct net_reply *r, int status, const char *body)
{
	*r = (struct net_reply){ .status = status, .body = body,
	    .len = strlen(body) };
	return ((struct pay_answer){ .reply = r });
}

static void
consent_url_holds_the_redirect_as_one_value(void **state)
{
	const char	*url = btcpay_consent_url(&arena, "https://b.example",
			    "https://l.example/cb?state=A&x");

	(void)state;
	assert_non_null(strstr(url, "https://b.example/api-keys/authorize?"));
	assert_non_null(strstr(url, "&redirect=https%3A%2F%2Fl%2Eexample%2Fcb"
	    "%3Fstate%3DA%26x&permissions="));
	assert_non_null(strstr(url,
	    "&permissions=btcpay.store.canuselightningnode"));
	assert_non_null(strstr(url, "&strict=true&selectiveStores=true"));
}

static void
consent_is_read_as_a_form_or_as_json(void **state)
{
	static const struct {
		const char	*body;
		const char	*key;
	} rows[] = {
		{ "apiKey=" KEY "&userId=u&permissions%5B%5D=x", KEY },
		{ "userId=u&apiKey=" KEY, KEY },
		{ "permissions[]=a%3Ab&permissions[]=c&apiKey=" KEY, KEY },
		{ "{\"apiKey\":\"" KEY "\",\"permissions\":[]}", KEY },
		{ "apiKey=" KEY "&apiKey=other", KEY },
		{ "", NULL },
		{ "apiKey", NULL },
		{ "apiKey=", NULL },
		{ "apiKey=%zz", NULL },
		{ "apiKey=a%0d%0aX: y", NULL },
		{ "apiKey=a%00b", NULL },
		{ "apiKey=a b", NULL },
		{ "xapiKey=" KEY, NULL },
		{ "{\"apiKey\":5}", NULL },
		{ "{\"apikey\":\"" KEY "\"}", NULL },
		{ "[\"apiKey\"]", NULL },
		{ "null", NULL },
	};
	const char	*key;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		key = btcpay_read_consent(&arena, rows[i].body,
		    strlen(rows[i].body));
		if (rows[i].key == NULL ? key != NULL :
		    key == NULL || strcmp(key, rows[i].key))
			fail_msg("%s: %s", rows[i].body,
			    key == NULL ? "none" : key);
	}
	assert_null(btcpay_read_consent(&arena, "apiKey=a\0b", 10));
}

#define P	"btcpay.store."

static void
key_allows_what_it_names_and_what_that_brings(void **state)
{
	static const struct {
		const char	*has;
		const char	*policy;
		bool		 allows;
	} rows[] = {
		{ "unrestricted", P "cancreateinvoice", true },
		{ P "cancreateinvoice", P "cancreateinvoice", true },
		{ P "cancreateinvoice:Hq4T", P "cancreateinvoice", true },
		{ P "cancreateinvoice:", P "cancreateinvoice", true },
		{ P "cancreateinvoice:Other", P "cancreateinvoice", false },
		{ P "cancreateinvoice:Hq4", P "cancreateinvoice", false },
		{ P "cancreateinvoice:Hq4TT", P "cancreateinvoice", false },
		{ P "cancreateinvoices", P "cancreateinvoice", false },
		{ P "cancreate", P "cancreateinvoice", false },
		{ P "canmodifyinvoices:Hq4T", P "cancreateinvoice", true },
		{ P "canmodifyinvoices:Other", P "cancreateinvoice", false },
		{ P "canviewinvoices", P "cancreateinvoice", false },
		{ P "canmodifystoresettings:Hq4T",
		    P "webhooks.canmodifywebhooks", true },
		{ P "canviewstoresettings", P "canviewinvoices", true },
		{ P "canviewstoresettings", P "canmodifyinvoices", false },
		{ P "canmanagepullpayments", P "cancreatepullpayments", true },
		{ "unrestricted:Other", P "cancreateinvoice", false },
		{ "", P "cancreateinvoice", false },
	};
	struct btcpay_key	key = { .is_told = true, .n = 1 };
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char	*list[] = { rows[i].has };

		key.permissions = list;
		if (btcpay_key_allows(&key, rows[i].policy, "Hq4T") !=
		    rows[i].allows)
			fail_msg("%s, %s", rows[i].has, rows[i].policy);
	}
}

static void
key_answers(void **state)
{
	struct net_reply	r;
	struct pay_answer	a;
	struct btcpay_key	key;

	(void)state;
	a = answer(&r, 200, "{\"permissions\":[\"a:b\",5,\"c\"]}");
	assert_int_equal(btcpay_read_key(&arena, &a, &key), PAY_OK);
	assert_true(key.is_told);
	assert_int_equal(key.n, 2);
	assert_string_equal(key.permissions[1], "c");
	a = answer(&r, 404, "");	/* a server that has no such call */
	assert_int_equal(btcpay_read_key(&arena, &a, &key), PAY_OK);
	assert_false(key.is_told);
	a = answer(&r, 401, "{}");
	assert_int_equal(btcpay_read_key(&arena, &a, &key), PAY_NONE);
	a = answer(&r, 500, "{}");
	assert_int_equal(btcpay_read_key(&arena, &a, &key), PAY_FAILED);
	a = answer(&r, 200, "<html>");
	assert_int_equal(btcpay_read_key(&arena, &a, &key), PAY_FAILED);
}

static void
first_store_is_taken(void **state)
{
	static const struct {
		int		 status;
		const char	*body;
		enum pay_result	 result;
		const char	*id, *name;
	} rows[] = {
		{ 200, "[{\"id\":\"A1\",\"name\":\"n\"},{\"id\":\"B2\"}]",
		    PAY_OK, "A1", "n" },
		{ 200, "[{\"id\":\"A1\"}]", PAY_OK, "A1", "A1" },
		{ 200, "[]", PAY_NONE, NULL, NULL },
		{ 403, "{}", PAY_NONE, NULL, NULL },
		{ 200, "{}", PAY_FAILED, NULL, NULL },
		{ 200, "[{\"id\":5}]", PAY_FAILED, NULL, NULL },
		{ 200, "[{\"id\":\"../x\"}]", PAY_FAILED, NULL, NULL },
		{ 200, "[5]", PAY_FAILED, NULL, NULL },
		{ 503, "", PAY_FAILED, NULL, NULL },
	};
	struct net_reply	 r;
	struct pay_answer	 a;
	const char		*id, *name;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = answer(&r, rows[i].status, rows[i].body);
		assert_int_equal(btcpay_read_stores(&arena, &a, &id, &name),
		    rows[i].result);
		if (rows[i].id != NULL) {
			assert_string_equal(id, rows[i].id);
			assert_string_equal(name, rows[i].name);
		}
	}
}

static void
only_addresses_of_test_networks_pass(void **state)
{
	static const struct {
		const char	*address;
		bool		 is_test;
	} rows[] = {
		{ "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", true },
		{ "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", true },
		{ "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", true },
		{ "n1wgm6kkzMcNfAtJmes8YhpvtDzdNhDY5a", true },
		{ "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", true },
		{ "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", false },
		{ "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", false },
		{ "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", false },
		{ "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", false },
		{ "m", false },
		{ "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRf0", false },
		{ "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm", false },
		{ "", false },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (btcpay_is_test_address(rows[i].address) != rows[i].is_test)
			fail_msg("%s", rows[i].address);
	}
}

static void
webhook_is_found_by_its_url(void **state)
{
	struct net_reply	 r;
	struct pay_answer	 a;
	const char		*id;

	(void)state;
	a = answer(&r, 200, "[{\"id\":\"W1\",\"url\":\"https://x.example\"},"
	    "{\"id\":\"..\",\"url\":\"" HOOK "\"},"
	    "{\"id\":\"W2\",\"url\":\"" HOOK "\"},"
	    "{\"id\":\"W3\",\"url\":\"" HOOK "\"}]");
	assert_int_equal(btcpay_read_hooks(&arena, &a, HOOK, &id), PAY_OK);
	assert_string_equal(id, "W2");
	assert_int_equal(btcpay_read_hooks(&arena, &a, HOOK "/", &id),
	    PAY_NONE);
	a = answer(&r, 200, "[]");
	assert_int_equal(btcpay_read_hooks(&arena, &a, HOOK, &id), PAY_NONE);
	a = answer(&r, 500, "");
	assert_int_equal(btcpay_read_hooks(&arena, &a, HOOK, &id), PAY_FAILED);
}

static void
webhook_is_made_or_changed(void **state)
{
	struct pay_ask	 ask = { .sql = NULL };
	json_t		*j;
	char		 why[96];

	(void)state;
	btcpay_ask_hook(&arena, &account, NULL, HOOK, &ask);
	assert_string_equal(ask.http.method, "POST");
	assert_string_equal(ask.http.url, BASE
	    "/api/v1/stores/Hq4T/webhooks");
	assert_string_equal(ask.http.authorization, "token " KEY);
	j = json_read(ask.http.body, ask.http.body_len, why, sizeof(why));
	assert_string_equal(json_text(j, "secret"), "ABCDEF");
	assert_string_equal(json_text(j, "url"), HOOK);
	assert_true(json_is_false(json_object_get(json_object_get(j,
	    "authorizedEvents"), "everything")));
	json_decref(j);
	btcpay_ask_hook(&arena, &account, "W2", HOOK, &ask);
	assert_string_equal(ask.http.method, "PUT");
	assert_string_equal(ask.http.url, BASE
	    "/api/v1/stores/Hq4T/webhooks/W2");
}

static void
gone_is_done_or_not_there(void **state)
{
	static const struct {
		int		 status;
		const char	*error;
		bool		 is_gone;
	} rows[] = { { 200, NULL, true }, { 204, NULL, true },
	    { 404, NULL, true }, { 401, NULL, false }, { 403, NULL, false },
	    { 500, NULL, false }, { 0, "timeout", false } };
	struct net_reply	r;
	struct pay_answer	a;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = answer(&r, rows[i].status, "");
		r.error = rows[i].error;
		assert_int_equal(btcpay_is_gone(&a), rows[i].is_gone);
	}
}

static void
methods_of_old_and_new_servers(void **state)
{
	struct net_reply	 r;
	struct pay_answer	 a;
	json_t			*j;

	(void)state;
	a = answer(&r, 200, "[{\"paymentMethodId\":\"BTC-LN\",\"enabled\":true,"
	    "\"config\":{\"secret\":1}},{\"paymentMethod\":\"BTC\"},{},5]");
	j = btcpay_read_methods(&a);
	assert_int_equal(json_array_size(j), 2);
	assert_string_equal(json_text(json_array_get(j, 1),
	    "payment_method_id"), "BTC");
	assert_null(json_object_get(json_array_get(j, 0), "config"));
	json_decref(j);
	a = answer(&r, 200, "{}");
	assert_null(btcpay_read_methods(&a));
	a = answer(&r, 403, "[]");
	assert_null(btcpay_read_methods(&a));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(consent_url_holds_the_redirect_as_one_value),
		cmocka_unit_test(consent_is_read_as_a_form_or_as_json),
		cmocka_unit_test(key_allows_what_it_names_and_what_that_brings),
		cmocka_unit_test(key_answers),
		cmocka_unit_test(first_store_is_taken),
		cmocka_unit_test(only_addresses_of_test_networks_pass),
		cmocka_unit_test(webhook_is_found_by_its_url),
		cmocka_unit_test(webhook_is_made_or_changed),
		cmocka_unit_test(gone_is_done_or_not_there),
		cmocka_unit_test(methods_of_old_and_new_servers),
	};

	return (cmocka_run_group_tests(tests, open_arena, close_arena));
}
