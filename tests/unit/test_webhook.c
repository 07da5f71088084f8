/* domain/webhook: the published signature of Standard Webhooks, and ours. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/webhook.h"

/*
 * What Standard Webhooks' libraries are tested with: this key, written
 * whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, this message, this signature.
 */
static const char	key[] = "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08"
			    "\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d"
			    "\xa4\xb0";

static void
standard(void **state)
{
	struct arena	a;

	arena_init(&a);
	assert_string_equal(webhook_standard_secret(&a, key),
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	assert_string_equal(webhook_standard_signature(&a, key,
	    "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
	    "{\"test\": 2432232314}"),
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	arena_reset(&a);
}

/* Keysat 5, with the published HMAC of its vectors. */
static void
ours(void **state)
{
	struct arena	a;

	arena_init(&a);
	assert_string_equal(webhook_signature(&a, "super-secret",
	    "{\"type\":\"InvoiceSettled\",\"invoiceId\":\"abc\"}"),
	    "sha256=0983a4bc14ce334b99a98a6126bd134c"
	    "781c5bbf881c9008f19d79f7a781fe16");
	arena_reset(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard),
		cmocka_unit_test(ours),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
