#include "pay/btcpay_connect.h"

#include "base/text.h"
#include "pay/btcpay.h"
#include "pay/body.h"
#include "pay/foreign.h"

#include <string.h>

#define TIMEOUT_MS	5000	/* several calls inside one request */
#define KEY_MAX		200
#define STORE		"btcpay.store."

/*
 * Reading and making invoices, marking them when one is void, the webhook; the
 * last two pay tips and refunds.  A choice of stores is only offered to who
 * asks for canmodifystoresettings.
 */
const char *const	btcpay_permissions[] = {
	STORE "canviewstoresettings",
	STORE "canmodifystoresettings",
	STORE "canviewinvoices",
	STORE "cancreateinvoice",
	STORE "canmodifyinvoices",
	STORE "webhooks.canmodifywebhooks",
	STORE "canuselightningnode",
	STORE "cancreatepullpayments",
	NULL
};

/* Permissions that bring others along. */
static const struct {
	const char	*has;
	const char	*brings;
} included[] = {
	{ STORE "canmodifystoresettings", STORE "canviewstoresettings" },
	{ STORE "canmodifystoresettings", STORE "canviewinvoices" },
	{ STORE "canmodifystoresettings", STORE "cancreateinvoice" },
	{ STORE "canmodifystoresettings", STORE "canmodifyinvoices" },
	{ STORE "canmodifystoresettings", STORE "webhooks.canmodifywebhooks" },
	{ STORE "canmodifystoresettings", STORE "canuselightningnode" },
	{ STORE "canmodifystoresettings", STORE "cancreatepullpayments" },
	{ STORE "canmodifystoresettings", STORE "canmanagepullpayments" },
	{ STORE "canviewstoresettings", STORE "canviewinvoices" },
	{ STORE "canmodifyinvoices", STORE "canviewinvoices" },
	{ STORE "canmodifyinvoices", STORE "cancreateinvoice" },
	{ STORE "canmanagepullpayments", STORE "cancreatepullpayments" },
};

/* ---- the consent page ---- */

const char *
btcpay_consent_url(struct arena *a, const char *base_url, const char *redirect)
{
	const char	*url;
	size_t		 i;

	url = arena_printf(a, "%s/api-keys/authorize?applicationName=Licet"
	    "&applicationIdentifier=licet&strict=true&selectiveStores=true"
	    "&redirect=%s", base_url, foreign_escape(a, redirect));
	for (i = 0; btcpay_permissions[i] != NULL; i++)
		url = arena_printf(a, "%s&permissions=%s", url,
		    btcpay_permissions[i]);
	return (url);
}

bool
btcpay_is_api_key(const char *s)
{
	size_t	n = s == NULL ? 0 : strlen(s);

	return (n >= 1 && n <= KEY_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n);
}

static const char *
read_form(char *form)
{
	char	*pair, *value;

	while ((pair = strsep(&form, "&")) != NULL) {
		if ((value = strchr(pair, '=')) == NULL)
			continue;
		*value++ = '\0';
		if (!strcmp(pair, "apiKey"))
			return (text_url_decode(value, true) ? value : NULL);
	}
	return (NULL);
}

const char *
btcpay_read_consent(struct arena *a, const void *body, size_t len)
{
	const char	*key = NULL;
	json_t		*j;
	char		 why[96];

	arena_wipe_later(a);
	if (memchr(body, '\0', len) != NULL)
		return (NULL);
	if ((j = json_read(body, len, why, sizeof(why))) == NULL)
		key = read_form(arena_strndup(a, body, len));
	else if (json_text(j, "apiKey") != NULL)
		key = arena_strdup(a, json_text(j, "apiKey"));
	json_decref(j);
	return (btcpay_is_api_key(key) ? key : NULL);
}

/* ---- the key and its store ---- */

/* About the server, not about a store. */
static void
ask(struct arena *a, const struct pay_account *account, const char *method,
    const char *path, struct pay_ask *out)
{
	out->http.method = method;
	out->http.url = arena_printf(a, "%s/api/v1/%s", account->base_url,
	    path);
	out->http.authorization = arena_printf(a, "token %s",
	    account->api_key);
	out->http.timeout_ms = TIMEOUT_MS;
}

static void
ask_store(struct arena *a, const struct pay_account *account,
    const char *method, const char *path, struct pay_ask *out)
{
	btcpay_ask(a, account, method, path, out);
	out->http.timeout_ms = TIMEOUT_MS;
}

void
btcpay_ask_key(struct arena *a, const struct pay_account *account,
    struct pay_ask *out)
{
	ask(a, account, "GET", "api-keys/current", out);
}

enum pay_result
btcpay_read_key(struct arena *a, const struct pay_answer *answer,
    struct btcpay_key *out)
{
	const json_t	*list, *one;
	enum pay_result	 result;
	json_t		*j;
	size_t		 i;

	*out = (struct btcpay_key){ .is_told = false };
	if (answer->reply->error == NULL && answer->reply->status == 404)
		return (PAY_OK);
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	list = json_object_get(j, "permissions");
	out->is_told = json_is_array(list);
	out->permissions = arena_alloc(a, (json_array_size(list) + 1) *
	    sizeof(*out->permissions));
	json_array_foreach(list, i, one) {
		if (json_is_string(one))
			out->permissions[out->n++] =
			    arena_strdup(a, json_string_value(one));
	}
	json_decref(j);
	return (PAY_OK);
}

static bool
brings(const char *has, size_t len, const char *policy)
{
	size_t	i;

	if (strlen(policy) == len && !strncmp(has, policy, len))
		return (true);
	for (i = 0; i < sizeof(included) / sizeof(included[0]); i++) {
		if (strlen(included[i].has) == len &&
		    !strncmp(has, included[i].has, len) &&
		    !strcmp(included[i].brings, policy))
			return (true);
	}
	return (false);
}

bool
btcpay_key_allows(const struct btcpay_key *key, const char *policy,
    const char *store_id)
{
	const char	*p;
	unsigned int	 i;
	size_t		 len;

	for (i = 0; i < key->n; i++) {
		p = key->permissions[i];
		len = strcspn(p, ":");
		if (p[len] == ':' && p[len + 1] != '\0' &&
		    strcmp(p + len + 1, store_id) != 0)
			continue;
		if (!strcmp(p, "unrestricted") || brings(p, len, policy))
			return (true);
	}
	return (false);
}

void
btcpay_ask_stores(struct arena *a, const struct pay_account *account,
    struct pay_ask *out)
{
	ask(a, account, "GET", "stores", out);
}

enum pay_result
btcpay_read_stores(struct arena *a, const struct pay_answer *answer,
    const char **id, const char **name)
{
	const json_t	*first;
	enum pay_result	 result;
	json_t		*j;

	*id = *name = NULL;
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	first = json_array_get(j, 0);
	if (!json_is_array(j) ||
	    (first != NULL && !foreign_is_id(json_text(first, "id")))) {
		result = PAY_FAILED;
	} else if (first == NULL) {
		result = PAY_NONE;
	} else {
		*id = arena_strdup(a, json_text(first, "id"));
		*name = json_text(first, "name");
		*name = arena_strdup(a, *name == NULL ? *id : *name);
	}
	json_decref(j);
	return (result);
}

/* ---- which network ---- */

void
btcpay_ask_address(struct arena *a, const struct pay_account *account,
    bool old, struct pay_ask *out)
{
	ask_store(a, account, "GET", arena_printf(a,
	    "payment-methods/%s/wallet/address", old ? "BTC" : "BTC-CHAIN"),
	    out);
}

enum pay_result
btcpay_read_address(struct arena *a, const struct pay_answer *answer,
    const char **address)
{
	const char	*text;
	enum pay_result	 result;
	json_t		*j;

	*address = NULL;
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	if ((text = json_text(j, "address")) == NULL)
		result = PAY_FAILED;
	else
		*address = arena_strdup(a, text);
	json_decref(j);
	return (result);
}

bool
btcpay_is_test_address(const char *s)
{
	static const char	base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
				    "abcdefghijkmnopqrstuvwxyz";
	size_t			n = strlen(s);

	if (!strncmp(s, "bcrt1", 5) || !strncmp(s, "tb1", 3))
		return (true);
	return (n >= 26 && n <= 35 && strchr("mn2", s[0]) != NULL &&
	    strspn(s, base58) == n);
}

/* ---- the webhook ---- */

void
btcpay_ask_hooks(struct arena *a, const struct pay_account *account,
    struct pay_ask *out)
{
	ask_store(a, account, "GET", "webhooks", out);
}

enum pay_result
btcpay_read_hooks(struct arena *a, const struct pay_answer *answer,
    const char *url, const char **id)
{
	const char	*there;
	const json_t	*one;
	enum pay_result	 result;
	json_t		*j;
	size_t		 i;

	*id = NULL;
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	json_array_foreach(j, i, one) {
		there = json_text(one, "url");
		if (*id == NULL && there != NULL && !strcmp(there, url) &&
		    foreign_is_id(json_text(one, "id")))
			*id = arena_strdup(a, json_text(one, "id"));
	}
	json_decref(j);
	return (*id == NULL ? PAY_NONE : PAY_OK);
}

void
btcpay_ask_hook(struct arena *a, const struct pay_account *account,
    const char *id, const char *url, struct pay_ask *out)
{
	json_t	*events = json_array();
	size_t	 i;

	for (i = 0; btcpay_events[i] != NULL; i++)
		json_array_append_new(events, json_string(btcpay_events[i]));
	ask_store(a, account, id == NULL ? "POST" : "PUT", id == NULL ?
	    "webhooks" : arena_printf(a, "webhooks/%s", foreign_escape(a, id)),
	    out);
	pay_ask_body(a, json_pack("{s:s,s:b,s:b,s:s,s:{s:b,s:o}}",
	    "url", url, "enabled", 1, "automaticRedelivery", 1,
	    "secret", account->webhook_secret,
	    "authorizedEvents", "everything", 0, "specificEvents", events),
	    out);
}

enum pay_result
btcpay_read_hook_id(struct arena *a, const struct pay_answer *answer,
    const char **id)
{
	enum pay_result	 result;
	json_t		*j;

	*id = NULL;
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	if (foreign_is_id(json_text(j, "id")))
		*id = arena_strdup(a, json_text(j, "id"));
	json_decref(j);
	return (*id == NULL ? PAY_FAILED : PAY_OK);
}

/* ---- letting go ---- */

void
btcpay_ask_unhook(struct arena *a, const struct pay_account *account,
    const char *id, struct pay_ask *out)
{
	ask_store(a, account, "DELETE", arena_printf(a, "webhooks/%s",
	    foreign_escape(a, id)), out);
}

void
btcpay_ask_revoke(struct arena *a, const struct pay_account *account,
    struct pay_ask *out)
{
	ask(a, account, "DELETE", "api-keys/current", out);
}

bool
btcpay_is_gone(const struct pay_answer *answer)
{
	int	status = answer->reply->status;

	return (answer->reply->error == NULL &&
	    ((status >= 200 && status < 300) || status == 404));
}

/* ---- what it takes ---- */

void
btcpay_ask_methods(struct arena *a, const struct pay_account *account,
    struct pay_ask *out)
{
	ask_store(a, account, "GET", "payment-methods", out);
}

json_t *
btcpay_read_methods(const struct pay_answer *answer)
{
	const json_t	*one;
	const char	*id;
	json_t		*j, *out;
	size_t		 i;

	if (btcpay_read(answer, &j) != PAY_OK)
		return (NULL);
	out = json_is_array(j) ? json_array() : NULL;
	json_array_foreach(j, i, one) {
		/* Its name before 2.0 was paymentMethod. */
		if ((id = json_text(one, "paymentMethodId")) == NULL &&
		    (id = json_text(one, "paymentMethod")) == NULL)
			continue;
		json_array_append_new(out, json_pack("{s:s,s:b}",
		    "payment_method_id", id, "enabled",
		    json_is_true(json_object_get(one, "enabled"))));
	}
	json_decref(j);
	return (out);
}
