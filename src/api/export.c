/*
 * Licenses, invoices and machines as CSV files, of any length: a page of rows is
 * in memory at a time, and the next is asked for when the client has it.  What
 * is added meanwhile may be missing; nothing is there twice.
 */
#include "api/api.h"

#include "base/csv.h"
#include "flow/respond.h"
#include "flow/stream.h"

#include "sql.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MAX	(64 * 1024 * 1024)

struct export_file {
	const char		*name;
	const struct sql_stmt	*stmt;
	const char *const	*columns;
};

struct export_state {
	const struct export_file	*file;
	char				 cursor[64];	/* "": at the begin */
};

static const struct export_file	files[] = {
	{ "licenses.csv", &sql_license_export, (const char *const []){ "id",
	    "status", "product_id", "product_slug", "policy_id", "policy_slug",
	    "invoice_id", "buyer_email", "nostr_npub", "issued_at",
	    "expires_at", "grace_seconds", "max_machines", "is_trial",
	    "entitlements", "revoked_at", "revocation_reason", "suspended_at",
	    "suspension_reason", NULL } },
	{ "invoices.csv", &sql_invoice_export, (const char *const []){ "id",
	    "kind", "status", "product_id", "product_slug", "policy_id",
	    "license_id", "provider_kind", "provider_invoice_id",
	    "buyer_email", "buyer_note", "amount_sats", "base_price_sats",
	    "discount_applied_sats", "listed_currency", "listed_value",
	    "charged_value", "exchange_rate_centibps", "exchange_rate_source",
	    "is_trial", "paid_sats", "attention", "created_at", "settled_at",
	    NULL } },
	{ "machines.csv", &sql_machine_export, (const char *const []){ "id",
	    "license_id", "license_status", "product_id", "product_slug",
	    "buyer_email", "hostname", "platform", "ip_last_seen", "active",
	    "activated_at", "last_heartbeat_at", "deactivated_at",
	    "deactivation_reason", NULL } },
};

static enum flow_next
export_choose(struct flow *f)
{
	struct export_state	*x = flow_state(f);
	const char	*name = strrchr(f->endpoint->path, '/') + 1;

	for (x->file = files; strcmp(x->file->name, name); x->file++)
		;
	return (FLOW_NEXT);
}

static enum flow_next
export_ask(struct flow *f)
{
	struct export_state	*x = flow_state(f);
	const char	*cursor = *x->cursor == '\0' ? NULL : x->cursor;
	struct db_query	 q = { .stmt = x->file->stmt, .params = &cursor };

	return (flow_query(f, &q));
}

/* The head line, in the first piece alone. */
static void
put_head(struct buf *b, const struct export_file *file)
{
	size_t	i;

	for (i = 0; file->columns[i] != NULL; i++)
		csv_put(b, file->columns[i], i == 0);
	csv_end_line(b);
}

static void
put_rows(struct buf *b, const struct export_file *file,
    const struct db_rows *rows)
{
	unsigned int	row;
	size_t		i;

	for (row = 0; row < db_rows_count(rows); row++) {
		for (i = 0; file->columns[i] != NULL; i++)
			csv_put(b, db_text(rows, row, file->columns[i]),
			    i == 0);
		csv_end_line(b);
	}
}

static enum flow_next	export_finish(struct flow *);

static enum flow_next
export_send(struct flow *f)
{
	struct export_state	*x = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);
	unsigned int		 n = db_rows_count(rows);
	struct buf		 b;

	if (n == 0 && f->streaming)
		return (flow_skip_to(f, export_finish));
	buf_init(&b, PIECE_MAX);
	if (!f->streaming)
		put_head(&b, x->file);
	put_rows(&b, x->file, rows);
	if (b.failed) {
		buf_free(&b);
		return (flow_fail(f, ERR_INTERNAL, "The file is lost."));
	}
	if (n > 0)
		(void)strlcpy(x->cursor, db_text(rows, n - 1, "cursor"),
		    sizeof(x->cursor));
	if (!f->streaming)
		stream_begin(f, "text/csv; charset=utf-8; header=present",
		    x->file->name);
	return (stream_put(f, b.data, b.len));
}

static enum flow_next
export_more(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (FLOW_NEXT);
	return (flow_back_to(f, export_ask));
}

static enum flow_next
export_finish(struct flow *f)
{
	return (stream_end(f));
}

/* clang-format off */
#define FILE(what)							\
	.method = GET, .path = "/v1/admin/export/" what ".csv",		\
	.scope = what ":read", .confirmed = true,			\
	.steps = FLOW_STEPS(						\
	    FLOW_STEP(export_choose),					\
	    FLOW_STEP(export_ask),		/* sql  a page */	\
	    FLOW_STEP(export_send),					\
	    FLOW_STEP(export_more),					\
	    FLOW_STEP(export_finish)),					\
	.state = sizeof(struct export_state),					\
	.answer = "CSV with a head line, chunked; whoever gets no last chunk " \
	    "has not got all. A text that a spreadsheet would take for a formula " \
	    "has an apostrophe in front. A browser that follows a link " \
	    "with a password typed too long ago is sent to type it again: 303."

const struct endpoint	api_export[] = {
	{ FILE("licenses"), .summary = "All licenses, newest first, without their keys." },
	{ FILE("invoices"), .summary = "All invoices, newest first." },
	{ FILE("machines"), .summary = "All machines, released ones too, without fingerprints." },
	ENDPOINT_END
};
/* clang-format on */
