/*
 * The doctor's look at the payment provider: one list of at most one invoice,
 * which needs just what the server needs, and the API key's own permissions.
 */
#include "cli/doctor_private.h"

#include "base/conf.h"
#include "base/json.h"
#include "cli/startup.h"
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE	10	/* s */
#define URL_SIZE	4096
#define HEADER_SIZE	8300	/* of a secret, and a word */

#define CREATE		"btcpay.store.cancreateinvoice"

static void	check_btcpay(void);
static bool	btcpay_get(struct net_fetched *, const char *);
static void	judge_list(const struct net_fetched *);
static void	judge_permissions(const struct net_fetched *);
static bool	is_permitted(const json_t *);

void
doctor_provider(void)
{
	const char	*kind = startup_provider_kind();

	if (conf_is(kind, "btcpay"))
		check_btcpay();
	else if (conf_is(kind, "sandbox"))
		doctor_say(DOCTOR_OK, "payments", "sandbox: nobody pays real "
		    "money");
	else
		doctor_say(DOCTOR_WARN, "payments", "there is no provider, so "
		    "only what is free can be bought: set LICET_BTCPAY_URL");
}

static void
check_btcpay(void)
{
	struct net_fetched	got;
	char			path[URL_SIZE];
	int			status;

	if (*conf.btcpay_url == '\0' || *conf.btcpay_store_id == '\0' ||
	    *conf.btcpay_api_key == '\0')
		return;		/* that they are missing was said */
	if (conf_is_production() && strncmp(conf.btcpay_url, "https://", 8))
		doctor_say(DOCTOR_WARN, "payments", "%s is not https: the API "
		    "key travels in the clear", conf.btcpay_url);
	(void)snprintf(path, sizeof(path), "/api/v1/stores/%.200s/invoices"
	    "?take=1", conf.btcpay_store_id);
	if (!btcpay_get(&got, path))
		doctor_say(DOCTOR_FAIL, "payments", "%s can't be reached from "
		    "here (%s): check LICET_BTCPAY_URL, name resolution and "
		    "firewalls", conf.btcpay_url, got.error);
	else
		judge_list(&got);
	status = got.status;
	net_fetched_free(&got);
	if (status != 200)
		return;
	if (btcpay_get(&got, "/api/v1/api-keys/current"))
		judge_permissions(&got);
	net_fetched_free(&got);
}

static bool
btcpay_get(struct net_fetched *got, const char *path)
{
	char	url[URL_SIZE], authorization[HEADER_SIZE];
	bool	ok;

	(void)snprintf(url, sizeof(url), "%s%s", conf.btcpay_url, path);
	(void)snprintf(authorization, sizeof(authorization), "token %s",
	    conf.btcpay_api_key);
	ok = net_fetch(got, url, authorization, PATIENCE);
	explicit_bzero(authorization, sizeof(authorization));
	return (ok);
}

static void
judge_list(const struct net_fetched *got)
{
	json_t	*list;
	char	 why[128];

	switch (got->status) {
	case 200:
		list = json_read(got->body, got->len, why, sizeof(why));
		if (json_is_array(list))
			doctor_say(DOCTOR_OK, "payments", "BTCPay Server at "
			    "%s knows the store and the API key",
			    conf.btcpay_url);
		else
			doctor_say(DOCTOR_FAIL, "payments", "what answers at "
			    "%s is no BTCPay Server: check LICET_BTCPAY_URL",
			    conf.btcpay_url);
		json_decref(list);
		return;
	case 401:
		doctor_say(DOCTOR_FAIL, "payments", "401: BTCPay Server does "
		    "not know the API key: make one under Account, API keys, "
		    "and set LICET_BTCPAY_API_KEY");
		return;
	case 403:
		doctor_say(DOCTOR_FAIL, "payments", "403: the API key may not "
		    "see this store's invoices: give it "
		    "btcpay.store.canviewinvoices and " CREATE " for the store "
		    "of LICET_BTCPAY_STORE_ID");
		return;
	case 404:
		doctor_say(DOCTOR_FAIL, "payments", "404: no such store, or no "
		    "BTCPay Server at this URL: check LICET_BTCPAY_STORE_ID "
		    "and LICET_BTCPAY_URL");
		return;
	default:
		doctor_say(DOCTOR_FAIL, "payments", "%d from %s where 200 was "
		    "expected: check LICET_BTCPAY_URL and that server's log%s",
		    got->status, conf.btcpay_url, got->status / 100 == 3 ?
		    "; redirects are not followed" : "");
	}
}

/* A warning at most: a wider permission that we don't know may include it. */
static void
judge_permissions(const struct net_fetched *got)
{
	json_t		*answer, *list, *one;
	size_t		 i;
	char		 why[128];
	bool		 may = false;

	if (got->status != 200)
		return;
	answer = json_read(got->body, got->len, why, sizeof(why));
	list = json_object_get(answer, "permissions");
	json_array_foreach(list, i, one)
		may = may || is_permitted(one);
	if (json_is_array(list) && !may)
		doctor_say(DOCTOR_WARN, "payments", "the API key does not "
		    "seem to have " CREATE " for this store: sales will fail");
	json_decref(answer);
}

/* Permissions are "NAME" or, for one store, "NAME:STORE". */
static bool
is_permitted(const json_t *permission)
{
	static const char *const	enough[] = { CREATE, "unrestricted",
	    "btcpay.store.canmodifyinvoices",
	    "btcpay.store.canmodifystoresettings", NULL };
	const char			*text = json_string_value(permission);
	size_t				 i, len;

	for (i = 0; text != NULL && enough[i] != NULL; i++) {
		len = strlen(enough[i]);
		if (!strncmp(text, enough[i], len) && (text[len] == '\0' ||
		    (text[len] == ':' && !strcmp(text + len + 1,
		    conf.btcpay_store_id))))
			return (true);
	}
	return (false);
}
