/*
 * Merchant profiles: under which name something is sold, and who takes the
 * money.  A password for mail is kept sealed and never shown.
 */
#include "api/api.h"

#include "api/disconnect.h"
#include "base/uuid.h"
#include "flow/bind.h"
#include "flow/respond.h"
#include "pay/sealed.h"

#include "sql.h"

#include <string.h>

#define SEALED_PASSWORD	"merchant_profiles.smtp_password"

/* A further value for the statement, as if it had come with the request. */
static void
give(struct flow *f, const char *name, const char *text)
{
	f->values[f->nvalues].name = name;
	f->values[f->nvalues].text = text;
	f->nvalues++;
}

/*
 * Seals the password for the profile `id'.  What goes on as the body says only
 * that there is one.
 */
static void
seal_password(struct flow *f, const char *id)
{
	const char	*password = flow_text(f, "smtp_password");
	unsigned int	 i;

	if (password == NULL)
		return;
	arena_wipe_later(&f->arena);
	give(f, "sealed_smtp_password", pay_seal(&f->arena, bind_keyring(),
	    SEALED_PASSWORD, id, password));
	for (i = 0; i < f->nvalues; i++) {
		if (!strcmp(f->values[i].name, "smtp_password"))
			f->values[i].text = "set";
	}
	json_object_set_new(f->body, "smtp_password", json_true());
}

/* #rgb or #rrggbb, since it will be part of a page's style. */
static bool
is_color(const char *s)
{
	size_t	n = strlen(s);

	return ((n == 4 || n == 7) && s[0] == '#' &&
	    strspn(s + 1, "0123456789abcdefABCDEF") == n - 1);
}

static bool
refuses_color(struct flow *f)
{
	const char	*color = flow_text(f, "brand_color");

	if (color == NULL || is_color(color))
		return (false);
	flow_fail(f, ERR_BAD_REQUEST, "brand_color: must be #rgb or #rrggbb");
	return (true);
}

static enum flow_next
ask_locked(struct flow *f, const struct sql_stmt *lock,
    const struct sql_stmt *stmt)
{
	struct db_query	q = { .lock = lock, .stmt = stmt };

	q.lock_params = flow_bind(f, q.lock);
	q.params = flow_bind(f, q.stmt);
	flow_last(f);
	return (flow_query(f, &q));
}

static enum flow_next
profile_create(struct flow *f)
{
	uint8_t	 id[UUID_LEN];
	char	*text = arena_alloc(&f->arena, UUID_TEXT_LEN + 1);

	if (refuses_color(f))
		return (FLOW_DONE);
	uuid_random(id);
	uuid_format(id, text);
	give(f, "profile_id", text);
	seal_password(f, text);
	return (ask_locked(f, &sql_tier_lock, &sql_profile_create));
}

static enum flow_next
profile_update(struct flow *f)
{
	uint8_t	 id[UUID_LEN];
	char	*text = arena_alloc(&f->arena, UUID_TEXT_LEN + 1);

	if (refuses_color(f))
		return (FLOW_DONE);
	/* As the database writes it, whatever case the path has. */
	if (!uuid_parse(flow_text(f, "id"), UUID_TEXT_LEN, id))
		return (flow_fail(f, ERR_NOT_FOUND, "No such profile."));
	uuid_format(id, text);
	seal_password(f, text);
	flow_last(f);
	return (flow_query_bound(f, &sql_profile_update));
}

static enum flow_next
profile_answer(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

static enum flow_next
profile_delete(struct flow *f)
{
	return (ask_locked(f, &sql_profile_lock, &sql_profile_delete));
}

static enum flow_next
profile_deleted(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	disconnect_read(f);
	return (FLOW_NEXT);
}

static enum flow_next
profile_gone(struct flow *f)
{
	return (flow_json(f, 200, json_pack("{s:b,s:s,s:o}", "ok", 1, "id",
	    flow_text(f, "id"), "warnings", disconnect_warnings(f))));
}

/* clang-format off */
#define READ	.scope = "merchant_profiles:read"
#define WRITE	.scope = "merchant_profiles:write"
#define ONE	"/v1/admin/merchant-profiles/:id"

#define FIELDS_OF_ALL							\
	{ "legal_name", FIELD_NAME, FIELD_NULLABLE, 0, 200,		\
	    .help = "Of the business." },				\
	{ "support_url", FIELD_URL, FIELD_NULLABLE,			\
	    .help = "Where buyers find help." },			\
	{ "support_email", FIELD_EMAIL, FIELD_NULLABLE,			\
	    .help = "Whom buyers write to." },				\
	{ "brand_color", FIELD_TEXT, FIELD_NULLABLE, 1, 20,	\
	    .help = "`#rgb` or `#rrggbb`." },				\
	{ "post_purchase_redirect_url", FIELD_URL, FIELD_NULLABLE,	\
	    .help = "Where buyers go after paying; `{invoice_id}` is "	\
	        "filled in." },						\
	{ "smtp_host", FIELD_NAME, FIELD_NULLABLE, 1, 253,		\
	    .help = "Kept, not used: letters go by LICET_SMTP_URL." },	\
	{ "smtp_port", FIELD_INTEGER, FIELD_NULLABLE, 1, 65535,		\
	    .help = "Kept, not used." },					\
	{ "smtp_username", FIELD_NAME, FIELD_NULLABLE, 0, 200,		\
	    .help = "Kept, not used." },					\
	{ "smtp_password", FIELD_TEXT, FIELD_NULLABLE, 1, 500,		\
	    .help = "Kept sealed, not used; never shown." },			\
	{ "smtp_from", FIELD_EMAIL, FIELD_NULLABLE,			\
	    .help = "Kept, not used." }

const struct endpoint	api_profiles[] = {
	{ .method = POST, .path = "/v1/admin/merchant-profiles", WRITE,
	    .body = FIELDS(
		{ "name", FIELD_NAME, FIELD_REQUIRED, 1, 200, .help = "For buyers." },
		FIELDS_OF_ALL),
	    .steps = FLOW_STEPS(
		FLOW_STEP(profile_create),	/* sql  profile_create */
		FLOW_STEP(profile_answer)),
	    .errors = "402",
	    .summary = "Create a merchant profile.", .answer = "MerchantProfile." },
	{ .method = GET, .path = "/v1/admin/merchant-profiles", READ,
	    .sql = &sql_profile_list,
	    .summary = "All merchant profiles, the default one first.",
	    .answer = "`{profiles:[MerchantProfile]}`, each with `providers[]`." },
	{ .method = GET, .path = ONE, READ,
	    .sql = &sql_profile_get,
	    .summary = "One merchant profile.",
	    .answer = "MerchantProfile, with `rail_preferences[],product_count,"
	        "active_subscription_count`." },
	{ .method = PATCH, .path = ONE, WRITE,
	    .body = FIELDS(
		{ "name", FIELD_NAME, 0, 1, 200, .help = "For buyers." },
		FIELDS_OF_ALL),
	    .steps = FLOW_STEPS(
		FLOW_STEP(profile_update),	/* sql  profile_update */
		FLOW_STEP(profile_answer)),
	    .summary = "Change a merchant profile; what is absent stays, null clears.",
	    .answer = "MerchantProfile." },
	{ .method = DELETE, .path = ONE, WRITE, .confirmed = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(profile_delete),	/* sql  profile_delete */
		FLOW_STEP(profile_deleted),
		DISCONNECT_STEPS,
		FLOW_STEP(profile_gone)),
	    .state = sizeof(struct disconnect),
	    .errors = "400",
	    .summary = "Delete a merchant profile that is not the default one "
	        "and has neither products nor live subscriptions; its "
	        "providers are disconnected.",
	    .answer = "`{ok,id,warnings[]}`." },
	{ .method = POST, .path = ONE "/set-default", WRITE, .confirmed = true,
	    .lock = &sql_profile_lock, .sql = &sql_profile_set_default,
	    .summary = "Make it the profile of products that name none.",
	    .answer = "`{ok,id}`." },
	{ .method = GET, .path = ONE "/rails", READ,
	    .sql = &sql_profile_rails,
	    .summary = "Who takes a profile's sales by each rail now.",
	    .answer = "`{rails:[{rail,chosen,payment_provider_id,provider_kind,"
	        "provider_label}]}`; all but the first two are null when nobody "
	        "serves the rail." },
	{ .method = PUT, .path = ONE "/rail-preferences/:rail", WRITE,
	    .confirmed = true,
	    .body = FIELDS(
		{ "payment_provider_id", FIELD_UUID, FIELD_REQUIRED,
		    .help = "Connected to this profile and serving the rail." }),
	    .sql = &sql_rail_set, .errors = "400",
	    .summary = "Choose who takes payments by a rail (lightning, onchain, card).",
	    .answer = "`{ok,rail,payment_provider_id}`." },
	{ .method = DELETE, .path = ONE "/rail-preferences/:rail", WRITE,
	    .confirmed = true,
	    .sql = &sql_rail_clear, .errors = "400",
	    .summary = "Choose nobody in particular.",
	    .answer = "`{ok,rail}`." },
	ENDPOINT_END
};
/* clang-format on */
