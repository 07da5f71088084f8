/* Money is an integer in the smallest unit; here it meets decimals. */
#ifndef DOMAIN_MONEY_H
#define DOMAIN_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONEY_TEXT_SIZE	32

/* 50,000 sats to "0.00050000" BTC, exactly; `sats' is not negative. */
void	money_sats_to_btc(int64_t sats, char out[MONEY_TEXT_SIZE]);

/*
 * "0.0005" BTC to 50,000 sats.  False: no decimal number, negative, more than
 * 21 million BTC, or a fraction of a satoshi; `*sats' is then unspecified.
 */
bool	money_btc_to_sats(const char *btc, int64_t *sats);
/* The same for a number of sats: "50000" or "50000.0". */
bool	money_text_to_sats(const char *text, int64_t *sats);

#endif
