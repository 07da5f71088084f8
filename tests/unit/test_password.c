/* Passwords: what is hashed verifies, nothing else does, costs are bounded. */
#include "crypto/password.h"
#include "crypto/start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "correct horse battery", by the reference implementation of Argon2. */
static const char *const	foreign[] = {
	"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
	    "/HetJC6LZ4lnwgLB+wJSS2a9bFu2Kq4HxwNWzoJq2qU",
	"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$"
	    "A9CMYpdlNbnPW7O8ckk3RY6xYef42vnotdD2gFDW50E",
	"$argon2id$v=19$m=19456,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$"
	    "58gDcmG1fGA63iyaKaGdEQ",
};

static bool
verifies(const char *hash, const char *text)
{
	struct password_work	w;

	if (!password_work_set(&w, text, hash))
		return (false);
	password_verify(&w);
	return (w.ok);
}

static void
made_here(void **state)
{
	struct password_work	a, b;

	assert_true(password_work_set(&a, "twelve chars", ""));
	assert_true(password_work_set(&b, "twelve chars", ""));
	password_hash(&a);
	password_hash(&b);
	assert_true(a.ok && b.ok);
	assert_memory_equal(a.hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31);
	assert_string_not_equal(a.hash, b.hash);	/* salted */
	assert_true(verifies(a.hash, "twelve chars"));
	assert_false(verifies(a.hash, "Twelve chars"));
	assert_false(verifies(a.hash, "twelve char"));
	assert_false(verifies(a.hash, ""));
}

static void
made_elsewhere(void **state)
{
	size_t	i;

	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_true(verifies(foreign[i], "correct horse battery"));
		assert_false(verifies(foreign[i], "correct horse batterz"));
	}
}

static void
no_hashes(void **state)
{
	static const char *const	bad[] = { "", "$", "password",
	    "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
	    "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
	    "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
	    "$argon2id$v=19$m=19456,t=9999,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
	    "$argon2id$v=19$m=19456,t=2,p=1$!!$AAAA",
	    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" };
	size_t				i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(verifies(bad[i], "password"));
}

static void
too_long(void **state)
{
	struct password_work	w;
	char			text[PASSWORD_MAX + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(password_work_set(&w, text, ""));
	text[PASSWORD_MAX] = '\0';
	assert_true(password_work_set(&w, text, ""));
	text[PASSWORD_HASH_SIZE] = '\0';
	assert_false(password_work_set(&w, "", text));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(made_here),
		cmocka_unit_test(made_elsewhere),
		cmocka_unit_test(no_hashes),
		cmocka_unit_test(too_long),
	};

	crypto_start();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
