/* The audit trail: who did what, when and from where. */
#include "pages/page.h"
#include "pages/pages.h"

#define ACTORS								\
	"admin_api_key=warn=Master key|scoped_api_key=quiet=API key|"	\
	"web_ui=quiet=Dashboard|buyer_license_key=quiet=Buyer, by key|"	\
	"buyer_self_service=quiet=Buyer|customer=quiet=Customer|"	\
	"renewal_worker=quiet=Renewals|"					\
	"system=quiet=Licet"

/* clang-format off */
static const struct input	filters[] = {
	{ "action", "What exactly" },
	{ "target_id", "Id of what it is about" },
	{ "by", "Who", INPUT_CHOICE, .with = "=Anybody|admin_api_key=Master key|"
	    "scoped_api_key=API keys|web_ui=Dashboard|buyer_license_key=Buyers, by key|"
	    "buyer_self_service=Buyers|customer=Customers|renewal_worker=Renewals|system=Licet" },
	{ "by_hash", "Hash of a key or session" },
	{ 0 }
};

static const struct column	list[] = {
	{ "When", "occurred_at", CELL_TIME },
	{ "What", "action", .link = "/admin/audit/{id}?at={occurred_at}" },
	{ "About", "target_id", CELL_CODE, .link = "/admin/audit?target_id={target_id}" },
	{ "Who", "actor_kind", CELL_BADGE, ACTORS },
	{ "From", "request_ip" },
	{ 0 }
};

static const struct column	facts[] = {
	{ "When", "occurred_at", CELL_TIME },
	{ "What", "action", CELL_CODE },
	{ "About", "target_kind" },
	{ "Which", "target_id", CELL_CODE, .link = "/admin/audit?target_id={target_id}" },
	{ "Who", "actor_kind", CELL_BADGE, ACTORS },
	{ "By which key or session", "actor_hash", CELL_CODE,
	    .link = "/admin/audit?by_hash={actor_hash}" },
	{ "From", "request_ip" },
	{ "With", "user_agent" },
	{ "Details", "details", CELL_JSON },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

const struct endpoint	pages_audit[] = {
	PAGE("/admin/audit",
	    .title = "Audit trail", .section = "audit",
	    .sources = SOURCES({ "audit", "GET /v1/admin/audit?limit=50", .filtered = true }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "audit.entries", .columns = list,
	        .empty = "Nothing of the kind has happened. Every change is written down here, "
	        "whoever made it." })),
	PAGE("/admin/audit/:id",
	    .title = "{entry.action}", .section = "audit", .up = "/admin/audit",
	    .up_title = "Audit trail",
	    .sources = SOURCES({ "entry", "GET /v1/admin/audit/{at.id}?at={query.at}" }),
	    .blocks = BLOCKS({ BLOCK_FACTS, .from = "entry", .columns = facts })),
	ENDPOINT_END
};
/* clang-format on */
