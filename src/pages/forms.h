/*
 * Forms: what an endpoint's fields look like as inputs, and what was typed as
 * the body or query that the endpoint takes.  What is wrong with a value is
 * the endpoint's to say; its message is shown beside the input it names.
 */
#ifndef PAGES_FORMS_H
#define PAGES_FORMS_H

#include "flow/session.h"
#include "pages/page.h"

/* A query string, or a form's body, by name; the last of a name counts. */
json_t		*forms_read_query(struct arena *, const char *);

/* "?a=b&name=value": a query with one value changed; without it for NULL. */
const char	*forms_query_with(struct arena *, const json_t *query,
		    const char *name, const char *value);

/*
 * How long a typed password is good for a form that wants it fresh: to see
 * the form, and to send it, so that there is time to fill it in.
 */
#define FORMS_FRESH_SHOWN	300	/* s */
#define FORMS_FRESH_SENT	SESSION_FRESH_S

/* Was the password typed within that time, if the form's endpoint wants it? */
bool		 forms_confirmed(struct flow *, long long seconds);

/* For the template: new objects. */
json_t		*forms_values(struct flow *, const struct form *);
json_t		*forms_filters(struct flow *, const struct input *);

#endif
