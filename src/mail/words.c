#include "mail/words.h"

#include <stdio.h>
#include <string.h>

/* With commas between thousands; all of an int64_t fits. */
static void
group(char out[32], int64_t n)
{
	char	digits[24];
	size_t	i, len, at = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)n);
	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

void
mail_words_sats(char out[MAIL_WORDS_SIZE], int64_t sats)
{
	char	whole[32];

	group(whole, sats);
	(void)snprintf(out, MAIL_WORDS_SIZE, "%s %s", whole,
	    sats == 1 ? "sat" : "sats");
}

void
mail_words_price(char out[MAIL_WORDS_SIZE], const char *currency,
    int64_t value)
{
	char	whole[32];

	if (!strcmp(currency, "SAT")) {
		mail_words_sats(out, value);
		return;
	}
	group(whole, value / 100);
	(void)snprintf(out, MAIL_WORDS_SIZE, "%s.%02d %.3s", whole,
	    (int)(value % 100), currency);
}

void
mail_words_days(char out[MAIL_WORDS_SIZE], int64_t days)
{
	if (days == 1)
		(void)snprintf(out, MAIL_WORDS_SIZE, "24 hours");
	else
		(void)snprintf(out, MAIL_WORDS_SIZE, "%lld days",
		    (long long)days);
}
