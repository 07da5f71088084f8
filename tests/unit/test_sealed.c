/* pay/sealed: a provider's secrets open in their own row and column alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pay/sealed.h"

#include "ring.h"

#include <sodium.h>

#include <string.h>

#define ID	"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define OTHER	"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e50"

static struct keyring	*ring, *foreign;

static int
begin(void **state)
{
	if (sodium_init() < 0)
		return (1);
	ring = ring_make(NULL);
	foreign = ring_make(NULL);
	return (0);
}

static int
end(void **state)
{
	keyring_free(ring);
	keyring_free(foreign);
	return (0);
}

static const char *
reopen(struct arena *a, const char *hex)
{
	return (pay_unseal(a, ring, PAY_SEALED_API_KEY, ID, hex));
}

static void
there_and_back(void **state)
{
	static const char *const	rows[] = { "", "k", "k3y \xc3\xa9",
	    "0123456789012345678901234567890123456789" };
	struct arena			a;
	const char			*hex, *again;
	size_t				i;

	arena_init(&a);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hex = pay_seal(&a, ring, PAY_SEALED_API_KEY, ID, rows[i]);
		again = pay_seal(&a, ring, PAY_SEALED_API_KEY, ID, rows[i]);
		assert_string_not_equal(hex, again);
		assert_null(*rows[i] == '\0' ? NULL : strstr(hex, rows[i]));
		assert_string_equal(reopen(&a, hex), rows[i]);
		assert_true(a.wipes);
	}
	assert_string_equal(reopen(&a, NULL), "");
	arena_reset(&a);
}

static void
nothing_else_opens_it(void **state)
{
	struct arena	a;
	char		*bad;
	const char	*hex;

	arena_init(&a);
	hex = pay_seal(&a, ring, PAY_SEALED_API_KEY, ID, "k3y");
	assert_null(pay_unseal(&a, ring, PAY_SEALED_API_KEY, OTHER, hex));
	assert_null(pay_unseal(&a, ring, PAY_SEALED_WEBHOOK_SECRET, ID, hex));
	assert_null(pay_unseal(&a, foreign, PAY_SEALED_API_KEY, ID, hex));
	assert_null(reopen(&a, hex + 1));
	assert_null(reopen(&a, hex + 2));
	assert_null(reopen(&a, ""));
	assert_null(reopen(&a, "zz"));
	bad = arena_strdup(&a, hex);
	bad[20] = bad[20] == '0' ? '1' : '0';
	assert_null(reopen(&a, bad));
	bad = arena_strdup(&a, hex);
	bad[20] = 'g';
	assert_null(reopen(&a, bad));
	arena_reset(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(nothing_else_opens_it),
	};

	return (cmocka_run_group_tests(tests, begin, end));
}
