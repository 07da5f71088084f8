#include "pages/value.h"

#include "base/buf.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_MAX	4096
#define COUNTED_TO	10000
#define SHORT		24	/* of one word: it stays on one line */
#define LINES_OPEN	16	/* of a tree; longer ones are folded */

static const json_t *
walk(const json_t *v, const char *name)
{
	size_t	len;

	for (;; name += len + 1) {
		len = strcspn(name, ".");
		v = json_object_getn(v, name, len);
		if (v == NULL || name[len] == '\0')
			return (v);
	}
}

const json_t *
value_find(const json_t *row, const json_t *gathered, const char *name)
{
	const json_t	*v = walk(row, name);

	return (v != NULL ? v : walk(gathered, name));
}

const char *
value_text(struct arena *a, const json_t *v)
{
	switch (v == NULL ? JSON_NULL : json_typeof(v)) {
	case JSON_STRING:
		return (arena_strdup(a, json_string_value(v)));
	case JSON_INTEGER:
		return (arena_printf(a, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v)));
	case JSON_REAL:
		return (arena_printf(a, "%.15g", json_real_value(v)));
	case JSON_TRUE:
		return ("true");
	case JSON_FALSE:
		return ("false");
	default:
		return ("");
	}
}

static bool
one_holds(const char *when, const json_t *gathered)
{
	const char	*choices, *text;
	struct arena	 a;
	char		 name[128];
	bool		 holds, negated;
	size_t		 len;

	negated = *when == '!';
	when += negated;
	choices = strchr(when, '=');
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(when, "="), when);
	if (choices == NULL)
		return (json_is_something(value_find(NULL, gathered, name)) !=
		    negated);
	arena_init(&a);
	text = value_text(&a, value_find(NULL, gathered, name));
	holds = false;
	do {
		len = strcspn(++choices, "|");
		holds = holds || (strlen(text) == len &&
		    !strncmp(text, choices, len));
		choices += len;
	} while (*choices == '|');
	arena_reset(&a);
	return (holds != negated);
}

/* A link that is one name: an address of another server, as it is. */
static const char *
whole_address(struct arena *a, const char *pattern, const json_t *row,
    const json_t *gathered)
{
	const char	*name, *text;
	size_t		 len = strlen(pattern);

	if (pattern[0] != '{' || strchr(pattern, '}') != pattern + len - 1)
		return (NULL);
	name = arena_strndup(a, pattern + 1, len - 2);
	text = value_text(a, value_find(row, gathered, name));
	return (text_is_url(text) ? text : NULL);
}

bool
value_holds(const char *when, const json_t *gathered)
{
	char	one[256];
	size_t	len;

	for (; when != NULL; when += len + 1) {
		len = strcspn(when, "&");
		snprintf(one, sizeof(one), "%.*s", (int)len, when);
		if (!one_holds(one, gathered))
			return (false);
		if (when[len] == '\0')
			break;
	}
	return (true);
}

const char *
value_expand(struct arena *a, const char *pattern, const json_t *row,
    const json_t *gathered, bool link)
{
	struct buf	 b;
	const char	*text;
	char		 name[128];
	size_t		 len;

	if (strchr(pattern, '{') == NULL)
		return (pattern);
	if (link && (text = whole_address(a, pattern, row, gathered)) != NULL)
		return (text);
	buf_init(&b, LINK_MAX);
	while (*pattern != '\0') {
		len = strcspn(pattern, "{");
		buf_put(&b, pattern, len);
		pattern += len;
		if (*pattern == '\0')
			break;
		len = strcspn(++pattern, "}");
		snprintf(name, sizeof(name), "%.*s", (int)len, pattern);
		text = value_text(a, value_find(row, gathered, name));
		if (link)
			buf_put_url(&b, text);
		else
			buf_puts(&b, text);
		pattern += len + (pattern[len] == '}');
	}
	text = arena_strdup(a, b.failed || b.data == NULL ? "" : b.data);
	buf_free(&b);
	return (text);
}

/* ---- numbers ---- */

const char *
value_grouped(struct arena *a, long long n)
{
	char	digits[32], out[48];
	size_t	len, i, at = 0, sign;

	snprintf(digits, sizeof(digits), "%lld", n);
	sign = digits[0] == '-';
	len = strlen(digits);
	for (i = 0; i < len; i++) {
		if (i > sign && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return (arena_strdup(a, out));
}

const char *
value_money(struct arena *a, long long n, const char *currency, bool grouped)
{
	const char	*whole;

	if (!strcmp(currency, "SAT"))
		return (grouped ? value_grouped(a, n) :
		    arena_printf(a, "%lld", n));
	whole = grouped ? value_grouped(a, n / 100) :
	    arena_printf(a, "%lld", n / 100);
	return (arena_printf(a, "%s%s.%02lld", n < 0 && n > -100 ? "-" : "",
	    whole, llabs(n % 100)));
}

const char *
value_duration(struct arena *a, long long seconds)
{
	static const struct {
		long long	 size;
		const char	*name;
	} units[] = {
		{ 86400, "day" }, { 3600, "hour" }, { 60, "minute" },
		{ 1, "second" }
	};
	size_t	i = 0;

	while (seconds % units[i].size != 0)
		i++;
	return (arena_printf(a, "%lld %s%s", seconds / units[i].size,
	    units[i].name, seconds == units[i].size ? "" : "s"));
}

const char *
value_choice(struct arena *a, const char *list, const char *key)
{
	size_t	n = strlen(key), len;

	for (; list != NULL; list += len + 1) {
		len = strcspn(list, "|");
		if (!strncmp(list, key, n) && list[n] == '=')
			return (arena_strndup(a, list + n + 1, len - n - 1));
		if (list[len] == '\0')
			break;
	}
	return (NULL);
}

/* ---- cells ---- */

static const char *
joined(struct arena *a, const json_t *list)
{
	const char	*all = "";
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one)
		all = arena_printf(a, "%s%s%s", all, i > 0 ? ", " : "",
		    value_text(a, one));
	return (all);
}

/* What is the text of a tree is shown as that tree. */
static const char *
dumped(struct arena *a, const json_t *v)
{
	const char	*s = json_string_value(v), *copy;
	char		*text, why[96];
	json_t		*read = NULL;

	if (s != NULL && (read = json_read(s, strlen(s), why,
	    sizeof(why))) == NULL)
		return (arena_strdup(a, s));
	text = json_dumps(read == NULL ? v : read, JSON_ENCODE_ANY |
	    JSON_INDENT(2));
	copy = text == NULL ? "" : arena_strdup(a, text);
	free(text);
	json_decref(read);
	return (copy);
}

static unsigned int
lines_of(const char *text)
{
	unsigned int	n = 1;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return (n);
}

/* A value that the list doesn't know is shown all the same, quietly. */
static void
badge(struct arena *a, const char *list, const char **text,
    const char **kind)
{
	const char	*found = value_choice(a, list, *text);
	size_t		 len;

	*kind = "quiet";
	if (found == NULL)
		return;
	len = strcspn(found, "=");
	*kind = arena_strndup(a, found, len);
	if (found[len] == '=')
		*text = found + len + 1;
}

bool
value_is_percent(const json_t *row)
{
	const char	*kind = json_text(row, "kind");

	return (kind != NULL && !strcmp(kind, "percent"));
}

/* "2026-11-22T14:00:00Z" to "2026-11-22 14:00 UTC" */
static const char *
readable_time(struct arena *a, const char *s)
{
	if (strspn(s, "0123456789-:T") < 16 || s[10] != 'T')
		return (s);
	return (arena_printf(a, "%.10s %.5s UTC", s, s + 11));
}

static const char *
number_text(struct arena *a, const struct column *c, const json_t *row,
    const json_t *v)
{
	long long	 n = json_integer_value(v);
	enum cell_kind	 kind = c->kind;
	const char	*currency;

	if (kind == CELL_AMOUNT && value_is_percent(row))
		kind = CELL_PERCENT;
	if (kind == CELL_AMOUNT && n == 0)	/* a free license has none */
		return ("");
	switch (kind) {
	case CELL_COUNT:
		if (n > COUNTED_TO)
			return ("more than 10,000");
		/* FALLTHROUGH */
	case CELL_NUMBER:
		return (n == 0 && c->with != NULL ? c->with :
		    value_grouped(a, n));
	case CELL_SATS:
		return (arena_printf(a, "%s sats", value_grouped(a, n)));
	case CELL_PERCENT:
		return (n % 100 == 0 ? arena_printf(a, "%lld %%", n / 100) :
		    arena_printf(a, "%s %%", value_money(a, n, "", false)));
	case CELL_SECONDS:
		return (n == 0 && c->with != NULL ? c->with :
		    value_duration(a, n));
	case CELL_AMOUNT:
	case CELL_MONEY:
		currency = json_string_value(value_find(row, NULL, c->with));
		if (currency == NULL)
			currency = "SAT";
		return (arena_printf(a, "%s %s", value_money(a, n, currency,
		    true), !strcmp(currency, "SAT") ? "sats" : currency));
	case CELL_RATE:
		return (arena_printf(a, n % 10000 == 0 ? "%s" : "%s.%04lld",
		    value_grouped(a, n / 10000), n % 10000));
	default:
		return (value_text(a, v));
	}
}

/* 65000.5 to "65,000.5" */
static const char *
grouped_real(struct arena *a, const json_t *v)
{
	const char	*text = value_text(a, v);
	size_t		 whole = strcspn(text, ".");

	if (text[strspn(text, "0123456789.")] != '\0')
		return (text);
	return (arena_printf(a, "%s%s", value_grouped(a,
	    (long long)json_real_value(v)), text + whole));
}

static const char *
cell_text(struct arena *a, const struct column *c, const json_t *row,
    const json_t *v)
{
	if (json_is_array(v) && c->kind == CELL_LIST)
		return (joined(a, v));
	if (c->kind == CELL_JSON && v != NULL && !json_is_null(v))
		return (dumped(a, v));
	if (json_is_integer(v))
		return (number_text(a, c, row, v));
	if (json_is_real(v) && c->kind == CELL_NUMBER)
		return (grouped_real(a, v));
	return (value_text(a, v));
}

/* Every member is there, null or not: a missing one would be looked for
 * further out. */
json_t *
value_cell(struct arena *a, const struct column *c, const json_t *row,
    const json_t *gathered)
{
	const char	*text, *time = NULL, *kind = NULL, *href = NULL;
	unsigned int	 lines;
	bool		 is_code, is_tree;

	text = cell_text(a, c, row, value_find(row, NULL, c->name));
	if (*text != '\0' && c->kind == CELL_TIME) {
		time = text;
		text = readable_time(a, text);
	}
	is_code = *text != '\0' && c->kind == CELL_CODE;
	is_tree = *text != '\0' && c->kind == CELL_JSON;
	lines = is_tree ? lines_of(text) : 0;
	if (*text == '\0' && c->with != NULL && (c->kind == CELL_TEXT ||
	    c->kind == CELL_CODE || c->kind == CELL_TIME ||
	    c->kind == CELL_LIST))
		text = c->with;
	if (*text != '\0' && c->kind == CELL_BADGE)
		badge(a, c->with, &text, &kind);
	if (c->kind == CELL_URL && (!strncmp(text, "https://", 8) ||
	    !strncmp(text, "http://", 7))) {
		href = text;
		text = c->with == NULL ? text : c->with;
	}
	if (*text != '\0' && c->link != NULL)
		href = value_expand(a, c->link, row, gathered, true);
	if (href != NULL && *href != '\0' && href[strlen(href) - 1] == '/')
		href = NULL;	/* to nothing: it has no id */
	return (json_pack("{s:s,s:s,s:s?,s:s?,s:s?,s:b,s:b,s:b,s:b,s:s?,s:b}",
	    "label", c->label, "text", text, "time", time, "badge", kind,
	    "href", href,
	    "is_number", c->kind == CELL_NUMBER || c->kind == CELL_COUNT ||
	    c->kind == CELL_SATS ||
	    c->kind == CELL_MONEY || c->kind == CELL_PERCENT ||
	    c->kind == CELL_AMOUNT || c->kind == CELL_RATE,
	    "is_code", is_code, "is_tree", is_tree, "is_short",
	    strlen(text) <= SHORT && strchr(text, ' ') == NULL, "folded",
	    lines <= LINES_OPEN ? NULL : arena_printf(a, "%u lines", lines),
	    "is_empty", *text == '\0'));
}
