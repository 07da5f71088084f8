/*
 * Webhooks: which of the vendor's servers hear what, and what became of each
 * message.  A secret is shown when it is made, and not again.
 */
#include "pages/page.h"
#include "pages/pages.h"

#define ON		"true=good=On|false=quiet=Off"
#define STATES								\
	"delivered=good=Delivered|pending=warn=On its way|"		\
	"failed=bad=Given up|dropped=quiet=Never sent"

/* clang-format off */
static const struct column	endpoint_list[] = {
	{ "Address", "url", .link = "/admin/webhooks/{id}" },
	{ "Events", "event_types", CELL_LIST },
	{ "State", "active", CELL_BADGE, ON },
	{ "Failures in a row", "consecutive_failures", CELL_NUMBER, "none" },
	{ "Made", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	endpoint_facts[] = {
	{ "State", "active", CELL_BADGE, ON },
	{ "Address", "url", CELL_CODE },
	{ "Events", "event_types", CELL_LIST },
	{ "Of the product", "product_id", CELL_CODE, "All" },
	{ "For you", "description" },
	{ "Failures in a row", "consecutive_failures", CELL_NUMBER, "none" },
	{ "Paused until", "open_until", CELL_TIME, "Not paused" },
	{ "Old secret signs until", "previous_secret_until", CELL_TIME, "There is none" },
	{ "Id", "id", CELL_CODE },
	{ "Made", "created_at", CELL_TIME },
	{ "Changed", "updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	delivery_list[] = {
	{ "Event", "event_type", .link = "/admin/deliveries/{id}" },
	{ "State", "status", CELL_BADGE, STATES },
	{ "Tries", "attempt_count", CELL_NUMBER },
	{ "Answer", "last_status_code", .with = "None" },
	{ "Next try", "next_attempt_at", CELL_TIME },
	{ "Made", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	delivery_facts[] = {
	{ "State", "status", CELL_BADGE, STATES },
	{ "Event", "event_type", CELL_CODE },
	{ "Tries", "attempt_count", CELL_NUMBER },
	{ "Last answer", "last_status_code" },
	{ "Last error", "last_error" },
	{ "What the endpoint said", "last_response", CELL_CODE },
	{ "Next try", "next_attempt_at", CELL_TIME },
	{ "Delivered", "delivered_at", CELL_TIME },
	{ "Made", "created_at", CELL_TIME },
	{ "Place in the sequence", "outbox_id", CELL_CODE, "None: a test" },
	{ "Id", "id", CELL_CODE },
	{ "To the endpoint", "endpoint_id", CELL_CODE, .link = "/admin/webhooks/{endpoint_id}" },
	{ "Message", "payload_json", CELL_JSON },
	{ 0 }
};

static const struct column	secrets[] = {
	{ "Address", "url", CELL_CODE },
	{ "Secret", "secret", CELL_CODE },
	{ "For libraries of Standard Webhooks", "standard_secret", CELL_CODE },
	{ 0 }
};

static const struct column	replayed[] = {
	{ "Messages", "deliveries", CELL_NUMBER, "none" },
	{ "Events since", "began_at", CELL_TIME, "There were none" },
	{ "There is more, from place", "next_from", CELL_CODE, "No: that was all" },
	{ 0 }
};

#define ADDRESS		{ "url", "Address", INPUT_URL, .hint = "Where messages are posted to. " \
    "It must be public unless LICET_WEBHOOK_PRIVATE is on." }
#define EVENTS		{ "event_types", "Events", INPUT_CHECKS, .preset = "*",	\
    .with = "events.event_types name help" }
#define PRODUCT		{ "product_id", "Of the product", INPUT_PICK,		\
    .with = "products.products id name", .hint = "Without one: events of all products." }
#define DESCRIPTION	{ "description", "For you", INPUT_AREA }

static const struct input	endpoint_new[] = {
	ADDRESS, EVENTS, PRODUCT, DESCRIPTION, { 0 }
};

static const struct input	endpoint_edit[] = {
	ADDRESS, EVENTS, PRODUCT, DESCRIPTION, { 0 }
};

static const struct input	rotate[] = {
	{ "overlap_hours", "Hours that the old secret signs, too", INPUT_NUMBER, .preset = "24",
	    .hint = "Time to bring the new one to your server. 0: the old one ends at once." },
	{ 0 }
};

static const struct input	replay[] = {
	{ "from", "From", INPUT_TIME },
	{ "to", "To", INPUT_TIME, .hint = "Empty: until now." },
	{ 0 }
};

static const struct input	on[] = {
	{ "active", NULL, INPUT_HIDDEN, .preset = "true" },
	{ 0 }
};

static const struct input	off[] = {
	{ "active", NULL, INPUT_HIDDEN, .preset = "false" },
	{ 0 }
};

static const struct input	filters[] = {
	{ "endpoint_id", "Endpoint", INPUT_PICK, .with = "endpoints.endpoints id url" },
	{ "status", "State", INPUT_CHOICE, .with = "=All|pending=On their way|"
	    "delivered=Delivered|failed=Given up" },
	{ 0 }
};

#define PRODUCTS	{ "products", "GET /v1/admin/products?limit=200" }
#define ONE_ENDPOINT	{ "endpoint", "GET /v1/admin/webhook-endpoints/{at.id}" }
#define EVENT_TYPES	{ "events", "GET /v1/admin/webhook-event-types" }
#define ACT(p, t, ...)	FORM("/admin/webhooks/:id/" p,			\
	    .title = t, .section = "webhooks", .up = "/admin/webhooks/{at.id}", \
	    .up_title = "The endpoint", __VA_ARGS__)

const struct endpoint	pages_webhooks[] = {
	PAGE("/admin/webhooks",
	    .title = "Webhooks", .section = "webhooks",
	    .sources = SOURCES({ "endpoints", "GET /v1/admin/webhook-endpoints?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS({ "Deliveries", "/admin/deliveries" },
		{ "New endpoint", "/admin/webhooks/new", "first" }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "endpoints.endpoints",
	        .columns = endpoint_list,
	        .empty = "None of your servers hears of anything yet. An endpoint gets a signed "
	        "message whenever a license is issued, an invoice is paid, a machine is released, "
	        "and more.",
	        .first = { "Add an endpoint", "/admin/webhooks/new" } })),
	FORM("/admin/webhooks/new",
	    .title = "New endpoint", .section = "webhooks", .up = "/admin/webhooks",
	    .up_title = "Webhooks",
	    .sources = SOURCES(PRODUCTS, EVENT_TYPES),
	    .form = &(const struct form){
		.call = "POST /v1/admin/webhook-endpoints", .inputs = endpoint_new,
		.submit = "Add the endpoint", .then = "/admin/webhooks/{answer.id}",
		.shown = secrets, .shown_title = "What messages are signed with" }),
	PAGE("/admin/webhooks/:id",
	    .title = "{endpoint.url}", .section = "webhooks", .up = "/admin/webhooks",
	    .up_title = "Webhooks",
	    .sources = SOURCES(ONE_ENDPOINT,
		{ "deliveries", "GET /v1/admin/webhook-deliveries?endpoint_id={at.id}&limit=10" }),
	    .actions = ACTIONS(
		{ "Edit", "/admin/webhooks/{at.id}/edit" },
		{ "Send a test", "/admin/webhooks/{at.id}/test", .when = "endpoint.active" },
		{ "Replay", "/admin/webhooks/{at.id}/replay", .when = "endpoint.active" },
		{ "New secret", "/admin/webhooks/{at.id}/secret" },
		{ "Switch off", "/admin/webhooks/{at.id}/off", .when = "endpoint.active" },
		{ "Switch on", "/admin/webhooks/{at.id}/on", .when = "!endpoint.active" },
		{ "Delete", "/admin/webhooks/{at.id}/delete", "danger" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, .from = "endpoint", .columns = endpoint_facts },
		{ BLOCK_LIST, "Latest deliveries", "deliveries.deliveries", delivery_list,
		    .empty = "Nothing was sent here yet. A test shows if your server hears it.",
		    .first = { "Send a test", "/admin/webhooks/{at.id}/test" },
		    .more = { "All deliveries", "/admin/deliveries?endpoint_id={at.id}" } })),
	ACT("edit", "Edit the endpoint",
	    .sources = SOURCES(ONE_ENDPOINT, PRODUCTS, EVENT_TYPES),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/webhook-endpoints/{at.id}", .inputs = endpoint_edit,
		.from = "endpoint", .submit = "Save", .then = "/admin/webhooks/{at.id}",
		.intro = "What waits to be sent goes to the new address, too.",
		.said = "saved" }),
	ACT("test", "Send a test",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "POST /v1/admin/webhook-endpoints/{at.id}/test",
		.intro = "A message endpoint.test goes to {endpoint.url}, signed like any other.",
		.submit = "Send the test", .then = "/admin/deliveries/{answer.id}",
		.said = "queued" }),
	ACT("replay", "Replay past events",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "POST /v1/admin/webhook-endpoints/{at.id}/replay", .inputs = replay,
		.intro = "Events of that time that this endpoint wants are sent again, as new "
		    "messages: your server should know an event that it has seen. 10,000 events "
		    "at a time.",
		.submit = "Replay", .then = "/admin/deliveries?endpoint_id={at.id}",
		.shown = replayed, .shown_title = "Replayed",
		.shown_note = "The messages are on their way." }),
	ACT("secret", "Give it a new secret",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "POST /v1/admin/webhook-endpoints/{at.id}/rotate-secret",
		.inputs = rotate,
		.intro = "Messages to {endpoint.url} are signed with the new secret from now on, "
		    "and with the old one besides for as long as you say.",
		.submit = "Make a new secret", .then = "/admin/webhooks/{at.id}",
		.shown = secrets, .shown_title = "What messages are signed with" }),
	ACT("off", "Switch the endpoint off",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/webhook-endpoints/{at.id}/active", .inputs = off,
		.intro = "Nothing is sent to {endpoint.url} any more. What waits for it is "
		    "given up; you can replay it later.",
		.submit = "Switch it off", .danger = true,
		.then = "/admin/webhooks/{at.id}", .said = "changed" }),
	ACT("on", "Switch the endpoint on",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/webhook-endpoints/{at.id}/active", .inputs = on,
		.intro = "Events from now on are sent to {endpoint.url}. Those of the meantime "
		    "come with a replay.",
		.submit = "Switch it on", .then = "/admin/webhooks/{at.id}", .said = "changed" }),
	ACT("delete", "Delete the endpoint",
	    .sources = SOURCES(ONE_ENDPOINT),
	    .form = &(const struct form){
		.call = "DELETE /v1/admin/webhook-endpoints/{at.id}",
		.intro = "Nothing is sent to {endpoint.url} any more, and its secret is gone for "
		    "good. Its deliveries stay listed.",
		.submit = "Delete the endpoint", .danger = true,
		.then = "/admin/webhooks", .said = "deleted" }),

	PAGE("/admin/deliveries",
	    .title = "Deliveries", .section = "webhooks", .up = "/admin/webhooks",
	    .up_title = "Webhooks",
	    .sources = SOURCES(
		{ "endpoints", "GET /v1/admin/webhook-endpoints?limit=200" },
		{ "deliveries", "GET /v1/admin/webhook-deliveries?limit=50", .filtered = true }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "deliveries.deliveries",
	        .columns = delivery_list,
	        .empty = "There are no such messages. What is sent to your endpoints is listed "
	        "here, with what they answered." })),
	PAGE("/admin/deliveries/:id",
	    .title = "Delivery of {delivery.event_type}", .section = "webhooks",
	    .up = "/admin/deliveries?endpoint_id={delivery.endpoint_id}",
	    .up_title = "Deliveries",
	    .sources = SOURCES({ "delivery", "GET /v1/admin/webhook-deliveries/{at.id}" }),
	    .actions = ACTIONS({ "Send it again", "/admin/deliveries/{at.id}/retry" }),
	    .blocks = BLOCKS({ BLOCK_FACTS, .from = "delivery", .columns = delivery_facts })),
	FORM("/admin/deliveries/:id/retry",
	    .title = "Send it again", .section = "webhooks", .up = "/admin/deliveries/{at.id}",
	    .up_title = "Delivery of {delivery.event_type}",
	    .sources = SOURCES({ "delivery", "GET /v1/admin/webhook-deliveries/{at.id}" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/webhook-deliveries/{at.id}/retry",
		.intro = "The same message goes out at once, under the same id, and its tries are "
		    "counted anew.",
		.submit = "Send it again", .then = "/admin/deliveries/{at.id}",
		.said = "queued" }),
	ENDPOINT_END
};
/* clang-format on */
