/* The figures of the front page: licenses, and what they brought. */
#include "api/api.h"

#include "sql.h"

/* clang-format off */
const struct endpoint	api_summary[] = {
	{ .method = GET, .path = "/v1/admin/licenses/summary",
	    .scope = "licenses:read",
	    .sql = &sql_license_summary,
	    .summary = "How many licenses there are.",
	    .answer = "`{total,active,suspended,revoked,last_24h,last_7d}`; the last "
	        "two by when they were issued." },
	{ .method = GET, .path = "/v1/admin/licenses/counts",
	    .scope = "licenses:read",
	    .sql = &sql_license_counts,
	    .summary = "Licenses by product and by policy, of whatever status.",
	    .answer = "`{by_product:{id:n},by_policy:{id:n}}`; none is not named." },
	{ .method = GET, .path = "/v1/admin/revenue/summary",
	    .scope = "licenses:read",
	    .sql = &sql_revenue_summary,
	    .summary = "What settled invoices brought. Refunds are not taken off.",
	    .answer = "`{total_sats,last_24h_sats,last_7d_sats,last_30d_sats,"
	        "settled_paid_invoice_count}`." },
	ENDPOINT_END
};
/* clang-format on */
