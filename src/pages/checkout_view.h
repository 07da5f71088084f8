/*
 * A checkout in the words that its buyer reads: from the row of checkout_get to
 * the values of its template.
 */
#ifndef PAGES_CHECKOUT_VIEW_H
#define PAGES_CHECKOUT_VIEW_H

#include "base/json.h"
#include "flow/flow.h"

/*
 * Row 0 of the flow's rows; `by' is the way to pay that was chosen: "lightning",
 * "onchain", "both", anything else is the widest there is.  A new object.
 */
json_t	*checkout_view(struct flow *, const char *by);

#endif
