/* base/bech32: what BIP 173 and BIP 350 publish, and their checksums. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/bech32.h"

#include <string.h>

static void
published(void **state)
{
	static const struct {
		const char	*text;
		enum bech32	 kind;
		const char	*hrp;
	} rows[] = {
		{ "A12UEL5L", BECH32_FIRST, "a" },
		{ "a12uel5l", BECH32_FIRST, "a" },
		{ "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
		    BECH32_FIRST, "abcdef" },
		{ "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
		    BECH32_FIRST, "split" },
		{ "A1LQFN3A", BECH32_M, "a" },
		{ "a1lqfn3a", BECH32_M, "a" },
		{ "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", BECH32_M,
		    "abcdef" },
		/* Not: no separator, no checksum, another, both cases. */
		{ "pzry9x0s0muk", BECH32_NONE, NULL },
		{ "x1b4n0q5v", BECH32_NONE, NULL },
		{ "li1dgmt3", BECH32_NONE, NULL },
		{ "A1G7SGD8", BECH32_NONE, NULL },
		{ "a12uel5m", BECH32_NONE, NULL },
		{ "A12uel5l", BECH32_NONE, NULL },
		{ "", BECH32_NONE, NULL },
		{ "1", BECH32_NONE, NULL },
	};
	static struct bech32_parts	p;
	size_t				i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (bech32_read(rows[i].text, strlen(rows[i].text), &p) !=
		    rows[i].kind)
			fail_msg("%s", rows[i].text);
		if (rows[i].hrp != NULL)
			assert_string_equal(p.hrp, rows[i].hrp);
	}
}

static void
written_is_read(void **state)
{
	static struct bech32_parts	p;
	const char			bytes[] = "any bytes at all";
	uint8_t				groups[64];
	char				text[128];
	size_t				n, len, kind;

	for (len = 0; len <= strlen(bytes); len++) {
		n = bech32_groups(bytes, len, groups);
		assert_int_equal(n, (len * 8 + 4) / 5);
		for (kind = BECH32_FIRST; kind <= BECH32_M; kind++) {
			assert_true(bech32_write(text, sizeof(text), kind,
			    "bcrt", groups, n));
			assert_int_equal(bech32_read(text, strlen(text), &p),
			    kind);
			assert_string_equal(p.hrp, "bcrt");
			assert_int_equal(p.len, n);
			assert_memory_equal(p.at, groups, n);
			/* To the byte. */
			assert_true(bech32_write(text, strlen(text) + 1, kind,
			    "bcrt", groups, n));
			assert_false(bech32_write(text, strlen(text), kind,
			    "bcrt", groups, n));
		}
	}
	assert_false(bech32_write(text, sizeof(text), BECH32_NONE, "bcrt",
	    groups, 1));
}

/* BIP 173's example: the program of its P2WPKH address. */
static void
groups_of_bytes(void **state)
{
	static const uint8_t	program[20] = { 0x75, 0x1e, 0x76, 0xe8, 0x19,
				    0x91, 0x96, 0xd4, 0x54, 0x94, 0x1c, 0x45,
				    0xd1, 0xb3, 0xa3, 0x23, 0xf1, 0x43, 0x3b,
				    0xd6 };
	uint8_t			groups[33] = { 0 };
	char			text[91];

	assert_int_equal(bech32_groups(program, 20, groups + 1), 32);
	assert_true(bech32_write(text, sizeof(text), BECH32_FIRST, "bc",
	    groups, 33));
	assert_string_equal(text,
	    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(published),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(groups_of_bytes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
