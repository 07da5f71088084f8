/* GET /checkout/:invoice_id/events: how an invoice stands, as it changes. */
#include "api/api.h"

#include "flow/live.h"

/* clang-format off */
const struct endpoint	api_live[] = {
	{ .method = GET, .path = "/checkout/:invoice_id/events",
	    .limit = LIMIT_POLL,
	    .steps = FLOW_STEPS(
		FLOW_STEP(live_ask),		/* sql  checkout_states */
		FLOW_STEP(live_stream)),
	    .errors = "404 429 503",
	    .summary = "How a purchase stands, as server-sent events: at once, "
	        "and whenever it changes. Browsers take it by `EventSource`; "
	        "when it is refused, poll.",
	    .answer = "`text/event-stream`: events `state`, with the JSON of "
	        "`GET /checkout/:invoice_id/state`, and at last `end`: "
	        "`{reason}`, `final` when nothing more will come, `again` when "
	        "the server stops and the stream can be had from another." },
	ENDPOINT_END
};
/* clang-format on */
