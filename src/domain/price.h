/*
 * What a purchase costs: the code works on the listed value in its own
 * currency, and only what is left is changed into satoshis.  Refuses what is
 * more than there is of bitcoin.
 */
#ifndef DOMAIN_PRICE_H
#define DOMAIN_PRICE_H

#include "domain/discount.h"

#include <stdbool.h>
#include <stdint.h>

struct price_terms {
	int64_t			listed_value;	/* satoshis or cents */
	int64_t			rate_e4;	/* 0: listed in satoshis */
	enum discount_kind	kind;
	int64_t			amount;		/* of the code, in the listed
						   currency; see discount.h */
	bool			is_trial;	/* no code, nothing to pay */
};

struct price {
	int64_t	base_sats;	/* before the code */
	int64_t	charged_value;	/* after it, in the listed currency */
	int64_t	amount_sats;	/* to pay; 0 exactly when is_free */
	int64_t	discount_sats;	/* base_sats - amount_sats, never negative */
	bool	is_free;	/* settled at once, no provider's invoice */
};

/*
 * Free is a trial, a listed value of 0 and a code that leaves 0.  Whatever is
 * listed or left above 0 is at least 1 satoshi.  A trial is all zeros and needs
 * no rate.  False, with `*price' all zeros and not free: a negative listed
 * value or rate, or a base of more than 21 million BTC.
 */
bool	price_quote(const struct price_terms *, struct price *);

/*
 * The satoshis of a value in the listed currency, by the same rules: what a
 * renewal or a change of tier costs (at least 1 for more than 0).
 */
bool	price_in_sats(int64_t value, int64_t rate_e4, int64_t *sats);

#endif
