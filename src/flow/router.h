/*
 * From a request to its endpoint's flow.  Kore knows one catch-all route;
 * `dispatch' is its handler.
 */
#ifndef FLOW_ROUTER_H
#define FLOW_ROUTER_H

#include "flow/endpoint.h"

struct http_request;

/*
 * The tables that are served, borrowed; `resources' ends with a zero name.
 * Ends the process when two endpoints collide or a plain statement has an
 * argument that nothing fills: a bug, found at the first start.
 */
void	router_open(const struct resource *resources);

/* "GET /v1/products/:slug", ..., in the order of their indexes. */
const char *const	*router_names(unsigned int *count);

/* The OpenAPI 3.1 document, made once; and docs/api.md. */
const char		*openapi_document(const struct resource *);
struct buf;
void			 openapi_page(const struct resource *, struct buf *);

/* The tables of router_open(). */
const struct resource	*router_resources(void);

const char		*method_name(enum method);

/* What would answer that path; NULL: nothing. */
const struct endpoint	*router_find(enum method, const char *path);
/*
 * The parameters of a path that was found to be f->endpoint's.  False after
 * flow_fail().
 */
struct flow;
bool			 router_read_path(struct flow *, const char *path);

/* Kore's handler, found by name. */
int	dispatch(struct http_request *);

#endif
