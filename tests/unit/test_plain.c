/* base/plain: what is read in one pass, and what is left to json_read(). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/plain.h"

#include <stdlib.h>
#include <string.h>

#define ROW(s, n)	{ (s), sizeof(s) - 1, (n) }

/* clang-format off */
/* Members, or -1: not plain. */
static const struct {
	const char	*text;
	size_t		 len;
	int		 members;
}	rows[] = {
	ROW("{}", 0), ROW(" {\t}\r\n", 0),
	ROW("{\"a\":\"\"}", 1), ROW("{\"\":\"b\"}", 1),
	ROW(" { \"a\" : \"b c\" , \"ab\" : \"~ !\" } ", 2),
	ROW("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\","
	    "\"f\":\"6\",\"g\":\"7\",\"h\":\"8\",\"i\":\"9\",\"j\":\"1\","
	    "\"k\":\"2\",\"l\":\"3\",\"m\":\"4\",\"n\":\"5\",\"o\":\"6\","
	    "\"p\":\"7\"}", 16),
	ROW("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\","
	    "\"f\":\"6\",\"g\":\"7\",\"h\":\"8\",\"i\":\"9\",\"j\":\"1\","
	    "\"k\":\"2\",\"l\":\"3\",\"m\":\"4\",\"n\":\"5\",\"o\":\"6\","
	    "\"p\":\"7\",\"q\":\"8\"}", -1),
	/* Sound, but not plain. */
	ROW("[]", -1), ROW("\"a\"", -1), ROW("{\"a\":1}", -1),
	ROW("{\"a\":null}", -1), ROW("{\"a\":true}", -1),
	ROW("{\"a\":{}}", -1), ROW("{\"a\":\"\\n\"}", -1),
	ROW("{\"\\u0061\":\"b\"}", -1), ROW("{\"a\":\"\xc3\xa9\"}", -1),
	ROW("{\"a\":\"\x7f\"}", -1),
	/* Malformed. */
	ROW("", -1), ROW(" ", -1), ROW("{", -1), ROW("}", -1), ROW("{\"", -1),
	ROW("{\"a", -1), ROW("{\"a\"", -1), ROW("{\"a\":", -1),
	ROW("{\"a\":\"", -1), ROW("{\"a\":\"b", -1), ROW("{\"a\":\"b\"", -1),
	ROW("{\"a\":\"b\",", -1), ROW("{\"a\":\"b\",}", -1), ROW("{,}", -1),
	ROW("{\"a\":\"b\"}}", -1), ROW("{\"a\":\"b\"}x", -1), ROW("{}\0", -1),
	ROW("{\"a\" \"b\"}", -1), ROW("{\"a\":\"b\" \"c\":\"d\"}", -1),
	ROW("{\"a\":\"b\",\"a\":\"c\"}", -1), ROW("{\"a\":\"b\0c\"}", -1),
	ROW("{\"a\":\"b\n\"}", -1), ROW("{\"a\":\"\xff\"}", -1),
	ROW("{'a':'b'}", -1), ROW("\xef\xbb\xbf{}", -1),
};
/* clang-format on */

static void
agrees(const struct plain *o, const char *text, size_t len)
{
	const struct plain_text	*v;
	const char		*name;
	json_t			*all, *one;
	char			 error[128];

	all = json_read(text, len, error, sizeof(error));
	if (!json_is_object(all) || json_object_size(all) != o->count)
		fail_msg("%s: read as no object of %u", text, o->count);
	json_object_foreach(all, name, one) {
		v = plain_find(o, name);
		assert_non_null(v);
		assert_int_equal(json_string_length(one), v->len);
		assert_memory_equal(json_string_value(one), v->at, v->len);
	}
	json_decref(all);
}

static void
samples(void **state)
{
	struct plain	 o;
	char		*copy;
	bool		 plain;
	size_t		 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Of its exact size, so that reading past it is noticed. */
		copy = malloc(rows[i].len + !rows[i].len);
		assert_non_null(copy);
		memcpy(copy, rows[i].text, rows[i].len);
		plain = plain_read(&o, copy, rows[i].len);
		if (plain != (rows[i].members >= 0))
			fail_msg("%s: plain is %d", rows[i].text, plain);
		if (plain) {
			assert_int_equal(o.count, rows[i].members);
			agrees(&o, copy, rows[i].len);
			assert_null(plain_find(&o, "nobody"));
		}
		free(copy);
	}
}

/* Whatever one wrong byte makes of a body: plain only if it is JSON. */
static void
mutations(void **state)
{
	static const char	body[] = " {\"key\":\"LIC1-AB\", \"b\":\"\"}";
	struct plain		o;
	char			text[sizeof(body)];
	size_t			i;
	int			byte;

	for (i = 0; i < sizeof(body) - 1; i++) {
		for (byte = 0; byte < 256; byte++) {
			memcpy(text, body, sizeof(body));
			text[i] = (char)byte;
			if (plain_read(&o, text, sizeof(body) - 1))
				agrees(&o, text, sizeof(body) - 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(mutations),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
