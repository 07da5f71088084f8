/*
 * domain/bip321: URIs by the BIP's rules, with addresses that BIP 173, BIP 350
 * and the BIP itself publish.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/bip321.h"

#include <string.h>

#define BASE58		"175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W"
#define V0		"bc1qufgy354j3kmvuch987xe4s40836x3h0lg8f5n2"
#define V0_CAPITALS	"BC1QUFGY354J3KMVUCH987XE4S40836X3H0LG8F5N2"
#define V1		"bc1p5swkugezn97763tl0yty6556856uug0q6jflljvep9m4p7339x5qzyrh4g"

static void
addresses(void **state)
{
	static const struct {
		const char		*address;
		enum bip321_address	 kind;
	} rows[] = {
		{ BASE58, BIP321_BASE58 },
		{ "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", BIP321_BASE58 },
		{ "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", BIP321_BASE58 },
		{ V0, BIP321_SEGWIT }, { V0_CAPITALS, BIP321_SEGWIT },
		{ V1, BIP321_SEGWIT },
		{ "tb1qghfhmd4zh7ncpmxl3qzhmq566jk8ckq4gafnmg",
		    BIP321_SEGWIT },
		{ "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
		    BIP321_SEGWIT },
		{ "BC1SW50QGDZ25J", BIP321_SEGWIT },
		/* One letter off; version 1 by version 0's checksum. */
		{ "bc1qufgy354j3kmvuch987xe4s40836x3h0lg8f5n3",
		    BIP321_NO_ADDRESS },
		{ "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
		    BIP321_NO_ADDRESS },
		{ "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
		    BIP321_NO_ADDRESS },
		/* Another chain's, mixed, an invoice, markup, nothing. */
		{ "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
		    BIP321_NO_ADDRESS },
		{ "bc1Qufgy354j3kmvuch987xe4s40836x3h0lg8f5n2",
		    BIP321_NO_ADDRESS },
		{ "lnbc420bogusinvoice", BIP321_NO_ADDRESS },
		{ "1<script>alert(1)</script>11", BIP321_NO_ADDRESS },
		{ "175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W?amount=1",
		    BIP321_NO_ADDRESS },
		{ "0OIl5tWpb8K1S7NmH4Zx6rewF9WQrcZv2", BIP321_NO_ADDRESS },
		{ "1", BIP321_NO_ADDRESS }, { "", BIP321_NO_ADDRESS },
		{ NULL, BIP321_NO_ADDRESS },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (bip321_address_kind(rows[i].address) != rows[i].kind)
			fail_msg("%s", rows[i].address);
	}
}

static void
uris(void **state)
{
	static const struct {
		const char	*address;
		int64_t		 sats;
		const char	*bolt11;
		const char	*uri;		/* NULL: refused */
	} rows[] = {
		{ V0, 22211, "lnbc420bogusinvoice", "BITCOIN:" V0_CAPITALS
		    "?AMOUNT=0.00022211&LIGHTNING=LNBC420BOGUSINVOICE" },
		{ V0, 0, NULL, "BITCOIN:" V0_CAPITALS },
		{ V0, -5, "lnbc1", "BITCOIN:" V0_CAPITALS
		    "?LIGHTNING=LNBC1" },
		/* Its letters are its own. */
		{ BASE58, 2030000000, NULL, "BITCOIN:" BASE58 "?AMOUNT=20.3" },
		{ BASE58, 0, "lnbc420bogusinvoice", "BITCOIN:" BASE58
		    "?LIGHTNING=LNBC420BOGUSINVOICE" },
		/* No fallback: an empty address. */
		{ NULL, 1, "lnbc1", "BITCOIN:?AMOUNT=0.00000001&LIGHTNING=LNBC1" },
		{ NULL, 0, "lnbc1", "BITCOIN:?LIGHTNING=LNBC1" },
		/* Amounts are decimal bitcoin, with a period and no commas. */
		{ V0, 100000000, NULL, "BITCOIN:" V0_CAPITALS "?AMOUNT=1" },
		{ V0, 150000000, NULL, "BITCOIN:" V0_CAPITALS "?AMOUNT=1.5" },
		{ V0, 1000000000, NULL, "BITCOIN:" V0_CAPITALS "?AMOUNT=10" },
		{ V0, INT64_C(2100000000000000), NULL,
		    "BITCOIN:" V0_CAPITALS "?AMOUNT=21000000" },
		{ NULL, 5, NULL, NULL }, { "rubbish", 5, NULL, NULL },
		{ "", 5, "lnbc1", NULL },
	};
	char	out[BIP321_SIZE];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (bip321_write(out, sizeof(out), rows[i].address,
		    rows[i].sats, rows[i].bolt11) != (rows[i].uri != NULL))
			fail_msg("row %zu", i);
		if (rows[i].uri != NULL)
			assert_string_equal(out, rows[i].uri);
	}
}

static void
never_cut_off(void **state)
{
	char	out[BIP321_SIZE];
	size_t	len, size;

	assert_true(bip321_write(out, sizeof(out), V0, 5, "lnbc1"));
	len = strlen(out);
	for (size = 1; size <= len; size++)
		assert_false(bip321_write(out, size, V0, 5, "lnbc1"));
	assert_true(bip321_write(out, len + 1, V0, 5, "lnbc1"));
	assert_true(bip321_lightning(out, sizeof(out), "lnbc1"));
	assert_string_equal(out, "LIGHTNING:LNBC1");
	assert_false(bip321_lightning(out, 15, "lnbc1"));
	assert_true(bip321_lightning(out, 16, "lnbc1"));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(uris),
		cmocka_unit_test(never_cut_off),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
