/* How the installation stands: replicas, what waits, the database. */
#include "pages/page.h"
#include "pages/pages.h"

/* clang-format off */
static const struct column	replicas[] = {
	{ "Machine", "host" },
	{ "Listens on", "listen" },
	{ "State", "silent", CELL_BADGE, "false=good=Running|true=bad=Silent" },
	{ "Release", "version" },
	{ "Migration", "migration", CELL_NUMBER },
	{ "Schema", "behind", CELL_BADGE, "false=good=Current|true=warn=Behind" },
	{ "Last seen", "seen_at", CELL_TIME },
	{ 0 }
};

static const struct column	queues[] = {
	{ "What waits", "name", CELL_BADGE, "events=quiet=Events to be told|"
	    "webhooks=quiet=Webhook messages|mails=quiet=Mail|"
	    "invoices=quiet=Invoices to look up|refunds=quiet=Refunds|tips=quiet=Tips" },
	{ "In all", "waiting", CELL_COUNT, "none" },
	{ "Due now", "due", CELL_COUNT, "none" },
	{ "Late by", "late_seconds", CELL_SECONDS, "Not late" },
	{ 0 }
};

static const struct column	database[] = {
	{ "Name", "name", CELL_CODE },
	{ "PostgreSQL", "server_version" },
	{ "Size in bytes", "size_bytes", CELL_NUMBER },
	{ "Newest migration", "migration" },
	{ "Connections to the server", "connections", CELL_NUMBER },
	{ "Connections at most", "max_connections", CELL_NUMBER },
	{ 0 }
};

static const struct column	counts[] = {
	{ "Products", "products", CELL_NUMBER, "none" },
	{ "Policies", "policies", CELL_NUMBER, "none" },
	{ "Licenses", "licenses_total", CELL_NUMBER, "none" },
	{ "Active licenses", "licenses_active", CELL_NUMBER, "none" },
	{ "Invoices", "invoices_total", CELL_NUMBER, "none" },
	{ "Paid invoices", "invoices_settled", CELL_NUMBER, "none" },
	{ "Machines with a seat", "machines_active", CELL_NUMBER, "none" },
	{ "Discount codes", "discount_codes", CELL_NUMBER, "none" },
	{ "Entries of the audit trail", "audit_log", CELL_NUMBER, "none" },
	{ 0 }
};

static const struct column	written[] = {
	{ "Database", "db_path", CELL_CODE },
	{ "Size in bytes", "db_size_bytes", CELL_NUMBER },
	{ "Last written", "last_write_at", CELL_TIME, "Never" },
	{ 0 }
};

const struct endpoint	pages_system[] = {
	PAGE("/admin/system",
	    .title = "System", .section = "system",
	    .sources = SOURCES({ "system", "GET /v1/admin/system" }),
	    .actions = ACTIONS({ "Count everything", "/admin/system/counts" }),
	    .blocks = BLOCKS(
		{ BLOCK_LIST, "Replicas seen in the last ten minutes", "system.replicas", replicas,
		    .empty = "None has said yet that it is there. Each does once a minute." },
		{ BLOCK_LIST, "What waits", "system.queues", queues },
		{ BLOCK_FACTS, "Database", "system.database", database })),
	PAGE("/admin/system/counts",
	    .title = "What the database holds", .section = "system", .up = "/admin/system",
	    .up_title = "System",
	    .sources = SOURCES({ "info", "GET /v1/admin/db-info" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .from = "info.counts", .columns = counts },
		{ BLOCK_FACTS, .from = "info", .columns = written })),
	ENDPOINT_END
};
/* clang-format on */
