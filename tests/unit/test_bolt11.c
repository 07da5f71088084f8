/* pay/bolt11: the published invoices, and those that nobody should send. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "pay/bolt11.h"

#include "invoice.h"
#include "vectors.h"

#include <stdlib.h>

#define ROW(...)	{ __VA_ARGS__ }
#define TIME		1767225600

enum {
	TYPE_P = 1, TYPE_R = 3, TYPE_9 = 5, TYPE_X = 6, TYPE_D = 13,
	TYPE_S = 16, TYPE_N = 19, TYPE_H = 23, TYPE_C = 24
};

static const uint8_t	hash[33] = "0123456789abcdef0123456789abcdef";

static char	text[8192];

static bool
accepted(const char *invoice, struct bolt11 *b)
{
	return (bolt11_read(invoice, strlen(invoice), b));
}

static void
begin(struct invoice *in)
{
	in->n = 0;
	invoice_number(in, TIME, 7);
}

/* Time and payment hash: the least there can be. */
static void
least(struct invoice *in)
{
	begin(in);
	invoice_bytes(in, TYPE_P, hash, 32);
}

static bool
makes(struct invoice *in, struct bolt11 *b)
{
	return (accepted(invoice_end(in, "lnbc", text), b));
}

/* ---- published ---- */

static json_t *
load(void)
{
	char		 path[4096];
	const char	*slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/../vectors/bolt11.json",
	    slash == NULL ? 1 : (int)(slash - __FILE__),
	    slash == NULL ? "." : __FILE__);
	return (json_load_file(path, 0, NULL));
}

static void
same_text(const json_t *row, const char *name, bool has, const char *got)
{
	const char	*want = vectors_text(row, name);

	assert_int_equal(has, want != NULL);
	if (has)
		assert_string_equal(got, want);
}

static void
published_invoices(void **state)
{
	static const char *const	networks[] = { "mainnet", "testnet",
					    "signet", "regtest" };
	json_t				*vectors = load(), *row;
	struct bolt11			 b;
	char				 hex[65];
	size_t				 i;

	assert_non_null(vectors);
	json_array_foreach(json_object_get(vectors, "read"), i, row) {
		if (!accepted(vectors_text(row, "invoice"), &b))
			fail_msg("%s: refused", vectors_text(row, "name"));
		assert_string_equal(networks[b.network],
		    vectors_text(row, "network"));
		assert_int_equal(b.amount_msat, json_integer_value(
		    json_object_get(row, "amount_msat")));
		assert_int_equal(b.timestamp, json_integer_value(
		    json_object_get(row, "timestamp")));
		assert_int_equal(b.expiry_sec, json_integer_value(
		    json_object_get(row, "expiry")));
		text_hex(b.payment_hash, 32, hex);
		same_text(row, "payment_hash", true, hex);
		same_text(row, "description", b.has_description,
		    b.description);
		text_hex(b.description_hash, 32, hex);
		same_text(row, "description_hash", b.has_description_hash,
		    hex);
	}
	assert_int_equal(i, 8);
	json_array_foreach(json_object_get(vectors, "reject"), i, row) {
		if (accepted(vectors_text(row, "invoice"), &b))
			fail_msg("%s: accepted", vectors_text(row, "name"));
	}
	assert_int_equal(i, 8);
	json_decref(vectors);
}

/* Not one character of it can be another, none missing, none more. */
static void
damaged(void **state)
{
	struct invoice	in;
	struct bolt11	b, zero;
	char		other[8300];
	size_t		i, n;

	memset(&zero, 0, sizeof(zero));
	least(&in);
	assert_true(makes(&in, &b));
	n = strlen(text);
	for (i = 0; i < n; i++) {
		memcpy(other, text, n + 1);
		other[i] = other[i] == 'q' ? 'p' : 'q';
		assert_false(bolt11_read(other, n, &b));
		assert_memory_equal(&b, &zero, sizeof(b));
		assert_false(bolt11_read(text, i, &b));
		other[i] = '\0';
		assert_false(bolt11_read(other, n, &b));
		other[i] = (char)0xe9;
		assert_false(bolt11_read(other, n, &b));
	}
	assert_false(bolt11_read(text, n + 1, &b));
	/* A prefix does not end where a text of C would. */
	invoice_make(other, "lnbc\0x", 6, in.groups, in.n + 104);
	assert_false(bolt11_read(other, n + 2, &b));
	snprintf(other, sizeof(other), " %s", text);
	assert_false(accepted(other, &b));
	snprintf(other, sizeof(other), "lightning:%s", text);
	assert_false(accepted(other, &b));
	assert_false(accepted("", &b));
	assert_false(accepted("1", &b));
	assert_false(accepted("lnbc1", &b));
}

/* ---- prefix and amount ---- */

static void
prefixes(void **state)
{
	static const struct {
		const char	*prefix;
		int		 network;	/* -1: refused */
		int64_t		 msat;
	} rows[] = {
		ROW("lnbc", BOLT11_MAINNET, -1), ROW("lntb", BOLT11_TESTNET, -1),
		ROW("lntbs", BOLT11_SIGNET, -1), ROW("lnbcrt", BOLT11_REGTEST, -1),
		ROW("lnbc1", BOLT11_MAINNET, INT64_C(100000000000)),
		ROW("lntb1m", BOLT11_TESTNET, 100000000),
		ROW("lntbs1u", BOLT11_SIGNET, 100000),
		ROW("lnbcrt1n", BOLT11_REGTEST, 100),
		ROW("lnbc10p", BOLT11_MAINNET, 1),
		ROW("lnbc10n", BOLT11_MAINNET, 1000),
		ROW("lnbc900u", BOLT11_MAINNET, 90000000),
		ROW("lnbc21000000", BOLT11_MAINNET, INT64_C(2100000000000000000)),
		ROW("lnbc21000000000m", BOLT11_MAINNET,
		    INT64_C(2100000000000000000)),
		ROW("lnbc21000000000000000000p", BOLT11_MAINNET,
		    INT64_C(2100000000000000000)),
		ROW("lnbc20999999999999999990p", BOLT11_MAINNET,
		    INT64_C(2099999999999999999)),

		ROW("lnbc21000001", -1, 0), ROW("lnbc21000000001m", -1, 0),
		ROW("lnbc21000000000001u", -1, 0),
		ROW("lnbc21000000000000000010p", -1, 0),
		ROW("lnbc99999999999999999999999999999999999999", -1, 0),
		ROW("lnbc0", -1, 0), ROW("lnbc0u", -1, 0), ROW("lnbc01u", -1, 0),
		ROW("lnbc1p", -1, 0), ROW("lnbc15p", -1, 0), ROW("lnbcm", -1, 0),
		ROW("lnbc1mm", -1, 0), ROW("lnbc1k", -1, 0), ROW("lnbc1m1", -1, 0),
		ROW("lnbc1.5m", -1, 0), ROW("lnbc-1m", -1, 0), ROW("lnbc+1m", -1, 0),
		ROW("lnbc 1m", -1, 0), ROW("lnbcs", -1, 0), ROW("lnbcr", -1, 0),
		ROW("lnsb", -1, 0), ROW("lntbss", -1, 0), ROW("bc", -1, 0),
		ROW("ln", -1, 0), ROW("", -1, 0), ROW("lnurl", -1, 0),
		ROW("xlnbc", -1, 0), ROW("lnbc1u\x7f", -1, 0),
		ROW("lnbc1u\xc3\xa9", -1, 0),
		ROW("lnbc111111111111111111111111111111111111111111111111111"
		    "111111111111111111111111111111111111111111", -1, 0),
	};
	struct invoice	in;
	struct bolt11	b;
	size_t		i;
	bool		ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		least(&in);
		ok = accepted(invoice_end(&in, rows[i].prefix, text), &b);
		if (ok != (rows[i].network >= 0))
			fail_msg("%s: %s", rows[i].prefix,
			    ok ? "accepted" : "refused");
		if (ok && ((int)b.network != rows[i].network ||
		    b.amount_msat != rows[i].msat))
			fail_msg("%s: %d, %lld", rows[i].prefix, b.network,
			    (long long)b.amount_msat);
	}
}

/* ---- fields ---- */

static void
expiries(void **state)
{
	static const struct {
		uint64_t	value;
		unsigned int	groups;
		int64_t		seconds;	/* -1: refused */
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, 1, 0 },
		{ 60, 2, 60 },
		{ 60, 12, 60 },
		{ 86400, 4, 86400 },
		{ UINT64_C(1) << 40, 9, INT64_C(1) << 40 },
		{ (UINT64_C(1) << 40) + 1, 9, -1 },
		{ UINT64_MAX, 12, -1 },
	};
	struct invoice	in;
	struct bolt11	b;
	size_t		i;
	bool		ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		least(&in);
		invoice_head(&in, TYPE_X, rows[i].groups);
		invoice_number(&in, rows[i].value, rows[i].groups);
		ok = makes(&in, &b);
		if (ok != (rows[i].seconds >= 0) ||
		    (ok && b.expiry_sec != rows[i].seconds))
			fail_msg("row %zu", i);
	}
	least(&in);
	assert_true(makes(&in, &b));
	assert_int_equal(b.expiry_sec, 3600);
	assert_int_equal(b.timestamp, TIME);
	assert_false(bolt11_is_expired(&b, 0));
	assert_false(bolt11_is_expired(&b, TIME + 3599));
	assert_true(bolt11_is_expired(&b, TIME + 3600));
	assert_true(bolt11_is_expired(&b, INT64_MAX));
	in.n = 0;
	invoice_number(&in, UINT64_MAX, 7);
	invoice_bytes(&in, TYPE_P, hash, 32);
	assert_true(makes(&in, &b));
	assert_int_equal(b.timestamp, (INT64_C(1) << 35) - 1);
}

static void
descriptions(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 len;
		bool		 good;
	} rows[] = {
		ROW("", 0, true), ROW("a", 1, true),
		ROW("\xe3\x83\x8a 1", 5, true), ROW("a\nb", 3, true),
		ROW("a\0b", 3, false), ROW("\0", 1, false),
		ROW("\xe3\x83", 2, false), ROW("\xff", 1, false),
	};
	struct invoice	in;
	struct bolt11	b;
	char		longest[BOLT11_DESCRIPTION_MAX + 1];
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		least(&in);
		invoice_bytes(&in, TYPE_D, rows[i].bytes, rows[i].len);
		if (makes(&in, &b) != rows[i].good)
			fail_msg("row %zu", i);
		if (rows[i].good) {
			assert_true(b.has_description);
			assert_string_equal(b.description, rows[i].bytes);
		}
	}
	memset(longest, 'x', sizeof(longest));
	longest[BOLT11_DESCRIPTION_MAX] = '\0';
	least(&in);
	invoice_bytes(&in, TYPE_D, longest, BOLT11_DESCRIPTION_MAX);
	assert_true(makes(&in, &b));
	assert_string_equal(b.description, longest);
}

/* What is fixed has its length; what follows it is 0. */
static void
lengths(void **state)
{
	static const struct {
		unsigned int	type, groups;
		bool		good;
	} rows[] = {
		ROW(TYPE_H, 52, true), ROW(TYPE_H, 51, false),
		ROW(TYPE_H, 53, false), ROW(TYPE_H, 0, false),
		ROW(TYPE_S, 52, true), ROW(TYPE_S, 51, false),
		ROW(TYPE_N, 53, true), ROW(TYPE_N, 52, false),
		ROW(TYPE_R, 0, true), ROW(TYPE_R, 1023, true),
		ROW(TYPE_C, 2, true), ROW(TYPE_9, 0, true),
		ROW(0, 7, true), ROW(31, 1023, true),
		ROW(TYPE_D, 1, false), ROW(TYPE_D, 3, false),
	};
	struct invoice	in;
	struct bolt11	b;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		least(&in);
		invoice_head(&in, rows[i].type, rows[i].groups);
		memset(in.groups + in.n, 0, rows[i].groups);
		in.n += rows[i].groups;
		if (makes(&in, &b) != rows[i].good)
			fail_msg("row %zu", i);
	}
	least(&in);
	invoice_bytes(&in, TYPE_H, hash, 32);
	in.groups[in.n - 1] |= 1;
	assert_false(makes(&in, &b));
	least(&in);
	in.groups[in.n - 1] |= 8;
	assert_false(makes(&in, &b));
	least(&in);
	invoice_bytes(&in, TYPE_D, "ab", 2);
	in.groups[in.n - 1] |= 1;
	assert_false(makes(&in, &b));
}

/* The lengths lead nowhere but to the signature. */
static void
ends(void **state)
{
	struct invoice	in;
	struct bolt11	b;
	unsigned int	i;

	for (i = 1; i < 3; i++) {
		least(&in);
		invoice_number(&in, 0, i);
		assert_false(makes(&in, &b));
	}
	least(&in);
	invoice_head(&in, TYPE_R, 1);
	assert_false(makes(&in, &b));
	least(&in);
	invoice_head(&in, TYPE_R, 1023);
	assert_false(makes(&in, &b));
	begin(&in);
	assert_false(makes(&in, &b));		/* no payment hash */
	in.n = 0;
	assert_false(makes(&in, &b));		/* no time */
	begin(&in);
	invoice_bytes(&in, TYPE_H, hash, 32);
	assert_false(makes(&in, &b));
}

static void
twice(void **state)
{
	static const unsigned int	types[] = { TYPE_P, TYPE_H, TYPE_S };
	struct invoice			in;
	struct bolt11			b;
	size_t				i;

	for (i = 0; i < 3; i++) {
		least(&in);
		if (types[i] != TYPE_P)
			invoice_bytes(&in, types[i], hash, 32);
		assert_true(makes(&in, &b));
		invoice_bytes(&in, types[i], hash, 32);
		assert_false(makes(&in, &b));
	}
	least(&in);
	invoice_bytes(&in, TYPE_D, "a", 1);
	invoice_bytes(&in, TYPE_H, hash, 32);
	assert_true(makes(&in, &b));
	assert_true(b.has_description && b.has_description_hash);
	assert_memory_equal(b.description_hash, hash, 32);
	assert_memory_equal(b.payment_hash, hash, 32);
	invoice_bytes(&in, TYPE_D, "a", 1);
	assert_false(makes(&in, &b));

	least(&in);
	for (i = 0; i < 2; i++) {
		invoice_head(&in, TYPE_X, 2);
		invoice_number(&in, 60, 2);
		assert_int_equal(makes(&in, &b), i == 0);
	}
	least(&in);
	for (i = 0; i < 3; i++) {
		invoice_head(&in, TYPE_R, 2);
		invoice_number(&in, 60, 2);
		assert_true(makes(&in, &b));
	}
}

static void
very_long(void **state)
{
	struct invoice	in;
	struct bolt11	b;
	size_t		want;

	for (want = BOLT11_TEXT_MAX; want <= BOLT11_TEXT_MAX + 1; want++) {
		least(&in);
		while (strlen(invoice_end(&in, "lnbc", text)) + 3 + 1023 <
		    want - 3) {
			invoice_head(&in, TYPE_R, 1023);
			invoice_number(&in, 0, 1023);
		}
		invoice_head(&in, TYPE_R,
		    (unsigned int)(want - strlen(text) - 3));
		invoice_number(&in, 0, (unsigned int)(want - strlen(text) - 3));
		invoice_end(&in, "lnbc", text);
		assert_int_equal(strlen(text), want);
		assert_int_equal(accepted(text, &b), want == BOLT11_TEXT_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_invoices),
		cmocka_unit_test(damaged),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(expiries),
		cmocka_unit_test(descriptions),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ends),
		cmocka_unit_test(twice),
		cmocka_unit_test(very_long),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
