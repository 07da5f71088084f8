/*
 * What must be true before workers start: readable settings, a key ring that
 * opens, a database with our schema that was made with this ring, and what the
 * settings name, in it: the payment provider, connected, and this server's own
 * license.  Any number of replicas may ask at once.
 */
#ifndef CLI_STARTUP_H
#define CLI_STARTUP_H

#include "base/buf.h"

#include <stdbool.h>

struct db_session;
struct keyring;

struct startup {
	struct keyring	*keyring;		/* the caller's from then on */
};

/*
 * conf_load(), and what needs more than base/ to be judged: the address to
 * listen on, the trusted proxies, the mail server.  False: `errors' has a line
 * for each trouble.
 */
bool		 startup_settings(char *const *environment,
		    struct buf *errors);

/*
 * Opens the ring, waits up to `patience' seconds for the database, checks
 * both against each other, enters keys and provider that the database lacks.
 * The settings must be loaded.  False: `error' has a sentence or two for the
 * operator, and there is nothing to be freed.
 */
bool		 startup_check(struct startup *, unsigned int patience,
		    struct buf *error);

/* The parts, for `licetctl doctor', which changes nothing. */

/* LICET_KEY_RING, opened; NULL: `error' says why not. */
struct keyring	*startup_ring(struct buf *error);

/* Has the database all migrations of this release?  More are no harm. */
bool		 startup_schema(struct db_session *, struct buf *error);

enum startup_keys {
	STARTUP_KEYS_SAME,
	STARTUP_KEYS_NEW,	/* the ring has what the database is to learn */
	STARTUP_KEYS_OLD,	/* another replica signs with a newer key */
	STARTUP_KEYS_WRONG	/* not this database's ring, or can't tell */
};

/* Compares the ring with the database; `error' is for STARTUP_KEYS_WRONG. */
enum startup_keys startup_keys(struct db_session *, const struct keyring *,
		    struct buf *error);

/*
 * What provider the settings name: "sandbox", "btcpay" or "none".  "none" may
 * still sell through a provider that was connected by hand.
 */
const char	*startup_provider_kind(void);

/* For cli/startup.c: see cli/startup_provider.c and cli/startup_license.c. */
bool		 startup_provider(struct db_session *, const struct keyring *,
		    struct buf *error);
void		 startup_trust_root(struct buf *errors);
bool		 startup_license(struct db_session *, const struct keyring *,
		    struct buf *error);

#endif
