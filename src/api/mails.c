/* Mail to buyers: what became of each, and another chance for what is dead. */
#include "api/api.h"

#include "sql.h"

/* clang-format off */
const struct endpoint	api_mails[] = {
	{ .method = GET, .path = "/v1/admin/mails", .scope = "mail:read",
	    .query = FIELDS(
		{ "status", FIELD_CHOICE,
		    .choices = "queued|sent|dead|skipped",
		    .help = "Only these." },
		{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." },
		{ "cursor", FIELD_TEXT, 0, 1, 100,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_mail_list,
	    .summary = "Mail to buyers, newest first. Its text is not kept.",
	    .answer = "`{mails:[{id,kind,license_id,invoice_id|null,to,status,"
	        "attempts,next_attempt_at|null,last_error|null,sent_at|null,"
	        "created_at}],next_cursor}`; `kind` is `receipt`, `renewed`, "
	        "`renewal_due`, `trial_ending` or `lapsed`." },
	{ .method = POST, .path = "/v1/admin/mails/:id/retry",
	    .scope = "mail:write",
	    .sql = &sql_mail_retry,
	    .errors = "409",
	    .summary = "Queue a mail again that is dead or was skipped.",
	    .answer = "The mail, as in the list." },
	ENDPOINT_END
};
/* clang-format on */
