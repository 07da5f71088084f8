/*
 * Passkeys of the web login: those that are kept, another one, and what
 * signing in takes.
 */
#include "pages/passkeys.h"

#include "base/conf.h"
#include "crypto/passkey.h"
#include "pages/page.h"
#include "pages/pages.h"

bool
passkeys_are_here(void)
{
	struct passkey_site	site;

	return (passkey_site(conf.public_url, &site));
}

json_t *
passkeys_button(const char *action, const char *csrf, const char *begin,
    const char *options, const char *label)
{
	return (json_pack("{s:s,s:s?,s:s,s:s,s:s?,s:s,s:s,s:s}",
	    "action", action, "csrf", csrf, "begin", begin,
	    "options", options == NULL ? "" : options,
	    "or", options == NULL ? "or" : NULL,
	    "kind", options == NULL ? "" : "first", "label", label,
	    "without", options == NULL ?
	    "With a passkey instead: needs scripts, which are off here." :
	    "A passkey needs scripts, which are off here. Without: whoever has "
	    "the admin key can let the password do again."));
}

/* The script, or why there would be no use in it. */
static void
make_new(json_t *block, const json_t *gathered)
{
	struct passkey_site	 site;
	bool			 here = passkey_site(conf.public_url, &site);

	(void)gathered;
	json_object_set_new(block, "passkey_new", json_pack("{s:s,s:b,s:s}",
	    "begin", "/v1/admin/passkeys/begin", "here", here, "site",
	    here ? site.id : conf.public_url));
}

/* clang-format off */
#define MODES								\
	"password_or_passkey=quiet=A password or a passkey|"		\
	"password_and_passkey=good=A password and a passkey"
#define ALONE								\
	"true=good=Alone, or after the password|false=quiet=After the password"

static const struct column	list[] = {
	{ "Name", "name", .link = "/admin/passkeys/{id}" },
	{ "Signs in", "alone", CELL_BADGE, ALONE },
	{ "Last used", "last_used_at", CELL_TIME, "Never" },
	{ "Added", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	mode[] = {
	{ "It takes", "mode", CELL_BADGE, MODES },
	{ 0 }
};

static const struct column	facts[] = {
	{ "Signs in", "alone", CELL_BADGE, ALONE },
	{ "Last used", "last_used_at", CELL_TIME, "Never" },
	{ "Its own count", "sign_count", CELL_NUMBER, "It doesn’t count" },
	{ "Reached by", "transports", CELL_LIST, "It doesn’t say" },
	{ "Algorithm", "algorithm" },
	{ "Added", "created_at", CELL_TIME },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct input	new_one[] = {
	{ "name", "Name", .hint = "Whose it is, or on which device: Ada’s phone." },
	{ "credential", NULL, INPUT_HIDDEN },
	{ 0 }
};

static const struct input	another_name[] = {
	{ "name", "Name" },
	{ 0 }
};

static const struct input	another_mode[] = {
	{ "mode", "Signing in takes", INPUT_CHOICE, .with =
	    "password_or_passkey=The password, or a passkey that is good alone|"
	    "password_and_passkey=The password, and then a passkey" },
	{ 0 }
};

#define UNDER		.section = "settings", .up = "/admin/passkeys", .up_title = "Passkeys"
#define UNDER_ONE	.section = "settings", .up = "/admin/passkeys/{at.id}",		\
			    .up_title = "{passkey.name}"
#define ONE		{ "passkey", "GET /v1/admin/passkeys/{at.id}" }
#define ALL		{ "passkeys", "GET /v1/admin/passkeys" }

const struct endpoint	pages_passkeys[] = {
	PAGE("/admin/passkeys",
	    .title = "Passkeys", .section = "settings", .up = "/admin/settings",
	    .up_title = "Settings",
	    .sources = SOURCES(ALL),
	    .actions = ACTIONS({ "Add a passkey", "/admin/passkeys/new", "first" }),
	    .blocks = BLOCKS(
		{ BLOCK_LIST, .from = "passkeys.passkeys", .columns = list,
		    .empty = "A phone, a computer or a security key keeps it; nobody guesses "
		    "it, or types it into the wrong page. It is good instead of the password, "
		    "or after it.",
		    .first = { "Add a passkey", "/admin/passkeys/new" } },
		{ BLOCK_FACTS, "Signing in", "passkeys", mode, .beside = ACTIONS(
		    { "Change", "/admin/passkeys/sign-in" }) })),
	FORM("/admin/passkeys/new",
	    .title = "Add a passkey", UNDER,
	    .form = &(const struct form){
		.call = "POST /v1/admin/passkeys", .inputs = new_one,
		.submit = "Add the passkey", .then = "/admin/passkeys", .said = "created",
		.is_last = true },
	    .blocks = BLOCKS({ BLOCK_MADE, .make = make_new })),
	FORM("/admin/passkeys/sign-in",
	    .title = "What signing in takes", UNDER,
	    .sources = SOURCES(ALL),
	    .form = &(const struct form){
		.call = "POST /v1/admin/settings/sign-in", .inputs = another_mode,
		.from = "passkeys",
		.intro = "When it takes both from now on, all sessions but yours end. Whoever has "
		    "the admin key can set it back.",
		.submit = "Save", .then = "/admin/passkeys", .said = "saved" }),
	PAGE("/admin/passkeys/:id",
	    .title = "{passkey.name}", UNDER,
	    .sources = SOURCES(ONE),
	    .actions = ACTIONS({ "Rename", "/admin/passkeys/{at.id}/rename" },
		{ "Delete", "/admin/passkeys/{at.id}/delete", "danger" }),
	    .blocks = BLOCKS({ BLOCK_FACTS, .from = "passkey", .columns = facts })),
	FORM("/admin/passkeys/:id/rename",
	    .title = "Rename {passkey.name}", UNDER_ONE,
	    .sources = SOURCES(ONE),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/passkeys/{at.id}", .inputs = another_name,
		.from = "passkey", .submit = "Save", .then = "/admin/passkeys/{at.id}",
		.said = "saved" }),
	FORM("/admin/passkeys/:id/delete",
	    .title = "Delete {passkey.name}", UNDER_ONE,
	    .sources = SOURCES(ONE),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/passkeys/{at.id}",
		.intro = "It opens nothing from now on; sessions that began with it go on. Its "
		    "device may still offer it: remove it there, too. With the last one the "
		    "password is enough again.",
		.submit = "Delete the passkey", .danger = true, .then = "/admin/passkeys",
		.said = "deleted" }),
	ENDPOINT_END
};
/* clang-format on */
