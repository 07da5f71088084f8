/* pay/provider and pay/sandbox: which providers there are, and play money. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/provider.h"

#include "arena.h"
#include "rows.h"
#include "sql.h"

#include <string.h>

#define ORDER	"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"

static const struct pay_account	account = { .provider = &pay_sandbox,
    .id = ORDER, .here = "https://licet.example" };

static void
kinds(void **state)
{
	assert_ptr_equal(pay_provider("sandbox"), &pay_sandbox);
	assert_ptr_equal(pay_provider("btcpay"), &pay_btcpay);
	assert_ptr_equal(pay_provider("zaprite"), &pay_zaprite);
	assert_null(pay_provider("btcpayserver"));
	assert_null(pay_provider("BTCPAY"));
	assert_null(pay_provider(""));
	assert_null(pay_provider(NULL));
}

static void
rails(void **state)
{
	assert_true(pay_is_rail("lightning"));
	assert_true(pay_is_rail("onchain"));
	assert_true(pay_is_rail("card"));
	assert_false(pay_is_rail("pigeon"));
	assert_false(pay_is_rail("Lightning"));
	assert_false(pay_is_rail(""));
	assert_false(pay_is_rail(NULL));
}

/* sql/provider.sql has the same lists, the same way round. */
static void
rails_in_sql(void **state)
{
	const char	*rest = strstr(sql_provider_of_sale.text, "ELSE ARRAY");

	assert_non_null(rest);
	assert_memory_equal(rest, "ELSE ARRAY['lightning', 'onchain'] END",
	    strlen("ELSE ARRAY['lightning', 'onchain'] END"));
	assert_string_equal(pay_btcpay.rails, "lightning onchain");
	assert_string_equal(pay_sandbox.rails, "lightning onchain");
	assert_non_null(strstr(sql_provider_of_sale.text,
	    "WHEN 'zaprite' THEN ARRAY['card', 'lightning', 'onchain']"));
	assert_string_equal(pay_zaprite.rails, "card lightning onchain");
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
other_names(void **state)
{
	assert_string_equal(pay_kind_name(PAY_PURCHASE), "purchase");
	assert_string_equal(pay_kind_name(PAY_RENEWAL), "renewal");
	assert_string_equal(pay_kind_name(PAY_TIER_CHANGE), "tier_change");
	assert_null(pay_exception_name(PAY_AS_ASKED));
	assert_string_equal(pay_exception_name(PAY_PARTIAL), "partial");
	assert_string_equal(pay_exception_name(PAY_LATE), "late");
	assert_string_equal(pay_exception_name(PAY_OVER), "over");
	assert_string_equal(pay_exception_name(PAY_MARKED), "marked");
}

static void
what_the_sandbox_asks(void **state)
{
	struct pay_order	order = { .id = ORDER, .amount_sats = 50000 };
	struct pay_ask		ask = { .sql = NULL };

	pay_sandbox.ask_create(&arena, &account, &order, &ask);
	assert_ptr_equal(ask.sql, &sql_sandbox_create);
	assert_null(ask.http.url);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->id, "sandbox-" ORDER);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->order_id, ORDER);
	assert_string_equal(((const struct sql_sandbox_create_args *)
	    (const void *)ask.params)->amount_sats, "50000");

	pay_sandbox.ask_status(&arena, &account, "sandbox-1", &ask);
	assert_ptr_equal(ask.sql, &sql_sandbox_get);
	assert_string_equal(ask.params[0], "sandbox-1");
	pay_sandbox.ask_find(&arena, &account, ORDER, &ask);
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
		assert_int_equal(pay_sandbox.read(&arena, &account, &a,
		    &in), PAY_OK);
		db_rows_free(r);	/* texts live in the arena */
		assert_int_equal(in.status, rows[i].want);
		assert_string_equal(in.id, "sandbox-1");
		assert_string_equal(in.order_id, ORDER);
		assert_string_equal(in.checkout_url,
		    "https://licet.example/sandbox/sandbox-1");
		assert_int_equal(in.amount_sats, 50000);
		assert_int_equal(in.paid_sats, in.status == PAY_SETTLED ?
		    50000 : 0);
		assert_int_equal(in.exception, PAY_AS_ASKED);
	}
	a.rows = r = rows_make(names, NULL, 0);
	assert_int_equal(pay_sandbox.read(&arena, &account, &a, &in),
	    PAY_NONE);
	db_rows_free(r);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(kinds),
		TEST(rails),
		TEST(rails_in_sql),
		TEST(names_of_statuses),
		TEST(other_names),
		TEST(what_the_sandbox_asks),
		TEST(what_the_sandbox_answers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
