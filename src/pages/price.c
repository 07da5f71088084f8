#include "pages/price.h"

#include "pages/value.h"

#include <string.h>

const char *
price_amount(struct arena *a, const char *currency, long long value)
{
	const char	*unit = currency;

	if (!strcmp(currency, "SAT"))
		unit = value == 1 ? "sat" : "sats";
	return (arena_printf(a, "%s %s", value_money(a, value, currency, true),
	    unit));
}

const char *
price_days(struct arena *a, long long days)
{
	return (arena_printf(a, "%lld day%s", days, days == 1 ? "" : "s"));
}

const char *
price_period(struct arena *a, long long days)
{
	switch (days) {
	case 7:
		return ("wk");
	case 30:
		return ("mo");
	case 90:
		return ("qtr");
	case 180:
		return ("6mo");
	case 365:
		return ("yr");
	default:
		return (price_days(a, days));
	}
}

json_t *
price_values(struct arena *a, const struct price_words *p)
{
	bool	is_trial = p->period_days > 0 && p->trial_days > 0;

	return (json_pack("{s:s?,s:b,s:s?,s:s,s:s?}",
	    "trial", is_trial ? price_days(a, p->trial_days) : NULL,
	    "costs", p->left > 0,
	    "was", p->left < p->value && !is_trial ?
	    price_amount(a, p->currency, p->value) : NULL,
	    "now", p->left > 0 ? price_amount(a, p->currency, p->left) :
	    "Free",
	    "period", p->period_days > 0 ? price_period(a, p->period_days) :
	    NULL));
}
