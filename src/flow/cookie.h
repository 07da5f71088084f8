/*
 * Cookies that hold a token.  Over https such a one is called __Host-NAME: a
 * browser takes that only from this very host, never from a sibling that sets
 * it for the whole domain.  Over plain http, where browsers refuse the prefix,
 * and from programs that know the name alone it is NAME.  Both are read, the
 * one with the prefix first.
 */
#ifndef FLOW_COOKIE_H
#define FLOW_COOKIE_H

#include "flow/flow.h"

#define COOKIE_PREFIX	"__Host-"

struct cookie {
	const char	*name;		/* without the prefix */
	const char	*same_site;	/* "Strict", "Lax" */
};

/* The token that came, in the arena; NULL: none that could be one. */
const char	*cookie_token(struct flow *, const struct cookie *);

/* A new one, by the name that fits how the request came. */
void		 cookie_put(struct flow *, const struct cookie *,
		    const char *token, int seconds);

/* The token that came, kept longer under the name that it came by. */
void		 cookie_prolong(struct flow *, const struct cookie *,
		    const char *token, int seconds);

/* The browser forgets it, whatever it is called there. */
void		 cookie_clear(struct flow *, const struct cookie *);

#endif
