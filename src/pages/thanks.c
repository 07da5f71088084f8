/*
 * GET /thank-you?invoice_id=: where buyers come back to after paying.  Shows
 * the key as soon as there is one, without scripts; the invoice's id in the
 * address is the buyer's secret.
 */
#include "pages/pages.h"

#include "base/json.h"
#include "flow/key.h"
#include "flow/fail.h"
#include "pages/front.h"

#include "sql.h"
#include "templates.h"

#include <string.h>

static enum flow_next
thanks_ask(struct flow *f)
{
	return (FLOW_QUERY(f, purchase_poll,
	    .id = flow_text(f, "invoice_id")));
}

static enum flow_next
thanks_page(struct flow *f)
{
	const char	*body = db_text(flow_rows(f), 0, "body"), *key, *status;
	json_t		*invoice, *values;
	bool		 pending;
	char		 why[96];

	if (body == NULL)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	invoice = json_read(body, strlen(body), why, sizeof(why));
	if ((status = json_text(invoice, "status")) == NULL)
		status = "pending";
	key = key_render(f, flow_rows(f));
	pending = key == NULL && !strcmp(status, "pending");
	values = json_pack("{s:s,s:s,s:s?,s:b,s:s?,s:b,s:b}",
	    "page_title", "Your purchase", "invoice",
	    flow_text(f, "invoice_id"), "key", key, "pending", pending,
	    "refresh", pending ? "5" : NULL,
	    "lost", key == NULL && (!strcmp(status, "expired") ||
	    !strcmp(status, "invalid")),
	    "gone", key == NULL && !strcmp(status, "settled"));
	json_decref(invoice);
	return (front_send(f, 200, template_thanks, values));
}

/* clang-format off */
const struct endpoint	pages_thanks[] = {
	{ .method = GET, .path = "/thank-you", .limit = LIMIT_POLL,
	    .query = FIELDS(
		{ "invoice_id", FIELD_UUID, FIELD_REQUIRED, .help = "Of the purchase." }),
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(thanks_ask),		/* sql  purchase_poll */
		FLOW_STEP(thanks_page)),
	    FRONT_PAGE, .summary = "How a purchase stands, for the buyer." },
	ENDPOINT_END
};
/* clang-format on */
