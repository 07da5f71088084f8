#include "cli/import_table.h"

#include "base/buf.h"
#include "base/conf.h"
#include "cli/import_report.h"
#include "cli/source.h"
#include "crypto/keyring.h"
#include "db/session.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS	1000
#define BATCH_BYTES	(4 * 1024 * 1024)
#define ROWS_MAX	(128 * 1024 * 1024)
#define VALUE_MAX	(64 * 1024 * 1024)
#define ARGUMENTS	2	/* that such a statement has at most */
#define PROGRESS	100000	/* rows between two words of it */

/* The rows that wait to be sent. */
struct batch {
	struct buf	rows, value;
	int64_t		waiting, read, written;
};

static bool	take_rows(struct import *, const struct import_table *,
		    const struct import_reading *, struct source_cursor *,
		    struct batch *, struct buf *);
static void	put_row(struct import *, const struct import_table *,
		    const struct import_reading *, struct source_cursor *,
		    struct batch *);
static bool	flush(struct import *, const struct import_table *,
		    struct batch *, struct buf *);
static bool	is_read(const struct import_table *, const char *,
		    const char *);
static bool	column_is_read(const char *, const char *);
static const char *why_left(const char *);

bool
import_table_take(struct import *im, const struct import_table *t,
    struct buf *error)
{
	struct import_reading	 reading;
	struct source_cursor	*cursor;
	struct batch		 b = { .waiting = 0 };
	const char		*sorted_by = NULL;
	size_t			 i;
	bool			 ok;

	if (!source_has(im->source, t->name))
		return (true);
	import_reading_make(im, t, &reading);
	if (reading.count == 0)
		return (true);
	for (i = 0; i < reading.count && t->sorted_by != NULL; i++) {
		if (!strcmp(reading.names[i], t->sorted_by))
			sorted_by = t->sorted_by;
	}
	if ((cursor = source_read(im->source, t->name, reading.names,
	    reading.count, sorted_by, NULL, error)) == NULL)
		return (false);
	buf_init(&b.rows, ROWS_MAX);
	buf_init(&b.value, VALUE_MAX);
	ok = take_rows(im, t, &reading, cursor, &b, error);
	buf_free(&b.rows);
	buf_free(&b.value);
	source_done(cursor);
	if (ok && !t->again)
		import_report_rows(im->report, t->name, b.read, b.written);
	return (ok);
}

void
import_reading_make(struct import *im, const struct import_table *t,
    struct import_reading *r)
{
	const char	*have, *want;
	char		 other[IMPORT_NAME_MAX];
	size_t		 i, j;

	r->count = 0;
	for (i = 0; i < IMPORT_COLUMNS && t->columns[i].name != NULL; i++) {
		want = t->columns[i].name;
		(void)snprintf(other, sizeof(other), "%s_json", want);
		for (j = 0; (have = source_column(im->source, t->name, j)) !=
		    NULL; j++) {
			if (strcmp(have, want) && strcmp(have, other))
				continue;
			(void)strlcpy(r->spelled[r->count], have,
			    IMPORT_NAME_MAX);
			r->names[r->count] = r->spelled[r->count];
			r->places[r->count++] = i;
			break;
		}
	}
}

void
import_value_note(struct import *im, const struct import_table *t,
    size_t column, enum import_result result)
{
	char	what[128];

	if (result == IMPORT_FINE || result == IMPORT_NOTHING)
		return;
	(void)snprintf(what, sizeof(what), result == IMPORT_MENDED ?
	    "%s held bytes that are no text" : "%s could not be read",
	    t->columns[column].name);
	import_report_mended(im->report, t->name, what);
}

static bool
take_rows(struct import *im, const struct import_table *t,
    const struct import_reading *reading, struct source_cursor *cursor,
    struct batch *b, struct buf *error)
{
	int	more;

	while ((more = source_next(cursor, error)) == 1) {
		put_row(im, t, reading, cursor, b);
		if (++b->read % PROGRESS == 0)
			(void)fprintf(stderr, "%s: %lld\n", t->name,
			    (long long)b->read);
		if ((++b->waiting == BATCH_ROWS || b->rows.len > BATCH_BYTES) &&
		    !flush(im, t, b, error))
			return (false);
	}
	return (more == 0 && (b->waiting == 0 || flush(im, t, b, error)));
}

/* The id comes first, so that it is known when something is to be sealed. */
static void
put_row(struct import *im, const struct import_table *t,
    const struct import_reading *reading, struct source_cursor *cursor,
    struct batch *b)
{
	enum import_result	 result;
	const char		*text;
	char			 id[40];
	size_t			 i, place, len;
	bool			 first = true;

	id[0] = '\0';
	buf_puts(&b->rows, b->waiting == 0 ? "[{" : ",{");
	for (i = 0; i < reading->count; i++) {
		place = reading->places[i];
		text = source_text(cursor, i, &len);
		buf_reset(&b->value);
		result = import_value(t->columns[place].kind, text, len,
		    id[0] == '\0' ? NULL : id, im->ring, &b->value);
		import_value_note(im, t, place, result);
		if (result == IMPORT_NOTHING || result == IMPORT_UNREADABLE)
			continue;
		if (place == 0 && b->value.len < sizeof(id))
			(void)strlcpy(id, b->value.data, sizeof(id));
		buf_printf(&b->rows, "%s\"%s\":", first ? "" : ",",
		    t->columns[place].name);
		first = false;
		if (t->columns[place].kind == IMPORT_JSON)
			buf_put(&b->rows, b->value.data, b->value.len);
		else
			buf_put_json(&b->rows, b->value.len == 0 ? "" :
			    b->value.data, b->value.len);
	}
	buf_puts(&b->rows, "}");
}

/* Of a statement, by its name. */
static const char *
argument(const struct import *im, const struct batch *b, const char *name)
{
	if (!strcmp(name, "rows"))
		return (b->rows.data);
	if (!strcmp(name, "signing_key_id"))
		return (im->signing_key_id);
	if (!strcmp(name, "public_url"))
		return (conf.btcpay_public_url);
	return (NULL);
}

static bool
flush(struct import *im, const struct import_table *t, struct batch *b,
    struct buf *error)
{
	const char	*params[ARGUMENTS] = { NULL };
	struct db_rows	*rows;
	unsigned int	 i;

	buf_puts(&b->rows, "]");
	if (b->rows.failed || b->value.failed) {
		buf_printf(error, "%s has a row that is too large", t->name);
		return (false);
	}
	for (i = 0; i < t->takes->nargs && i < ARGUMENTS; i++)
		params[i] = argument(im, b, t->takes->args[i]);
	rows = db_session_query(im->db, t->takes, params, error);
	if (rows == NULL) {
		buf_printf(error, " (table %s)", t->name);
		return (false);
	}
	b->written += db_integer(rows, 0, "written", 0);
	import_report_mends(im->report, t->name, db_text(rows, 0, "mends"));
	db_rows_free(rows);
	buf_reset(&b->rows);
	b->waiting = 0;
	return (true);
}

static bool
is_read(const struct import_table *t, const char *table, const char *column)
{
	char	other[IMPORT_NAME_MAX];
	size_t	i;

	if (strcmp(t->name, table))
		return (false);
	for (i = 0; i < IMPORT_COLUMNS && t->columns[i].name != NULL; i++) {
		(void)snprintf(other, sizeof(other), "%s_json",
		    t->columns[i].name);
		if (column == NULL || !strcmp(column, t->columns[i].name) ||
		    !strcmp(column, other))
			return (true);
	}
	return (false);
}

/* NULL: the table. */
static bool
column_is_read(const char *table, const char *column)
{
	const struct import_table	*t;

	if (!strcmp(table, "server_keys") || is_read(&import_events, table,
	    column) || is_read(&import_log, table, column))
		return (true);
	for (t = import_records; t->name != NULL; t++) {
		if (is_read(t, table, column))
			return (true);
	}
	return (false);
}

static const char *
why_left(const char *table)
{
	static const char *const	known[][2] = {
	    { "webhook_deliveries", "old news" },
	    { "sessions", "log in again" },
	    { "rate_buckets", "they fill by themselves" },
	    { "btcpay_authorize_state", "ask for the consent again" },
	};
	size_t				i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(known[i][0], table))
			return (known[i][1]);
	}
	return ("nothing here knows it");
}

/* Only what holds something. */
static void
strange(struct import *im, const char *table, const char *column)
{
	struct source_cursor	*cursor;
	struct buf		 error, what;
	const char		*first = column;

	buf_init(&error, 4096);
	buf_init(&what, 4096);
	if (first == NULL)
		first = source_column(im->source, table, 0);
	cursor = first == NULL ? NULL : source_read(im->source, table, &first,
	    1, NULL, column, &error);
	if (cursor == NULL || source_next(cursor, &error) != 0) {
		buf_printf(&what, "%s %s%s%s", column == NULL ? "table" :
		    "column", table, column == NULL ? "" : ".",
		    column == NULL ? "" : column);
		import_report_left(im->report, what.data, why_left(table));
	}
	if (cursor != NULL)
		source_done(cursor);
	buf_free(&error);
	buf_free(&what);
}

void
import_table_strange(struct import *im)
{
	const char	*table, *column;
	char		 name[IMPORT_NAME_MAX];
	size_t		 i, j;

	for (i = 0; (table = source_table(im->source, i)) != NULL; i++) {
		if (!column_is_read(table, NULL)) {
			strange(im, table, NULL);
			continue;
		}
		for (j = 0; (column = source_column(im->source, table, j)) !=
		    NULL; j++) {
			(void)strlcpy(name, column, sizeof(name));
			if (!column_is_read(table, name))
				strange(im, table, name);
		}
	}
}
