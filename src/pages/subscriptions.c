/* Subscriptions: how each stands, its cycles, its end. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/states.h"
#include "pages/timeline.h"

/* clang-format off */
static const struct input	filters[] = {
	{ "status", "State", INPUT_CHOICE,
	    .with = "=All|active=Active|past_due=Past due|cancelled=Cancelled|lapsed=Lapsed" },
	{ 0 }
};

static const struct column	list[] = {
	{ "Buyer", "buyer_email", .with = "No address", .link = "/admin/subscriptions/{id}" },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "Policy", "policy_name" },
	{ "State", "status", CELL_BADGE, SUBSCRIPTION_STATES },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Days", "period_days", CELL_NUMBER },
	{ "Paid until", "next_renewal_at", CELL_TIME },
	{ 0 }
};

static const struct column	facts[] = {
	{ "State", "subscription.status", CELL_BADGE, SUBSCRIPTION_STATES },
	{ "License of", "buyer_email", .with = "No address",
	    .link = "/admin/licenses/{subscription.license_id}" },
	{ "License", "license_status", CELL_BADGE, LICENSE_STATES },
	{ "Product", "product_name", .link = "/admin/products/{subscription.product_id}" },
	{ "Policy", "policy_name", .link = "/admin/policies/{subscription.policy_id}" },
	{ "Price of a cycle", "subscription.listed_value", CELL_MONEY,
	    "subscription.listed_currency" },
	{ "Days of a cycle", "subscription.period_days", CELL_NUMBER },
	{ "A renewal may be late by days", "subscription.grace_period_days", CELL_NUMBER },
	{ "Began", "subscription.started_at", CELL_TIME },
	{ "Paid cycles", "subscription.paid_cycle", CELL_NUMBER },
	{ "Paid until", "subscription.next_renewal_at", CELL_TIME },
	{ "Lapses unless paid", "lapses_at", CELL_TIME },
	{ "Looked at next", "subscription.next_attempt_at", CELL_TIME },
	{ "Billings that failed in a row", "subscription.consecutive_failures", CELL_NUMBER,
	    "none" },
	{ "Id", "subscription.id", CELL_CODE },
	{ 0 }
};

static const struct column	cancelled[] = {
	{ "Cancelled", "subscription.cancelled_at", CELL_TIME },
	{ "Because", "subscription.cancellation_reason" },
	{ 0 }
};

static const struct column	lapsed[] = {
	{ "Lapsed", "subscription.lapsed_at", CELL_TIME },
	{ 0 }
};

static const struct column	cycles[] = {
	{ "Cycle", "cycle_number", CELL_NUMBER },
	{ "From", "cycle_start_at", CELL_TIME },
	{ "To", "cycle_end_at", CELL_TIME },
	{ "Invoice", "invoice_status", CELL_BADGE, INVOICE_STATES },
	{ "Amount", "amount_sats", CELL_SATS, .link = "/admin/invoices/{invoice_id}" },
	{ "Paid", "applied_at", CELL_TIME, "not yet" },
	{ 0 }
};

static const struct input	reason[] = {
	{ "reason", "Reason", .hint = "Kept, and told in the news to your servers." },
	{ 0 }
};

#define ONE_SUBSCRIPTION	{ "subscription", "GET /v1/admin/subscriptions/{at.id}" }
#define ACT(p, t, ...)	FORM("/admin/subscriptions/:id/" p,		\
	    .title = t, .section = "subscriptions",			\
	    .up = "/admin/subscriptions/{at.id}",			\
	    .up_title = "Subscription to {subscription.product_name}",	\
	    .sources = SOURCES(ONE_SUBSCRIPTION), __VA_ARGS__)

const struct endpoint	pages_subscriptions[] = {
	PAGE("/admin/subscriptions",
	    .title = "Subscriptions", .section = "subscriptions",
	    .sources = SOURCES({ "subscriptions", "GET /v1/admin/subscriptions?limit=50",
	        .filtered = true }),
	    .actions = ACTIONS({ "Bill again what gave up", "/admin/subscriptions/resume" }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "subscriptions.subscriptions",
	        .columns = list,
	        .empty = "There are no such subscriptions. A purchase under a policy that renews "
	        "begins one." })),
	FORM("/admin/subscriptions/resume",
	    .title = "Bill again what gave up", .section = "subscriptions",
	    .up = "/admin/subscriptions", .up_title = "Subscriptions",
	    .form = &(const struct form){
		.call = "POST /v1/admin/subscriptions/resume",
		.intro = "After five failures in a row, as in a long outage of a payment "
		"provider, a subscription’s renewal is no longer billed. All these are billed "
		"again now.",
		.submit = "Bill them again", .then = "/admin/subscriptions", .said = "resumed" }),
	PAGE("/admin/subscriptions/:id",
	    .title = "Subscription to {subscription.product_name}", .section = "subscriptions",
	    .up = "/admin/subscriptions", .up_title = "Subscriptions",
	    .sources = SOURCES(ONE_SUBSCRIPTION,
		{ "audit", "GET /v1/admin/audit?target_id={at.id}&limit=50" }),
	    .actions = ACTIONS(
		{ "Bill it again now", "/admin/subscriptions/{at.id}/resume",
		    .when = "subscription.subscription.status=past_due" },
		{ "Cancel", "/admin/subscriptions/{at.id}/cancel", "danger",
		    .when = "subscription.subscription.status=active|past_due" }),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, NULL, "subscription", cancelled,
		    .when = "subscription.subscription.cancelled_at" },
		{ BLOCK_FACTS, NULL, "subscription", lapsed,
		    .when = "subscription.subscription.lapsed_at" },
		{ BLOCK_FACTS, NULL, "subscription", facts },
		{ BLOCK_LIST, "Cycles", "subscription.cycles", cycles,
		    .empty = "Nothing was billed yet." },
		{ BLOCK_MADE, "History", .make = timeline_make, .when = "audit.entries" })),
	ACT("cancel", "Cancel the subscription",
	    .form = &(const struct form){
		.call = "POST /v1/admin/subscriptions/{at.id}/cancel", .inputs = reason,
		.intro = "Nothing more is billed, and it can’t be resumed. The license works on "
		"to the end of what was paid.",
		.submit = "Cancel the subscription", .danger = true,
		.then = "/admin/subscriptions/{at.id}", .said = "cancelled" }),
	ACT("resume", "Bill the subscription again",
	    .form = &(const struct form){
		.call = "POST /v1/admin/subscriptions/{at.id}/resume",
		.intro = "The renewal that is due is billed again now, however often that failed.",
		.submit = "Bill it again", .then = "/admin/subscriptions/{at.id}",
		.said = "resumed" }),
	ENDPOINT_END
};
/* clang-format on */
