/* pay/testcoin: what the sandbox gives is what parsers take. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/bip321.h"
#include "pay/bolt11.h"
#include "pay/testcoin.h"

#include <string.h>

#define TIME	1767225600

static void
invoices(void **state)
{
	static const struct {
		int64_t		 sats;
		const char	*prefix;
	} rows[] = {
		{ 1, "lnbcrt10n1" },
		{ 100, "lnbcrt1u1" },
		{ 53552, "lnbcrt535520n1" },
		{ 50000, "lnbcrt500u1" },
		{ 100000, "lnbcrt1m1" },
		{ 100000000, "lnbcrt1000m1" },
		{ INT64_C(2100000000000000), "lnbcrt21000000000m1" },
		{ 0, "lnbcrt10n1" },
	};
	struct bolt11	b;
	char		text[TESTCOIN_SIZE];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		testcoin_bolt11(text, "seed", rows[i].sats, TIME, 900);
		if (strncmp(text, rows[i].prefix, strlen(rows[i].prefix)))
			fail_msg("%s", text);
		assert_true(bolt11_read(text, strlen(text), &b));
		assert_int_equal(b.network, BOLT11_REGTEST);
		assert_int_equal(b.amount_msat, (rows[i].sats < 1 ? 1 :
		    rows[i].sats) * 1000);
		assert_int_equal(b.timestamp, TIME);
		assert_int_equal(b.expiry_sec, 900);
		assert_true(b.has_description);
	}
}

static void
each_seed_has_its_own(void **state)
{
	char	a[TESTCOIN_SIZE], b[TESTCOIN_SIZE], c[TESTCOIN_SIZE];

	testcoin_address(a, "one");
	testcoin_address(b, "one");
	testcoin_address(c, "two");
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strncmp(a, "bcrt1q", 6), 0);
	assert_int_equal(bip321_address_kind(a), BIP321_SEGWIT);
	testcoin_bolt11(a, "one", 5, TIME, 900);
	testcoin_bolt11(b, "one", 5, TIME, 900);
	testcoin_bolt11(c, "two", 5, TIME, 900);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(invoices),
		cmocka_unit_test(each_seed_has_its_own),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
