/*
 * GET /thank-you?invoice_id=: where buyers come back to after paying.  Shows
 * the key as soon as there is one, without scripts; the invoice's id in the
 * address is the buyer's secret.
 */
#include "pages/pages.h"

#include "base/json.h"
#include "flow/key.h"
#include "flow/respond.h"
#include "flow/template.h"

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
	struct template	 t;
	json_t		*invoice, *values;
	char		*page, why[96];
	size_t		 len;

	if (body == NULL)
		return (flow_fail(f, ERR_NOT_FOUND, "No such purchase."));
	invoice = json_read(body, strlen(body), why, sizeof(why));
	if ((status = json_text(invoice, "status")) == NULL)
		status = "pending";
	key = key_render(f, flow_rows(f));
	values = json_pack("{s:s,s:s?,s:b,s:b,s:b}", "invoice",
	    flow_text(f, "invoice_id"), "key", key,
	    "pending", key == NULL && !strcmp(status, "pending"),
	    "lost", key == NULL && (!strcmp(status, "expired") ||
	    !strcmp(status, "invalid")),
	    "gone", key == NULL && !strcmp(status, "settled"));
	template_init(&t, values);
	template_thanks(&t);
	page = template_take(&t, &len);
	json_decref(values);
	json_decref(invoice);
	return (flow_html(f, 200, page, len));
}

/* clang-format off */
const struct endpoint	pages_thanks[] = {
	{ .method = GET, .path = "/thank-you", .limit = LIMIT_POLL,
	    .query = FIELDS(
		{ "invoice_id", FIELD_UUID, FIELD_REQUIRED, .help = "Of the purchase." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(thanks_ask),		/* sql  purchase_poll */
		FLOW_STEP(thanks_page)),
	    .hidden = true, .summary = "How a purchase stands, for the buyer." },
	ENDPOINT_END
};
/* clang-format on */
