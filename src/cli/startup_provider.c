/*
 * The payment provider that the settings name, in the database: connected to
 * the default merchant profile, its secrets sealed.  It takes the place of one
 * that earlier settings named, and never that of one connected by hand.  It
 * stays with its profile when another becomes the default.  Settings that name
 * none disconnect none.
 */
#include "cli/startup.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "db/session.h"
#include "pay/sealed.h"

#include "sql.h"

#include <string.h>

/* What the settings say, and what there is; texts in the arena. */
struct named {
	struct arena		*arena;
	const struct keyring	*ring;
	const char		*kind, *label;
	const char		*base_url, *public_url, *store_id;
	const char		*api_key, *webhook_secret;
	const char		*id;		/* NULL: not connected */
	bool			 is_stale;	/* it is to be refreshed */
	bool			 is_taken;	/* its place, by one connected
						   by hand */
};

static bool	enter(struct db_session *, struct named *, struct buf *);
static bool	find(struct db_session *, struct named *, struct buf *);
static void	judge(struct named *, const struct db_rows *, unsigned int);
static bool	is_same(const struct named *, const struct db_rows *,
		    unsigned int);
static bool	retire(struct db_session *, const char *, const char *,
		    struct buf *);
static bool	ensure(struct db_session *, struct named *, struct buf *);
static bool	refresh(struct db_session *, struct named *, struct buf *);
static bool	name_profile(struct db_session *, struct buf *);
static bool	run(struct db_session *, const struct sql_stmt *, const void *,
		    struct buf *);

const char *
startup_provider_kind(void)
{
	if (!conf_is(conf.payments, "auto"))
		return (conf.payments);
	if (*conf.btcpay_url != '\0' && *conf.btcpay_api_key != '\0')
		return ("btcpay");
	return (conf_is_production() || *conf.btcpay_url != '\0' ? "none" :
	    "sandbox");
}

/* One replica at a time, all or nothing. */
bool
startup_provider(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	struct arena	arena;
	struct named	n = { .arena = &arena, .ring = ring,
			    .kind = startup_provider_kind(),
			    .label = "Sandbox", .base_url = "",
			    .public_url = "", .store_id = "" };
	bool		ok;

	if (conf_is(n.kind, "btcpay")) {
		n.label = "BTCPay Server";
		n.base_url = conf.btcpay_url;
		n.public_url = conf.btcpay_public_url;
		n.store_id = conf.btcpay_store_id;
		n.api_key = conf.btcpay_api_key;
		n.webhook_secret = conf.btcpay_webhook_secret;
	}
	if (!db_session_run(db, "BEGIN; SET LOCAL lock_timeout = '30s'; "
	    "LOCK TABLE payment_providers IN SHARE ROW EXCLUSIVE MODE", error))
		return (false);
	arena_init(&arena);
	arena_wipe_later(&arena);
	ok = enter(db, &n, error);
	arena_reset(&arena);
	if (ok)
		return (db_session_run(db, "COMMIT", error));
	db_session_run(db, "ROLLBACK", error);
	return (false);
}

static bool
enter(struct db_session *db, struct named *n, struct buf *error)
{
	if (!name_profile(db, error))
		return (false);
	if (conf_is_production() && !retire(db, NULL, "sandbox", error))
		return (false);
	if (conf_is(n->kind, "none"))
		return (true);
	if (!find(db, n, error) || !retire(db, n->id, NULL, error))
		return (false);
	if (n->id == NULL && !n->is_taken && !ensure(db, n, error))
		return (false);
	if (n->id != NULL)
		return (!n->is_stale || refresh(db, n, error));
	LOG(LOG_NOTICE, "provider.kept", LS("kind", n->kind),
	    LS("meaning", "the settings name a provider, but one that "
	    "was connected by hand is in its place"));
	return (true);
}

/* Is one of this kind connected, and is it the one that the settings mean? */
static bool
find(struct db_session *db, struct named *n, struct buf *error)
{
	struct db_rows	*rows;
	const char	*kind;
	unsigned int	 i;

	rows = db_session_query(db, &sql_provider_known_list, NULL, error);
	if (rows == NULL)
		return (false);
	for (i = 0; i < db_rows_count(rows); i++) {
		kind = db_text(rows, i, "provider_kind");
		if (kind != NULL && !strcmp(kind, n->kind))
			judge(n, rows, i);
	}
	db_rows_free(rows);
	return (true);
}

static void
judge(struct named *n, const struct db_rows *rows, unsigned int i)
{
	if (!db_true(rows, i, "is_named")) {
		n->is_taken = true;
	} else if (!strcmp(db_text(rows, i, "provider_base_url"),
	    n->base_url) && !strcmp(db_text(rows, i, "provider_store_id"),
	    n->store_id)) {
		n->id = arena_strdup(n->arena,
		    db_text(rows, i, "provider_id"));
		n->is_stale = !db_true(rows, i, "from_environment") ||
		    !is_same(n, rows, i);
	}
}

static bool
is_same(const struct named *n, const struct db_rows *rows, unsigned int i)
{
	const char	*key, *secret;

	key = pay_unseal(n->arena, n->ring, PAY_SEALED_API_KEY, n->id,
	    db_text(rows, i, "provider_api_key"));
	secret = pay_unseal(n->arena, n->ring, PAY_SEALED_WEBHOOK_SECRET,
	    n->id, db_text(rows, i, "provider_webhook_secret"));
	return (key != NULL && secret != NULL &&
	    !strcmp(key, n->api_key == NULL ? "" : n->api_key) &&
	    !strcmp(secret, n->webhook_secret == NULL ? "" :
	    n->webhook_secret) &&
	    !strcmp(db_text(rows, i, "provider_public_url"), n->public_url));
}

static bool
retire(struct db_session *db, const char *kept, const char *kind,
    struct buf *error)
{
	struct sql_provider_retire_args	args = { 0 };

	args.kept = kept;
	args.kind = kind;
	return (run(db, &sql_provider_retire, &args, error));
}

static bool
ensure(struct db_session *db, struct named *n, struct buf *error)
{
	struct sql_provider_ensure_args	 args = { 0 };
	struct db_rows			*rows;
	const char			*id;

	args.kind = n->kind;
	args.label = n->label;
	args.base_url = n->base_url;
	args.public_url = n->public_url;
	args.store_id = n->store_id;
	rows = db_session_query(db, &sql_provider_ensure,
	    (const char *const *)(const void *)&args, error);
	if (rows == NULL)
		return (false);
	if ((id = db_text(rows, 0, "id")) != NULL)
		n->id = arena_strdup(n->arena, id);
	n->is_stale = id != NULL;
	n->is_taken = id == NULL;	/* by another profile */
	db_rows_free(rows);
	return (true);
}

static bool
refresh(struct db_session *db, struct named *n, struct buf *error)
{
	struct sql_provider_refresh_args	args = { 0 };

	args.provider_id = n->id;
	args.public_url = n->public_url;
	if (n->api_key != NULL)
		args.api_key = pay_seal(n->arena, n->ring, PAY_SEALED_API_KEY,
		    n->id, n->api_key);
	if (n->webhook_secret != NULL)
		args.webhook_secret = pay_seal(n->arena, n->ring,
		    PAY_SEALED_WEBHOOK_SECRET, n->id, n->webhook_secret);
	return (run(db, &sql_provider_refresh, &args, error));
}

static bool
name_profile(struct db_session *db, struct buf *error)
{
	struct sql_profile_name_first_args	args = { 0 };

	args.operator_name = conf.operator_name;
	return (run(db, &sql_profile_name_first, &args, error));
}

static bool
run(struct db_session *db, const struct sql_stmt *stmt, const void *args,
    struct buf *error)
{
	struct db_rows	*rows;

	if ((rows = db_session_query(db, stmt, args, error)) == NULL)
		return (false);
	db_rows_free(rows);
	return (true);
}
