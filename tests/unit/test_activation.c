/* crypto/activation: what a person may do to a request, and what not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/activation.h"

#include "crypto/license_key.h"

#include <string.h>

/* Of a machine whose fingerprint is "attic"; made apart, in Python. */
#define HEAD	"LICQ1-"
#define TEXT	"Q65ROAPOOQAV2JKG56I2MZHFECKQ46CYD3LOJD7ZQ5YPSWQ5FBKCKOKPCM"

static void
requests_are_read_as_they_are_typed(void **state)
{
	static const char *const	rows[] = {
		HEAD TEXT, " " HEAD TEXT "\r\n", "LICQ1" TEXT,
		"licq1-" TEXT, HEAD " - " TEXT,
	};
	uint8_t	want[32], got[32];
	char	split[160];
	size_t	i, n;

	license_key_fingerprint("attic", 5, want);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(got, 0, sizeof(got));
		assert_true(activation_request_read(rows[i], got));
		assert_memory_equal(got, want, sizeof(got));
	}
	for (i = 0, n = 0; TEXT[i] != '\0'; i++) {	/* by fives, lower case */
		if (i % 5 == 0)
			split[n++] = i % 2 == 0 ? ' ' : '-';
		split[n++] = (char)(TEXT[i] >= 'A' ? TEXT[i] + 32 : TEXT[i]);
	}
	split[n] = '\0';
	memmove(split + 5, split, n + 1);
	memcpy(split, "LICQ1", 5);
	assert_true(activation_request_read(split, got));
	assert_memory_equal(got, want, sizeof(got));
}

static void
everything_else_is_refused(void **state)
{
	static const char *const	rows[] = {
		"", "LICQ1", HEAD, TEXT, "LICQ2-" TEXT, "LIC1-" TEXT,
		HEAD TEXT "A", HEAD TEXT TEXT, HEAD TEXT "=", "x" HEAD TEXT,
	};
	uint8_t	got[32];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(activation_request_read(rows[i], got));
}

static void
every_mistyped_character_is_found(void **state)
{
	static const char	all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t			got[32];
	char			text[sizeof(TEXT)], whole[80];
	size_t			i, c;

	for (i = 0; TEXT[i] != '\0'; i++) {
		for (c = 0; all[c] != '\0'; c++) {
			if (all[c] == TEXT[i])
				continue;
			memcpy(text, TEXT, sizeof(text));
			text[i] = all[c];
			(void)memcpy(whole, HEAD, 6);
			(void)memcpy(whole + 6, text, sizeof(text));
			assert_false(activation_request_read(whole, got));
		}
		memcpy(text, TEXT, sizeof(text));
		text[i] = '1';		/* no character of base32 */
		(void)memcpy(whole, HEAD, 6);
		(void)memcpy(whole + 6, text, sizeof(text));
		assert_false(activation_request_read(whole, got));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_as_they_are_typed),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(every_mistyped_character_is_found),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
