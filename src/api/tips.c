/* Tips: what was passed on of sales, as the vendor sees it. */
#include "api/api.h"

#include "sql.h"

/* clang-format off */
const struct endpoint	api_tips[] = {
	{ .method = GET, .path = "/v1/admin/tips", .scope = "policies:read",
	    .query = FIELDS(
		{ "license_id", FIELD_UUID, .help = "Only that of this license." },
		{ "recipient", FIELD_TEXT, 0, 1, 254,
		    .help = "Only those to this address." },
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR,
		    .help = "`next_cursor` of the page before." }),
	    .sql = &sql_tip_list,
	    .summary = "Tips to Lightning addresses, newest first.",
	    .answer = "`{tips:[{id,license_id,policy_id,payment_provider_id,"
	        "recipient,paid_sats,amount_sats,pct_bps,label,status,detail,"
	        "payment_hash,next_check_at,created_at}],next_cursor}`; status is "
	        "pending, paying, sent, failed or skipped." },
	ENDPOINT_END
};
/* clang-format on */
