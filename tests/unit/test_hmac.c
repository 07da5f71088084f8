/* crypto/hmac: the published signatures, and headers that are not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/hmac.h"

#include "vectors.h"

#include <ctype.h>

#define SECRET	"super-secret"
#define BODY	"{\"type\":\"InvoiceSettled\",\"invoiceId\":\"abc\"}"
/* clang-format off */
#define HEX	"0983a4bc14ce334b99a98a6126bd134c" \
		"781c5bbf881c9008f19d79f7a781fe16"
/* clang-format on */

static bool
header_ok(const char *header)
{
	return (hmac_sha256_header_ok(header, SECRET, strlen(SECRET), BODY,
	    strlen(BODY)));
}

static void
published_signatures(void **state)
{
	json_t		*vectors = vectors_load(), *row;
	const char	*secret, *body, *value;
	char		 hex[HMAC_SHA256_HEX_SIZE];
	size_t		 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "hmac"), i, row) {
		secret = vectors_text(row, "secret");
		body = vectors_text(row, "body");
		value = vectors_text(row, "value");
		hmac_sha256_hex(secret, strlen(secret), body, strlen(body),
		    hex);
		assert_string_equal(hex, value + strlen("sha256="));
		assert_true(hmac_sha256_header_ok(value, secret,
		    strlen(secret), body, strlen(body)));
	}
	assert_int_equal(i, 2);
	json_decref(vectors);
}

/* RFC 4231, case 6: a secret longer than a block. */
static void
long_secrets(void **state)
{
	static const char	data[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	char			secret[131], hex[HMAC_SHA256_HEX_SIZE];

	memset(secret, 0xaa, sizeof(secret));
	hmac_sha256_hex(secret, sizeof(secret), data, sizeof(data) - 1, hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}

static void
headers_are_read_strictly(void **state)
{
	static const struct {
		const char	*header;
		bool		 ok;
	} rows[] = {
		{ "sha256=" HEX, true },
		{ NULL, false },
		{ "", false },
		{ "sha256=", false },
		{ HEX, false },
		{ "SHA256=" HEX, false },
		{ "sha1=" HEX, false },
		{ " sha256=" HEX, false },
		{ "sha256= " HEX, false },
		{ "sha256=" HEX " ", false },
		{ "sha256=" HEX "00", false },
		{ "sha256=" HEX ",sha256=" HEX, false },
		{ "sha256=0x83a4bc14ce334b99a98a6126bd134c"
		    "781c5bbf881c9008f19d79f7a781fe16", false },
	};
	char	text[128];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(header_ok(rows[i].header), rows[i].ok);

	(void)snprintf(text, sizeof(text), "sha256=%s", HEX);
	for (i = 7; text[i] != '\0'; i++)
		text[i] = (char)toupper(text[i]);
	assert_true(header_ok(text));
}

static void
any_other_digit_or_length_is_refused(void **state)
{
	char	text[128];
	size_t	i, len = strlen("sha256=" HEX);

	for (i = 7; i < len; i++) {
		(void)snprintf(text, sizeof(text), "sha256=%s", HEX);
		text[i] = text[i] == '0' ? '1' : '0';
		assert_false(header_ok(text));
		(void)snprintf(text, sizeof(text), "sha256=%s", HEX);
		text[i] = '\0';
		assert_false(header_ok(text));
		text[i] = 'g';
		assert_false(header_ok(text));
	}
}

static void
an_empty_secret_signs_nothing(void **state)
{
	char	hex[HMAC_SHA256_HEX_SIZE], header[80];

	hmac_sha256_hex("", 0, BODY, strlen(BODY), hex);
	(void)snprintf(header, sizeof(header), "sha256=%s", hex);
	assert_false(hmac_sha256_header_ok(header, "", 0, BODY,
	    strlen(BODY)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_signatures),
		cmocka_unit_test(long_secrets),
		cmocka_unit_test(headers_are_read_strictly),
		cmocka_unit_test(any_other_digit_or_length_is_refused),
		cmocka_unit_test(an_empty_secret_signs_nothing),
	};

	if (sodium_init() < 0)
		return (1);

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
