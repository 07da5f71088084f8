/*
 * Mail to buyers: what became of each, another chance for what is dead, and
 * whether there is a server for it.
 */
#include "api/api.h"

#include "base/conf.h"
#include "flow/respond.h"
#include "mail/settings.h"

#include "sql.h"

static enum flow_next
server_answer(struct flow *f)
{
	bool	on = mail_is_on();

	return (flow_json(f, 200, json_pack("{s:b,s:s?,s:s?}", "on", on,
	    "url", on ? conf.smtp_url : NULL,
	    "from", on ? conf.mail_from : NULL)));
}

/* clang-format off */
const struct endpoint	api_mails[] = {
	{ .method = GET, .path = "/v1/admin/mails", .scope = "mail:read",
	    .query = FIELDS(
		{ "status", FIELD_CHOICE,
		    .choices = "queued|sent|dead|skipped",
		    .help = "Only these." },
		{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_mail_list,
	    .summary = "Mail to buyers, newest first. Its text is not kept.",
	    .answer = "`{mails:[{id,kind,license_id|null,invoice_id|null,to,status,"
	        "attempts,next_attempt_at|null,last_error|null,sent_at|null,"
	        "created_at}],next_cursor}`; `kind` is `receipt`, `renewed`, "
	        "`renewal_due`, `trial_ending`, `lapsed` or `sign_in`, "
	        "which has no license." },
	{ .method = GET, .path = "/v1/admin/mails/:id", .scope = "mail:read",
	    .sql = &sql_mail_get,
	    .summary = "One mail.",
	    .answer = "The mail, as in the list." },
	{ .method = POST, .path = "/v1/admin/mails/:id/retry",
	    .scope = "mail:write",
	    .sql = &sql_mail_retry,
	    .errors = "409",
	    .summary = "Queue a mail again that is dead or was skipped.",
	    .answer = "The mail, as in the list." },
	{ .method = GET, .path = "/v1/admin/mail-server", .scope = "mail:read",
	    .steps = FLOW_STEPS(FLOW_STEP(server_answer)),
	    .summary = "Whether mail is sent, as the replica that answers is set.",
	    .answer = "`{on,url|null,from|null}`." },
	ENDPOINT_END
};
/* clang-format on */
