/* The portal: a customer's licenses, their keys and devices. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/portal_history.h"
#include "pages/portal_words.h"

#include "flow/customer.h"
#include "flow/inner.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pages/chrome.h"

#include <string.h>

/* ---- the key as a file ---- */

static enum flow_next
download_ask(struct flow *f)
{
	arena_wipe_later(&f->arena);
	if (!session_form_ok(f))
		return (FLOW_DONE);
	page_gather_request(f);
	return (page_call(f, POST, f->endpoint->page->form->call, NULL, NULL));
}

static enum flow_next
download_send(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);
	const char			*text;
	json_t				*body;
	char				 why[96];

	if (a->fault != ERR_NONE)
		return (chrome_fault(f, a->fault, a->message));
	body = json_read(a->body, a->len, why, sizeof(why));
	if (json_text(body, "license_key") == NULL) {
		json_decref(body);
		return (chrome_fault(f, ERR_INTERNAL, "The key is lost."));
	}
	text = arena_printf(&f->arena, "%s\n", json_text(body, "license_key"));
	flow_header(f, "content-disposition", arena_printf(&f->arena,
	    "attachment; filename=\"%s\"", json_text(body, "file_name")));
	json_decref(body);
	return (flow_send(f, 200, "text/plain; charset=utf-8", text,
	    strlen(text)));
}

static const struct flow_step	download_steps[] = {
	FRONT_STEPS,
	FLOW_STEP(download_ask),	/* the API: the key */
	FLOW_STEP(download_send),
	{ NULL, NULL }
};

/* clang-format off */
static const struct column	list[] = {
	{ "License", "product_name", .link = "/portal/licenses/{id}" },
	{ "Plan", "policy_name" },
	{ "State", "state", CELL_BADGE, PORTAL_LICENSE_STATES },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ "Devices", "active_machines", CELL_NUMBER, "none" },
	{ "Seats", "max_machines", CELL_NUMBER, "any number" },
	{ 0 }
};

static const struct column	facts[] = {
	{ "State", "state", CELL_BADGE, PORTAL_LICENSE_STATES },
	{ "Plan", "policy_name" },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ "Issued", "issued_at", CELL_TIME },
	{ "Devices in use", "active_machines", CELL_NUMBER, "none" },
	{ "Seats", "max_machines", CELL_NUMBER, "any number" },
	{ "Includes", "entitlements", CELL_LIST },
	{ "Number", "id", CELL_CODE },
	{ 0 }
};

static const struct column	bill[] = {
	{ "To pay", "amount_sats", CELL_SATS },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Billed", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	change[] = {
	{ "New plan", "to_policy_name" },
	{ "From", "effective_at", CELL_TIME },
	{ 0 }
};

static const struct column	asked[] = {
	{ "New plan", "to_policy_name" },
	{ "Happens", "is_scheduled", CELL_BADGE, "false=warn=When it is paid" },
	{ 0 }
};

static const struct column	subscription[] = {
	{ "State", "status", CELL_BADGE, PORTAL_SUBSCRIPTION_STATES },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "For days", "period_days", CELL_NUMBER },
	{ "Paid until", "next_renewal_at", CELL_TIME },
	{ 0 }
};

static const struct column	due[] = {
	{ "State", "status", CELL_BADGE, PORTAL_SUBSCRIPTION_STATES },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "For days", "period_days", CELL_NUMBER },
	{ "Paid until", "next_renewal_at", CELL_TIME },
	{ "Ends unless paid by", "lapses_at", CELL_TIME },
	{ 0 }
};

#define CANCEL		{ "Cancel", "/portal/licenses/{at.id}/cancel", "danger", \
	.when = "license.subscription.status=active|past_due" }

static const struct column	plans[] = {
	{ "Plan", "name", .link = "/portal/licenses/{license.license.id}/{direction}/{slug}" },
	{ "Is", "direction", CELL_BADGE, "upgrade=good=Upgrade|downgrade=quiet=Downgrade" },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "For days", "period_days", CELL_NUMBER, "ever" },
	{ "Seats", "max_machines", CELL_NUMBER, "any number" },
	{ 0 }
};

static const struct column	invoices[] = {
	{ "Date", "created_at", CELL_TIME, .link = "/portal/invoices/{id}" },
	{ "For", "kind", CELL_BADGE, PORTAL_INVOICE_KINDS },
	{ "State", "status", CELL_BADGE, PORTAL_INVOICE_STATES },
	{ "Satoshis", "amount_sats", CELL_SATS },
	{ 0 }
};

static const struct column	key[] = {
	{ "License key", "license_key", CELL_CODE },
	{ 0 }
};

static const struct column	reissued[] = {
	{ "The new key was sent to", "mailed_to" },
	{ "Number of the new license", "license_id", CELL_CODE },
	{ 0 }
};

static const struct column	activated[] = {
	{ "Activation", "activation", CELL_CODE },
	{ "Good until", "expires_at", CELL_TIME, "the license ends" },
	{ "Devices in use", "active_count", CELL_NUMBER, "none" },
	{ "Seats", "max_machines", CELL_NUMBER, "any number" },
	{ 0 }
};

static const struct column	device[] = {
	{ "Device", "name", .with = "Unnamed device" },
	{ "Platform", "platform" },
	{ "License", "product_name", .link = "/portal/licenses/{license_id}" },
	{ "Activated", "activated_at", CELL_TIME },
	{ "Last seen", "last_seen_at", CELL_TIME },
	{ 0 }
};

static const struct input	leaked[] = {
	{ "reason", "What happened", .hint = "If you like, for the vendor." },
	{ 0 }
};

static const struct input	offline[] = {
	{ "request", "Request of the device", INPUT_AREA,
	    .hint = "It begins with LICQ1. Blanks, upper and lower case don’t matter." },
	{ "hostname", "A name for the device", .hint = "So that you know it in your list." },
	{ 0 }
};

const struct endpoint	pages_portal_licenses[] = {
	PORTAL_PAGE("/portal/",
	    .title = "Your licenses", .section = "licenses",
	    .sources = SOURCES({ "licenses", "GET /v1/portal/licenses?limit=50",
	        .filtered = true }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "licenses.licenses", .columns = list,
	        .empty = "There is no license for you here yet. What is bought with another "
	        "address is seen by signing in with that one.",
	        .first = { "To the shop", "/" } })),
	PORTAL_PAGE("/portal/licenses/:id",
	    .title = "{license.license.product_name}", .section = "licenses",
	    .up = "/portal/", .up_title = "Your licenses",
	    .sources = SOURCES(ONE_LICENSE),
	    .actions = ACTIONS(
		{ "Show the key", "/portal/licenses/{at.id}/key", "first",
		    .when = "license.license.status=active|suspended" },
		{ "Activate offline", "/portal/licenses/{at.id}/offline",
		    .when = "license.license.status=active" },
		{ "My key leaked", "/portal/licenses/{at.id}/reissue",
		    .when = "license.license.status=active" },
		{ "Buy it anew", "/buy/{license.license.product_slug}",
		    .when = "license.license.state=expired&!license.subscription.bill" }),
	    .blocks = BLOCKS(
		{ BLOCK_TEXT, .when = "license.license.revoked_at&!license.license.reissued_as",
		    .empty = "This license was revoked: its key doesn’t work any more. If that is "
		    "news to you, ask the vendor." },
		{ BLOCK_TEXT, .when = "license.license.reissued_as",
		    .empty = "This license was replaced: its key doesn’t work any more. The new "
		    "one was sent by mail." },
		{ BLOCK_TEXT, .when = "license.license.suspended_at",
		    .empty = "The vendor suspended this license: its key doesn’t work for now." },
		{ BLOCK_TEXT, .when = "license.license.is_trial&license.license.status=active",
		    .empty = "This is a trial." },
		{ BLOCK_FACTS, "A renewal is to be paid", "license.subscription.bill", bill,
		    .when = "license.subscription.bill", .beside = ACTIONS(
		        { "Pay now", "{license.subscription.bill.pay_url}", "first" }) },
		{ BLOCK_FACTS, "Change of plan", "license.change", change,
		    .when = "license.change.is_scheduled", .beside = ACTIONS(
		        { "Stay on this plan", "/portal/licenses/{at.id}/stay",
		            .when = "license.change.can_cancel" }) },
		{ BLOCK_FACTS, "Change of plan", "license.change", asked,
		    .when = "license.change&!license.change.is_scheduled", .beside = ACTIONS(
		        { "Pay now", "{license.change.pay_url}", "first",
		            .when = "license.change.pay_url" }) },
		{ BLOCK_FACTS, NULL, "license.license", facts },
		{ BLOCK_MADE, "Devices", .make = portal_devices_make },
		{ BLOCK_FACTS, "Subscription", "license.subscription", due,
		    .when = "license.subscription.status=past_due", .beside = ACTIONS(
		        { "Bill it again", "/portal/licenses/{at.id}/bill",
		            .when = "license.subscription.gave_up&!license.subscription.bill" },
		        CANCEL) },
		{ BLOCK_FACTS, "Subscription", "license.subscription", subscription,
		    .when = "license.subscription.status=active|cancelled|lapsed",
		    .beside = ACTIONS(CANCEL) },
		{ BLOCK_LIST, "Other plans", "license.plans", plans, .when = "license.plans" },
		{ BLOCK_LIST, "Invoices", "license.invoices", invoices,
		    .when = "license.invoices",
		    .more = { "All your invoices", "/portal/invoices" } },
		{ BLOCK_MADE, "History", .make = portal_history_make,
		    .when = "license.history" })),
	ACT_ON("key", "Your license key",
	    .actions = ACTIONS({ "Save it as a file", "/portal/licenses/{at.id}/file" }),
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/key",
		.intro = "Whoever has the key can use the license: show it to nobody. That it was "
		"shown goes into the history.",
		.submit = "Show the key", .then = "/portal/licenses/{at.id}", .shown = key,
		.shown_title = "Your license key",
		.shown_note = "Your software asks for it. You can see it here again." }),
	{ PORTAL_ROW(GET, "/portal/licenses/:id/file", portal_page_steps,
	    .title = "Save the key as a file", .section = "licenses",
	    .up = "/portal/licenses/{at.id}", .up_title = "{license.license.product_name}",
	    .sources = SOURCES(ONE_LICENSE), .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/key",
		.intro = "A text file with the key alone. That it was saved goes into the history.",
		.submit = "Save the key", .then = "/portal/licenses/{at.id}" }),
	    .limit = LIMIT_PORTAL },
	{ PORTAL_ROW(POST, "/portal/licenses/:id/file", download_steps,
	    .title = "Save the key as a file", .section = "licenses",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/key", .submit = "Save the key" }),
	    .limit = LIMIT_PURCHASE, .raw_body = true },
	ACT_ON("reissue", "My key leaked",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/reissue", .inputs = leaked,
		.intro = "The key you have now stops working for good, on all devices, those "
		"of whoever shouldn’t have it as well as yours. A new key, on the same terms, "
		"is sent to the address of the license; enter it on your devices. It can be "
		"done three times in 30 days.",
		.submit = "Revoke my key and send a new one", .danger = true, .then = "/portal/",
		.shown = reissued, .shown_title = "The old key is revoked",
		.shown_note = "It can take a minute until the letter is there." }),
	ACT_ON("offline", "Activate a device that is offline",
	    .form = &(const struct form){
		.call = "POST /v1/portal/licenses/{at.id}/activate-offline", .inputs = offline,
		.intro = "For a device that can’t reach the network. Your software shows a request "
		"there: bring it here, and take back the activation that you get. It takes "
		"a seat, as any device does; the same device takes one only.",
		.submit = "Activate the device", .then = "/portal/licenses/{at.id}",
		.shown = activated, .shown_title = "The device is activated",
		.shown_note = "Enter this in the software on that device. It works there and "
		"nowhere else." }),
	PORTAL_FORM("/portal/devices/:id/release",
	    .title = "Release this device", .section = "licenses",
	    .up = "/portal/licenses/{machine.license_id}", .up_title = "{machine.product_name}",
	    .sources = SOURCES({ "machine", "GET /v1/portal/machines/{at.id}" }),
	    .form = &(const struct form){
		.call = "POST /v1/portal/machines/{at.id}/release", .is_last = true,
		.intro = "Its seat is free at once, for another device. If the software still runs "
		"there, it may take a seat again at its next check, if there is one. A device that "
		"was activated offline goes on until its activation ends.",
		.submit = "Release this device", .danger = true,
		.then = "/portal/licenses/{answer.license_id}", .said = "released" },
	    .blocks = BLOCKS({ BLOCK_FACTS, NULL, "machine", device })),
	ENDPOINT_END
};
/* clang-format on */
