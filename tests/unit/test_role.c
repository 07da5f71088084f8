/* Who holds which scope, by the table that the operator's manual shows. */
#include "domain/role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char	*scope, *holders;
} cases[] = {
	{ "licenses:read",
	    "read-only license-issuer support merchant-onboard full-admin" },
	{ "audit:read",
	    "read-only license-issuer support merchant-onboard full-admin" },
	{ "payment_providers:read",
	    "read-only license-issuer support merchant-onboard full-admin" },
	{ "licenses:write",
	    "license-issuer support merchant-onboard full-admin" },
	{ "subscriptions:write", "support full-admin" },
	{ "machines:write", "support full-admin" },
	{ "products:write", "merchant-onboard full-admin" },
	{ "policies:write", "merchant-onboard full-admin" },
	{ "webhooks:write", "full-admin" },
	{ "invoices:write", "full-admin" },
	{ "license:write", "full-admin" },
	{ "licensess:write", "full-admin" },
	{ "payment_providers:write", "" },
	{ "master", "" },
	{ "licenses:writ", "" },
	{ "licenses:", "" },
	{ "", "" },
};

static void
holders(void **state)
{
	char	out[ROLE_LIST_SIZE];
	size_t	i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		role_holders(cases[i].scope, out);
		assert_string_equal(out, cases[i].holders);
	}
}

static void
strangers(void **state)
{
	assert_false(role_allows("", "licenses:read"));
	assert_false(role_allows("master", "licenses:read"));
	assert_false(role_allows("Support", "licenses:read"));
	assert_true(role_allows("support", "licenses:write"));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(holders),
		cmocka_unit_test(strangers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
