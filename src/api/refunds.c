/*
 * POST /v1/admin/invoices/:id/refund: the money of a paid invoice goes back.
 *
 * The row is there before the provider hears of it, and the provider's refund
 * bears its id.  When no answer comes the row stays; whoever asks next, this
 * endpoint or jobs/refunds.c, first looks for what the provider made of it,
 * and none is asked for anew while the last question may be on its way.
 */
#include "api/api.h"

#include "base/stat.h"
#include "base/uuid.h"
#include "flow/account.h"
#include "flow/respond.h"
#include "flow/settle.h"

#include "sql.h"

#include <string.h>

#define VARIANTS	"RateThen|CurrentRate|OverpaidAmount|Fiat"

struct refund {
	struct pay_account	 account;
	struct pay_refund	 made;
	char			 new_id[37];
	const char		*id;
	const char		*variant;
	const char		*asked_at;
	const char		*license_id;
	const char		*provider_invoice_id;
};

static enum flow_next	refund_find(struct flow *);
static enum flow_next	refund_create(struct flow *);
static enum flow_next	refund_finish(struct flow *);

static enum flow_next
refund_ask(struct flow *f)
{
	return (FLOW_QUERY(f, refund_facts, .id = flow_text(f, "id")));
}

static const char *
keep(struct flow *f, const char *column)
{
	const char	*text = db_text(flow_rows(f), 0, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

static bool
can_refund(const struct pay_account *account)
{
	return (account->provider != NULL &&
	    account->provider->ask_refund != NULL &&
	    account->provider->ask_find_refund != NULL);
}

/* The id is the same when the statement is repeated. */
static enum flow_next
open_row(struct flow *f, struct refund *r)
{
	const char	*variant = flow_text(f, "variant");
	uint8_t		 id[16];

	if (r->new_id[0] == '\0') {
		uuid_random(id);
		uuid_format(id, r->new_id);
	}
	r->id = r->new_id;
	r->variant = variant == NULL ? "RateThen" : variant;
	return (FLOW_QUERY(f, refund_open, .id = flow_text(f, "id"),
	    .refund_id = r->id, .variant = r->variant,
	    .reason = flow_text(f, "reason"), .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash, .request_ip = f->client,
	    .user_agent = f->user_agent));
}

static enum flow_next
refund_judge(struct flow *f)
{
	struct refund		*r = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);
	const char		*status;

	if (db_rows_count(rows) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such invoice."));
	r->license_id = keep(f, "license_id");
	status = db_text(rows, 0, "refund_status");
	if (status != NULL) {
		r->id = keep(f, "refund_id");
		r->variant = keep(f, "variant");
		r->asked_at = keep(f, "asked_at");
		if (!strcmp(status, "made"))
			return (flow_skip_to(f, refund_finish));
	}
	if (strcmp(db_text(rows, 0, "status"), "settled"))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "Only an invoice that is settled can be refunded."));
	if (db_integer(rows, 0, "amount_sats", 0) <= 0)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "Nothing was paid for this invoice."));
	r->provider_invoice_id = keep(f, "provider_invoice_id");
	if (!account_read(f, rows, 0, &r->account) ||
	    !can_refund(&r->account) || r->provider_invoice_id == NULL)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "Its payment provider is not connected, or makes no refunds."));
	if (r->license_id == NULL)
		return (flow_fail(f, ERR_CONFLICT,
		    "The license of this purchase is still to come; try again."));
	if (status != NULL)
		return (flow_skip_to(f, refund_find));
	return (open_row(f, r));
}

static enum flow_next
refund_opened(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_CONFLICT,
		    "The invoice is being refunded already."));
	return (flow_skip_to(f, refund_create));
}

/* ---- one that was asked for before ---- */

static enum flow_next
refund_find(struct flow *f)
{
	struct refund	*r = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	r->account.provider->ask_find_refund(&f->arena, &r->account, r->id,
	    &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
no_answer(struct flow *f)
{
	return (flow_fail(f, ERR_UPSTREAM, "The payment provider does not say "
	    "whether the refund was made; try again in a minute."));
}

static enum pay_result
heard(struct flow *f, struct refund *r)
{
	struct pay_answer	answer = settle_answer(f);

	return (r->account.provider->read_refund(&f->arena, &r->account, r->id,
	    &answer, &r->made));
}

/* Not to be allowed to look is no proof that there is none. */
static enum flow_next
refund_found(struct flow *f)
{
	struct refund	*r = flow_state(f);

	switch (heard(f, r)) {
	case PAY_OK:
		return (flow_skip_to(f, refund_finish));
	case PAY_NONE:
		if (flow_reply(f)->status != 200)
			return (no_answer(f));
		return (FLOW_QUERY(f, refund_take, .refund_id = r->id,
		    .asked_at = r->asked_at));
	default:
		return (no_answer(f));
	}
}

static enum flow_next
refund_taken(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (no_answer(f));
	return (FLOW_NEXT);
}

/* ---- one that is to be made ---- */

static enum flow_next
refund_create(struct flow *f)
{
	struct refund	*r = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	r->account.provider->ask_refund(&f->arena, &r->account,
	    r->provider_invoice_id, r->id, r->variant, &ask);
	return (settle_send(f, &ask));
}

static enum flow_next
refund_created(struct flow *f)
{
	struct refund	*r = flow_state(f);

	switch (heard(f, r)) {
	case PAY_OK:
		return (flow_skip_to(f, refund_finish));
	case PAY_NONE:
		return (FLOW_QUERY(f, refund_failed, .refund_id = r->id,
		    .detail = arena_printf(&f->arena,
		    "refused by the provider: %d", flow_reply(f)->status)));
	default:
		return (no_answer(f));
	}
}

static enum flow_next
refund_refused(struct flow *f)
{
	stat_add(STAT_REFUNDS_FAILED, 1);
	return (flow_fail(f, ERR_UPSTREAM,
	    "The payment provider refuses the refund."));
}

/* ---- made ---- */

static enum flow_next
refund_finish(struct flow *f)
{
	struct refund	*r = flow_state(f);

	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = r->license_id),
	    refund_made, .refund_id = r->id, .provider_refund_id = r->made.id,
	    .claim_url = r->made.claim_url, .reason = "refunded",
	    .actor_kind = f->actor_kind, .actor_hash = f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
refund_answer(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "No such invoice."));
	if (db_true(flow_rows(f), 0, "is_news"))
		stat_add(STAT_REFUNDS_MADE, 1);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* clang-format off */
const struct endpoint	api_refunds[] = {
	{ .method = POST, .path = "/v1/admin/invoices/:id/refund",
	    .scope = "invoices:write", .confirmed = true,
	    .body = FIELDS(
		{ "variant", FIELD_CHOICE, 0, .choices = VARIANTS,
		    .help = "How much goes back, as the provider calls it; RateThen "
		    "unless given. OverpaidAmount leaves the license alone." },
		{ "reason", FIELD_TEXT, 0, 0, 500,
		    .help = "Kept with the refund and the revoked license." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(refund_ask),		/* sql   refund_facts */
		FLOW_STEP(refund_judge),	/* sql   refund_open */
		FLOW_STEP(refund_opened),
		FLOW_STEP(refund_find),		/* call  by our id */
		FLOW_STEP(refund_found),	/* sql   refund_take */
		FLOW_STEP(refund_taken),
		FLOW_STEP(refund_create),	/* call  make a refund */
		FLOW_STEP(refund_created),	/* sql   refund_failed */
		FLOW_STEP(refund_refused),
		FLOW_STEP(refund_finish),	/* sql   refund_made */
		FLOW_STEP(refund_answer)),
	    .state = sizeof(struct refund),
	    .errors = "404 409 502",
	    .summary = "Pay a settled invoice back: the buyer claims the money at "
	        "claim_url; the license is revoked and its subscription ends. After "
	        "a 502 it can be repeated: no invoice is refunded twice.",
	    .answer = "`{ok,refund_id,claim_url,license_id,license_revoked}`." },
	ENDPOINT_END
};
/* clang-format on */
