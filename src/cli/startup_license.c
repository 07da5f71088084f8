/*
 * This server's own license at the start: the trust root of the settings, which
 * must be one, and the key that they name, which may be anything.  A license
 * that grants nothing is logged; it never keeps a server from starting.
 */
#include "cli/startup.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "crypto/pem.h"
#include "db/session.h"
#include "domain/selflicense.h"
#include "flow/selflicense.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

#define PEM_MAX		4096
#define PEM_MARK	"-----BEGIN"
#define SOURCE		"environment"

static size_t	read_pem(const char *, char *, size_t);
static bool	look(struct db_session *, const struct keyring *,
		    struct arena *, struct buf *);
static bool	is_entered(const struct keyring *, struct arena *,
		    const struct db_rows *);
static bool	enter(struct db_session *, const struct keyring *,
		    struct arena *, struct buf *);
static bool	note(struct db_session *, const struct keyring *,
		    struct arena *, struct buf *);

void
startup_trust_root(struct buf *errors)
{
	char		text[PEM_MAX];
	uint8_t		key[32];
	size_t		len;

	selflicense_trust(NULL);
	if (*conf.trust_root == '\0')
		return;
	if ((len = read_pem(conf.trust_root, text, sizeof(text))) == 0)
		buf_puts(errors, "LICET_TRUST_ROOT: no such file, or it can't "
		    "be read\n");
	else if (!pem_public_read(text, len, key))
		buf_puts(errors, "LICET_TRUST_ROOT: no Ed25519 public key in "
		    "PEM\n");
	else
		selflicense_trust(key);
}

/* The setting itself, or the file that it names; 0: nothing. */
static size_t
read_pem(const char *setting, char *text, size_t size)
{
	size_t	 len;
	FILE	*fp;

	if (strstr(setting, PEM_MARK) != NULL) {
		len = strlen(setting);
		len = len > size ? size : len;
		memcpy(text, setting, len);
		return (len);
	}
	if ((fp = fopen(setting, "re")) == NULL)
		return (0);
	len = fread(text, 1, size, fp);
	fclose(fp);
	return (len);
}

/* One replica at a time, all or nothing. */
bool
startup_license(struct db_session *db, const struct keyring *ring,
    struct buf *error)
{
	struct arena	arena;
	bool		ok;

	if (!db_session_run(db, "BEGIN; SET LOCAL lock_timeout = '30s'; "
	    "LOCK TABLE self_licenses IN SHARE ROW EXCLUSIVE MODE", error))
		return (false);
	arena_init(&arena);
	arena_wipe_later(&arena);
	ok = look(db, ring, &arena, error);
	arena_reset(&arena);
	if (ok)
		return (db_session_run(db, "COMMIT", error));
	db_session_run(db, "ROLLBACK", error);
	return (false);
}

static bool
look(struct db_session *db, const struct keyring *ring, struct arena *arena,
    struct buf *error)
{
	struct db_rows	*rows;
	bool		 same;

	rows = db_session_query(db, &sql_self_license_keys, NULL, error);
	if (rows == NULL)
		return (false);
	same = is_entered(ring, arena, rows);
	db_rows_free(rows);
	if (!same && !enter(db, ring, arena, error))
		return (false);
	return (selflicense_root() == NULL || note(db, ring, arena, error));
}

/* Sealed anew it would look like another one. */
static bool
is_entered(const struct keyring *ring, struct arena *arena,
    const struct db_rows *rows)
{
	const char	*source, *key;
	unsigned int	 i;

	for (i = 0; i < db_rows_count(rows); i++) {
		source = db_text(rows, i, "source");
		if (strcmp(source, SOURCE) != 0)
			continue;
		key = selflicense_open(arena, ring, source,
		    db_text(rows, i, "sealed_key"));
		return (key != NULL && !strcmp(key, conf.license));
	}
	return (*conf.license == '\0');
}

static bool
enter(struct db_session *db, const struct keyring *ring, struct arena *arena,
    struct buf *error)
{
	struct sql_self_license_enter_args	 args = { 0 };
	struct db_rows				*rows;

	if (*conf.license != '\0')
		args.sealed_key = selflicense_seal(arena, ring, SOURCE,
		    conf.license);
	rows = db_session_query(db, &sql_self_license_enter,
	    (const char *const *)(const void *)&args, error);
	if (rows == NULL)
		return (false);
	db_rows_free(rows);
	return (true);
}

static bool
note(struct db_session *db, const struct keyring *ring, struct arena *arena,
    struct buf *error)
{
	struct sql_self_license_note_args	 args = { 0 };
	struct db_rows				*rows;

	rows = db_session_query(db, &sql_self_license_keys, NULL, error);
	if (rows == NULL)
		return (false);
	args.verdicts = selflicense_verdicts(arena, ring, rows);
	args.trust_root = selflicense_root();
	db_rows_free(rows);
	rows = db_session_query(db, &sql_self_license_note,
	    (const char *const *)(const void *)&args, error);
	if (rows == NULL)
		return (false);
	selflicense_tell(rows);
	db_rows_free(rows);
	return (true);
}
