#include "domain/price.h"

#include "domain/money.h"

bool
price_in_sats(int64_t value, int64_t rate_e4, int64_t *sats)
{
	if (value < 0 || rate_e4 < 0)
		return (false);
	if (rate_e4 == 0)
		*sats = value;
	else if (!money_fiat_to_sats(value, rate_e4, sats))
		return (false);
	/* A cent can be worth less than half a satoshi; it is not free. */
	if (value > 0 && *sats == 0)
		*sats = 1;
	return (*sats <= MONEY_SATS_MAX);
}

bool
price_quote(const struct price_terms *terms, struct price *price)
{
	struct price	p = { 0 };

	*price = (struct price){ 0 };
	if (terms->is_trial) {
		price->is_free = true;
		return (true);
	}
	p.charged_value = terms->listed_value -
	    discount_of(terms->kind, terms->amount, terms->listed_value);
	/* What is less in the listed currency is not more in satoshis. */
	if (!price_in_sats(terms->listed_value, terms->rate_e4, &p.base_sats) ||
	    !price_in_sats(p.charged_value, terms->rate_e4, &p.amount_sats))
		return (false);
	p.discount_sats = p.base_sats - p.amount_sats;
	p.is_free = p.charged_value == 0;
	*price = p;
	return (true);
}
