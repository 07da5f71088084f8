/* base/uuid: one text for each UUID, up to case. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/uuid.h"

#include <string.h>

#define TEXT	"6f46a4f6-0d2f-4a28-b6aa-3e8fbf6f28f0"

static const uint8_t	bytes[16] = {
	0x6f, 0x46, 0xa4, 0xf6, 0x0d, 0x2f, 0x4a, 0x28,
	0xb6, 0xaa, 0x3e, 0x8f, 0xbf, 0x6f, 0x28, 0xf0,
};

static void
text_and_bytes(void **state)
{
	uint8_t	id[16];
	char	text[37];

	uuid_format(bytes, text);
	assert_string_equal(text, TEXT);
	assert_true(uuid_parse(TEXT, 36, id));
	assert_memory_equal(id, bytes, 16);
	assert_true(uuid_parse("6F46A4F6-0D2F-4a28-B6AA-3E8FBF6F28F0", 36,
	    id));
	assert_memory_equal(id, bytes, 16);
}

static void
everything_else_is_refused(void **state)
{
	static const char *const	rows[] = {
		"", "6f46a4f6", TEXT "0", " " TEXT, "{" TEXT "}",
		"6f46a4f60d2f4a28b6aa3e8fbf6f28f0",
		"6f46a4f60-d2f-4a28-b6aa-3e8fbf6f28f0",
		"6f46a4f6-0d2f-4a28-b6aa-3e8fbf6f28f",
		"6f46a4f6 0d2f-4a28-b6aa-3e8fbf6f28f0",
		"0x46a4f6-0d2f-4a28-b6aa-3e8fbf6f28f0",
	};
	uint8_t	id[16];
	char	text[37];
	size_t	i;
	int	c;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(uuid_parse(rows[i], strlen(rows[i]), id));
	for (i = 0; i < 36; i++) {
		for (c = 0; c < 256; c++) {
			memcpy(text, TEXT, sizeof(text));
			text[i] = (char)c;
			if (TEXT[i] == '-' ? c == '-' : c != 0 &&
			    strchr("0123456789abcdefABCDEF", c) != NULL)
				assert_true(uuid_parse(text, 36, id));
			else
				assert_false(uuid_parse(text, 36, id));
		}
	}
}

static void
random_ones_are_version_4(void **state)
{
	uint8_t	ids[100][16];
	int	i, j;

	for (i = 0; i < 100; i++) {
		uuid_random(ids[i]);
		assert_int_equal(ids[i][6] >> 4, 4);
		assert_int_equal(ids[i][8] >> 6, 2);
		for (j = 0; j < i; j++)
			assert_memory_not_equal(ids[i], ids[j], 16);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_bytes),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(random_ones_are_version_4),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
