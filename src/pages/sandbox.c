/*
 * The sandbox's page: what the buyer and the chain would do at a payment
 * provider, a button for each: pay at once, be seen, come short or late, be
 * confirmed, expire.  All are forms, and good for curl.  Absent unless the
 * sandbox is connected, and in production.
 */
#include "pages/pages.h"

#include "base/conf.h"
#include "base/json.h"
#include "flow/account.h"
#include "flow/checkout.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/settle.h"
#include "flow/template.h"
#include "pages/value.h"

#include "sql.h"
#include "templates.h"

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
sandbox_ask(struct flow *f)
{
	if (!is_open(f))
		return (FLOW_DONE);
	return (FLOW_QUERY(f, sandbox_get, .id = flow_text(f, "order")));
}

static const char *
sats(struct flow *f, const char *column)
{
	return (value_grouped(&f->arena, db_integer(flow_rows(f), 0, column,
	    0)));
}

static enum flow_next
sandbox_page(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*status = db_text(r, 0, "status");
	int64_t			 amount = db_integer(r, 0, "amount_sats", 0);
	int64_t			 paid = db_integer(r, 0, "paid_sats", 0);
	bool			 is_pending, is_over;
	struct template		 t;
	json_t			*values;
	char			*page;
	size_t			 len;

	if (status == NULL)
		return (flow_fail(f, ERR_NOT_FOUND, "No such checkout."));
	is_pending = !strcmp(status, "pending");
	is_over = !strcmp(status, "expired");
	values = json_pack("{s:s,s:s?,s:s,s:s,s:s?,s:s,s:I,s:b,s:b,s:b,s:b,"
	    "s:b,s:b,s:b}", "id", db_text(r, 0, "id"),
	    "product", db_text(r, 0, "product_name"),
	    "amount", sats(f, "amount_sats"), "paid", sats(f, "paid_sats"),
	    "back", db_text(r, 0, "redirect_url"),
	    "invoice", db_text(r, 0, "invoice_id"), "confirmations",
	    (json_int_t)db_integer(r, 0, "confirmations", 0),
	    "pending", is_pending && paid == 0,
	    "short", is_pending && paid > 0 && paid < amount,
	    "arriving", (is_pending || is_over) && paid >= amount && paid > 0,
	    "settled", !strcmp(status, "settled"),
	    "expired", is_over && paid == 0,
	    "ended_short", is_over && paid > 0 && paid < amount,
	    "can_halve", amount > 1);
	template_init(&t, values);
	template_sandbox(&t);
	page = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, 200, page, len));
}

/* ---- the buttons ---- */

static enum flow_next
sandbox_set(struct flow *f, const char *status)
{
	struct settle	*s = flow_state(f);

	if (!is_open(f))
		return (FLOW_DONE);
	s->invoice_id = flow_text(f, "order");
	return (FLOW_QUERY(f, sandbox_set_status, .id = s->invoice_id,
	    .status = status));
}

static enum flow_next
sandbox_pay(struct flow *f)
{
	return (sandbox_set(f, "settled"));
}

static enum flow_next
sandbox_expire(struct flow *f)
{
	return (sandbox_set(f, "expired"));
}

/* The last word of the address is what is done. */
static enum flow_next
sandbox_act(struct flow *f)
{
	struct settle	*s = flow_state(f);
	const char	*what = strrchr(flow_request_path(f), '/');

	if (!is_open(f))
		return (FLOW_DONE);
	s->invoice_id = flow_text(f, "order");
	return (FLOW_QUERY(f, sandbox_act, .id = s->invoice_id,
	    .what = what == NULL ? "" : what + 1));
}

static enum flow_next
sandbox_found(struct flow *f)
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
sandbox_answer(struct flow *f)
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
		FLOW_STEP(fn),			/* sql  what is done */	\
		FLOW_STEP(sandbox_found),				\
		FLOW_STEP(settle_ask),		/* sql  sandbox_get */	\
		FLOW_STEP(settle_apply),	/* sql  invoice_settle */ \
		FLOW_STEP(settle_count),				\
		FLOW_STEP(checkout_hint),				\
		FLOW_STEP(sandbox_answer)),				\
	    .state = sizeof(struct settle), .hidden = true,		\
	    .summary = text }

const struct endpoint	pages_sandbox[] = {
	{ .method = GET, .path = "/sandbox/:order",
	    .steps = FLOW_STEPS(
		FLOW_STEP(sandbox_ask),	/* sql  sandbox_get */
		FLOW_STEP(sandbox_page)),
	    .hidden = true, .summary = "The sandbox's checkout page." },
	BUTTON("pay", sandbox_pay, "Pays with play money."),
	BUTTON("expire", sandbox_expire, "Lets the invoice expire."),
	BUTTON("seen", sandbox_act, "All of it is seen, unconfirmed."),
	BUTTON("short", sandbox_act, "Half of it arrives."),
	BUTTON("rest", sandbox_act, "What was missing arrives."),
	BUTTON("late", sandbox_act, "All of it is seen after the end."),
	BUTTON("confirm", sandbox_act, "A block: one confirmation more."),
	ENDPOINT_END
};
/* clang-format on */
