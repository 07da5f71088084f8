#include "cli/import_report.h"

#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THINGS_MAX	500	/* told apart in a table; the rest is `other' */

struct import_report {
	json_t	*facts, *tables, *mended, *left;
};

struct import_report *
import_report_make(void)
{
	struct import_report	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		abort();
	r->facts = json_object();
	r->tables = json_object();
	r->mended = json_object();
	r->left = json_array();
	json_object_set_new(r->facts, "tables", r->tables);
	json_object_set_new(r->facts, "mended", r->mended);
	json_object_set_new(r->facts, "left", r->left);
	return (r);
}

void
import_report_free(struct import_report *r)
{
	json_decref(r->facts);
	free(r);
}

void
import_report_rows(struct import_report *r, const char *table, int64_t read,
    int64_t written)
{
	json_object_set_new(r->tables, table, json_pack("{s:I,s:I}", "read",
	    (json_int_t)read, "written", (json_int_t)written));
}

void
import_report_mended(struct import_report *r, const char *table,
    const char *what)
{
	json_t	*things = json_object_get(r->mended, table), *count;

	if (things == NULL) {
		things = json_object();
		json_object_set_new(r->mended, table, things);
	}
	if (json_object_get(things, what) == NULL &&
	    json_object_size(things) >= THINGS_MAX)
		what = "other";
	count = json_object_get(things, what);
	json_object_set_new(things, what, json_integer(
	    json_integer_value(count) + 1));
}

void
import_report_mends(struct import_report *r, const char *table,
    const char *list)
{
	json_t	*things, *thing;
	size_t	 i;

	if (list == NULL)
		return;
	things = json_loads(list, 0, NULL);
	json_array_foreach(things, i, thing) {
		if (json_is_string(thing))
			import_report_mended(r, table,
			    json_string_value(thing));
	}
	json_decref(things);
}

void
import_report_left(struct import_report *r, const char *what, const char *why)
{
	char	*plain = strdup(what);
	size_t	 i;

	/* Names of the file's need not be text. */
	for (i = 0; plain != NULL && plain[i] != '\0' &&
	    !utf8_valid(what, strlen(what)); i++) {
		if ((unsigned char)plain[i] >= 0x80)
			plain[i] = '?';
	}
	json_array_append_new(r->left, json_pack("{s:s,s:s}", "what",
	    plain == NULL ? "" : plain, "why", why));
	free(plain);
}

void
import_report_fact(struct import_report *r, const char *name,
    const char *value)
{
	json_object_set_new(r->facts, name, json_string(value));
}

/* Texts of the file go to a terminal: no control reaches it. */
static void
tell(const char *text)
{
	for (; *text != '\0'; text++)
		(void)fputc((unsigned char)*text < 0x20 || *text == 0x7f ?
		    '?' : *text, stderr);
}

void
import_report_tell(const struct import_report *r)
{
	const char	*table, *what;
	json_t		*value, *count;
	json_int_t	 read, written;
	size_t		 i;

	json_object_foreach(r->tables, table, value) {
		read = json_integer_value(json_object_get(value, "read"));
		written = json_integer_value(json_object_get(value, "written"));
		(void)fprintf(stderr, "%-34s %9lld of %lld\n", table,
		    (long long)written, (long long)read);
	}
	if (json_object_size(r->mended) > 0)
		(void)fprintf(stderr, "mended:\n");
	json_object_foreach(r->mended, table, value) {
		json_object_foreach(value, what, count) {
			(void)fprintf(stderr, "  %s: ", table);
			tell(what);
			(void)fprintf(stderr, " (%lld)\n",
			    (long long)json_integer_value(count));
		}
	}
	if (json_array_size(r->left) > 0)
		(void)fprintf(stderr, "not carried:\n");
	json_array_foreach(r->left, i, value) {
		(void)fprintf(stderr, "  ");
		tell(json_text(value, "what"));
		(void)fprintf(stderr, ": %s\n", json_text(value, "why"));
	}
}

bool
import_report_write(const struct import_report *r, const char *path,
    struct buf *error)
{
	if (json_dump_file(r->facts, path, JSON_INDENT(2)) == 0)
		return (true);
	buf_printf(error, "cannot write the report to %s: %s", path,
	    strerror(errno));
	return (false);
}
