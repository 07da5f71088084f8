/*
 * First run.  Whoever has the admin key sets the password, as long as there is
 * none, and is signed in; then the page of first steps leads to what a server
 * needs to sell.
 */
#include "pages/welcome.h"

#include "base/conf.h"
#include "crypto/password.h"
#include "crypto/token.h"
#include "flow/form.h"
#include "flow/respond.h"
#include "flow/session.h"
#include "pages/chrome.h"
#include "pages/door.h"
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/value.h"

#include "sql.h"

#include <string.h>

#define FIRST_STEPS	"/admin/first-steps"

/* The steps that set the password, then those that log in. */
union welcome {
	struct session_password	 password;
	struct session_login	 login;
};

/* ---- the first password ---- */

static enum flow_next
welcome_page(struct flow *f, int status, const char *wrong_key,
    const char *wrong_password, const char *wrong_repeat)
{
	return (door_send(f, status, json_pack("{s:s,s:s,s:[o,o,o],s:s}",
	    "page_title", "Welcome to Licet",
	    "intro", "Choose the password that opens this dashboard. The admin "
	    "key, which was set when this server was installed, shows that you "
	    "may.", "inputs",
	    door_input("admin_key", "Admin key", "password", "off",
	    "LICET_ADMIN_KEY, or the file that LICET_ADMIN_KEY_FILE names.",
	    wrong_key),
	    door_input("password", "New password", "password", "new-password",
	    "12 characters or more. A few words are good.", wrong_password),
	    door_input("repeat", "The password again", "password",
	    "new-password", NULL, wrong_repeat),
	    "submit", "Set the password")));
}

static enum flow_next
welcome_ask(struct flow *f)
{
	return (FLOW_QUERY(f, session_status,
	    .token_hash = session_token_hash(f)));
}

static enum flow_next
welcome_show(struct flow *f)
{
	if (db_true(flow_rows(f), 0, "logged_in"))
		return (chrome_go(f, FIRST_STEPS, NULL));
	if (db_true(flow_rows(f), 0, "has_password"))
		return (chrome_go(f, SESSION_LOGIN_PATH, NULL));
	return (welcome_page(f, 200, NULL, NULL, NULL));
}

static enum flow_next
welcome_judge(struct flow *f)
{
	union welcome	*w = flow_state(f);
	const char	*key = form_text(f, "admin_key");

	if (db_true(flow_rows(f), 0, "has_password"))
		return (chrome_go(f, SESSION_LOGIN_PATH, NULL));
	arena_wipe_later(&f->arena);
	if (limit_is_spent(LIMIT_WRONG_KEY, f->client)) {
		f->limited = LIMIT_WRONG_KEY;
		return (flow_fail(f, ERR_RATE_LIMITED,
		    "Too many wrong keys from this address; wait."));
	}
	if (!secret_equal(key, strlen(key), conf.admin_key,
	    strlen(conf.admin_key))) {
		(void)limit_take(LIMIT_WRONG_KEY, f->client);
		return (welcome_page(f, 401, "This is not the admin key.",
		    NULL, NULL));
	}
	if (strcmp(form_text(f, "password"), form_text(f, "repeat")))
		return (welcome_page(f, 400, NULL, NULL,
		    "This is another password than the one above."));
	f->actor_kind = "admin_api_key";
	token_hash_hex(key, strlen(key), f->actor_hash);
	w->password.password = form_text(f, "password");
	return (FLOW_NEXT);
}

/* It was just made of what was typed, so that need not be checked. */
static enum flow_next
welcome_enter(struct flow *f)
{
	union welcome		*w = flow_state(f);
	struct password_work	*work = w->password.work;
	const char		*password = w->password.password;

	w->login = (struct session_login){ .password = password,
	    .result = SESSION_WRONG,
	    .hash = arena_strdup(&f->arena, work->hash), .work = work };
	return (FLOW_NEXT);
}

static enum flow_next
welcome_done(struct flow *f)
{
	union welcome	*w = flow_state(f);

	return (chrome_go(f, w->login.result == SESSION_IN ? FIRST_STEPS :
	    SESSION_LOGIN_PATH, NULL));
}

/* What is wrong with the password stands beside it. */
static void
welcome_on_fault(struct flow *f)
{
	const char	*why = f->fault_message;

	if (f->fault == ERR_BAD_REQUEST && why != NULL &&
	    !strncmp(why, "password: ", 10))
		(void)welcome_page(f, 400, NULL, why + 10, NULL);
	else
		door_on_fault(f);
}

/* ---- first steps ---- */

static const struct {
	const char	*name;
	const char	*label;
	const char	*why;
	const char	*href;
}	steps[] = {
	{ "operator_name", "Say who sells",
	    "Your name, as buyers see it on receipts and pages.",
	    "/admin/settings" },
	{ "provider", "Connect a payment provider",
	    "BTCPay Server for bitcoin and Lightning, Zaprite for cards, too. "
	    "Until then only the sandbox takes payments, and they are not real.",
	    "/admin/profiles" },
	{ "product", "Make a product",
	    "What buyers choose. Its price is in satoshis, US dollars or euros; "
	    "dollars and euros become satoshis when somebody buys.",
	    "/admin/products/new" },
	{ "policy", "Give it a policy",
	    "How long a license lasts, on how many machines, and what it "
	    "unlocks.", "/admin/products" },
	{ "sold", "Buy it yourself",
	    "Try what your buyers will go through, to the key.",
	    FIRST_STEPS "/buy" },
};

void
firststeps_make(json_t *block, const json_t *gathered)
{
	const json_t	*found = value_find(NULL, gathered, "steps");
	json_t		*all = json_array();
	bool		 is_done;
	size_t		 i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		is_done = json_is_true(json_object_get(found, steps[i].name));
		json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:b}",
		    "label", steps[i].label, "why", steps[i].why,
		    "href", steps[i].href, "is_done", is_done));
	}
	json_object_set_new(block, "firststeps", json_pack("{s:o}", "steps",
	    all));
}

/* clang-format off */
static const struct input	buy[] = {
	{ "product", "Product", INPUT_PICK, .with = "products.products slug name" },
	{ "policy_slug", "Policy’s slug", .hint = "Left empty, the default policy." },
	{ "buyer_email", "E-mail address", INPUT_EMAIL, .hint = "Yours." },
	{ 0 }
};

static const struct column	bought[] = {
	{ "Pay here", "checkout_url", .link = "{checkout_url}" },
	{ "To pay", "amount_sats", CELL_SATS },
	{ "Invoice", "invoice_id", CELL_CODE, .link = "/admin/invoices/{invoice_id}" },
	{ 0 }
};

const struct endpoint	pages_welcome[] = {
	{ .method = GET, .path = "/admin/welcome", .limit = LIMIT_CATALOGUE,
	    .hidden = true, .on_fault = door_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(welcome_ask),		/* sql  session_status */
		FLOW_STEP(welcome_show)),
	    .summary = "A form for the first password." },
	{ .method = POST, .path = "/admin/welcome", .limit = LIMIT_LOGIN,
	    .hidden = true, .raw_body = true, .repeatable = true,
	    .on_fault = welcome_on_fault,
	    .steps = FLOW_STEPS(
		FLOW_STEP(session_check_site),
		FLOW_STEP(welcome_ask),		/* sql  session_status */
		FLOW_STEP(welcome_judge),
		SESSION_PASSWORD_STEPS,
		FLOW_STEP(welcome_enter),
		FLOW_STEP(session_login_begin),	/* sql  session_begin */
		FLOW_STEP(session_login_end),
		FLOW_STEP(welcome_done)),
	    .state = sizeof(union welcome),
	    .summary = "It is set." },
	PAGE(FIRST_STEPS,
	    .title = "First steps", .section = "overview", .up = "/admin/",
	    .up_title = "Overview",
	    .sources = SOURCES({ "steps", "GET /v1/admin/first-steps" }),
	    .blocks = BLOCKS(
		{ BLOCK_MADE, .make = firststeps_make },
		{ BLOCK_TEXT, .empty = "Nothing is in a hurry: this list stays on the overview "
		    "until all of it is done." })),
	FORM(FIRST_STEPS "/buy",
	    .title = "Buy it yourself", .section = "overview", .up = FIRST_STEPS,
	    .up_title = "First steps",
	    .sources = SOURCES({ "products", "GET /v1/admin/products" }),
	    .form = &(const struct form){
		.call = "POST /v1/purchase", .inputs = buy,
		.intro = "This makes an invoice as a buyer’s would. With a real payment "
		    "provider it asks for real money, which comes to yourself.",
		.submit = "Make the invoice", .then = FIRST_STEPS,
		.shown = bought, .shown_title = "Your invoice",
		.shown_note = "Pay it as a buyer does; then the license appears under Licenses." }),
	ENDPOINT_END
};
/* clang-format on */
