/*
 * A customer's personal data, and where else they are signed in: what there is,
 * the file, the end of other sessions, the deletion.
 */
#include "pages/page.h"
#include "pages/pages.h"

static const struct column	held[] = {
	{ "Licenses", "licenses", CELL_NUMBER, "0" },
	{ "Invoices", "invoices", CELL_NUMBER, "0" },
	{ "Machines", "machines", CELL_NUMBER, "0" },
	{ "Letters", "mails", CELL_NUMBER, "0" },
	{ NULL, NULL, CELL_TEXT, NULL, NULL },
};

static const struct column	by_mail[] = {
	{ "Signed in as", "email", CELL_TEXT },
	{ "Since", "signed_in_at", CELL_TIME },
	{ "Browsers signed in, this one too", "sessions", CELL_NUMBER },
	{ NULL, NULL, CELL_TEXT, NULL, NULL },
};

static const struct column	by_key[] = {
	{ "Signed in with the key of license", "license_id", CELL_CODE },
	{ "Since", "signed_in_at", CELL_TIME },
	{ "Browsers signed in, this one too", "sessions", CELL_NUMBER },
	{ NULL, NULL, CELL_TEXT, NULL, NULL },
};

#define ME	{ "me", "GET /v1/portal/me" }
#define HELD	{ "held", "GET /v1/portal/data/summary", .optional = true }

/* clang-format off */
const struct endpoint	pages_customer_data[] = {
	PORTAL_PAGE("/portal/data",
	    .title = "Personal data", .section = "data",
	    .sources = SOURCES(ME, HELD),
	    .actions = ACTIONS(
		{ "Download all of it", "/v1/portal/data", "first", "held.email" },
		{ "Delete it", "/portal/data/delete", "danger", "held.email" },
		{ "End other sessions", "/portal/sessions/end", NULL, NULL }),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "!held.email",
		    .empty = "You came with a license key. Whoever has it may "
		        "manage this license; what belongs to the buyer’s "
		        "address is shown, exported and deleted only for who "
		        "signs in by mail." },
		{ BLOCK_FIGURES, .title = "Held about you", .from = "held",
		    .columns = held, .when = "held.email" },
		{ BLOCK_TEXT, .when = "held.email",
		    .empty = "The download is one file, in JSON, with all of "
		        "these and with the log of where your software was "
		        "checked from." },
		{ BLOCK_FACTS, .title = "This session", .from = "me",
		    .columns = by_mail, .when = "me.email" },
		{ BLOCK_FACTS, .title = "This session", .from = "me",
		    .columns = by_key, .when = "!me.email" })),
	PORTAL_FORM("/portal/data/delete",
	    .title = "Delete my personal data", .section = "data",
	    .up = "/portal/data", .up_title = "Personal data",
	    .sources = SOURCES(ME, HELD),
	    .form = &(const struct form){
		.call = "POST /v1/portal/data/erase",
		.intro = "Your address, notes, the names and addresses of your "
		    "machines and saved cards are deleted, here and in the "
		    "logs. Invoices keep what the law wants of them: number, "
		    "date, what was sold and for how much. Your licenses stay "
		    "good, but nobody can mail you their keys again: keep "
		    "them. There is no way back.",
		.inputs = INPUTS(
		    { "email", "Your address once more", INPUT_EMAIL }),
		.submit = "Delete it for good", .danger = true,
		.then = "/portal/sign-in?said=deleted" }),
	PORTAL_FORM("/portal/sessions/end",
	    .title = "End other sessions", .section = "data",
	    .up = "/portal/data", .up_title = "Personal data",
	    .form = &(const struct form){
		.call = "POST /v1/portal/sessions/end-others",
		.intro = "Whoever is signed in to the same licenses elsewhere "
		    "has to sign in again. This browser stays.",
		.submit = "End them", .then = "/portal/data",
		.said = "ended" }),
	ENDPOINT_END
};
/* clang-format on */
