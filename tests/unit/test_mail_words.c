/* mail/words: amounts and spans as buyers read them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mail/words.h"

static void
prices(void **state)
{
	static const struct {
		const char	*currency;
		int64_t		 value;
		const char	*words;
	} rows[] = {
		{ "SAT", 0, "0 sats" },
		{ "SAT", 1, "1 sat" },
		{ "SAT", 999, "999 sats" },
		{ "SAT", 1000, "1,000 sats" },
		{ "SAT", 21000000, "21,000,000 sats" },
		{ "SAT", INT64_MAX, "9,223,372,036,854,775,807 sats" },
		{ "USD", 0, "0.00 USD" },
		{ "USD", 5, "0.05 USD" },
		{ "EUR", 2500, "25.00 EUR" },
		{ "EUR", 123456789, "1,234,567.89 EUR" },
	};
	char	words[MAIL_WORDS_SIZE];
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mail_words_price(words, rows[i].currency, rows[i].value);
		assert_string_equal(words, rows[i].words);
	}
}

static void
days(void **state)
{
	char	words[MAIL_WORDS_SIZE];

	mail_words_days(words, 1);
	assert_string_equal(words, "24 hours");
	mail_words_days(words, 30);
	assert_string_equal(words, "30 days");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(prices),
		cmocka_unit_test(days),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
