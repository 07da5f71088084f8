/* pages/qr: the size of a code, its quiet zone, its corners. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pages/qr.h"

#include <stdlib.h>
#include <string.h>

static int
size_of(const char *text)
{
	json_t	*qr = qr_draw(text);
	int	 size = (int)json_integer_value(json_object_get(qr, "size"));

	json_decref(qr);
	return (size);
}

/* ISO/IEC 18004: 21 modules and 4 more for each version; 4 of nothing around. */
static void
sizes(void **state)
{
	char	capitals[51], small[51];

	assert_int_equal(size_of("A"), 21 + 8);
	memset(capitals, 'A', 50);
	memset(small, 'a', 50);
	capitals[50] = small[50] = '\0';
	assert_int_equal(size_of(capitals), 29 + 8);
	/* What the alphanumeric mode saves. */
	assert_int_equal(size_of(small), 29 + 8);
	assert_true(size_of("BITCOIN:BC1QUFGY354J3KMVUCH987XE4S40836X3H0LG8F5N2")
	    <= size_of("bitcoin:bc1qufgy354j3kmvuch987xe4s40836x3h0lg8f5n2"));
}

/* The finder's first row: seven dark ones, after the quiet zone. */
static void
corners(void **state)
{
	json_t		*qr = qr_draw("BITCOIN:?LIGHTNING=LNBC1");
	const char	*path = json_text(qr, "path");

	assert_int_equal(strncmp(path, "M4 4h7v1h-7z", 12), 0);
	assert_null(strpbrk(path, "<>\"'&"));
	json_decref(qr);
}

static void
too_long(void **state)
{
	char	*text = malloc(8001);

	memset(text, 'a', 8000);
	text[8000] = '\0';
	assert_null(qr_draw(text));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(corners),
		cmocka_unit_test(too_long),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
