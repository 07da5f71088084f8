#include "pages/chart.h"

#include "base/arena.h"
#include "base/buf.h"
#include "pages/value.h"

#include <stdio.h>
#include <string.h>

#define HEIGHT	160	/* of the drawing, in its own units */
#define BAR	10	/* a row's width */
#define PATH_MAX_BYTES	65536

/* "2026-11-03T00:00:00Z" to "3 Nov 2026" */
static const char *
day(struct arena *a, const json_t *row)
{
	static const char	months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char		*t = json_text(row, "since");
	unsigned int		 y, m, d;

	if (t == NULL || sscanf(t, "%4u-%2u-%2u", &y, &m, &d) != 3 || m < 1 ||
	    m > 12)
		return ("");
	return (arena_printf(a, "%u %.3s %u", d, months + 3 * (m - 1), y));
}

static long long
value(const json_t *row, const struct chart_bars *b)
{
	return (b->label == NULL ? 0 :
	    json_integer_value(json_object_get(row, b->name)));
}

static long long
highest(const struct chart *c)
{
	const json_t	*row;
	long long	 n, most = 0;
	size_t		 i;

	json_array_foreach(c->series, i, row) {
		n = value(row, &c->front) + value(row, &c->above);
		most = n > most ? n : most;
		n = value(row, &c->behind);
		most = n > most ? n : most;
	}
	return (most);
}

/* One path for all bars of a kind: from `low' up, in shares of the highest. */
static void
put_bar(struct buf *path, double x, double width, double low, double height)
{
	if (height > 0)
		buf_printf(path, "M%.0f %.1fh%.0fv%.1fh-%.0fz", x,
		    HEIGHT * (1 - low), width, -HEIGHT * height, width);
}

static void
put_path(json_t *bars, const char *kind, struct buf *path)
{
	if (path->len > 0 && !path->failed)
		json_array_append_new(bars, json_pack("{s:s,s:s}", "bar_kind",
		    kind, "d", path->data));
	buf_free(path);
}

static json_t *
draw(const struct chart *c, long long most)
{
	const json_t	*row;
	struct buf	 behind, front, above;
	json_t		*bars = json_array();
	bool		 narrow = c->behind.label != NULL;
	double		 share;
	size_t		 i;

	buf_init(&behind, PATH_MAX_BYTES);
	buf_init(&front, PATH_MAX_BYTES);
	buf_init(&above, PATH_MAX_BYTES);
	json_array_foreach(c->series, i, row) {
		share = (double)value(row, &c->front) / (double)most;
		put_bar(&behind, (double)i * BAR + 1, BAR - 2, 0,
		    (double)value(row, &c->behind) / (double)most);
		put_bar(&front, (double)i * BAR + (narrow ? 3 : 1),
		    narrow ? BAR - 6 : BAR - 2, 0, share);
		put_bar(&above, (double)i * BAR + 1, BAR - 2, share,
		    (double)value(row, &c->above) / (double)most);
	}
	put_path(bars, "before", &behind);
	put_path(bars, "now", &front);
	put_path(bars, "bad", &above);
	return (bars);
}

static void
put_cell(struct arena *a, json_t *cells, const json_t *row,
    const struct chart_bars *b)
{
	if (b->label != NULL)
		json_array_append_new(cells, json_pack("{s:s,s:s}", "label",
		    b->label, "text", value_grouped(a, value(row, b))));
}

static json_t *
table(struct arena *a, const struct chart *c)
{
	const json_t	*row;
	json_t		*rows = json_array(), *cells;
	size_t		 i;

	for (i = json_array_size(c->series); i-- > 0;) {
		row = json_array_get(c->series, i);
		cells = json_array();
		put_cell(a, cells, row, &c->front);
		put_cell(a, cells, row, &c->above);
		put_cell(a, cells, row, &c->behind);
		json_array_append_new(rows, json_pack("{s:s,s:o}", "day",
		    day(a, row), "numbers", cells));
	}
	return (rows);
}

static void
put_legend(json_t *legend, const char *kind, const struct chart_bars *b)
{
	if (b->label != NULL)
		json_array_append_new(legend, json_pack("{s:s,s:s}",
		    "bar_kind", kind, "label", b->label));
}

void
chart_make(json_t *block, const struct chart *c)
{
	struct arena	 a;
	json_t		*legend = json_array();
	long long	 most = highest(c);
	size_t		 n = json_array_size(c->series);

	arena_init(&a);
	put_legend(legend, "now", &c->front);
	put_legend(legend, "bad", &c->above);
	put_legend(legend, "before", &c->behind);
	json_object_set_new(block, "chart", json_pack("{s:s,s:s?,s:s,s:s,s:s,"
	    "s:s,s:s,s:s,s:o,s:o,s:o}",
	    "name", c->name, "chart_id", c->id,
	    "nothing", most == 0 ? c->nothing : "",
	    "view", arena_printf(&a, "0 0 %zu %d", n * BAR, HEIGHT),
	    "across", arena_printf(&a, "%zu", n * BAR),
	    "most", arena_printf(&a, "%s at most in %s",
	    value_grouped(&a, most), c->step == 1 ? "a day" : "5 days"),
	    "from", day(&a, json_array_get(c->series, 0)),
	    "to", day(&a, json_array_get(c->series, n - 1)),
	    "legend", legend,
	    "bars", most == 0 ? json_array() : draw(c, most),
	    "rows", table(&a, c)));
	json_object_set_new(json_object_get(block, "chart"), "span",
	    json_string(c->step == 1 ? "Day" : "5 days from"));
	arena_reset(&a);
}
