/*
 * What the vendor sets here: the name that buyers read, the password, and what
 * this server itself is licensed for.  The rest is in the environment.
 */
#include "pages/page.h"
#include "pages/pages.h"

/* clang-format off */
static const struct column	name[] = {
	{ "Name", "effective", .with = "None: buyers read none" },
	{ "Stored here", "stored", .with = "Nothing" },
	{ "LICET_OPERATOR_NAME", "fallback_env", .with = "Not set" },
	{ 0 }
};

static const struct column	tier[] = {
	{ "Tier", "tier_name" },
	{ "Products", "usage.products", CELL_NUMBER },
	{ "Products at most", "caps.products", .with = "Any number" },
	{ "Policies of a product at most", "caps.policies_per_product", .with = "Any number" },
	{ "Codes that are on", "usage.active_codes", CELL_NUMBER },
	{ "Codes at most", "caps.active_codes", .with = "Any number" },
	{ "Entitlements", "entitlements", CELL_LIST },
	{ "Next tier", "next_tier", .with = "None" },
	{ "Sold at", "upgrade_url", CELL_URL, "There" },
	{ 0 }
};

static const struct column	license[] = {
	{ "State", "tier", CELL_BADGE, "licensed=good=Licensed|unlicensed=quiet=Unlicensed" },
	{ "Because", "reason", CELL_BADGE, "no_trust_root=quiet=Nobody signs such licenses: "
	    "nothing is capped|no_license=quiet=There is none|"
	    "bad_format=bad=It can’t be read|bad_signature=bad=Its signature is wrong|"
	    "expired=bad=It has expired|revoked=bad=It was revoked|"
	    "suspended=bad=It is suspended" },
	{ "From", "source", CELL_BADGE, "stored=quiet=Stored here|"
	    "environment=quiet=LICET_LICENSE" },
	{ "License", "license_id", CELL_CODE },
	{ "Entitlements", "entitlements", CELL_LIST },
	{ 0 }
};

static const struct column	looked[] = {
	{ "Result", "message" },
	{ "Tier", "tier" },
	{ 0 }
};

static const struct input	name_input[] = {
	{ "name", "Name", .preset = "{operator.stored}",
	    .hint = "Buyers read it at checkout and in mail. Empty: LICET_OPERATOR_NAME counts." },
	{ 0 }
};

static const struct input	password_input[] = {
	{ "password", "New password", INPUT_SECRET,
	    .hint = "12 characters or more. Have a password manager make and keep it." },
	{ 0 }
};

static const struct input	license_input[] = {
	{ "license_key", "License key", INPUT_AREA },
	{ 0 }
};

#define UNDER		.section = "settings", .up = "/admin/settings", .up_title = "Settings"

const struct endpoint	pages_settings[] = {
	PAGE("/admin/settings",
	    .title = "Settings", .section = "settings",
	    .sources = SOURCES(
		{ "operator", "GET /v1/admin/settings/operator-name" },
		{ "tier", "GET /v1/admin/tier" },
		{ "license", "GET /v1/admin/self-license" }),
	    .actions = ACTIONS({ "Sessions", "/admin/sessions" },
		{ "Passkeys", "/admin/passkeys" },
		{ "Change the password", "/admin/settings/password" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, "Your name", "operator", name, .beside = ACTIONS(
		    { "Change", "/admin/settings/name" }) },
		{ BLOCK_FACTS, "What this server may", "tier", tier },
		{ BLOCK_FACTS, "This server’s own license", "license", license,
		    .beside = ACTIONS(
		    { "Enter a license", "/admin/settings/license",
		        .when = "license.reason=no_license|bad_format|bad_signature|expired|"
		        "revoked|suspended" },
		    { "Enter another", "/admin/settings/license",
		        .when = "license.tier=licensed" },
		    { "Look at it again", "/admin/settings/license/look",
		        .when = "license.tier=licensed" },
		    { "Forget it", "/admin/settings/license/forget", "danger",
		        .when = "license.source=stored" }) })),
	FORM("/admin/settings/name",
	    .title = "Change the name", UNDER,
	    .sources = SOURCES({ "operator", "GET /v1/admin/settings/operator-name" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/settings/operator-name", .inputs = name_input,
		.submit = "Save", .then = "/admin/settings", .said = "saved" }),
	FORM("/admin/settings/password",
	    .title = "Change the password", UNDER,
	    .form = &(const struct form){
		.call = "POST /v1/admin/web-password", .inputs = password_input,
		.intro = "All sessions end, yours too: you sign in again with the new one.",
		.submit = "Set the password", .then = "/admin/sign-in", .said = "password" }),
	FORM("/admin/settings/license",
	    .title = "Enter a license", UNDER,
	    .form = &(const struct form){
		.call = "POST /v1/admin/self-license", .inputs = license_input,
		.intro = "The license for this server itself, as you got it. It is kept sealed, "
		    "and counts before LICET_LICENSE.",
		.submit = "Keep the license", .then = "/admin/settings", .said = "saved" }),
	FORM("/admin/settings/license/look",
	    .title = "Look at the license again", UNDER,
	    .form = &(const struct form){
		.call = "POST /v1/admin/self-license/refresh",
		.intro = "Whether it is in force is judged by the minute; its signature is "
		    "looked at once an hour, or now.",
		.submit = "Look now", .then = "/admin/settings", .shown = looked,
		.shown_title = "How it stands", .shown_note = "This is how it is now." }),
	FORM("/admin/settings/license/forget",
	    .title = "Forget the license", UNDER,
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/self-license",
		.intro = "The stored license is gone, and with it what it allows; LICET_LICENSE "
		    "counts again if it is set. What you sell goes on being sold.",
		.submit = "Forget the license", .danger = true, .then = "/admin/settings",
		.said = "deleted" }),
	ENDPOINT_END
};
/* clang-format on */
