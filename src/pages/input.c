#include "pages/input.h"

#include "base/text.h"
#include "pages/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY	86400
#define DIGITS	"0123456789"

/* ---- to show ---- */

static const char *
lines(struct arena *a, const json_t *list)
{
	const char	*all = "";
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one)
		all = arena_printf(a, "%s%s\n", all, value_text(a, one));
	return (all);
}

static const char *
indented(struct arena *a, const json_t *v)
{
	char		*text;
	const char	*copy;

	if (v == NULL || json_is_null(v) || json_object_size(v) == 0)
		return ("");
	text = json_dumps(v, JSON_INDENT(2));
	copy = text == NULL ? "" : arena_strdup(a, text);
	free(text);
	return (copy);
}

/* 1250 to "12.5", 1200 to "12" */
static const char *
hundredths(struct arena *a, long long n)
{
	const char	*text = value_money(a, n, "", false);
	size_t		 len = strlen(text);

	while (text[len - 1] == '0')
		len--;
	return (arena_strndup(a, text, len - (text[len - 1] == '.')));
}

/* What is written as an amount is a percentage or money. */
static enum input_kind
kind_of(const struct input *in, const json_t *record)
{
	if (in->kind != INPUT_AMOUNT)
		return (in->kind);
	return (value_is_percent(record) ? INPUT_PERCENT : INPUT_MONEY);
}

static const char *
currency_of(const struct input *in, const json_t *record)
{
	const char	*currency;

	currency = in->with == NULL ? NULL :
	    json_string_value(value_find(record, NULL, in->with));
	return (currency == NULL || *currency == '\0' ? "SAT" : currency);
}

const char *
input_show(struct arena *a, const struct input *in, const json_t *record)
{
	const json_t	*v = value_find(record, NULL, in->name);
	const char	*text = value_text(a, v);
	long long	 n = json_integer_value(v);

	switch (kind_of(in, record)) {
	case INPUT_SECRET:
		return ("");
	case INPUT_CHECKS:
	case INPUT_LINES:
		return (lines(a, v));
	case INPUT_JSON:
		return (indented(a, v));
	case INPUT_TIME:	/* as <input type=datetime-local> wants it */
		return (arena_strndup(a, text, strlen(text) < 16 ? 0 : 16));
	case INPUT_MONEY:
		return (json_is_integer(v) ? value_money(a, n,
		    currency_of(in, record), false) : "");
	case INPUT_PERCENT:
		return (json_is_integer(v) ? hundredths(a, n) : "");
	case INPUT_DAYS:
		if (!json_is_integer(v))
			return ("");
		return (n % DAY == 0 ? arena_printf(a, "%lld", n / DAY) :
		    value_duration(a, n));
	default:
		return (text);
	}
}

/* ---- what was typed ---- */

/*
 * Digits with at most `places' after the point, as a whole number of the
 * smallest unit: "49.5" with two places is 4950.  Digits may be grouped by
 * threes; 49,50 and 1234,567 are nothing, rather than far too much.
 */
static bool
read_decimal(const char *s, unsigned int places, long long *out)
{
	char		digits[32], between = '\0';
	size_t		n = 0, len;
	unsigned int	after = 0;
	bool		point = false, any = false;

	s += strspn(s, " ");
	for (len = strlen(s); len > 0 && s[len - 1] == ' '; len--)
		;
	for (; len > 0; s++, len--) {
		if (strchr(", _", *s) != NULL) {
			if (!any || point || strspn(s + 1, DIGITS) != 3 ||
			    (between == '\0' ? n > 3u + (digits[0] == '-') :
			    *s != between))
				return (false);
			between = *s;
			continue;
		}
		if (*s == '.' && !point && places > 0) {
			point = true;
			continue;
		}
		if (strchr(DIGITS, *s) == NULL && !(*s == '-' && n == 0 &&
		    !point))
			return (false);
		if ((point && ++after > places) || n == sizeof(digits) - 8)
			return (false);
		any = any || *s != '-';
		digits[n++] = *s;
	}
	if (!any)
		return (false);
	for (; after < places; after++)
		digits[n++] = '0';
	digits[n] = '\0';
	return (text_integer(digits, -1000000000000000ll, 1000000000000000ll,
	    out));
}

/* Days, or with a unit behind it: "1.5", "12 hours", "90 minutes". */
static bool
read_duration(struct arena *a, const char *text, long long *seconds)
{
	static const struct {
		const char	*name;
		long long	 size;
	} units[] = {
		{ "day", DAY }, { "hour", 3600 }, { "minute", 60 },
		{ "second", 1 }
	};
	size_t		 len = strcspn(text, "dhms"), i, n;
	const char	*unit = text + len;
	long long	 amount, size = DAY;

	if (*unit != '\0') {
		for (n = strlen(unit); n > 0 && unit[n - 1] == ' '; n--)
			;
		n -= n > 1 && unit[n - 1] == 's';
		for (i = 0; i < 4 && (strlen(units[i].name) != n ||
		    strncmp(units[i].name, unit, n)); i++)
			;
		if (i == 4)
			return (false);
		size = units[i].size;
	}
	if (!read_decimal(arena_strndup(a, text, len), 6, &amount) ||
	    amount < 0 || amount > 10000000000000ll ||
	    (amount * size) % 1000000 != 0)
		return (false);
	*seconds = amount * size / 1000000;
	return (true);
}

static json_t *
read_number(struct arena *a, const struct input *in, const char *text,
    const json_t *typed, const char **why)
{
	long long	n;
	bool		ok;

	switch (kind_of(in, typed)) {
	case INPUT_MONEY:
		ok = !strcmp(currency_of(in, typed), "SAT") ?
		    read_decimal(text, 0, &n) : read_decimal(text, 2, &n);
		*why = "write an amount such as 49.00; satoshis are whole";
		break;
	case INPUT_PERCENT:
		ok = read_decimal(text, 2, &n);
		*why = "write a percentage such as 12.5";
		break;
	case INPUT_DAYS:
		ok = read_duration(a, text, &n);
		*why = "write a number of days, or 12 hours";
		break;
	default:
		ok = read_decimal(text, 0, &n);
		*why = "write a whole number";
		break;
	}
	if (!ok)
		return (NULL);
	*why = NULL;
	return (json_integer(n));
}

static json_t *
read_lines(const char *text)
{
	json_t		*all = json_array();
	size_t		 len;

	for (; *text != '\0'; text += len + (text[len] != '\0')) {
		len = strcspn(text, "\r\n");
		if (len > 0)
			json_array_append_new(all, json_stringn(text, len));
	}
	return (all);
}

static json_t *
read_tree(struct arena *a, const char *text, const char **why)
{
	char	 error[96];
	json_t	*v;

	if ((v = json_read(text, strlen(text), error, sizeof(error))) == NULL)
		*why = arena_printf(a, "write JSON: %s", error);
	return (v);
}

/* What a script left in a hidden input, if any runs; the endpoint judges it. */
static json_t *
read_scripted(const char *text)
{
	char	 error[96];
	json_t	*v = json_read(text, strlen(text), error, sizeof(error));

	return (v != NULL ? v : *text == '\0' ? json_object() :
	    json_string(text));
}

/* Boxes are called NAME.VALUE; what else is to be is written line by line. */
static json_t *
read_checks(struct arena *a, const struct input *in, const json_t *typed)
{
	const char	*text = json_text(typed, in->name), *key;
	json_t		*all = read_lines(text == NULL ? "" : text), *v;
	size_t		 len = strlen(in->name);

	json_object_foreach((json_t *)typed, key, v) {
		if (!strncmp(key, in->name, len) && key[len] == '.')
			json_array_append_new(all, json_string(arena_strdup(a,
			    key + len + 1)));
	}
	return (all);
}

/* Names of the objects' members: "slug=Slug|name=Name". */
static const char *
member(struct arena *a, const char **list)
{
	const char	*name;
	size_t		 len;

	if (*list == NULL || **list == '\0')
		return (NULL);
	len = strcspn(*list, "=");
	name = arena_strndup(a, *list, len);
	*list += strcspn(*list, "|");
	*list += **list == '|';
	return (name);
}

/* Inputs are called NAME.0.MEMBER, NAME.1.MEMBER; empty rows don't count. */
static json_t *
read_rows(struct arena *a, const struct input *in, const json_t *typed)
{
	const char	*members, *name, *text;
	json_t		*all = json_array(), *row;
	unsigned int	 i;
	bool		 any, known = true;

	for (i = 0; known && i < 1000; i++) {
		row = json_object();
		any = known = false;
		for (members = in->with; (name = member(a, &members)) != NULL;) {
			text = json_text(typed, arena_printf(a, "%s.%u.%s",
			    in->name, i, name));
			known = known || text != NULL;
			if (text == NULL || *text == '\0')
				continue;
			any = true;
			json_object_set_new(row, name, json_string(text));
		}
		if (any)
			json_array_append_new(all, row);
		else
			json_decref(row);
	}
	return (all);
}

bool
input_may_be_blank(const struct field *fd)
{
	return ((fd->flags & FIELD_REQUIRED) && fd->type == FIELD_TEXT &&
	    fd->min == 0);
}

/* Nothing typed: null where that clears, else nothing is said. */
static json_t *
read_nothing(const struct field *fd, enum method method)
{
	if (fd->flags & FIELD_NULLABLE)
		return (json_null());
	if (method == PATCH && fd->type == FIELD_OBJECT)
		return (json_object());
	if (method == PATCH && (fd->type == FIELD_TEXT ||
	    fd->type == FIELD_NAME))
		return (json_string(""));
	if (input_may_be_blank(fd))
		return (json_string(""));
	return (NULL);
}

json_t *
input_read(struct arena *a, const struct input *in, const struct field *fd,
    enum method method, const json_t *typed, const char **why)
{
	const char	*text = json_text(typed, in->name);

	*why = NULL;
	if (in->kind == INPUT_CHECK)
		return (json_boolean(text != NULL));
	if (in->kind == INPUT_ROWS)
		return (read_rows(a, in, typed));
	if (in->kind == INPUT_CHECKS)
		return (read_checks(a, in, typed));
	if (text == NULL)
		return (NULL);
	if (in->kind == INPUT_LINES && (*text != '\0' || method == PATCH))
		return (read_lines(text));
	if (in->kind == INPUT_HIDDEN && fd->type == FIELD_OBJECT)
		return (read_scripted(text));
	if (*text == '\0')		/* a secret isn't shown: it stays */
		return (in->kind == INPUT_SECRET ? NULL :
		    read_nothing(fd, method));
	switch (in->kind) {
	case INPUT_JSON:
		return (read_tree(a, text, why));
	case INPUT_TIME:
		return (json_sprintf("%s%s", text, strlen(text) == 16 ?
		    ":00Z" : ""));
	default:
		if (fd->type == FIELD_INTEGER)
			return (read_number(a, in, text, typed, why));
		if (fd->type == FIELD_BOOLEAN)
			return (json_boolean(!strcmp(text, "true")));
		if (fd->type == FIELD_TEXTS)
			return (json_pack("[s]", text));
		return (json_string(text));
	}
}

/* ---- boxes ---- */

static bool
is_among(const json_t *list, const char *text)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one) {
		if (json_is_string(one) && !strcmp(json_string_value(one), text))
			return (true);
	}
	return (false);
}

static json_t *
box(struct arena *a, const struct input *in, const char *value,
    const char *label, bool checked)
{
	return (json_pack("{s:s,s:s,s:b}", "name", arena_printf(a, "%s.%s",
	    in->name, value), "label", *label == '\0' ? value : label,
	    "selected", checked));
}

json_t *
input_checks(struct arena *a, const struct input *in, const json_t *gathered,
    const json_t *record, const json_t *typed)
{
	char		*copy = arena_strdup(a, in->with), *from, *value;
	const json_t	*row, *rows;
	json_t		*all = json_array(), *known = json_array(), *have;
	size_t		 i;

	from = strsep(&copy, " ");
	value = strsep(&copy, " ");
	if (typed != NULL)
		have = read_checks(a, in, typed);
	else if (record == NULL && in->preset != NULL)
		have = json_pack("[s]", in->preset);
	else
		have = json_incref((json_t *)value_find(record, NULL,
		    in->name));
	rows = value_find(NULL, gathered, from);
	json_array_foreach(rows, i, row) {
		from = arena_strdup(a, value_text(a, value_find(row, NULL,
		    value)));
		json_array_append_new(known, json_string(from));
		json_array_append_new(all, box(a, in, from, value_text(a,
		    value_find(row, NULL, copy)), is_among(have, from)));
	}
	json_array_foreach(have, i, row) {
		if (json_array_size(rows) > 0 && !is_among(known, value_text(a, row)))
			json_array_append_new(all, box(a, in, value_text(a, row), "", true));
	}
	json_decref(known);
	json_decref(have);
	return (all);
}

/* ---- rows ---- */

static json_t *
row_cells(struct arena *a, const struct input *in, unsigned int i,
    const json_t *row)
{
	const char	*members = in->with, *name, *text;
	json_t		*cells = json_array();

	while ((name = member(a, &members)) != NULL) {
		text = json_text(row, name);
		json_array_append_new(cells, json_pack("{s:s,s:s,s:s}",
		    "name", arena_printf(a, "%s.%u.%s", in->name, i, name),
		    "label", arena_printf(a, "%s %u", value_choice(a, in->with,
		    name), i + 1), "value", text == NULL ? "" : text));
	}
	return (cells);
}

json_t *
input_rows(struct arena *a, const struct input *in, const json_t *record,
    const json_t *typed)
{
	json_t		*all = json_array(), *have;
	const json_t	*one;
	size_t		 n, i;

	have = typed != NULL ? read_rows(a, in, typed) :
	    json_incref((json_t *)value_find(record, NULL, in->name));
	n = json_array_size(have) + INPUT_ROWS_SPARE;
	for (i = 0; i < n; i++) {
		one = json_array_get(have, i);
		json_array_append_new(all, json_pack("{s:o}", "row_cells",
		    row_cells(a, in, (unsigned int)i, one)));
	}
	json_decref(have);
	return (all);
}
