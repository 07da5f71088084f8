/*
 * /recover: the form of POST /v1/recover for people, without scripts.  What
 * was typed is not put into the page again, and a refusal says no more than
 * that nothing was found.
 */
#include "pages/pages.h"

#include "base/json.h"
#include "flow/form.h"
#include "flow/key.h"
#include "flow/fail.h"
#include "flow/session.h"
#include "pages/front.h"
#include "pages/thanks.h"

#include "sql.h"
#include "templates.h"

/* Takes the values. */
static enum flow_next
page(struct flow *f, int status, json_t *values)
{
	json_object_set_new(values, "page_title",
	    json_string("Your license key"));
	return (front_send(f, status, template_recover, values));
}

static enum flow_next
recover_form(struct flow *f)
{
	return (page(f, 200, json_pack("{s:b}", "form", 1)));
}

static enum flow_next
recover_ask(struct flow *f)
{
	arena_wipe_later(&f->arena);
	return (FLOW_QUERY(f, license_recover, .email = form_text(f, "email"),
	    .invoice_id = form_text(f, "invoice_id"), .request_ip = f->client,
	    .user_agent = f->user_agent));
}

static enum flow_next
recover_show(struct flow *f)
{
	const char	*key;

	if (db_rows_count(flow_rows(f)) == 0)
		return (page(f, 404, json_pack("{s:b,s:b}", "form", 1,
		    "lost", 1)));
	if (db_text(flow_rows(f), 0, "fault") != NULL)
		return (page(f, 400, json_pack("{s:b,s:b}", "form", 1,
		    "blank", 1)));
	if ((key = key_render(f, flow_rows(f))) == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The key is lost."));
	return (page(f, 200, json_pack("{s:s,s:s}", "key", key, "file",
	    thanks_file_link(f, db_text(flow_rows(f), 0, "invoice_id")))));
}

/* clang-format off */
const struct endpoint	pages_recover[] = {
	{ .method = GET, .path = "/recover", .limit = LIMIT_CATALOGUE,
	    .steps = FLOW_STEPS(FRONT_STEPS, FLOW_STEP(recover_form)),
	    FRONT_PAGE, .summary = "A form for a lost key." },
	{ .method = POST, .path = "/recover", .limit = LIMIT_RECOVER,
	    .raw_body = true,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(session_check_site),
		FLOW_STEP(recover_ask),		/* sql  license_recover */
		FLOW_STEP(recover_show)),
	    FRONT_PAGE, .summary = "What came of it." },
	ENDPOINT_END
};
/* clang-format on */
