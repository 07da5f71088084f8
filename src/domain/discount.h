/*
 * How much a discount code takes off.  Amounts are in the smallest unit of the
 * listed currency: satoshis or cents, whichever `base' is in.
 */
#ifndef DOMAIN_DISCOUNT_H
#define DOMAIN_DISCOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum discount_kind {
	DISCOUNT_NONE,
	DISCOUNT_PERCENT,	/* amount: basis points, 10,000 is all */
	DISCOUNT_FIXED,		/* amount: what is taken off */
	DISCOUNT_SET_PRICE,	/* amount: what is left to pay */
	DISCOUNT_FREE		/* everything; amount means nothing */
};

/*
 * "percent", "fixed_sats", "set_price" or "free_license", as codes are stored.
 * Any other word, and NULL, is DISCOUNT_NONE.
 */
enum discount_kind	 discount_kind_parse(const char *);
/* The word; "" for DISCOUNT_NONE. */
const char		*discount_kind_name(enum discount_kind);

/*
 * Percent: base * amount div 10,000.  Fixed: min(amount, base).  Set price:
 * max(0, base - amount).  Whatever the arguments, the result is from 0 to
 * `base' (0 for a negative base) and nothing overflows.
 */
int64_t			 discount_of(enum discount_kind, int64_t amount,
			    int64_t base);

#endif
