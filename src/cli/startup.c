#include "cli/startup.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/keyring.h"
#include "crypto/passphrase.h"
#include "crypto/pem.h"
#include "crypto/start.h"
#include "db/migrate.h"
#include "db/session.h"
#include "mail/settings.h"
#include "net/address.h"
#include "serve/listen.h"

#include "migrations.h"
#include "sql.h"

#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ERROR_SIZE	5120	/* a path and a sentence */
#define KEY_HEX_SIZE	65

static void	log_signing_key(const struct keyring *);
static bool	database_check(struct startup *, struct db_session *,
		    struct buf *);
static enum startup_keys keys_compare(const struct keyring *,
		    const struct db_rows *, struct buf *);
static bool	keys_ensure(struct db_session *, const struct keyring *,
		    struct buf *);
static bool	keys_enter(struct db_session *, const struct keyring *,
		    struct buf *);
static bool	keys_enter_locked(struct db_session *, const struct keyring *,
		    struct buf *);
static bool	key_enter(struct db_session *, unsigned int, const char *,
		    struct buf *);
static bool	key_activate(struct db_session *, unsigned int, struct buf *);
static bool	ring_find(const struct keyring *, int64_t, char *);
static void	refuse_ring(struct buf *, int64_t);

bool
startup_settings(char *const *environment, struct buf *errors)
{
	struct address_set	proxies;
	char			why[256], host[NI_MAXHOST], port[NI_MAXSERV];

	conf_load(environment, errors);
	if (!listen_split(conf.listen, host, sizeof(host), port, sizeof(port)))
		buf_printf(errors, "LICET_LISTEN: `%s' is not host:port\n",
		    conf.listen);
	if (!address_set_parse(&proxies, conf.trusted_proxies, why,
	    sizeof(why)))
		buf_printf(errors, "LICET_TRUSTED_PROXIES: %s\n", why);
	startup_trust_root(errors);
	(void)mail_settings_check(errors);
	return (errors->len == 0 && !errors->failed);
}

bool
startup_check(struct startup *st, unsigned int patience, struct buf *error)
{
	struct db_session	*db;
	bool			 ok;

	*st = (struct startup){ .keyring = NULL };
	if ((st->keyring = startup_ring(error)) == NULL)
		return (false);
	ok = false;
	if ((db = db_session_open(patience, error)) != NULL) {
		ok = database_check(st, db, error);
		db_session_close(db);
	}
	if (ok) {
		log_signing_key(st->keyring);
	} else {
		keyring_free(st->keyring);
		st->keyring = NULL;
	}
	return (ok);
}

/* What shipped software is to be built with, for who sets a server up. */
static void
log_signing_key(const struct keyring *ring)
{
	char		pem[PEM_PUBLIC_SIZE];
	uint8_t		key[32];
	unsigned int	id;

	id = keyring_active(ring, key);
	pem_public_write(key, pem);
	LOG(LOG_NOTICE, "key.active", LI("id", id), LS("public_key_pem", pem));
}

static bool
database_check(struct startup *st, struct db_session *db, struct buf *error)
{
	return (startup_schema(db, error) &&
	    keys_ensure(db, st->keyring, error) &&
	    startup_provider(db, st->keyring, error) &&
	    startup_license(db, st->keyring, error));
}

struct keyring *
startup_ring(struct buf *error)
{
	struct passphrase	 passphrase;
	struct keyring		*ring = NULL;
	char			 why[ERROR_SIZE];

	if (!crypto_start()) {
		buf_puts(error, "the cryptographic library does not start");
		return (NULL);
	}
	if (passphrase_read(&passphrase, why, sizeof(why)))
		ring = keyring_open(conf.key_ring, passphrase.text,
		    passphrase.len, why, sizeof(why));
	passphrase_wipe(&passphrase);
	if (ring == NULL)
		buf_puts(error, why);
	return (ring);
}

bool
startup_schema(struct db_session *db, struct buf *error)
{
	struct migrate_state	state;

	if (!migrate_check(db, &state, error))
		return (false);
	if (state.applied < state.known) {
		buf_printf(error, "the database lacks migration %s: run "
		    "`licetctl migrate'", migrations[state.applied].name);
		return (false);
	}
	return (true);
}

enum startup_keys
startup_keys(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	struct db_rows		*rows;
	enum startup_keys	 found;

	if ((rows = db_session_query(db, &sql_signing_keys_list, NULL,
	    error)) == NULL)
		return (STARTUP_KEYS_WRONG);
	found = keys_compare(ring, rows, error);
	db_rows_free(rows);
	return (found);
}

static enum startup_keys
keys_compare(const struct keyring *ring, const struct db_rows *rows,
    struct buf *error)
{
	const char	*theirs;
	char		 ours[KEY_HEX_SIZE];
	int64_t		 id, active = 0;
	unsigned int	 i;

	for (i = 0; i < db_rows_count(rows); i++) {
		id = db_integer(rows, i, "id", 0);
		theirs = db_text(rows, i, "public_key");
		if (theirs == NULL || !ring_find(ring, id, ours) ||
		    strcmp(ours, theirs)) {
			refuse_ring(error, id);
			return (STARTUP_KEYS_WRONG);
		}
		if (db_true(rows, i, "active"))
			active = id;
	}
	if (active < keyring_active(ring, NULL) ||
	    db_rows_count(rows) < keyring_count(ring))
		return (STARTUP_KEYS_NEW);
	return (active > keyring_active(ring, NULL) ? STARTUP_KEYS_OLD :
	    STARTUP_KEYS_SAME);
}

static bool
ring_find(const struct keyring *ring, int64_t id, char *hex)
{
	const uint8_t	*key;
	unsigned int	 its;
	size_t		 i;

	for (i = 0; i < keyring_count(ring); i++) {
		key = keyring_public(ring, i, &its);
		if (its == id) {
			text_hex(key, 32, hex);
			return (true);
		}
	}
	return (false);
}

static void
refuse_ring(struct buf *error, int64_t id)
{
	buf_printf(error, "this key ring is not the one this database was "
	    "made with: the database's key %lld is not in %s.  If the ring was "
	    "changed elsewhere, copy the current file to this machine; "
	    "otherwise check LICET_KEY_RING and LICET_DATABASE_URL",
	    (long long)id, conf.key_ring);
}

static bool
keys_ensure(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	switch (startup_keys(db, ring, error)) {
	case STARTUP_KEYS_SAME:
		return (true);
	case STARTUP_KEYS_NEW:
		return (keys_enter(db, ring, error));
	case STARTUP_KEYS_OLD:
		LOG(LOG_NOTICE, "keys.old", LS("meaning", "another replica "
		    "signs with a newer key than this one's ring says"),
		    LI("signing_key", keyring_active(ring, NULL)));
		return (true);
	default:
		return (false);
	}
}

/* All or nothing, and one replica at a time. */
static bool
keys_enter(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	if (!db_session_run(db, "BEGIN; SET LOCAL lock_timeout = '30s'; "
	    "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE", error))
		return (false);
	if (keys_enter_locked(db, ring, error))
		return (db_session_run(db, "COMMIT", error));
	db_session_run(db, "ROLLBACK", error);
	return (false);
}

static bool
keys_enter_locked(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	struct db_rows	*rows;
	const uint8_t	*key;
	char		 hex[KEY_HEX_SIZE];
	unsigned int	 id, i;
	int64_t		 active = 0;
	bool		 ok;

	if ((rows = db_session_query(db, &sql_signing_keys_list, NULL,
	    error)) == NULL)
		return (false);
	ok = keys_compare(ring, rows, error) != STARTUP_KEYS_WRONG;
	for (i = 0; i < db_rows_count(rows); i++) {
		if (db_true(rows, i, "active"))
			active = db_integer(rows, i, "id", 0);
	}
	db_rows_free(rows);
	for (i = 0; ok && i < keyring_count(ring); i++) {
		key = keyring_public(ring, i, &id);
		text_hex(key, 32, hex);
		ok = key_enter(db, id, hex, error);
	}
	id = keyring_active(ring, NULL);
	return (ok && (active >= id || key_activate(db, id, error)));
}

static bool
key_enter(struct db_session *db, unsigned int id, const char *hex,
    struct buf *error)
{
	struct sql_signing_key_ensure_args	 args = { 0 };
	struct db_rows				*rows;
	const char				*theirs;
	char					 number[16];
	bool					 ok;

	(void)snprintf(number, sizeof(number), "%u", id);
	args.id = number;
	args.public_key = hex;
	rows = db_session_query(db, &sql_signing_key_ensure,
	    (const char *const *)(const void *)&args, error);
	if (rows == NULL)
		return (false);
	theirs = db_text(rows, 0, "public_key");
	ok = theirs != NULL && !strcmp(theirs, hex);
	db_rows_free(rows);
	if (!ok)
		refuse_ring(error, id);
	return (ok);
}

static bool
key_activate(struct db_session *db, unsigned int id, struct buf *error)
{
	struct sql_signing_key_activate_args	 args = { 0 };
	struct db_rows				*rows;
	char					 number[16];

	(void)snprintf(number, sizeof(number), "%u", id);
	args.id = number;
	rows = db_session_query(db, &sql_signing_key_activate,
	    (const char *const *)(const void *)&args, error);
	if (rows == NULL)
		return (false);
	db_rows_free(rows);
	return (true);
}
