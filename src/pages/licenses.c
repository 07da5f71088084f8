/* Licenses: found, shown, issued and changed. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/states.h"
#include "pages/timeline.h"

/* clang-format off */
static const struct input	search[] = {
	{ "q", "Find a license",
	    .hint = "A whole key, an address, a fingerprint, or the id of a license, invoice, "
	    "machine or subscription." },
	{ 0 }
};

static const struct column	results[] = {
	{ "Buyer", "buyer_email", .with = "No address", .link = "/admin/{kind}s/{id}" },
	{ "What", "kind", CELL_BADGE, "license=good=License|invoice=quiet=Invoice" },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "Policy", "policy_name" },
	{ "State", "status", CELL_BADGE, LICENSE_STATES "|" INVOICE_STATES },
	{ "Found by", "by" },
	{ "Created", "created_at", CELL_TIME },
	{ 0 }
};

static const struct input	filters[] = {
	{ "product_id", "Product", INPUT_PICK, .with = "products.products id name" },
	{ "status", "State", INPUT_CHOICE,
	    .with = "=All|active=Active|expired=Expired or in "
	    "grace|suspended=Suspended|revoked=Revoked" },
	{ 0 }
};

static const struct input	ending[] = {
	{ "days", "Within so many days", INPUT_NUMBER, .preset = "7" },
	{ "product_id", "Product", INPUT_PICK, .with = "products.products id name" },
	{ 0 }
};

static const struct column	list[] = {
	{ "Buyer", "buyer_email", .with = "No address", .link = "/admin/licenses/{id}" },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "Policy", "policy_name" },
	{ "State", "state", CELL_BADGE, LICENSE_STATES },
	{ "Issued", "issued_at", CELL_TIME },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ 0 }
};

static const struct column	facts[] = {
	{ "State", "state", CELL_BADGE, LICENSE_STATES },
	{ "Buyer", "license.buyer_email", .with = "No address" },
	{ "Product", "product_name", .link = "/admin/products/{license.product_id}" },
	{ "Policy", "policy_name", .link = "/admin/policies/{license.policy_id}" },
	{ "Issued", "license.issued_at", CELL_TIME },
	{ "Ends", "license.expires_at", CELL_TIME, "never" },
	{ "Works after that for", "license.grace_seconds", CELL_SECONDS, "no time" },
	{ "Machines now", "active_machines", CELL_NUMBER, "none" },
	{ "Machines at most", "license.max_machines", CELL_NUMBER, "any number" },
	{ "Entitlements", "license.entitlements", CELL_LIST },
	{ "Trial", "license.is_trial", CELL_BADGE, "true=warn=Trial|false=quiet=No" },
	{ "Nostr", "license.nostr_npub", CELL_CODE },
	{ "Note", "license.metadata.note" },
	{ "Id", "license.id", CELL_CODE },
	{ 0 }
};

static const struct column	revoked[] = {
	{ "Revoked", "license.revoked_at", CELL_TIME },
	{ "Because", "license.revocation_reason" },
	{ "Replaced by", "license.metadata.reissued_as", CELL_CODE,
	    .link = "/admin/licenses/{license.metadata.reissued_as}" },
	{ 0 }
};

static const struct column	suspended[] = {
	{ "Suspended", "license.suspended_at", CELL_TIME },
	{ "Because", "license.suspension_reason" },
	{ 0 }
};

static const struct column	machines[] = {
	{ "Machine", "hostname", .with = "Unnamed", .link = "/admin/machines/{id}" },
	{ "Platform", "platform" },
	{ "Seat", "active", CELL_BADGE, MACHINE_STATES },
	{ "Last seen", "last_heartbeat_at", CELL_TIME },
	{ "From", "ip_last_seen" },
	{ 0 }
};

static const struct column	subscription[] = {
	{ "State", "status", CELL_BADGE, SUBSCRIPTION_STATES },
	{ "Price of a cycle", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Days of a cycle", "period_days", CELL_NUMBER },
	{ "Paid until", "next_renewal_at", CELL_TIME },
	{ "Id", "id", CELL_CODE, .link = "/admin/subscriptions/{id}" },
	{ 0 }
};

static const struct column	invoices[] = {
	{ "Created", "created_at", CELL_TIME, .link = "/admin/invoices/{id}" },
	{ "For", "kind", CELL_BADGE,
	    "purchase=quiet=Purchase|renewal=quiet=Renewal|tier_change=quiet=Change of policy" },
	{ "State", "status", CELL_BADGE, INVOICE_STATES },
	{ "Amount", "amount_sats", CELL_SATS },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct column	tier_changes[] = {
	{ "Asked", "created_at", CELL_TIME },
	{ "From", "from_policy_slug", CELL_CODE },
	{ "To", "to_policy_slug", CELL_CODE },
	{ "Made", "applied_at", CELL_TIME, "not yet" },
	{ "Cancelled", "cancelled_at", CELL_TIME },
	{ 0 }
};

#define ANSWERS								\
	"ok=good=Yes|expired=warn=Expired|suspended=warn=Suspended|"	\
	"revoked=bad=Revoked|bad_signature=bad=Signature is wrong|"	\
	"too_many_machines=warn=Too many machines|"			\
	"fingerprint_mismatch=warn=Another machine|"			\
	"product_mismatch=warn=Another product|not_found=bad=Unknown"

static const struct column	validations[] = {
	{ "When", "occurred_at", CELL_TIME },
	{ "Answer", "result", CELL_BADGE, ANSWERS },
	{ "Detail", "reason_detail" },
	{ "Machine", "machine_id", CELL_CODE, .link = "/admin/machines/{machine_id}" },
	{ "From", "client_ip" },
	{ 0 }
};

#define ONE_LICENSE							\
	{ "license", "GET /v1/admin/licenses/{at.id}?validations=false" }

/* The products that one list of choices can hold. */
#define ALL_PRODUCTS	{ "products", "GET /v1/admin/products?limit=200" }

const struct endpoint	pages_licenses[] = {
	FORM("/admin/licenses",
	    .title = "Licenses", .section = "licenses",
	    .sources = SOURCES(ALL_PRODUCTS,
		{ "licenses", "GET /v1/admin/licenses?limit=50", .filtered = true }),
	    .actions = ACTIONS(
		{ "Issue a license", "/admin/licenses/new", "first" },
		{ "About to end", "/admin/licenses/ending?days=30" },
		{ "Download as CSV", "/v1/admin/export/licenses.csv" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/search", .inputs = search, .submit = "Find",
		.is_line = true, .then = "/admin/{answer.only.kind}s/{answer.only.id}",
		.then_when = "answer.only" },
	    .filters = filters,
	    .blocks = BLOCKS(
		{ BLOCK_LIST, "Found", "answer.results", results, .when = "answer",
		    .empty = "Nothing is known by this. Addresses, keys and ids must be whole; "
		    "upper and lower case don’t matter in an address." },
		{ BLOCK_TEXT, .when = "answer.more",
		    .empty = "There are more; these are the newest. An id or a key finds one." },
		{ BLOCK_LIST, .from = "licenses.licenses", .columns = list, .when = "!answer",
		    .empty = "There are no such licenses. Licenses come from purchases; you can "
		    "issue one by hand, too.",
		    .first = { "Issue a license", "/admin/licenses/new" } })),
	PAGE("/admin/licenses/ending",
	    .title = "About to end", .section = "licenses", .up = "/admin/licenses",
	    .up_title = "Licenses",
	    .sources = SOURCES(ALL_PRODUCTS,
		{ "licenses", "GET /v1/admin/licenses/ending?limit=50", .filtered = true }),
	    .filters = ending,
	    .blocks = BLOCKS(
		{ BLOCK_LIST, .from = "licenses.licenses", .columns = list,
		    .empty = "No license ends in these days, or a subscription renews those that "
		    "do. If there is a next page, more are to be looked through." })),
	PAGE("/admin/licenses/:id",
	    .title = "License for {license.product_name}", .section = "licenses",
	    .up = "/admin/licenses", .up_title = "Licenses",
	    .sources = SOURCES(ONE_LICENSE,
		{ "machines",
		    "GET /v1/admin/machines?license_id={at.id}&include_inactive=true&limit=20" },
		{ "invoices", "GET /v1/admin/invoices?license_id={at.id}&limit=20" }),
	    .actions = ACTIONS(
		{ "Show the key", "/admin/licenses/{at.id}/key" },
		{ "Last validations", "/admin/licenses/{at.id}/validations" },
		{ "Move its end", "/admin/licenses/{at.id}/extend",
		    .when = "license.license.status=active|suspended" },
		{ "Change its policy", "/admin/licenses/{at.id}/tier",
		    .when = "license.license.status=active" },
		{ "Reissue", "/admin/licenses/{at.id}/reissue",
		    .when = "license.license.status=active" },
		{ "Suspend", "/admin/licenses/{at.id}/suspend",
		    .when = "license.license.status=active" },
		{ "Lift the suspension", "/admin/licenses/{at.id}/unsuspend",
		    .when = "license.license.status=suspended" },
		{ "Revoke", "/admin/licenses/{at.id}/revoke", "danger",
		    .when = "license.license.status=active|suspended" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "license", revoked, .when = "license.license.revoked_at" },
		{ BLOCK_FACTS, NULL, "license", suspended,
		    .when = "license.license.suspended_at" },
		{ BLOCK_FACTS, NULL, "license", facts },
		{ BLOCK_LIST, "Machines", "machines.machines", machines,
		    .empty = "No machine has taken a seat yet. Software takes one when it "
		    "validates the key with a fingerprint.",
		    .more = { "All machines",
		        "/admin/machines?license_id={at.id}&include_inactive=true" } },
		{ BLOCK_FACTS, "Subscription", "license.subscription", subscription,
		    .when = "license.subscription" },
		{ BLOCK_LIST, "Changes of policy", "license.tier_changes", tier_changes,
		    .when = "license.tier_changes" },
		{ BLOCK_LIST, "Invoices", "invoices.invoices", invoices,
		    .empty = "No invoice belongs to this license: it was issued by hand, or "
		    "another took its place.",
		    .more = { "All invoices", "/admin/invoices?license_id={at.id}" } },
		{ BLOCK_MADE, "History", .make = timeline_make })),
	PAGE("/admin/licenses/:id/validations",
	    .title = "Last validations", .section = "licenses",
	    .up = "/admin/licenses/{at.id}",
	    .up_title = "License for {license.product_name}",
	    .sources = SOURCES({ "license", "GET /v1/admin/licenses/{at.id}" }),
	    .blocks = BLOCKS(
		{ BLOCK_LIST, .from = "license.validations", .columns = validations,
		    .empty = "No software has asked about this license yet." })),
	ENDPOINT_END
};
/* clang-format on */
