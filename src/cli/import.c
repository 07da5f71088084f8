#include "cli/import.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/text.h"
#include "cli/import_report.h"
#include "cli/import_table.h"
#include "cli/source.h"
#include "cli/startup.h"
#include "crypto/keyring.h"
#include "db/session.h"

#include "sql.h"

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#define ERROR_MAX	65536
#define PATIENCE	10		/* s, for a database that starts */

struct options {
	const char	*file, *report;
	bool		 is_dry;
};

/* What is in already. */
struct progress {
	bool	records, events, log;
	char	first_profile[40];
};

static bool	begin(struct import *, const struct options *, struct buf *);
static bool	is_our_ring(struct import *, struct buf *);
static bool	look(struct import *, struct progress *, struct buf *);
static bool	part(struct import *, const char *, bool (*)(struct import *,
		    struct buf *), struct buf *);
static bool	take_records(struct import *, struct buf *);
static bool	take_events(struct import *, struct buf *);
static bool	take_log(struct import *, struct buf *);
static bool	enter_keys(struct import *, struct buf *);
static bool	run(struct import *, const struct sql_stmt *, const void *,
		    struct buf *);
static bool	finish(struct import *, const struct sql_stmt *, struct buf *);

static int
usage(void)
{
	(void)fprintf(stderr, "usage: licetctl import keysat FILE [--dry-run] "
	    "[--report FILE]\n"
	    "Stop Keysat and all replicas first.  --dry-run changes nothing "
	    "and says what would be.\n");
	return (2);
}

static bool
read_options(int argc, char **argv, struct options *o)
{
	int	i;

	*o = (struct options){ .file = NULL };
	if (argc < 3 || strcmp(argv[1], "keysat"))
		return (false);
	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--dry-run"))
			o->is_dry = true;
		else if (!strcmp(argv[i], "--report") && i + 1 < argc)
			o->report = argv[++i];
		else if (o->file == NULL && argv[i][0] != '-')
			o->file = argv[i];
		else
			return (false);
	}
	return (o->file != NULL);
}

int
cli_import(int argc, char **argv)
{
	struct options	o;
	struct import	im = { .source = NULL };
	struct buf	error;
	bool		ok;

	if (!read_options(argc, argv, &o))
		return (usage());
	buf_init(&error, ERROR_MAX);
	im.is_dry = o.is_dry;
	im.report = import_report_make();
	ok = begin(&im, &o, &error);
	if (ok) {
		import_report_tell(im.report);
		ok = o.report == NULL ||
		    import_report_write(im.report, o.report, &error);
	}
	if (!ok)
		(void)fprintf(stderr, "licetctl: import: %s\n",
		    error.len == 0 ? "no memory" : error.data);
	else if (o.is_dry)
		(void)fprintf(stderr, "nothing was changed\n");
	else
		(void)fprintf(stderr, "done; copy the key ring to every "
		    "replica before it starts\n");
	import_report_free(im.report);
	if (im.db != NULL)
		db_session_close(im.db);
	source_close(im.source);
	buf_free(&error);
	return (ok ? 0 : 1);
}

/* The source first: what is wrong with it is said without a database. */
static bool
begin(struct import *im, const struct options *o, struct buf *error)
{
	struct keyring	*ring;
	struct progress	 p;
	bool		 ok;

	if (*conf.database_url == '\0' || *conf.key_ring == '\0') {
		buf_puts(error, "LICET_DATABASE_URL and LICET_KEY_RING: "
		    "required");
		return (false);
	}
	if ((im->source = source_open(o->file, error)) == NULL ||
	    (im->db = db_session_open(PATIENCE, error)) == NULL ||
	    !startup_schema(im->db, error) || !look(im, &p, error) ||
	    !is_our_ring(im, error))
		return (false);
	import_report_fact(im->report, "sha256", source_sha256(im->source));
	if ((ring = import_key(im->source, o->is_dry || p.records,
	    error)) == NULL)
		return (false);
	im->ring = ring;
	(void)snprintf(im->signing_key_id, sizeof(im->signing_key_id), "%u",
	    keyring_active(ring, NULL));
	ok = (p.records || part(im, "records", take_records, error)) &&
	    (p.events || part(im, "events", take_events, error)) &&
	    (p.log || part(im, "log", take_log, error));
	if (ok && p.records && p.events && p.log)
		(void)fprintf(stderr, "this file is in already\n");
	if (ok)
		import_table_strange(im);
	im->ring = NULL;
	keyring_free(ring);
	return (ok);
}

/* Before the ring is touched. */
static bool
is_our_ring(struct import *im, struct buf *error)
{
	struct keyring	*ring;
	bool		 ok;

	if ((ring = startup_ring(error)) == NULL)
		return (false);
	ok = startup_keys(im->db, ring, error) != STARTUP_KEYS_WRONG;
	keyring_free(ring);
	return (ok);
}

/* May this file come in, and how much of it is there? */
static bool
look(struct import *im, struct progress *p, struct buf *error)
{
	struct db_rows	*rows;
	const char	*file, *profile;
	bool		 ok = false;

	if ((rows = db_session_query(im->db, &sql_import_lock, NULL,
	    error)) == NULL)
		return (false);
	ok = db_true(rows, 0, "taken");
	db_rows_free(rows);
	if (!ok) {
		buf_puts(error, "another import is under way");
		return (false);
	}
	if ((rows = db_session_query(im->db, &sql_import_state, NULL,
	    error)) == NULL)
		return (false);
	file = db_text(rows, 0, "file");
	profile = db_text(rows, 0, "profile_id");
	p->records = db_true(rows, 0, "records");
	p->events = db_true(rows, 0, "events");
	p->log = db_true(rows, 0, "log");
	(void)strlcpy(p->first_profile, profile == NULL ? "" : profile,
	    sizeof(p->first_profile));
	if (file != NULL)
		ok = !strcmp(file, source_sha256(im->source));
	else
		ok = db_true(rows, 0, "is_empty");
	if (!ok)
		buf_puts(error, file != NULL ? "another file was imported "
		    "into this database" : "this database is not empty");
	db_rows_free(rows);
	return (ok);
}

/* One transaction, with its mark; given up in the end when it's a rehearsal. */
static bool
part(struct import *im, const char *name, bool (*take)(struct import *,
    struct buf *), struct buf *error)
{
	struct sql_import_mark_args	args = { 0 };
	struct buf			ignored;
	uint64_t			began = clock_steady_ns();
	bool				ok;

	args.part = name;
	args.file = source_sha256(im->source);
	ok = db_session_run(im->db, "BEGIN; SET LOCAL lock_timeout = '30s'; "
	    "LOCK TABLE products, invoices, licenses, payment_providers "
	    "IN SHARE ROW EXCLUSIVE MODE", error) &&
	    take(im, error) && run(im, &sql_import_mark, &args, error) &&
	    (im->is_dry || db_session_run(im->db, "COMMIT", error));
	/* Lest the first requests be planned for empty tables. */
	if (ok && !im->is_dry)
		ok = db_session_run(im->db, "ANALYZE products, policies, "
		    "invoices, licenses, machines, subscriptions, "
		    "validation_log, events", error);
	if (!ok || im->is_dry) {
		buf_init(&ignored, ERROR_MAX);
		db_session_run(im->db, "ROLLBACK", &ignored);
		buf_free(&ignored);
	}
	(void)fprintf(stderr, "%s: %s after %.1f s\n", name,
	    !ok ? "failed" : im->is_dry ? "rehearsed" : "in",
	    (double)(clock_steady_ns() - began) / 1e9);
	return (ok);
}

static bool
take_records(struct import *im, struct buf *error)
{
	const struct import_table			*t;
	struct sql_import_first_profile_drop_args	 first = { 0 };
	struct progress					 p;

	/* Under the locks now: a server may have been used meanwhile. */
	if (!look(im, &p, error) || !enter_keys(im, error) ||
	    !run(im, &sql_import_make_room, NULL, error))
		return (false);
	for (t = import_records; t->name != NULL; t++) {
		if (!import_table_take(im, t, error))
			return (false);
	}
	first.id = p.first_profile;
	return (run(im, &sql_import_first_profile_drop, &first, error) &&
	    run(im, &sql_import_trials, NULL, error) &&
	    finish(im, &sql_import_dues, error) &&
	    finish(im, &sql_import_terms, error));
}

static bool
take_events(struct import *im, struct buf *error)
{
	return (import_copy(im, &import_events, error));
}

static bool
take_log(struct import *im, struct buf *error)
{
	return (import_copy(im, &import_log, error) &&
	    run(im, &sql_figures_count_anew, NULL, error));
}

/* All keys of the ring, the source's as the one that signs. */
static bool
enter_keys(struct import *im, struct buf *error)
{
	struct sql_signing_key_ensure_args	ensure = { 0 };
	struct sql_signing_key_activate_args	activate = { 0 };
	char					number[16], hex[65];
	unsigned int				id;
	size_t					i;

	if (startup_keys(im->db, im->ring, error) == STARTUP_KEYS_WRONG)
		return (false);
	for (i = 0; i < keyring_count(im->ring); i++) {
		text_hex(keyring_public(im->ring, i, &id), 32, hex);
		(void)snprintf(number, sizeof(number), "%u", id);
		ensure.id = number;
		ensure.public_key = hex;
		if (!run(im, &sql_signing_key_ensure, &ensure, error))
			return (false);
	}
	activate.id = im->signing_key_id;
	return (run(im, &sql_signing_key_activate, &activate, error));
}

static bool
run(struct import *im, const struct sql_stmt *stmt, const void *args,
    struct buf *error)
{
	struct db_rows	*rows;

	if ((rows = db_session_query(im->db, stmt, args, error)) == NULL)
		return (false);
	db_rows_free(rows);
	return (true);
}

/* A last look at what is in. */
static bool
finish(struct import *im, const struct sql_stmt *stmt, struct buf *error)
{
	struct db_rows	*rows;

	if ((rows = db_session_query(im->db, stmt, NULL, error)) == NULL)
		return (false);
	import_report_mends(im->report, "subscriptions",
	    db_text(rows, 0, "mends"));
	db_rows_free(rows);
	return (true);
}
