/* The portal: a customer's invoices, each as a receipt that can be printed. */
#include "pages/page.h"
#include "pages/pages.h"
#include "pages/portal_words.h"

/* clang-format off */
static const struct column	list[] = {
	{ "Date", "created_at", CELL_TIME, .link = "/portal/invoices/{id}" },
	{ "Product", "product_name" },
	{ "For", "kind", CELL_BADGE, PORTAL_INVOICE_KINDS },
	{ "State", "status", CELL_BADGE, PORTAL_INVOICE_STATES },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Satoshis", "amount_sats", CELL_SATS },
	{ 0 }
};

static const struct column	receipt[] = {
	{ "Number", "id", CELL_CODE },
	{ "State", "status", CELL_BADGE, PORTAL_INVOICE_STATES },
	{ "Product", "product_name", .link = "/portal/licenses/{license_id}" },
	{ "Plan", "policy_name" },
	{ "For", "kind", CELL_BADGE, PORTAL_INVOICE_KINDS },
	{ "From", "cycle_start_at", CELL_TIME },
	{ "To", "cycle_end_at", CELL_TIME },
	{ "Date", "created_at", CELL_TIME },
	{ "Paid", "settled_at", CELL_TIME, "not yet" },
	{ "Price", "listed_value", CELL_MONEY, "listed_currency" },
	{ "Discount, in satoshis", "discount_sats", CELL_SATS },
	{ "Amount in satoshis", "amount_sats", CELL_SATS },
	{ "Bought by", "buyer_email" },
	{ "Vendor", "vendor" },
	{ "Mail of the vendor", "vendor_email" },
	{ 0 }
};

const struct endpoint	pages_portal_invoices[] = {
	PORTAL_PAGE("/portal/invoices",
	    .title = "Your invoices", .section = "invoices",
	    .sources = SOURCES({ "invoices", "GET /v1/portal/invoices?limit=50",
	        .filtered = true }),
	    .blocks = BLOCKS({ BLOCK_LIST, .from = "invoices.invoices", .columns = list,
	        .empty = "There is nothing that you were to pay." })),
	PORTAL_PAGE("/portal/invoices/:id",
	    .title = "Invoice for {invoice.product_name}", .section = "invoices",
	    .up = "/portal/invoices", .up_title = "Your invoices",
	    .sources = SOURCES({ "invoice", "GET /v1/portal/invoices/{at.id}" }),
	    .actions = ACTIONS(
		{ "Pay now", "{invoice.pay_url}", "first", .when = "invoice.pay_url" }),
	    .blocks = BLOCKS({ BLOCK_FACTS, NULL, "invoice", receipt })),
	ENDPOINT_END
};
/* clang-format on */
