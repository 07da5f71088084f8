/*
 * Choices of which there are too many for one list: the source that they come
 * from has further pages.  Such a picker is a text input with suggestions, into
 * which a product's slug is typed; before anything is asked or done, slugs are
 * changed into the ids that the API wants.
 */
#ifndef PAGES_PICK_H
#define PAGES_PICK_H

#include "pages/page.h"

/* Does its source have rows that aren't here? */
bool		 pick_is_cut(struct arena *, const struct input *,
		    const json_t *gathered);

/* What to type for a row, and for a value: its slug, if it has one. */
const char	*pick_word(struct arena *, const struct input *,
		    const json_t *row);
const char	*pick_shown(struct flow *, const struct input *,
		    const char *value);

/*
 * Slugs among the filters' values (of a GET) or the form's (of a POST) become
 * ids.  One that is no product's stands at fault beside its input, and finds
 * nothing.
 */
enum flow_next	 pick_ask(struct flow *);
enum flow_next	 pick_got(struct flow *);
/* clang-format off */
#define PICK_STEPS							\
	FLOW_STEP(pick_ask),		/* the API, slug by slug */	\
	FLOW_STEP(pick_got)
/* clang-format on */

#endif
