/* Machines: which hold a seat, and giving one back. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/states.h"
#include "pages/timeline.h"

/* clang-format off */
static const struct input	filters[] = {
	{ "product_id", "Product", INPUT_PICK, .with = "products.products id name" },
	{ "include_inactive", "Also released ones", INPUT_CHECK },
	{ "license_id", NULL, INPUT_HIDDEN },
	{ 0 }
};

static const struct column	list[] = {
	{ "Machine", "hostname", .with = "Unnamed", .link = "/admin/machines/{id}" },
	{ "Platform", "platform" },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "License of", "buyer_email", .with = "No address",
	    .link = "/admin/licenses/{license_id}" },
	{ "Seat", "active", CELL_BADGE, MACHINE_STATES },
	{ "Last seen", "last_heartbeat_at", CELL_TIME },
	{ "Activated", "activated_at", CELL_TIME },
	{ 0 }
};

static const struct column	facts[] = {
	{ "Seat", "active", CELL_BADGE, MACHINE_STATES },
	{ "License of", "buyer_email", .with = "No address",
	    .link = "/admin/licenses/{license_id}" },
	{ "License", "license_status", CELL_BADGE, LICENSE_STATES },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "Name", "hostname", .with = "Unnamed" },
	{ "Platform", "platform" },
	{ "Activated", "activated_at", CELL_TIME },
	{ "Last seen", "last_heartbeat_at", CELL_TIME },
	{ "From", "ip_last_seen" },
	{ "Released", "deactivated_at", CELL_TIME },
	{ "Because", "deactivation_reason" },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct input	reason[] = {
	{ "reason", "Reason", .hint = "Kept with the machine and in the audit trail." },
	{ 0 }
};

#define ONE_MACHINE	{ "machine", "GET /v1/admin/machines/{at.id}" }

const struct endpoint	pages_machines[] = {
	PAGE("/admin/machines",
	    .title = "Machines", .section = "machines",
	    .sources = SOURCES(
		{ "products", "GET /v1/admin/products?limit=200" },
		{ "machines", "GET /v1/admin/machines?order=activated&limit=50",
		    .filtered = true }),
	    .actions = ACTIONS({ "Download as CSV", "/v1/admin/export/machines.csv" }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "machines.machines", .columns = list,
	        .empty = "No machine has a seat. Software takes one when it validates a key with "
	        "a fingerprint, and gives it back when it is uninstalled." })),
	PAGE("/admin/machines/:id",
	    .title = "Machine {machine.hostname}", .section = "machines",
	    .up = "/admin/machines", .up_title = "Machines",
	    .sources = SOURCES(ONE_MACHINE,
		{ "audit", "GET /v1/admin/audit?target_id={at.id}&limit=50" }),
	    .actions = ACTIONS({ "Release its seat", "/admin/machines/{at.id}/release", "danger",
	        .when = "machine.active" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "machine", facts },
		{ BLOCK_MADE, "History", .make = timeline_make, .when = "audit.entries" })),
	FORM("/admin/machines/:id/release",
	    .title = "Release the seat", .section = "machines", .up = "/admin/machines/{at.id}",
	    .up_title = "Machine {machine.hostname}",
	    .sources = SOURCES(ONE_MACHINE),
	    .form = &(const struct form){
		.call = "POST /v1/admin/machines/{at.id}/deactivate", .inputs = reason,
		.intro = "The license has a seat more for another machine. If the software still "
		"runs on this one, it may take a seat again at its next check.",
		.submit = "Release the seat", .danger = true,
		.then = "/admin/machines/{at.id}", .said = "released" }),
	ENDPOINT_END
};
/* clang-format on */
