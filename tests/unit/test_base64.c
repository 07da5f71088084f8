/* crypto/base64: RFC 4648, section 10, and bytes that need + and /. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/base64.h"

#include <string.h>

static void
texts(void **state)
{
	static const struct {
		const char	*bytes, *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	char	out[32];
	size_t	i, len;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].bytes);
		base64_encode(out, rows[i].bytes, len);
		assert_string_equal(out, rows[i].text);
		assert_int_equal(strlen(out) + 1, BASE64_SIZE(len));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
