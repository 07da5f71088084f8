/* Invoices: what was asked for, what came of it, and how it goes back. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/states.h"
#include "pages/timeline.h"
#include "pages/value.h"

/* clang-format off */
#define ATTENTION							\
	"partial=warn=Paid in part|over=warn=Paid too much|"		\
	"surplus=bad=Paid twice|void_change=bad=Paid too late|"		\
	"amount_mismatch=bad=Another amount|double=bad=Order paid twice"
#define KINDS								\
	"purchase=quiet=Purchase|renewal=quiet=Renewal|"		\
	"tier_change=quiet=Change of policy"
#define TRIAL		"true=warn=Trial|false=quiet=No"

static const struct input	filters[] = {
	{ "status", "State", INPUT_CHOICE,
	    .with = "=All|pending=Pending|settled=Settled|expired=Expired|invalid=Invalid" },
	{ "kind", "For", INPUT_CHOICE,
	    .with = "=Everything|purchase=Purchases|renewal=Renewals|"
	    "tier_change=Changes of policy" },
	{ "attention", "To look at", INPUT_CHOICE,
	    .with = "=All|true=Somebody should look|partial=Paid in part|over=Paid too much|"
	    "surplus=Paid twice|void_change=Paid too late|amount_mismatch=Another amount|"
	    "double=Order paid twice|false=Nothing odd" },
	{ "product_id", "Product", INPUT_PICK, .with = "products.products id name" },
	{ "buyer_email", "Buyer’s address" },
	{ 0 }
};

static const struct column	list[] = {
	{ "Buyer", "buyer_email", .with = "No address", .link = "/admin/invoices/{id}" },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "For", "kind", CELL_BADGE, KINDS },
	{ "Amount", "amount_sats", CELL_SATS },
	{ "State", "status", CELL_BADGE, INVOICE_STATES },
	{ "To look at", "attention", CELL_BADGE, ATTENTION },
	{ "Made", "created_at", CELL_TIME },
	{ 0 }
};

static const struct column	sale[] = {
	{ "State", "status", CELL_BADGE, INVOICE_STATES },
	{ "For", "kind", CELL_BADGE, KINDS },
	{ "Product", "product_name", .link = "/admin/products/{product_id}" },
	{ "Policy", "policy_name", .link = "/admin/policies/{policy_id}" },
	{ "License", "license_id", CELL_CODE, .link = "/admin/licenses/{license_id}" },
	{ "Buyer", "buyer_email", .with = "No address" },
	{ "Buyer’s note", "buyer_note" },
	{ "Trial", "is_trial", CELL_BADGE, TRIAL },
	{ "Made", "created_at", CELL_TIME },
	{ "Settled", "settled_at", CELL_TIME },
	{ "Id", "id", CELL_CODE },
	{ 0 }
};

static const struct column	money[] = {
	{ "Asked for", "amount_sats", CELL_SATS },
	{ "Arrived", "paid_sats", CELL_SATS },
	{ "Price before a discount", "base_price_sats", CELL_SATS },
	{ "Discount", "discount_applied_sats", CELL_SATS },
	{ "Price as listed", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Charged of that", "charged_value", CELL_MONEY, "listed_currency" },
	{ "A bitcoin cost", "exchange_rate_centibps", CELL_RATE },
	{ "Said by", "exchange_rate_source" },
	{ 0 }
};

static const struct column	provider[] = {
	{ "Provider", "provider_kind", CELL_BADGE, PROVIDER_KINDS },
	{ "Its invoice", "btcpay_invoice_id", CELL_CODE },
	{ "Checkout", "checkout_url", CELL_URL },
	{ "Odd about the payment", "payment_exception", CELL_BADGE,
	    "partial=warn=Paid in part|late=warn=Paid late|over=warn=Paid too much|"
	    "marked=quiet=Marked by hand" },
	{ "Looked for next", "next_check_at", CELL_TIME, "no more" },
	{ "Changed", "updated_at", CELL_TIME },
	{ 0 }
};

static const struct column	code[] = {
	{ "Code", "code", .link = "/admin/codes/{code_id}" },
	{ "Discount", "discount_applied_sats", CELL_SATS },
	{ "Its use", "status", CELL_BADGE, "pending=warn=Reserved|redeemed=good=Used up|"
	    "cancelled=quiet=Given back" },
	{ 0 }
};

static const struct column	cycle[] = {
	{ "Subscription", "subscription_id", CELL_CODE,
	    .link = "/admin/subscriptions/{subscription_id}" },
	{ "Its state", "status", CELL_BADGE, SUBSCRIPTION_STATES },
	{ "Cycle", "cycle_number", CELL_NUMBER },
	{ "From", "cycle_start_at", CELL_TIME },
	{ "To", "cycle_end_at", CELL_TIME },
	{ "Buyer was told", "announced_at", CELL_TIME, "not yet" },
	{ "License renewed", "applied_at", CELL_TIME, "not yet" },
	{ "Put aside", "superseded_at", CELL_TIME },
	{ 0 }
};

static const struct column	change[] = {
	{ "From", "from_policy_slug", .link = "/admin/policies/{from_policy_id}" },
	{ "To", "to_policy_slug", .link = "/admin/policies/{to_policy_id}" },
	{ "Price of the change", "proration_charge_value", CELL_MONEY, "listed_currency" },
	{ "Next cycle", "next_listed_value", CELL_MONEY, "listed_currency" },
	{ "Reason", "reason" },
	{ "Made", "applied_at", CELL_TIME, "not yet" },
	{ "Cancelled", "cancelled_at", CELL_TIME },
	{ 0 }
};

static const struct column	refunds[] = {
	{ "State", "status", CELL_BADGE,
	    "asked=warn=Asked for|made=good=Made|failed=bad=Failed" },
	{ "How much", "variant", CELL_BADGE,
	    "RateThen=quiet=As many satoshis as were paid|"
	    "CurrentRate=quiet=The price at that day’s rate|"
	    "Fiat=quiet=The price when it is claimed|"
	    "OverpaidAmount=quiet=What was paid too much" },
	{ "Reason", "reason" },
	{ "Detail", "detail" },
	{ "Asked for", "created_at", CELL_TIME },
	{ 0 }
};

static const struct input	refund[] = {
	{ "variant", "How much goes back", INPUT_CHOICE,
	    .with = "RateThen=As many satoshis as were paid|"
	    "CurrentRate=The price at today’s rate|"
	    "Fiat=The price at the rate when it is claimed|"
	    "OverpaidAmount=Only what was paid too much; the license stays" },
	{ "reason", "Reason",
	    .hint = "Kept with the refund and the license. Buyers may read it." },
	{ 0 }
};

static const struct column	refunded[] = {
	{ "Where the buyer claims it", "claim_url", CELL_URL },
	{ "The license", "license_revoked", CELL_BADGE,
	    "true=bad=Revoked|false=quiet=As it was" },
	{ 0 }
};

static const struct column	brief[] = {
	{ "Buyer", "buyer_email", .with = "No address" },
	{ "Product", "product_name" },
	{ "State", "status", CELL_BADGE, INVOICE_STATES },
	{ "Asked for", "amount_sats", CELL_SATS },
	{ "Arrived", "paid_sats", CELL_SATS },
	{ "To look at", "attention", CELL_BADGE, ATTENTION },
	{ 0 }
};

static const struct input	looked[] = {
	{ "attention", .kind = INPUT_HIDDEN },
	{ 0 }
};
/* clang-format on */

/* The invoice's own trail, with that of its refunds and its change. */
static void
history(json_t *block, const json_t *gathered)
{
	json_t	*trail;

	trail = json_pack("{s:{s:O?}}", "audit", "entries",
	    value_find(NULL, gathered, "invoice.events"));
	timeline_make(block, trail);
	json_decref(trail);
}

/* clang-format off */
#define ONE_INVOICE	{ "invoice", "GET /v1/admin/invoices/{at.id}" }
#define ODD(word, text)							\
	{ BLOCK_TEXT, "Somebody should look at this", .empty = text,	\
	    .when = "invoice.attention=" word, .beside = odd }
#define UNDER_INVOICE	.section = "invoices", .up = "/admin/invoices/{at.id}", \
    .up_title = "Invoice for {invoice.product_name}"

static const struct action	odd[] = {
	{ "Refund what is too much", "/admin/invoices/{at.id}/refund?variant=OverpaidAmount",
	    .when = "invoice.attention=over" },
	{ "I have looked at it", "/admin/invoices/{at.id}/looked-at" },
	{ 0 }
};

const struct endpoint	pages_invoices[] = {
	PAGE("/admin/invoices",
	    .title = "Invoices", .section = "invoices",
	    .sources = SOURCES(
		{ "invoices", "GET /v1/admin/invoices?limit=50", .filtered = true },
		{ "products", "GET /v1/admin/products" }),
	    .actions = ACTIONS({ "Export as CSV", "/v1/admin/export/invoices.csv" }),
	    .filters = filters,
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "invoices.invoices", .columns = list,
	        .empty = "No invoice is here. There is one for each purchase, renewal and change "
	        "of policy, paid or not; a filter may hide them.",
	        .first = { "See what is for sale", "/admin/products" } })),
	PAGE("/admin/invoices/:id",
	    .title = "Invoice for {invoice.product_name}", .section = "invoices",
	    .up = "/admin/invoices",
	    .up_title = "Invoices",
	    .sources = SOURCES(ONE_INVOICE),
	    .actions = ACTIONS(
		{ "Refund", "/admin/invoices/{at.id}/refund", "danger",
		    "invoice.status=settled&!invoice.refunds" },
		{ "The refund", "/admin/invoices/{at.id}/refund",
		    .when = "invoice.refunds" }),
	    .blocks = BLOCKS(
		ODD("partial", "It ended with less than all on it, and nothing was given. Pay it "
		    "back, or take the rest and mark the invoice settled at BTCPay Server: the "
		    "license follows."),
		ODD("over", "All was given; the buyer paid too much."),
		ODD("surplus", "A renewal was paid whose cycle had been paid before, or whose "
		    "license has left that policy. Nothing was given for it: pay it back. The "
		    "license stays."),
		ODD("void_change", "A change of policy was paid that no longer applies. Pay it "
		    "back, and the license stays as it is; or move the license by hand."),
		ODD("double", "The buyer’s first invoice had expired, another one was made for the "
		    "same order, and both were paid. Each brought a license. Refund this one, and "
		    "its license is revoked; or leave both."),
		ODD("amount_mismatch", "All was given, but the provider’s invoice is over another "
		    "amount than was asked for. Find out who changed it there."),
		{ BLOCK_FACTS, "The sale", "invoice", sale },
		{ BLOCK_FACTS, "The amount", "invoice", money },
		{ BLOCK_FACTS, "The payment", "invoice", provider },
		{ BLOCK_FACTS, "Discount code", "invoice.redemption", code,
		    .when = "invoice.redemption" },
		{ BLOCK_FACTS, "The cycle it pays", "invoice.subscription_cycle", cycle,
		    .when = "invoice.subscription_cycle" },
		{ BLOCK_FACTS, "The change it pays", "invoice.tier_change", change,
		    .when = "invoice.tier_change" },
		{ BLOCK_LIST, "Refunds", "invoice.refunds", refunds,
		    .when = "invoice.refunds" },
		{ BLOCK_MADE, "What happened", .when = "invoice.events", .make = history })),
	FORM("/admin/invoices/:id/refund",
	    .title = "Refund", UNDER_INVOICE,
	    .sources = SOURCES(ONE_INVOICE),
	    .blocks = BLOCKS(
		{ BLOCK_FACTS, "The invoice", "invoice", brief },
		{ BLOCK_LIST, "Refunds so far", "invoice.refunds", refunds,
		    .when = "invoice.refunds" }),
	    .form = &(const struct form){
		.call = "POST /v1/admin/invoices/{at.id}/refund", .inputs = refund,
		.danger = true, .when = "invoice.provider_kind=btcpay",
		.instead = "Its payment provider makes no refunds that can be asked for from "
		"here. Give the money back there; then revoke the license, and write down why.",
		.intro = "BTCPay Server makes a link where the buyer says where the money goes. "
		"As soon as there is one, the license is revoked, its subscription ends, and an "
		"open change of policy is cancelled; unless the money had no effect. There is one "
		"refund to an invoice: sent again, this shows its link again.",
		.submit = "Refund the invoice", .then = "/admin/invoices/{at.id}",
		.shown = refunded, .shown_title = "The refund is made",
		.shown_note = "Send this link to the buyer, and to nobody else: whoever has it can "
		"claim the money. It moves when the payout is approved at BTCPay Server." }),
	FORM("/admin/invoices/:id/looked-at",
	    .title = "Clear the mark", UNDER_INVOICE,
	    .sources = SOURCES(ONE_INVOICE),
	    .blocks = BLOCKS({ BLOCK_FACTS, "The invoice", "invoice", brief }),
	    .form = &(const struct form){
		.call = "PATCH /v1/admin/invoices/{at.id}", .inputs = looked,
		.intro = "It leaves the list of what somebody should look at; nothing else "
		"changes. The audit trail keeps what was odd.",
		.submit = "Clear the mark", .then = "/admin/invoices/{at.id}", .said = "looked" }),
	ENDPOINT_END
};
/* clang-format on */
