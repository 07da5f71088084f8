/* pay/provider and pay/sandbox: which provider there is, and play money. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/conf.h"
#include "pay/provider.h"

#include "rows.h"
#include "sql.h"

#include <string.h>

#define ORDER	"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"

static struct arena	arena;

static int
begin(void **state)
{
	arena_init(&arena);
	return (0);
}

static int
end(void **state)
{
	arena_reset(&arena);
	return (0);
}

/* Must run first: a provider stays until the process ends. */
static void
none(void **state)
{
	assert_null(pay_provider());
	pay_open(NULL, NULL);
	assert_null(pay_provider());
	pay_open("", "");
	assert_null(pay_provider());
	pay_open("btcpayserver", ORDER);
	assert_null(pay_provider());
	assert_null(pay_account());
	assert_false(pay_serves(NULL));
	assert_false(pay_serves("lightning"));
}

static void
an_account(void **state)
{
	conf.btcpay_url = "http://btc.lan";
	conf.btcpay_public_url = "https://pay.example";
	conf.btcpay_store_id = "Store";
	conf.btcpay_api_key = "key";
	conf.btcpay_webhook_secret = "secret";
	conf.public_url = "https://licet.example";
	pay_open("btcpay", ORDER);
	assert_ptr_equal(pay_provider(), &pay_btcpay);
	assert_string_equal(pay_account()->id, ORDER);
	assert_string_equal(pay_account()->base_url, "http://btc.lan");
	assert_string_equal(pay_account()->public_url, "https://pay.example");
	assert_string_equal(pay_account()->store_id, "Store");
	assert_string_equal(pay_account()->api_key, "key");
	assert_string_equal(pay_account()->webhook_secret, "secret");
	assert_string_equal(pay_account()->here, "https://licet.example");
	pay_open("sandbox", ORDER);
	assert_ptr_equal(pay_provider(), &pay_sandbox);
}

/* Rails that nobody knows are ignored. */
static void
rails(void **state)
{
	pay_open("btcpay", ORDER);
	assert_true(pay_serves(NULL));
	assert_true(pay_serves("lightning"));
	assert_true(pay_serves("onchain"));
	assert_false(pay_serves("card"));
	assert_true(pay_serves("pigeon"));
	assert_true(pay_serves(""));
}

static void
names_of_statuses(void **state)
{
	assert_string_equal(pay_status_name(PAY_PENDING), "pending");
	assert_string_equal(pay_status_name(PAY_SETTLED), "settled");
	assert_string_equal(pay_status_name(PAY_EXPIRED), "expired");
	assert_string_equal(pay_status_name(PAY_INVALID), "invalid");
}

static void
what_the_sandbox_asks(void **state)
{
	struct pay_order	order = { .id = ORDER, .amount_sats = 50000 };
	struct pay_ask		ask = { .sql = NULL };

	pay_sandbox.ask_create(&arena, pay_account(), &order, &ask);
	assert_ptr_equal(ask.sql, &sql_sandbox_create);
	assert_null(ask.http.url);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->id, "sandbox-" ORDER);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->order_id, ORDER);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->amount_sats, "50000");

	pay_sandbox.ask_status(&arena, pay_account(), "sandbox-1", &ask);
	assert_ptr_equal(ask.sql, &sql_sandbox_get);
	assert_string_equal(ask.params[0], "sandbox-1");
	pay_sandbox.ask_find(&arena, pay_account(), ORDER, &ask);
	assert_ptr_equal(ask.sql, &sql_sandbox_find);
	assert_string_equal(ask.params[0], ORDER);
	assert_null(pay_sandbox.read_hook);
}

static void
what_the_sandbox_answers(void **state)
{
	static const struct {
		const char	*status;
		enum pay_status	 want;
	} rows[] = {
		{ "pending", PAY_PENDING },
		{ "settled", PAY_SETTLED },
		{ "expired", PAY_EXPIRED },
	};
	static const char *const	names[] = { "id", "order_id",
	    "amount_sats", "status", NULL };
	const char			*values[] = { "sandbox-1", ORDER,
	    "50000", NULL };
	struct pay_invoice		 in;
	struct pay_answer		 a = { .reply = NULL };
	struct db_rows			*r;
	size_t				 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		values[3] = rows[i].status;
		a.rows = r = rows_make(names, values, 1);
		assert_int_equal(pay_sandbox.read(&arena, pay_account(), &a,
		    &in), PAY_OK);
		db_rows_free(r);	/* texts live in the arena */
		assert_int_equal(in.status, rows[i].want);
		assert_string_equal(in.id, "sandbox-1");
		assert_string_equal(in.order_id, ORDER);
		assert_string_equal(in.checkout_url,
		    "https://licet.example/sandbox/sandbox-1");
		assert_int_equal(in.amount_sats, 50000);
	}
	a.rows = r = rows_make(names, NULL, 0);
	assert_int_equal(pay_sandbox.read(&arena, pay_account(), &a, &in),
	    PAY_NONE);
	db_rows_free(r);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(none),
		TEST(an_account),
		TEST(rails),
		TEST(names_of_statuses),
		TEST(what_the_sandbox_asks),
		TEST(what_the_sandbox_answers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
