/*
 * Passes on a share of a sale to a Lightning address, after the license is
 * there and without holding up anybody.
 *
 * No tip is paid twice.  The invoice is noted, and that committed, before the
 * provider is asked to pay it; whatever happens after that (silence, 202, our
 * own death), the payment is only ever looked for by its hash.  It counts as
 * failed when the node says so, or knows of none once the invoice has expired.
 * A host that gives no answer is asked again for a day.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "base/text.h"
#include "domain/tip.h"
#include "flow/account.h"
#include "flow/flow.h"
#include "flow/settle.h"
#include "jobs/claim.h"
#include "pay/lnurl.h"

#include "sql.h"

#include <string.h>

#define TOGETHER_MAX	4	/* tips that a worker makes at once */
#define HOST_TIMEOUT_MS	10000
#define HOST_REPLY_MAX	(64 * 1024)
#define HOST_PATIENCE	86400	/* s for which a silent host is asked again */
#define INVOICE_LIFE_MAX (14 * 86400)	/* s; else it is unsettled too long */
#define INVOICE_MARGIN	600	/* s by which the node's clock may be slow */

struct tip {
	const char		*id;
	const char		*was;		/* status when it was claimed */
	const char		*recipient;
	const char		*bolt11;
	const char		*payment_hash;
	int64_t			 sats;
	int64_t			 age_seconds;
	bool			 insecure;
	struct pay_account	 account;
	struct lnurl_pay	 host;
	const char		*status;	/* what became of it */
	const char		*detail;
};

static enum flow_next	tip_look(struct flow *);
static enum flow_next	tip_later(struct flow *);
static enum flow_next	tip_end(struct flow *);

/* ---- ends ---- */

static enum flow_next
end(struct flow *f, const char *status, const char *detail)
{
	struct tip	*t = flow_state(f);

	t->status = status;
	t->detail = detail;
	return (flow_skip_to(f, tip_end));
}

static enum flow_next
later(struct flow *f, const char *detail)
{
	struct tip	*t = flow_state(f);

	t->detail = detail;
	return (flow_skip_to(f, tip_later));
}

/* Before anything was paid. */
static enum flow_next
again(struct flow *f, const char *detail)
{
	struct tip	*t = flow_state(f);

	return (t->age_seconds > HOST_PATIENCE ? end(f, "failed", detail) :
	    later(f, detail));
}

/* ---- what is to be done ---- */

static enum flow_next
tip_open(struct flow *f)
{
	struct tip		*t = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;
	bool			 refunded;

	rows = claim_row(&row);
	refunded = db_true(rows, row, "is_refunded");
	t->id = claim_text(f, "id");
	t->was = claim_text(f, "status");
	t->recipient = claim_text(f, "recipient");
	t->bolt11 = claim_text(f, "bolt11");
	t->payment_hash = claim_text(f, "payment_hash");
	t->age_seconds = db_integer(rows, row, "age_seconds", 0);
	t->sats = tip_sats(db_integer(rows, row, "paid_sats", 0),
	    (int)db_integer(rows, row, "pct_bps", 0));
	t->insecure = conf_is(conf.outbound_insecure, "on");
	(void)account_read(f, rows, row, &t->account);
	if (!strcmp(t->was, "paying"))
		return (flow_skip_to(f, tip_look));
	if (refunded)
		return (end(f, "skipped", "the sale is given back"));
	if (!tip_is_sent(t->sats))
		return (end(f, "skipped", t->sats == 0 ?
		    "it comes to nothing" : "it is more than 5000000 sats"));
	if (t->account.provider == NULL)
		return (again(f, "the provider of the sale can't be used"));
	if (t->account.provider->ask_pay == NULL)
		return (end(f, "skipped", "the provider can't pay by Lightning"));
	if (!lnurl_is_address(t->recipient, t->insecure))
		return (end(f, "failed", "the recipient is no Lightning address"));
	return (FLOW_NEXT);
}

/* ---- at the recipient's host ---- */

static enum flow_next
call_host(struct flow *f, const struct tip *t, const char *url)
{
	return (flow_call(f, &(struct net_request){ .url = url,
	    .timeout_ms = HOST_TIMEOUT_MS, .reply_max = HOST_REPLY_MAX,
	    .public_only = !t->insecure }));
}

static enum flow_next
tip_ask(struct flow *f)
{
	struct tip	*t = flow_state(f);

	return (call_host(f, t, lnurl_address_url(&f->arena, t->recipient,
	    t->insecure)));
}

/* Its answer makes no sense, or there is none: is it worth another try? */
static enum flow_next
unread(struct flow *f, const char *why)
{
	const struct net_reply	*r = flow_reply(f);

	if (r->error != NULL)
		return (again(f, arena_printf(&f->arena,
		    "the host gives no answer: %s", r->error)));
	if (r->status >= 500 || r->status == 429)
		return (again(f, arena_printf(&f->arena, "%s (%d)", why,
		    r->status)));
	return (end(f, "failed", why));
}

static enum flow_next
tip_offer(struct flow *f)
{
	struct tip		*t = flow_state(f);
	const struct net_reply	*r = flow_reply(f);
	const char		*why = NULL;

	if (r->error != NULL || !lnurl_pay_read(&f->arena, r->body, r->len,
	    t->insecure, &t->host, &why))
		return (unread(f, why));
	if (!lnurl_pay_takes(&f->arena, &t->host, t->sats * 1000, &why))
		return (end(f, "failed", why));
	return (call_host(f, t, lnurl_callback_url(&f->arena, &t->host,
	    t->sats * 1000)));
}

/* Over the right amount, in force, and not for ever. */
static bool
check(struct tip *t, const char *pr, struct bolt11 *invoice,
    const char **why)
{
	*why = NULL;
	if (!lnurl_check(pr, t->sats * 1000, t->host.metadata, invoice, why))
		return (false);
	if (bolt11_is_expired(invoice, clock_time_us() / 1000000))
		*why = "the host's invoice has expired";
	else if (invoice->expiry_sec > INVOICE_LIFE_MAX)
		*why = "the host's invoice can be paid for too long";
	return (*why == NULL);
}

static enum flow_next
tip_note(struct flow *f)
{
	struct tip		*t = flow_state(f);
	const struct net_reply	*r = flow_reply(f);
	const char		*pr, *why = NULL;
	struct bolt11		 invoice;
	char			 hash[65];

	if (r->error != NULL || (pr = lnurl_invoice_read(&f->arena, r->body,
	    r->len, &why)) == NULL)
		return (unread(f, why));
	if (!check(t, pr, &invoice, &why))
		return (end(f, "failed", why));
	text_hex(invoice.payment_hash, sizeof(invoice.payment_hash), hash);
	t->bolt11 = pr;
	t->payment_hash = arena_strdup(&f->arena, hash);
	return (FLOW_QUERY(f, tip_paying, .id = t->id, .bolt11 = t->bolt11,
	    .payment_hash = t->payment_hash,
	    .amount_sats = arena_printf(&f->arena, "%lld",
	    (long long)t->sats)));
}

/* ---- at the provider ---- */

/* It is committed now that this invoice may be paid. */
static enum flow_next
tip_pay(struct flow *f)
{
	struct tip	*t = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (db_true(flow_rows(f), 0, "is_known"))
		return (end(f, "failed", "the host gave this invoice before"));
	if (!db_true(flow_rows(f), 0, "is_paying"))
		return (FLOW_DONE);
	t->was = "paying";
	t->account.provider->ask_pay(&f->arena, &t->account, t->bolt11, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
tip_paid(struct flow *f)
{
	struct tip		*t = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	const char		*detail = NULL;

	switch (t->account.provider->read_pay(&f->arena, &t->account, &answer,
	    &detail)) {
	case PAY_SENT_DONE:
		return (end(f, "sent", NULL));
	case PAY_SENT_FAILED:
		return (end(f, "failed", arena_printf(&f->arena,
		    "the provider refuses to pay: %s", detail)));
	default:
		return (later(f, arena_printf(&f->arena,
		    "not known yet whether it was paid: %s", detail)));
	}
}

/* For one that may have been paid. */
static enum flow_next
tip_look(struct flow *f)
{
	struct tip	*t = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	if (t->account.provider == NULL ||
	    t->account.provider->ask_payment == NULL)
		return (later(f, "the provider of the sale can't be used"));
	t->account.provider->ask_payment(&f->arena, &t->account,
	    t->payment_hash, &ask);
	return (settle_send(f, &ask));
}

static bool
is_over(const struct tip *t)
{
	struct bolt11	invoice;

	return (bolt11_read(t->bolt11, strlen(t->bolt11), &invoice) &&
	    bolt11_is_expired(&invoice, clock_time_us() / 1000000 -
	    INVOICE_MARGIN));
}

static enum flow_next
tip_looked(struct flow *f)
{
	struct tip		*t = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	const char		*detail = NULL;
	enum pay_sent		 sent;

	sent = t->account.provider->read_payment(&f->arena, &t->account,
	    &answer, &detail);
	if (sent == PAY_SENT_DONE)
		return (end(f, "sent", NULL));
	if (sent == PAY_SENT_FAILED)
		return (end(f, "failed", arena_printf(&f->arena,
		    "the payment failed: %s", detail)));
	if (sent == PAY_SENT_NONE && is_over(t))
		return (end(f, "failed", "the invoice expired unpaid"));
	return (later(f, arena_printf(&f->arena,
	    "not known yet whether it was paid: %s", detail)));
}

/* ---- what came of it ---- */

static enum flow_next
tip_later(struct flow *f)
{
	struct tip	*t = flow_state(f);

	LOG(LOG_NOTICE, "tip.later", LS("tip", t->id), LS("reason", t->detail));
	return (FLOW_QUERY(f, tip_later, .id = t->id, .was = t->was,
	    .detail = t->detail));
}

static enum flow_next
tip_end(struct flow *f)
{
	struct tip	*t = flow_state(f);

	if (t->status == NULL)		/* after tip_later */
		return (FLOW_DONE);
	return (FLOW_QUERY(f, tip_end, .id = t->id, .was = t->was,
	    .status = t->status, .detail = t->detail,
	    .amount_sats = arena_printf(&f->arena, "%lld",
	    (long long)t->sats)));
}

static enum flow_next
tip_count(struct flow *f)
{
	struct tip	*t = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (FLOW_DONE);
	stat_add(!strcmp(t->status, "sent") ? STAT_TIPS_SENT :
	    !strcmp(t->status, "failed") ? STAT_TIPS_FAILED :
	    STAT_TIPS_SKIPPED, 1);
	if (!strcmp(t->status, "failed"))
		LOG(LOG_WARNING, "tip.failed", LS("tip", t->id),
		    LS("reason", t->detail));
	return (FLOW_DONE);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(tip_open),
	FLOW_STEP(tip_ask),		/* call  payRequest, at the host */
	FLOW_STEP(tip_offer),		/* call  its invoice */
	FLOW_STEP(tip_note),		/* sql   tip_paying */
	FLOW_STEP(tip_pay),		/* call  the payment, at the provider */
	FLOW_STEP(tip_paid),
	FLOW_STEP(tip_look),		/* call  the payment, by its hash */
	FLOW_STEP(tip_looked),
	FLOW_STEP(tip_later),		/* sql   tip_later */
	FLOW_STEP(tip_end),		/* sql   tip_end */
	FLOW_STEP(tip_count),
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "tips",
	.stmt = &sql_tip_claim,
	.steps = steps,
	.state = sizeof(struct tip),
	.together = TOGETHER_MAX,
};

void
tips_tick(struct db_pool *pool)
{
	claim_tick(&claim, pool);
}
