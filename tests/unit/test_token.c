/* crypto/token, crypto/sha256: tokens, their hashes, equality. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/sha256.h"
#include "crypto/start.h"
#include "crypto/token.h"

#include <string.h>

static void
tokens_are_url_safe_and_never_the_same(void **state)
{
	static const char	safe[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	char			tokens[100][TOKEN_SIZE];
	size_t			i, j;

	for (i = 0; i < 100; i++) {
		token_new(tokens[i]);
		assert_int_equal(strlen(tokens[i]), TOKEN_LEN);
		assert_int_equal(strspn(tokens[i], safe), TOKEN_LEN);
		for (j = 0; j < i; j++)
			assert_string_not_equal(tokens[i], tokens[j]);
	}
}

static void
hashes_are_sha256(void **state)
{
	static const struct {
		const char	*text, *hex;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad" },
	};
	char	hex[TOKEN_HASH_HEX_SIZE];
	uint8_t	hash[SHA256_LEN];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		token_hash_hex(rows[i].text, strlen(rows[i].text), hex);
		assert_string_equal(hex, rows[i].hex);
	}
	sha256("abc", 3, hash);
	assert_int_equal(hash[0], 0xba);
	assert_int_equal(hash[31], 0xad);
}

static void
secrets_are_equal_only_as_a_whole(void **state)
{
	static const struct {
		const char	*a;
		size_t		 a_len;
		const char	*b;
		size_t		 b_len;
		bool		 equal;
	} rows[] = {
		{ "abc", 3, "abc", 3, true },
		{ "abc", 3, "abd", 3, false },
		{ "abc", 3, "ab", 2, false },
		{ "abc", 3, "abc\0", 4, false },
		{ "a\0b", 3, "a\0c", 3, false },
		{ "a\0b", 3, "a\0b", 3, true },
		{ "", 0, "", 0, true },
		{ "", 0, "a", 1, false },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(secret_equal(rows[i].a, rows[i].a_len,
		    rows[i].b, rows[i].b_len), rows[i].equal);
		assert_int_equal(secret_equal(rows[i].b, rows[i].b_len,
		    rows[i].a, rows[i].a_len), rows[i].equal);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_url_safe_and_never_the_same),
		cmocka_unit_test(hashes_are_sha256),
		cmocka_unit_test(secrets_are_equal_only_as_a_whole),
	};

	if (!crypto_start() || !crypto_start())
		return (1);

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
