/* Which kinds there are, and the words for what a provider says. */
#include "pay/provider.h"

#include <string.h>

static const struct provider *const	all[] = { &pay_sandbox, &pay_btcpay,
    &pay_zaprite };

const struct provider *
pay_provider(const char *kind)
{
	size_t	i;

	for (i = 0; kind != NULL && i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i]->kind, kind))
			return (all[i]);
	}
	return (NULL);
}

bool
pay_is_rail(const char *word)
{
	return (word != NULL && (!strcmp(word, "lightning") ||
	    !strcmp(word, "onchain") || !strcmp(word, "card")));
}

const char *
pay_status_name(enum pay_status s)
{
	static const char *const	names[] = { [PAY_PENDING] = "pending",
	    [PAY_SETTLED] = "settled", [PAY_EXPIRED] = "expired",
	    [PAY_INVALID] = "invalid" };

	return (names[s]);
}

const char *
pay_kind_name(enum pay_kind k)
{
	static const char *const	names[] = { [PAY_PURCHASE] = "purchase",
	    [PAY_RENEWAL] = "renewal", [PAY_TIER_CHANGE] = "tier_change" };

	return (names[k]);
}

const char *
pay_exception_name(enum pay_exception e)
{
	static const char *const	names[] = { [PAY_AS_ASKED] = NULL,
	    [PAY_PARTIAL] = "partial", [PAY_LATE] = "late",
	    [PAY_OVER] = "over", [PAY_MARKED] = "marked" };

	return (names[e]);
}
