/* What a page's form sent: application/x-www-form-urlencoded. */
#ifndef FLOW_FORM_H
#define FLOW_FORM_H

#include "flow/flow.h"

/*
 * The first field of that name, decoded, in the arena; "" when it did not come
 * or is no UTF-8.  A body of more than 64 KiB is no form.
 */
const char	*form_text(struct flow *, const char *name);

#endif
