/*
 * The sandbox's checkout page: what the buyer would see at a payment
 * provider, with one button that pays and one that lets the invoice expire.
 * Both are forms, and good for curl.  Absent unless the sandbox is connected,
 * and in production.
 */
#include "pages/pages.h"

#include "base/conf.h"
#include "base/json.h"
#include "flow/account.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/settle.h"
#include "flow/template.h"

#include "sql.h"
#include "templates.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool
is_open(struct flow *f)
{
	if (!conf_is_production())
		return (true);
	flow_fail(f, ERR_NOT_FOUND, "There is no such endpoint.");
	return (false);
}

/* ---- the page ---- */

static enum flow_next
checkout_ask(struct flow *f)
{
	if (!is_open(f))
		return (FLOW_DONE);
	return (FLOW_QUERY(f, sandbox_get, .id = flow_text(f, "order")));
}

/* 1234567 to "1,234,567" */
static void
group(int64_t n, char out[32])
{
	char	digits[24];
	size_t	len, i, at = 0;

	snprintf(digits, sizeof(digits), "%" PRId64, n);
	len = strlen(digits);
	for (i = 0; i < len && at < 30; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

static enum flow_next
checkout_page(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*status = db_text(r, 0, "status");
	struct template		 t;
	json_t			*values;
	char			 amount[32], *page;
	size_t			 len;

	if (status == NULL)
		return (flow_fail(f, ERR_NOT_FOUND, "No such checkout."));
	group(db_integer(r, 0, "amount_sats", 0), amount);
	values = json_pack("{s:s,s:s?,s:s,s:s?,s:b,s:b,s:b}",
	    "id", db_text(r, 0, "id"), "product", db_text(r, 0, "product_name"),
	    "amount", amount, "back", db_text(r, 0, "redirect_url"),
	    "pending", !strcmp(status, "pending"),
	    "settled", !strcmp(status, "settled"),
	    "expired", !strcmp(status, "expired"));
	template_init(&t, values);
	template_sandbox(&t);
	page = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, 200, page, len));
}

/* ---- the buttons ---- */

static enum flow_next
checkout_set(struct flow *f, const char *status)
{
	struct settle	*s = flow_state(f);

	if (!is_open(f))
		return (FLOW_DONE);
	s->invoice_id = flow_text(f, "order");
	return (FLOW_QUERY(f, sandbox_set_status, .id = s->invoice_id,
	    .status = status));
}

static enum flow_next
checkout_pay(struct flow *f)
{
	return (checkout_set(f, "settled"));
}

static enum flow_next
checkout_expire(struct flow *f)
{
	return (checkout_set(f, "expired"));
}

static enum flow_next
checkout_found(struct flow *f)
{
	struct settle	*s = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such checkout."));
	if (!account_read(f, flow_rows(f), 0, &s->account))
		return (flow_fail(f, ERR_INTERNAL,
		    "The payment provider's secrets are lost."));
	return (FLOW_NEXT);
}

/* A browser goes back to the page; a program gets JSON. */
static enum flow_next
checkout_answer(struct flow *f)
{
	struct settle	*s = flow_state(f);
	const char	*accept = flow_request_header(f, "accept");

	if (accept != NULL && strstr(accept, "text/html") != NULL) {
		flow_header(f, "location", arena_printf(&f->arena,
		    "/sandbox/%s", s->seen.id));
		return (flow_send(f, 303, "text/plain", NULL, 0));
	}
	return (flow_json(f, 200, json_pack("{s:b,s:s}", "ok", 1, "status",
	    pay_status_name(s->seen.status))));
}

/* clang-format off */
#define BUTTON(name, fn, text)						\
	{ .method = POST, .path = "/sandbox/:order/" name,		\
	    .steps = FLOW_STEPS(					\
		FLOW_STEP(fn),			/* sql  sandbox_set_status */ \
		FLOW_STEP(checkout_found),				\
		FLOW_STEP(settle_ask),		/* sql  sandbox_get */	\
		FLOW_STEP(settle_apply),	/* sql  invoice_settle */ \
		FLOW_STEP(settle_count),				\
		FLOW_STEP(checkout_answer)),				\
	    .state = sizeof(struct settle), .hidden = true,		\
	    .summary = text }

const struct endpoint	pages_sandbox[] = {
	{ .method = GET, .path = "/sandbox/:order",
	    .steps = FLOW_STEPS(
		FLOW_STEP(checkout_ask),	/* sql  sandbox_get */
		FLOW_STEP(checkout_page)),
	    .hidden = true, .summary = "The sandbox's checkout page." },
	BUTTON("pay", checkout_pay, "Pays with play money."),
	BUTTON("expire", checkout_expire, "Lets the invoice expire."),
	ENDPOINT_END
};
/* clang-format on */
