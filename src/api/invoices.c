/* Invoices, as the vendor sees them. */
#include "api/api.h"

#include "sql.h"

#include <stdint.h>

/* clang-format off */
#define ATTENTION							\
	"true|false|surplus|void_change|amount_mismatch|partial|over|double"
#define ADMIN(m, p)	.method = m, .path = "/v1/admin/invoices" p

const struct endpoint	api_invoices[] = {
	{ ADMIN(GET, ""), .scope = "invoices:read",
	    .query = FIELDS(
		{ "status", FIELD_CHOICE, 0,
		    .choices = "pending|settled|expired|invalid",
		    .help = "Only these." },
		{ "kind", FIELD_CHOICE, 0,
		    .choices = "purchase|renewal|tier_change",
		    .help = "Only these." },
		{ "attention", FIELD_CHOICE, 0, .choices = ATTENTION,
		    .help = "Those that somebody should look at, or why; "
		    "false: the others." },
		{ "product_id", FIELD_UUID, .help = "Of this product." },
		{ "buyer_email", FIELD_TEXT, 0, 1, 254,
		    .help = "Of this address, in upper or lower case." },
		{ "license_id", FIELD_UUID,
		    .help = "That brought this license, or billed it." },
		{ "limit", FIELD_INTEGER, 0, 1, 500, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_sale_list,
	    .summary = "Invoices that match all that is given, newest first.",
	    .answer = "`{invoices:[Invoice],next_cursor}`." },
	{ ADMIN(GET, "/:id"), .scope = "invoices:read",
	    .sql = &sql_sale_get,
	    .summary = "One invoice and all that hangs on it.",
	    .answer = "Invoice and `{product_slug,policy_slug,redemption,"
	    "subscription_cycle,tier_change,refunds,events}`." },
	{ ADMIN(PATCH, "/:id"), .scope = "invoices:write",
	    .body = FIELDS(
		{ "attention", FIELD_TEXT, FIELD_NULLABLE, 0, 32,
		    .help = "null: somebody has looked at it." }),
	    .sql = &sql_sale_looked_at,
	    .summary = "Clear what was odd about an invoice.",
	    .answer = "Invoice." },
	ENDPOINT_END
};
/* clang-format on */
