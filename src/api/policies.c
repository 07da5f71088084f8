/* Policies: the terms on which a product's licenses are issued. */
#include "api/api.h"

#include "sql.h"

#include <stdint.h>

/* clang-format off */
#define SECONDS_MAX	3155760000	/* a hundred years */
#define PRICE_MAX	2100000000000000

#define TERMS								\
	{ "duration_seconds", FIELD_INTEGER, 0, 0, SECONDS_MAX,		\
	    .help = "How long a license lasts; 0: for ever." },		\
	{ "grace_seconds", FIELD_INTEGER, 0, 0, SECONDS_MAX,		\
	    .help = "How long it goes on working after that." },	\
	{ "max_machines", FIELD_INTEGER, 0, 0, 1000000,			\
	    .help = "Seats; 0: any number. 1 unless given." },		\
	{ "is_trial", FIELD_BOOLEAN, .help = "Marks its keys as trials." }, \
	{ "price_sats_override", FIELD_INTEGER, FIELD_NULLABLE, 0, PRICE_MAX, \
	    .help = "Its own price, in the product's unit; null: the product's." }, \
	{ "entitlements", FIELD_TEXTS, 0, 1, 255,			\
	    .help = "What its licenses grant, in this order." },	\
	{ "metadata", FIELD_OBJECT,					\
	    .help = "description, marketing_bullets, highlight and the vendor's own." }, \
	{ "is_recurring", FIELD_BOOLEAN, .help = "A subscription." },	\
	{ "renewal_period_days", FIELD_INTEGER, 0, 0, 1830,		\
	    .help = "Its cycle." },					\
	{ "grace_period_days", FIELD_INTEGER, 0, 0, 90,			\
	    .help = "How long a renewal may be late; 7 unless given." }, \
	{ "trial_days", FIELD_INTEGER, 0, 0, 1830,			\
	    .help = "Free days before the first cycle." },		\
	{ "tier_rank", FIELD_INTEGER, FIELD_NULLABLE, 0, 1000,		\
	    .help = "Its place among the product's tiers." },		\
	{ "heartbeat_timeout_seconds", FIELD_INTEGER, 0, 0, 315360000,	\
	    .help = "A machine silent for so long loses its seat; 3600 or more. 0: never." }
#define TIP								\
	{ "tip_recipient", FIELD_TEXT, FIELD_NULLABLE, 1, 254,		\
	    .help = "Lightning address that gets a share of each sale." }, \
	{ "tip_pct_bps", FIELD_INTEGER, 0, 0, 10000,			\
	    .help = "The share in hundredths of a percent." },		\
	{ "tip_label", FIELD_TEXT, FIELD_NULLABLE, 0, 200, .help = "What for." }
#define ADMIN(m, p)	.method = m, .path = "/v1/admin/policies" p
#define WRITE		.scope = "policies:write"

const struct endpoint	api_policies[] = {
	{ ADMIN(POST, ""), WRITE,
	    .body = FIELDS(
		{ "product_slug", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "Whose policy." },
		{ "name", FIELD_NAME, FIELD_REQUIRED, 1, 200, .help = "For buyers." },
		{ "slug", FIELD_SLUG, FIELD_REQUIRED, .help = "Unique in the product; stays." },
		TERMS, TIP),
	    .lock = &sql_tier_lock, .sql = &sql_policy_create,
	    .errors = "402 404 409",
	    .summary = "Create a policy.", .answer = "Policy." },
	{ ADMIN(GET, ""), .scope = "policies:read",
	    .query = FIELDS(
		{ "product_slug", FIELD_TEXT, FIELD_REQUIRED, 1, 63, .help = "Whose policies." },
		{ "include_inactive", FIELD_BOOLEAN, .help = "Inactive ones too." },
		{ "include_archived", FIELD_BOOLEAN, .help = "Archived ones too." }),
	    .sql = &sql_policy_list,
	    .errors = "404",
	    .summary = "A product's policies, by name.",
	    .answer = "`{policies:[Policy]}`." },
	{ ADMIN(GET, "/:id"), .scope = "policies:read",
	    .sql = &sql_policy_get,
	    .summary = "One policy.", .answer = "Policy." },
	{ ADMIN(GET, "/:id/usage"), .scope = "policies:read",
	    .sql = &sql_policy_usage,
	    .summary = "What hangs on a policy: what deleting it would delete.",
	    .answer = USAGE_ANSWER },
	{ ADMIN(PATCH, "/:id"), WRITE,
	    .body = FIELDS(
		{ "name", FIELD_NAME, 0, 1, 200, .help = "For buyers." }, TERMS),
	    .sql = &sql_policy_update,
	    .errors = "402",
	    .summary = "Change a policy; what is absent stays.",
	    .answer = "Policy." },
	{ ADMIN(PATCH, "/:id/active"), WRITE,
	    .body = FIELDS({ "active", FIELD_BOOLEAN, FIELD_REQUIRED,
	        .help = "Can it be bought?" }),
	    .sql = &sql_policy_set_active,
	    .summary = "Switch a policy off or on.", .answer = "`{ok:true}`." },
	{ ADMIN(PATCH, "/:id/public"), WRITE,
	    .body = FIELDS({ "public", FIELD_BOOLEAN, FIELD_REQUIRED, .help = "Is it shown?" }),
	    .sql = &sql_policy_set_public,
	    .summary = "Hide a policy from buyers or show it.",
	    .answer = "`{ok:true}`." },
	{ ADMIN(PATCH, "/:id/archived"), WRITE,
	    .body = FIELDS({ "archived", FIELD_BOOLEAN, FIELD_REQUIRED, .help = "Put away?" }),
	    .sql = &sql_policy_set_archived,
	    .summary = "Put a policy away for good, or take it back.",
	    .answer = "`{ok,archived}`." },
	{ ADMIN(PATCH, "/:id/tip"), WRITE,
	    .body = FIELDS(TIP),
	    .sql = &sql_policy_set_tip,
	    .summary = "Set or clear who gets a share of each sale.",
	    .answer = "Policy." },
	{ ADMIN(DELETE, "/:id"), WRITE, .confirmed = true,
	    .query = FIELDS({ "force", FIELD_BOOLEAN,
	        .help = "Also with licenses and sales, which go with it." }),
	    .lock = &sql_policy_delete_lock,
	    .sql = &sql_policy_delete,
	    .errors = "409",
	    .summary = "Delete a policy.",
	    .answer = "`{ok,deleted,force,cascaded_…}` with counts." },
	ENDPOINT_END
};
/* clang-format on */
