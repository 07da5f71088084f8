/*
 * The pages before the dashboard's own: cards with a few inputs, without
 * navigation.  Sign-in, first run, and whatever else lets somebody in.
 */
#ifndef PAGES_DOOR_H
#define PAGES_DOOR_H

#include "base/json.h"
#include "flow/flow.h"

/*
 * Where to go afterwards: the query's `next' when it is a page of the
 * dashboard or a file that it exports, else its overview.  In the arena.
 */
const char	*door_next(struct flow *);

/* An input for the list `inputs': a new object.  `wrong' may be NULL. */
json_t		*door_input(const char *name, const char *label,
		    const char *type, const char *autocomplete,
		    const char *hint, const char *wrong);

/*
 * Renders; takes the values: page_title, and of intro, said, fault, inputs,
 * submit, action (where that goes, if not here), csrf, passkey
 * (pages/passkeys.h), link ({href,label}) those that there are.
 */
enum flow_next	 door_send(struct flow *, int status, json_t *values);

/* A card that says what went wrong: struct endpoint's on_fault. */
void		 door_on_fault(struct flow *);

#endif
