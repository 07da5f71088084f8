/* One input of a form: what it shows, and what was typed into it. */
#ifndef PAGES_INPUT_H
#define PAGES_INPUT_H

#include "pages/page.h"

#define INPUT_ROWS_SPARE	2	/* empty rows below those that are there */

/* A record's value as its input shows it; `record' has the currency. */
const char	*input_show(struct arena *, const struct input *,
		    const json_t *record);

/*
 * What was typed as the API takes it: a new value, or NULL: leave it out.
 * `typed' has all inputs' texts.  With *why set (and NULL) it makes no sense.
 */
json_t		*input_read(struct arena *, const struct input *,
		    const struct field *, enum method, const json_t *typed,
		    const char **why);

/*
 * The boxes of INPUT_CHECKS: those that may be ticked, and what is there
 * beyond them, so that nothing is dropped unseen.  Empty: it is lines.
 */
json_t		*input_checks(struct arena *, const struct input *,
		    const json_t *gathered, const json_t *record,
		    const json_t *typed);

/* A field that must be there, but may say nothing. */
bool		 input_may_be_blank(const struct field *);

/* The rows of INPUT_ROWS for the template, from what was typed or is there. */
json_t		*input_rows(struct arena *, const struct input *,
		    const json_t *record, const json_t *typed);

#endif
