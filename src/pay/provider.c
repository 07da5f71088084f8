#include "pay/provider.h"

#include "base/conf.h"

#include <stdio.h>
#include <string.h>

static const struct provider *const	all[] = { &pay_sandbox, &pay_btcpay };

static const struct provider	*current;
static struct pay_account	 account;
static char			 account_id[40];

void
pay_open(const char *kind, const char *provider_id)
{
	size_t	i;

	for (i = 0; kind != NULL && i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i]->kind, kind))
			current = all[i];
	}
	if (current == NULL)
		return;
	snprintf(account_id, sizeof(account_id), "%s", provider_id);
	account.id = account_id;
	account.base_url = conf.btcpay_url;
	account.public_url = conf.btcpay_public_url;
	account.store_id = conf.btcpay_store_id;
	account.api_key = conf.btcpay_api_key;
	account.webhook_secret = conf.btcpay_webhook_secret;
	account.here = conf.public_url;
}

const struct provider *
pay_provider(void)
{
	return (current);
}

const struct pay_account *
pay_account(void)
{
	return (current == NULL ? NULL : &account);
}

bool
pay_serves(const char *rail)
{
	if (rail == NULL || (strcmp(rail, "lightning") &&
	    strcmp(rail, "onchain") && strcmp(rail, "card")))
		return (current != NULL);
	return (current != NULL && strstr(current->rails, rail) != NULL);
}

const char *
pay_status_name(enum pay_status s)
{
	static const char *const	names[] = { [PAY_PENDING] = "pending",
	    [PAY_SETTLED] = "settled", [PAY_EXPIRED] = "expired",
	    [PAY_INVALID] = "invalid" };

	return (names[s]);
}
