/*
 * Bar charts of a series, as inline SVG by attributes alone, with the same
 * numbers as a table beneath.
 */
#ifndef PAGES_CHART_H
#define PAGES_CHART_H

#include "base/json.h"

/* What one kind of bar is called, and its number's name in a row. */
struct chart_bars {
	const char	*label;		/* NULL: there are none */
	const char	*name;
};

struct chart {
	const char		*name;
	const char		*id;		/* to link to; NULL: none */
	const json_t		*series;	/* rows with `since', RFC 3339 */
	struct chart_bars	 front;
	struct chart_bars	 behind;	/* paler, behind those */
	struct chart_bars	 above;		/* stacked on those in front */
	int			 step;		/* days of a row */
	const char		*nothing;	/* said when all is 0 */
};

/* Adds the part `chart' to a block. */
void	chart_make(json_t *block, const struct chart *);

#endif
