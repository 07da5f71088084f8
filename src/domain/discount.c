#include "domain/discount.h"

#include <stddef.h>
#include <string.h>

#define BASIS_POINTS	10000	/* the whole */

static const char *const	names[] = {
	[DISCOUNT_NONE] = "", [DISCOUNT_PERCENT] = "percent",
	[DISCOUNT_FIXED] = "fixed_sats", [DISCOUNT_SET_PRICE] = "set_price",
	[DISCOUNT_FREE] = "free_license"
};

enum discount_kind
discount_kind_parse(const char *word)
{
	size_t	i;

	for (i = 1; word != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], word))
			return ((enum discount_kind)i);
	}
	return (DISCOUNT_NONE);
}

const char *
discount_kind_name(enum discount_kind kind)
{
	return (names[kind]);
}

/* With `amount' brought into the range where it means something. */
int64_t
discount_of(enum discount_kind kind, int64_t amount, int64_t base)
{
	if (base <= 0)
		return (0);
	if (amount < 0)
		amount = 0;
	switch (kind) {
	case DISCOUNT_PERCENT:
		if (amount > BASIS_POINTS)
			amount = BASIS_POINTS;
		return ((int64_t)((__int128)base * amount / BASIS_POINTS));
	case DISCOUNT_FIXED:
		return (amount < base ? amount : base);
	case DISCOUNT_SET_PRICE:
		return (amount < base ? base - amount : 0);
	case DISCOUNT_FREE:
		return (base);
	case DISCOUNT_NONE:
		break;
	}
	return (0);
}
