/* crypto/cbor: how long an item is, and which are none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/cbor.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char	*hex;
	size_t		 len;
}	items[] = {
	{ "", 0 },
	{ "00", 1 },
	{ "17", 1 },
	{ "1818", 2 },
	{ "18", 0 },
	{ "19ffff", 3 },
	{ "19ff", 0 },
	{ "1affffffff", 5 },
	{ "1bffffffffffffffff", 9 },
	{ "1bffffffffffffff", 0 },
	{ "1c", 0 },
	{ "1f", 0 },
	{ "20", 1 },
	{ "3863", 2 },
	{ "40", 1 },
	{ "4101", 2 },
	{ "41", 0 },
	{ "580100", 3 },
	{ "5affffffff00", 0 },
	{ "5bffffffffffffffff00", 0 },
	{ "5f", 0 },
	{ "6161", 2 },
	{ "7f6161ff", 0 },
	{ "80", 1 },
	{ "8101", 2 },
	{ "81", 0 },
	{ "820101", 3 },
	{ "9a68686868686868", 0 },
	{ "9f01ff", 0 },
	{ "a0", 1 },
	{ "a10102", 3 },
	{ "a101", 0 },
	{ "bf0102ff", 0 },
	{ "bb8000000000000000", 0 },
	{ "bb800000000000000001010101", 0 },
	{ "8181818100", 5 },
	{ "8181818180", 5 },
	{ "818181818100", 0 },
	{ "c000", 0 },
	{ "d82a00", 0 },
	{ "f4", 1 },
	{ "f5", 1 },
	{ "f6", 1 },
	{ "f7", 0 },
	{ "f814", 0 },
	{ "f90000", 0 },
	{ "ff", 0 },
	{ "0000", 1 },
	{ "a1010200", 3 },
};

static void
lengths(void **state)
{
	uint8_t	*exact;
	size_t	 i, k, len;

	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		len = strlen(items[i].hex) / 2;
		exact = malloc(len + (len == 0));
		for (k = 0; k < len; k++)
			exact[k] = (uint8_t)(
			    text_hex_value(items[i].hex[2 * k]) << 4 |
			    text_hex_value(items[i].hex[2 * k + 1]));
		if (cbor_item_len(exact, len, CBOR_DEPTH) != items[i].len)
			fail_msg("%s", items[i].hex);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
