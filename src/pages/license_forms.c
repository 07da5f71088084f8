/* What can be done to a license: a page for each, that says what will happen. */
#include "pages/page.h"
#include "pages/pages.h"

/* clang-format off */
static const struct input	reason[] = {
	{ "reason", "Reason", .hint = "For the audit trail and the news to your servers." },
	{ 0 }
};

static const struct input	extend[] = {
	{ "expires_at", "New end", INPUT_TIME, .hint = "Empty: the license never ends." },
	{ "reason", "Reason", .hint = "For the audit trail." },
	{ 0 }
};

static const struct input	tier[] = {
	{ "to_policy_slug", "New policy", INPUT_PICK, .with = "policies.policies slug name" },
	{ "at", "When", INPUT_CHOICE, .with = "now=Now|cycle_end=At the next renewal" },
	{ "skip_payment", "For nothing: move it now, without an invoice", INPUT_CHECK },
	{ "reason", "Reason", .hint = "Kept with the change." },
	{ 0 }
};

static const struct column	moved[] = {
	{ "From", "from_policy_slug", CELL_CODE },
	{ "To", "to_policy_slug", CELL_CODE },
	{ "Made", "applied", CELL_BADGE, "true=good=Yes, now|false=quiet=Not yet" },
	{ "Happens at", "effective_at", CELL_TIME },
	{ "To pay", "amount_sats", CELL_SATS },
	{ "Where the buyer pays", "checkout_url", CELL_CODE },
	{ 0 }
};

static const struct column	key[] = {
	{ "License key", "license_key", CELL_CODE },
	{ 0 }
};

static const struct column	issued[] = {
	{ "License key", "license_key", CELL_CODE },
	{ "Ends", "expires_at", CELL_TIME, "never" },
	{ "Machines at most", "max_machines", CELL_NUMBER, "any number" },
	{ "Entitlements", "entitlements", CELL_LIST },
	{ 0 }
};

static const struct input	issue[] = {
	{ "product_slug", NULL, INPUT_HIDDEN },
	{ "policy_slug", "Policy", INPUT_PICK, .with = "policies.policies slug name",
	    .hint = "Its terms hold where you say nothing below. Without one: for ever, on one "
	    "machine." },
	{ "buyer_email", "Buyer’s address", INPUT_EMAIL,
	    .hint = "The key is mailed there if mail is set up." },
	{ "expires_at", "Ends", INPUT_TIME, .hint = "Empty: as the policy says." },
	{ "max_machines", "Machines at most", INPUT_NUMBER,
	    .hint = "0: any number. Empty: as the policy says." },
	{ "entitlements", "Entitlements", INPUT_LINES,
	    .hint = "One a line. Empty: as the policy says." },
	{ "is_trial", "Trial", INPUT_CHOICE, .with = "=As the policy says|true=Yes|false=No" },
	{ "note", "Note", INPUT_AREA, .hint = "For you; buyers don’t see it." },
	{ 0 }
};

static const struct column	products[] = {
	{ "Product", "name", .link = "/admin/licenses/issue?product_slug={slug}" },
	{ "Slug", "slug", CELL_CODE },
	{ "State", "active", CELL_BADGE, "true=good=For sale|false=quiet=Inactive" },
	{ 0 }
};

#define ONE_LICENSE							\
	{ "license", "GET /v1/admin/licenses/{at.id}?validations=false" }
#define ACT(p, t, ...)	FORM("/admin/licenses/:id/" p,			\
	    .title = t, .section = "licenses", .up = "/admin/licenses/{at.id}", \
	    .up_title = "License for {license.product_name}", __VA_ARGS__)

const struct endpoint	pages_license_forms[] = {
	PAGE("/admin/licenses/new",
	    .title = "Issue a license", .section = "licenses", .up = "/admin/licenses",
	    .up_title = "Licenses",
	    .sources = SOURCES({ "products", "GET /v1/admin/products?limit=50", .filtered = true }),
	    .blocks = BLOCKS({ BLOCK_LIST, "For which product?", "products.products", products,
	        .empty = "A license is for a product, and there is none yet.",
	        .first = { "Make your first product", "/admin/products/new" } })),
	FORM("/admin/licenses/issue",
	    .title = "Issue a license for {query.product_slug}", .section = "licenses",
	    .up = "/admin/licenses/new", .up_title = "Choose a product",
	    .sources = SOURCES({ "policies",
	        "GET /v1/admin/policies?product_slug={query.product_slug}&include_inactive=true" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses", .inputs = issue, .submit = "Issue the license",
		.then = "/admin/licenses/{answer.license_id}", .shown = issued,
		.shown_title = "The license is issued",
		.shown_note = "Its page shows the key again when you need it." }),
	ACT("key", "Show the key", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/key",
		.intro = "Whoever has the key can use the license. That you saw it goes into the "
		"audit trail.",
		.submit = "Show the key", .then = "/admin/licenses/{at.id}", .shown = key,
		.shown_title = "The key", .shown_note = "" }),
	ACT("revoke", "Revoke the license", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/revoke", .inputs = reason,
		.intro = "Software with this key stops at its next check, on all its machines "
		"({license.active_machines} now), and nothing more is billed. It can’t be undone. "
		"To stop it for a while, suspend it; if the key leaked, reissue it.",
		.submit = "Revoke the license", .danger = true,
		.then = "/admin/licenses/{at.id}", .said = "revoked" }),
	ACT("suspend", "Suspend the license", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/suspend", .inputs = reason,
		.intro = "Software with this key stops at its next check until you lift the "
		"suspension. Seats stay taken, and its time goes on.",
		.submit = "Suspend the license", .danger = true,
		.then = "/admin/licenses/{at.id}", .said = "suspended" }),
	ACT("unsuspend", "Lift the suspension", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/unsuspend", .inputs = reason,
		.intro = "Software with this key works again from its next check.",
		.submit = "Lift the suspension", .then = "/admin/licenses/{at.id}",
		.said = "unsuspended" }),
	ACT("extend", "Move the license’s end", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/extend", .inputs = extend,
		.from = "license.license",
		.intro = "Software that asks this server knows at once. What a key itself says "
		"stays: software that checks keys offline wants the key that is shown afterwards. "
		"A subscription goes on being billed at its own dates.",
		.submit = "Move the end", .then = "/admin/licenses/{at.id}", .said = "changed" }),
	ACT("tier", "Change the policy",
	    .sources = SOURCES(ONE_LICENSE,
		{ "policies", "GET /v1/admin/policies?product_slug={license.product_slug}" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/change-tier", .inputs = tier,
		.intro = "It is under {license.policy_name} now. The key stays. A move that costs "
		"something gets an invoice and is made when that is paid; at the next renewal it "
		"costs nothing extra.",
		.submit = "Change the policy", .then = "/admin/licenses/{at.id}", .shown = moved,
		.shown_title = "The change", .shown_note = "" }),
	ACT("reissue", "Reissue the license", .sources = SOURCES(ONE_LICENSE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/licenses/{at.id}/reissue", .inputs = reason,
		.intro = "For a key that leaked: the license is revoked for good, and another is "
		"issued on the same terms, with its subscription and invoices. Its machines "
		"({license.active_machines} now) stop until they have the new key, which is "
		"mailed to the buyer if mail is set up.",
		.submit = "Revoke and reissue", .danger = true,
		.then = "/admin/licenses/{answer.license_id}", .shown = issued,
		.shown_title = "The new license",
		.shown_note = "The old one is revoked. The new one’s page shows the key again." }),
	ENDPOINT_END
};
/* clang-format on */
