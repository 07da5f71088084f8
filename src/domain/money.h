/* Money is an integer in the smallest unit; here it meets decimals. */
#ifndef DOMAIN_MONEY_H
#define DOMAIN_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONEY_TEXT_SIZE	32

/* 21 million BTC: no amount of satoshis is above it. */
#define MONEY_SATS_MAX	INT64_C(2100000000000000)

/*
 * A rate is units of a fiat currency (main units, not cents) per bitcoin times
 * 10,000, as invoices keep it: 65,000.5 USD are 650005000.
 */
#define MONEY_RATE_MAX	INT64_C(10000000000000000)	/* 1e12 units */

/* 50,000 sats to "0.00050000" BTC, exactly; `sats' is not negative. */
void	money_sats_to_btc(int64_t sats, char out[MONEY_TEXT_SIZE]);

/*
 * "0.0005" BTC to 50,000 sats.  False: no decimal number, negative, more than
 * 21 million BTC, or a fraction of a satoshi; `*sats' is then unspecified.
 */
bool	money_btc_to_sats(const char *btc, int64_t *sats);
/* The same for a number of sats: "50000" or "50000.0". */
bool	money_text_to_sats(const char *text, int64_t *sats);

/*
 * A rate's decimal text, as JSON writes numbers ("97123.45", "9.5e4"), to
 * `*rate_e4', rounded half away from zero; exact, no double on the way.
 * False: anything else, a sign, nothing left after rounding, above 1e12 units.
 */
bool	money_rate_parse(const char *decimal, int64_t *rate_e4);

/*
 * round(cents * 1,000,000 / units per bitcoin), half away from zero, exact.
 * False: negative cents, a rate that is not positive, or too large for 64 bits.
 * What is less than half a satoshi is 0: see domain/price.h.
 */
bool	money_fiat_to_sats(int64_t cents, int64_t rate_e4, int64_t *sats);

#endif
