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

/* For URLs: - and _, no padding, and nothing that could be said otherwise. */
static void
for_urls(void **state)
{
	static const struct {
		const char	*text;
		long long	 len;		/* -1: it is none */
	} rows[] = {
		{ "", 0 },
		{ "Zg", 1 },
		{ "Zm8", 2 },
		{ "Zm9v", 3 },
		{ "-_-_", 3 },
		{ "Zm9vYmFy", 6 },
		{ "Zm9vYmFyZg", 7 },
		{ "+/+/", -1 },
		{ "Zg==", -1 },
		{ "Zg=", -1 },
		{ "Z", -1 },
		{ "Zh", -1 },
		{ "Zm9", -1 },
		{ "Zm9v ", -1 },
		{ "Zm 9v", -1 },
		{ "Zm9vYmFyZm8", -1 },
	};
	char	back[BASE64_SIZE(7)];
	uint8_t	out[7];
	size_t	i, len;
	bool	ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok = base64_url_decode(rows[i].text, out, sizeof(out), &len);
		assert_int_equal(ok, rows[i].len >= 0);
		if (!ok)
			continue;
		assert_int_equal(len, rows[i].len);
		base64_url_encode(back, out, len);
		assert_string_equal(back, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(for_urls),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
