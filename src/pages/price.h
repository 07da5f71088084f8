/* What things cost, as buyers read it. */
#ifndef PAGES_PRICE_H
#define PAGES_PRICE_H

#include "base/arena.h"
#include "base/json.h"

struct price_words {
	const char	*currency;
	long long	 value;		/* before what a code takes off */
	long long	 left;		/* after it */
	long long	 period_days;	/* 0: it is paid once */
	long long	 trial_days;	/* of what recurs */
};

/* "49.00 USD", "1,200 sats", "1 sat"; in the arena. */
const char	*price_amount(struct arena *, const char *currency,
		    long long value);

/* 7 is "wk", 30 "mo", 90 "qtr", 180 "6mo", 365 "yr", else "45 days". */
const char	*price_period(struct arena *, long long days);

/* 0.. "1 day", "14 days" */
const char	*price_days(struct arena *, long long days);

/*
 * For the template shop_price: a new object.  `trial' has the days that are
 * free, `now' the amount, `was' what it would be without the code.
 */
json_t		*price_values(struct arena *, const struct price_words *);

#endif
