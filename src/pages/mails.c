/* Mail to buyers: what was sent, what wasn't and why. */
#include "pages/page.h"
#include "pages/pages.h"

#define KINDS								\
	"receipt=quiet=Receipt|renewed=quiet=Renewed|"			\
	"renewal_due=quiet=Renewal due|trial_ending=quiet=Trial ending|" \
	"lapsed=quiet=Lapsed|sign_in=quiet=Code to sign in"
#define STATES								\
	"sent=good=Sent|queued=warn=Waiting|dead=bad=Given up|"		\
	"skipped=quiet=Not needed"

/* clang-format off */
static const struct column	list[] = {
	{ "To", "to", .link = "/admin/mail/{id}" },
	{ "What", "kind", CELL_BADGE, KINDS },
	{ "State", "status", CELL_BADGE, STATES },
	{ "Tries", "attempts", CELL_NUMBER },
	{ "Made", "created_at", CELL_TIME },
	{ "Sent", "sent_at", CELL_TIME },
	{ 0 }
};

static const struct column	facts[] = {
	{ "State", "status", CELL_BADGE, STATES },
	{ "What", "kind", CELL_BADGE, KINDS },
	{ "To", "to" },
	{ "License", "license_id", CELL_CODE, .link = "/admin/licenses/{license_id}" },
	{ "Invoice", "invoice_id", CELL_CODE, .link = "/admin/invoices/{invoice_id}" },
	{ "Tries", "attempts", CELL_NUMBER },
	{ "Last error", "last_error" },
	{ "Next try", "next_attempt_at", CELL_TIME },
	{ "Sent", "sent_at", CELL_TIME },
	{ "Made", "created_at", CELL_TIME },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct column	server[] = {
	{ "Mail server", "url", CELL_CODE },
	{ "From", "from" },
	{ 0 }
};

static const struct input	filters[] = {
	{ "status", "State", INPUT_CHOICE, .with = "=All|queued=Waiting|sent=Sent|"
	    "dead=Given up|skipped=Not needed" },
	{ 0 }
};

#define SERVER		{ "server", "GET /v1/admin/mail-server" }
#define ONE_MAIL	{ "mail", "GET /v1/admin/mails/{at.id}" }
#define IS_OFF		{ BLOCK_TEXT, "Mail is off", .when = "!server.on", .empty =	\
    "Buyers get no mail from this server, and what waits below stays where it is. Name a "	\
    "mail server in LICET_SMTP_URL and a sender in LICET_MAIL_FROM, and restart." }

const struct endpoint	pages_mails[] = {
	PAGE("/admin/mail",
	    .title = "Mail", .section = "mail",
	    .sources = SOURCES(SERVER,
		{ "mails", "GET /v1/admin/mails?limit=50", .filtered = true }),
	    .filters = filters,
	    .blocks = BLOCKS(
		IS_OFF,
		{ BLOCK_LIST, .from = "mails.mails", .columns = list,
		    .empty = "There is no such mail. Buyers who gave an address are sent their "
		    "key, and word of renewals and of trials that end." },
		{ BLOCK_FACTS, "How it is sent", .from = "server", .columns = server,
		    .when = "server.on" })),
	PAGE("/admin/mail/:id",
	    .title = "Mail to {mail.to}", .section = "mail", .up = "/admin/mail",
	    .up_title = "Mail",
	    .sources = SOURCES(SERVER, ONE_MAIL),
	    .actions = ACTIONS({ "Send it again", "/admin/mail/{at.id}/retry",
	        .when = "mail.status=dead|skipped" }),
	    .blocks = BLOCKS(
		IS_OFF,
		{ BLOCK_FACTS, .from = "mail", .columns = facts })),
	FORM("/admin/mail/:id/retry",
	    .title = "Send it again", .section = "mail", .up = "/admin/mail/{at.id}",
	    .up_title = "Mail to {mail.to}",
	    .sources = SOURCES(SERVER, ONE_MAIL),
	    .blocks = BLOCKS(IS_OFF),
	    .form = &(const struct form){
		.call = "POST /v1/admin/mails/{at.id}/retry",
		.intro = "The mail goes back into the queue, with what is true then: one that is "
		    "not needed any more is skipped again.",
		.submit = "Send it again", .then = "/admin/mail/{at.id}", .said = "queued" }),
	ENDPOINT_END
};
/* clang-format on */
