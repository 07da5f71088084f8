/* Amounts and spans of time as mail says them. */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include <stdint.h>

#define MAIL_WORDS_SIZE	64

/* "21,000 sats", "1 sat"; `sats' is not negative. */
void	mail_words_sats(char out[MAIL_WORDS_SIZE], int64_t sats);

/* 2500 EUR: "25.00 EUR"; SAT as above.  `currency' has three letters. */
void	mail_words_price(char out[MAIL_WORDS_SIZE], const char *currency,
	    int64_t value);

/* "30 days"; a single one is "24 hours", which fits after `the next'. */
void	mail_words_days(char out[MAIL_WORDS_SIZE], int64_t days);

#endif
