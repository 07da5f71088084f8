/*
 * From bytes to checked values: what a request's path, query and body say,
 * each field against its row in the endpoint's table.
 */
#ifndef FLOW_BODY_H
#define FLOW_BODY_H

#include "flow/flow.h"

/*
 * Each returns false after flow_fail() with a message that names the field.
 * Fields that no table has are ignored.
 */
bool	body_read_query(struct flow *, char *query);
/* `data' is the whole body; nothing is as good as an empty object. */
bool	body_read(struct flow *, const void *data, size_t len);
/* One path parameter, decoded; `id' and `..._id' must be UUIDs, else 404. */
bool	body_read_path(struct flow *, const char *name, const char *value,
	    size_t len);

#endif
