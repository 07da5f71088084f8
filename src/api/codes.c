/* Discount codes, as the vendor keeps them. */
#include "api/api.h"

#include "sql.h"

#include <stdint.h>

/* clang-format off */
#define AMOUNT_MAX	2100000000000000	/* all bitcoin there will be */
#define USES_MAX	1000000000000
#define PAGE								\
	{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." }, \
	{ "cursor", FIELD_CURSOR,				\
	    .help = "`next_cursor` of the page before." }
#define TELLING								\
	{ "referrer_label", FIELD_TEXT, FIELD_NULLABLE, 0, 200,		\
	    .help = "Whom its sales are owed to." },			\
	{ "description", FIELD_TEXT, FIELD_NULLABLE, 0, 2000,		\
	    .help = "Shown with a featured code." },			\
	{ "featured", FIELD_BOOLEAN,					\
	    .help = "Goes by itself with the policies it is good for." }
#define LIMITS								\
	{ "max_uses", FIELD_INTEGER, FIELD_NULLABLE, 1, USES_MAX,	\
	    .help = "How often; any number unless given." },		\
	{ "expires_at", FIELD_TIME, FIELD_NULLABLE,			\
	    .help = "Good until then; a time that has passed ends it." }
#define ADMIN(m, p)	.method = m, .path = "/v1/admin/discount-codes" p
#define READ		.scope = "discount_codes:read"
#define WRITE		.scope = "discount_codes:write"

const struct endpoint	api_codes[] = {
	{ ADMIN(POST, ""), WRITE,
	    .body = FIELDS(
		{ "code", FIELD_TEXT, FIELD_REQUIRED, 1, 64,
		    .help = "Of letters, digits, _ and -; kept in upper case." },
		{ "kind", FIELD_CHOICE, FIELD_REQUIRED,
		    .choices = "percent|fixed_sats|set_price|free_license",
		    .help = "What it does to the price." },
		{ "amount", FIELD_INTEGER, 0, 0, AMOUNT_MAX,
		    .help = "percent: hundredths of a percent, to 10000. "
		    "fixed_sats: what is taken off, set_price: what is left, "
		    "in discount_currency's smallest unit. free_license: "
		    "nothing." },
		{ "discount_currency", FIELD_CHOICE, 0, .choices = "SAT|USD|EUR",
		    .help = "The product's unless given, SAT without one." },
		LIMITS,
		{ "product_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "Good for this product only." },
		{ "policy_slug", FIELD_TEXT, 0, 0, 63,
		    .help = "Good for this policy of it only." },
		{ "policy_slugs", FIELD_TEXTS, 0, 1, 63,
		    .help = "Good for these; beats policy_slug." },
		TELLING),
	    .lock = &sql_tier_lock, .sql = &sql_code_create,
	    .errors = "402 404 409",
	    .summary = "Create a discount code.", .answer = "DiscountCode." },
	{ ADMIN(GET, ""), READ,
	    .query = FIELDS(PAGE,
		{ "product_id", FIELD_UUID, .help = "Only this product's." },
		{ "include_inactive", FIELD_BOOLEAN,
		    .help = "Those that are switched off too." }),
	    .sql = &sql_code_list,
	    .summary = "Discount codes, newest first.",
	    .answer = "`{codes:[DiscountCode],next_cursor}`." },
	{ ADMIN(GET, "/:id"), READ,
	    .query = FIELDS(PAGE),
	    .sql = &sql_code_get,
	    .summary = "One discount code and its uses, newest first.",
	    .answer = "`{code,redemptions:[…],next_cursor}`." },
	{ ADMIN(PATCH, "/:id"), WRITE,
	    .body = FIELDS(
		{ "amount", FIELD_INTEGER, 0, 0, AMOUNT_MAX,
		    .help = "As its kind has it." },
		LIMITS,
		{ "policy_slugs", FIELD_TEXTS, 0, 1, 63,
		    .help = "All policies of its product that it is good for; "
		    "[]: every one." },
		TELLING),
	    .sql = &sql_code_update,
	    .summary = "Change a discount code; what is absent stays, "
	    "null clears.",
	    .answer = "DiscountCode." },
	{ ADMIN(PATCH, "/:id/active"), WRITE,
	    .body = FIELDS(
		{ "active", FIELD_BOOLEAN, FIELD_REQUIRED, .help = "Can it be used?" }),
	    .lock = &sql_tier_lock, .sql = &sql_code_set_active,
	    .errors = "402",
	    .summary = "Switch a discount code off or on; its uses stay.",
	    .answer = "`{ok:true}`." },
	{ ADMIN(DELETE, "/:id"), WRITE,
	    .lock = &sql_code_delete_lock,
	    .sql = &sql_code_delete,
	    .errors = "409",
	    .summary = "Delete a discount code that nobody has used.",
	    .answer = "`{ok,deleted}`." },
	ENDPOINT_END
};
/* clang-format on */
