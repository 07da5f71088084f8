/*
 * The doctor's look at the payment providers, the one that the settings name
 * and those that were connected by hand: at BTCPay Server one list of at most
 * one invoice, which needs just what the server needs, and the API key's own
 * permissions.
 */
#include "cli/doctor_private.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"
#include "cli/startup.h"
#include "db/session.h"
#include "net/fetch.h"
#include "pay/sealed.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE	10	/* s */
#define URL_SIZE	4096
#define HEADER_SIZE	8300	/* of a secret, and a word */
#define ERROR_MAX	65536

#define CREATE		"btcpay.store.cancreateinvoice"

/* A store at BTCPay Server, and where its url, store and key are changed. */
struct store {
	const char	*url, *id, *key;
	const char	*mend_url, *mend_store, *mend_key;
};

static void	check_named(unsigned int connected);
static unsigned int check_connected(const struct keyring *);
static void	check_row(struct arena *, const struct keyring *,
		    const struct db_rows *, unsigned int);
static void	check_btcpay(const struct store *);
static bool	btcpay_get(const struct store *, struct net_fetched *,
		    const char *);
static void	judge_list(const struct store *, const struct net_fetched *);
static void	judge_permissions(const struct store *,
		    const struct net_fetched *);
static bool	is_permitted(const struct store *, const json_t *);

void
doctor_provider(const struct keyring *ring)
{
	check_named(check_connected(ring));
}

/* What the settings name; `connected' are there besides. */
static void
check_named(unsigned int connected)
{
	const struct store	 named = { .url = conf.btcpay_url,
				    .id = conf.btcpay_store_id,
				    .key = conf.btcpay_api_key,
				    .mend_url = "check LICET_BTCPAY_URL",
				    .mend_store =
				    "check LICET_BTCPAY_STORE_ID",
				    .mend_key = "set LICET_BTCPAY_API_KEY" };
	const char		*kind = startup_provider_kind();

	if (conf_is(kind, "btcpay"))
		check_btcpay(&named);
	else if (conf_is(kind, "sandbox"))
		doctor_say(DOCTOR_OK, "payments", "sandbox: nobody pays real "
		    "money");
	else if (connected == 0)
		doctor_say(DOCTOR_WARN, "payments", "there is no provider, so "
		    "only what is free can be bought: connect one, or set "
		    "LICET_BTCPAY_URL and what goes with it");
}

/*
 * Those in the database that no settings name; how many.  That it is away, or
 * is not ours, was said.
 */
static unsigned int
check_connected(const struct keyring *ring)
{
	struct db_session	*db;
	struct db_rows		*rows = NULL;
	struct arena		 arena;
	struct buf		 error;
	unsigned int		 i, n = 0;

	if (ring == NULL || *conf.database_url == '\0')
		return (0);
	buf_init(&error, ERROR_MAX);
	if ((db = db_session_open(0, &error)) != NULL)
		rows = db_session_query(db, &sql_provider_by_hand_list, NULL,
		    &error);
	arena_init(&arena);
	if (rows != NULL)
		n = db_rows_count(rows);
	for (i = 0; i < n; i++)
		check_row(&arena, ring, rows, i);
	arena_reset(&arena);
	if (db != NULL) {
		db_rows_free(rows);
		db_session_close(db);
	}
	buf_free(&error);
	return (n);
}

static void
check_row(struct arena *a, const struct keyring *ring,
    const struct db_rows *rows, unsigned int i)
{
	const char	*profile = db_text(rows, i, "profile_name");
	const char	*kind = db_text(rows, i, "provider_kind");
	const char	*mend;
	struct store	 st = { .url = db_text(rows, i, "provider_base_url"),
			    .id = db_text(rows, i, "provider_store_id") };

	st.key = pay_unseal(a, ring, PAY_SEALED_API_KEY,
	    db_text(rows, i, "provider_id"),
	    db_text(rows, i, "provider_api_key"));
	mend = arena_printf(a, "connect it to `%s' again", profile);
	st.mend_url = st.mend_store = st.mend_key = mend;
	if (st.key == NULL)
		doctor_say(DOCTOR_FAIL, "payments", "the key ring does not "
		    "open the secrets of %s: %s", kind, mend);
	else if (conf_is(kind, "btcpay"))
		check_btcpay(&st);
	else
		doctor_say(DOCTOR_OK, "payments", "%s is connected to `%s'",
		    kind, profile);
}

static void
check_btcpay(const struct store *st)
{
	struct net_fetched	got;
	char			path[URL_SIZE];
	int			status;

	if (*st->url == '\0' || *st->id == '\0' || *st->key == '\0')
		return;		/* that they are missing was said */
	if (conf_is_production() && strncmp(st->url, "https://", 8))
		doctor_say(DOCTOR_WARN, "payments", "%s is not https: the API "
		    "key travels in the clear", st->url);
	(void)snprintf(path, sizeof(path), "/api/v1/stores/%.200s/invoices"
	    "?take=1", st->id);
	if (!btcpay_get(st, &got, path))
		doctor_say(DOCTOR_FAIL, "payments", "%s can't be reached from "
		    "here (%s): %s, name resolution and firewalls", st->url,
		    got.error, st->mend_url);
	else
		judge_list(st, &got);
	status = got.status;
	net_fetched_free(&got);
	if (status != 200)
		return;
	if (btcpay_get(st, &got, "/api/v1/api-keys/current"))
		judge_permissions(st, &got);
	net_fetched_free(&got);
}

static bool
btcpay_get(const struct store *st, struct net_fetched *got, const char *path)
{
	char	url[URL_SIZE], authorization[HEADER_SIZE];
	bool	ok;

	(void)snprintf(url, sizeof(url), "%s%s", st->url, path);
	(void)snprintf(authorization, sizeof(authorization), "token %s",
	    st->key);
	ok = net_fetch(got, url, authorization, PATIENCE);
	explicit_bzero(authorization, sizeof(authorization));
	return (ok);
}

static void
judge_list(const struct store *st, const struct net_fetched *got)
{
	json_t	*list;
	char	 why[128];

	switch (got->status) {
	case 200:
		list = json_read(got->body, got->len, why, sizeof(why));
		if (json_is_array(list))
			doctor_say(DOCTOR_OK, "payments", "BTCPay Server at "
			    "%s knows the store and the API key", st->url);
		else
			doctor_say(DOCTOR_FAIL, "payments", "what answers at "
			    "%s is no BTCPay Server: %s", st->url,
			    st->mend_url);
		json_decref(list);
		return;
	case 401:
		doctor_say(DOCTOR_FAIL, "payments", "401: BTCPay Server does "
		    "not know the API key: make one under Account, API keys, "
		    "and %s", st->mend_key);
		return;
	case 403:
		doctor_say(DOCTOR_FAIL, "payments", "403: the API key may not "
		    "see the invoices of store %s: give it "
		    "btcpay.store.canviewinvoices and " CREATE " for that "
		    "store, or %s", st->id, st->mend_store);
		return;
	case 404:
		doctor_say(DOCTOR_FAIL, "payments", "404: no such store, or no "
		    "BTCPay Server at %s: %s", st->url, st->mend_store);
		return;
	default:
		doctor_say(DOCTOR_FAIL, "payments", "%d from %s where 200 was "
		    "expected: %s and that server's log%s", got->status,
		    st->url, st->mend_url, got->status / 100 == 3 ?
		    "; redirects are not followed" : "");
	}
}

/* A warning at most: a wider permission that we don't know may include it. */
static void
judge_permissions(const struct store *st, const struct net_fetched *got)
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
		may = may || is_permitted(st, one);
	if (json_is_array(list) && !may)
		doctor_say(DOCTOR_WARN, "payments", "the API key does not "
		    "seem to have " CREATE " for this store: sales will fail");
	json_decref(answer);
}

/* Permissions are "NAME" or, for one store, "NAME:STORE". */
static bool
is_permitted(const struct store *st, const json_t *permission)
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
		    st->id))))
			return (true);
	}
	return (false);
}
