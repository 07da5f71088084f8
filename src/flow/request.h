/* What Kore knows of a request, for files that know no Kore. */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include "flow/flow.h"

/* A header's value, borrowed; NULL: it didn't come. */
const char	*flow_request_header(const struct flow *, const char *name);

/* The body's bytes, borrowed; never NULL. */
const void	*flow_request_body(const struct flow *, size_t *len);

/* How often it came. */
unsigned int	 flow_request_headers(const struct flow *, const char *name);

/* Is it a browser's, for a page? */
bool		 flow_wants_html(const struct flow *);

/* As it came; the query is "" when there is none. */
const char	*flow_request_path(const struct flow *);
const char	*flow_request_query(const struct flow *);

/* Overwrites the body, which held a secret; nothing reads it afterwards. */
void		 flow_request_wipe(struct flow *);

#endif
