/*
 * The two logs: they refer to nothing and nothing refers to them, so their rows
 * go straight into their tables.  A row without a readable time is left out.
 */
#include "cli/import_table.h"

#include "cli/import_report.h"
#include "cli/source.h"
#include "crypto/sha256.h"
#include "db/session.h"

#include <stdio.h>
#include <string.h>

#define LINES_BYTES	(256 * 1024)	/* sent at a time */
#define VALUE_MAX	(64 * 1024 * 1024)
#define PROGRESS	100000

struct copying {
	struct buf	lines, line, value;
	int64_t		read, written;
};

/* What a column has that must have something. */
static const char *
instead(const char *column)
{
	static const char *const	values[][2] = {
	    { "actor_kind", "system" }, { "action", "unknown" },
	    { "details", "{}" }, { "result", "unknown" },
	};
	size_t				i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!strcmp(values[i][0], column))
			return (values[i][1]);
	}
	return (NULL);
}

/* As COPY wants it. */
static void
put_escaped(struct buf *out, const char *text, size_t len)
{
	size_t	n;

	while (len > 0) {
		n = 0;
		while (n < len && text[n] != '\\' && text[n] != '\n' &&
		    text[n] != '\r' && text[n] != '\t')
			n++;
		buf_put(out, text, n);
		if (n == len)
			return;
		buf_puts(out, text[n] == '\\' ? "\\\\" : text[n] == '\n' ?
		    "\\n" : text[n] == '\r' ? "\\r" : "\\t");
		text += n + 1;
		len -= n + 1;
	}
}

static void
put_value(struct import *im, const struct import_table *t, size_t column,
    const char *text, size_t len, struct copying *c)
{
	enum import_kind	 kind = t->columns[column].kind;
	const char		*other = instead(t->columns[column].name);
	char			 number[24];
	enum import_result	 result;

	buf_reset(&c->value);
	if (kind == IMPORT_AUDIT_ID && (text == NULL || len == 0)) {
		len = (size_t)snprintf(number, sizeof(number), "%lld",
		    (long long)c->read);
		text = number;
	}
	result = import_value(kind, text, len, NULL, im->ring, &c->value);
	import_value_note(im, t, column, result);
	if (column > 0)
		buf_puts(&c->line, "\t");
	if (result == IMPORT_FINE || result == IMPORT_MENDED) {
		if (kind == IMPORT_FINGERPRINT)
			buf_puts(&c->line, "\\\\x");
		put_escaped(&c->line, c->value.len == 0 ? "" : c->value.data,
		    c->value.len);
	} else {
		buf_puts(&c->line, other == NULL ? "\\N" : other);
	}
}

/* One line; nothing when it has no time. */
static void
put_line(struct import *im, const struct import_table *t,
    const struct import_reading *reading, struct source_cursor *cursor,
    struct copying *c)
{
	const char	*text;
	size_t		 i, column, len;
	bool		 has_time = false;

	buf_reset(&c->line);
	for (column = 0; column < t->copied; column++) {
		for (i = 0; i < reading->count &&
		    reading->places[i] != column; i++)
			;
		len = 0;
		text = i == reading->count ? NULL :
		    source_text(cursor, i, &len);
		put_value(im, t, column, text, len, c);
		if (t->columns[column].kind == IMPORT_TIME)
			has_time = c->value.len > 0;
	}
	if (!has_time)
		return;
	buf_put(&c->lines, c->line.data, c->line.len);
	buf_puts(&c->lines, "\n");
	c->written++;
}

static bool
send_lines(struct import *im, struct copying *c, struct buf *error)
{
	bool	ok = !c->lines.failed && !c->line.failed && !c->value.failed;

	if (!ok)
		buf_puts(error, "a row is too large");
	else if (!im->is_dry && c->lines.len > 0)
		ok = db_session_copy_put(im->db, c->lines.data, c->lines.len,
		    error);
	buf_reset(&c->lines);
	return (ok);
}

static bool
copy_rows(struct import *im, const struct import_table *t,
    const struct import_reading *reading, struct source_cursor *cursor,
    struct copying *c, struct buf *error)
{
	int	more;

	while ((more = source_next(cursor, error)) == 1) {
		c->read++;
		put_line(im, t, reading, cursor, c);
		if (c->read % PROGRESS == 0)
			(void)fprintf(stderr, "%s: %lld\n", t->name,
			    (long long)c->read);
		if (c->lines.len > LINES_BYTES && !send_lines(im, c, error))
			return (false);
	}
	return (more == 0 && send_lines(im, c, error));
}

bool
import_copy(struct import *im, const struct import_table *t, struct buf *error)
{
	struct import_reading	 reading;
	struct source_cursor	*cursor;
	struct copying		 c = { .read = 0 };
	bool			 ok;

	if (!source_has(im->source, t->name))
		return (true);
	import_reading_make(im, t, &reading);
	if (reading.count == 0)
		return (true);
	if ((cursor = source_read(im->source, t->name, reading.names,
	    reading.count, NULL, NULL, error)) == NULL)
		return (false);
	buf_init(&c.lines, VALUE_MAX * 2);
	buf_init(&c.line, VALUE_MAX * 2);
	buf_init(&c.value, VALUE_MAX);
	ok = (im->is_dry || db_session_copy_begin(im->db, t->copied_to,
	    error)) && copy_rows(im, t, &reading, cursor, &c, error) &&
	    (im->is_dry || db_session_copy_end(im->db, error));
	buf_free(&c.lines);
	buf_free(&c.line);
	buf_free(&c.value);
	source_done(cursor);
	if (ok)
		import_report_rows(im->report, t->name, c.read, c.written);
	return (ok);
}
