/*
 * Refunds that were asked for and whose answer was lost: looks for what the
 * provider made of each, and finishes it.  Makes none itself: the vendor can
 * ask again.  One that the provider doesn't know for an hour has failed.
 */
#include "jobs/jobs.h"

#include "base/log.h"
#include "base/stat.h"
#include "flow/account.h"
#include "flow/flow.h"
#include "flow/settle.h"
#include "jobs/claim.h"

#include "sql.h"

#define TOGETHER_MAX	4	/* refunds that a worker looks for at once */
#define LOST_SECONDS	3600	/* unknown for so long: never made */

struct refund {
	struct pay_account	 account;
	struct pay_refund	 made;
	const char		*id;
	const char		*license_id;
	int64_t			 idle_seconds;
};

static enum flow_next	refund_made(struct flow *);

static enum flow_next
refund_open(struct flow *f)
{
	struct refund		*r = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;

	rows = claim_row(&row);
	r->id = claim_text(f, "id");
	r->license_id = claim_text(f, "license_id");
	r->idle_seconds = db_integer(rows, row, "idle_seconds", 0);
	if (r->license_id == NULL ||
	    !account_read(f, rows, row, &r->account) ||
	    r->account.provider->ask_find_refund == NULL)
		return (FLOW_DONE);
	return (FLOW_NEXT);
}

static enum flow_next
refund_find(struct flow *f)
{
	struct refund	*r = flow_state(f);
	struct pay_ask	 ask = { .sql = NULL };

	r->account.provider->ask_find_refund(&f->arena, &r->account, r->id,
	    &ask);
	return (settle_send(f, &ask));
}

/* Not to be allowed to look is no proof that there is none. */
static enum flow_next
refund_found(struct flow *f)
{
	struct refund		*r = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	enum pay_result		 result;

	result = r->account.provider->read_refund(&f->arena, &r->account, r->id,
	    &answer, &r->made);
	if (result == PAY_OK)
		return (flow_skip_to(f, refund_made));
	if (result != PAY_NONE || answer.reply->status != 200) {
		LOG(LOG_NOTICE, "refund.unread", LS("refund", r->id),
		    LS("reason", answer.reply->error),
		    LI("status", answer.reply->status));
		return (FLOW_DONE);
	}
	if (r->idle_seconds <= LOST_SECONDS)
		return (FLOW_DONE);
	return (FLOW_QUERY(f, refund_failed, .refund_id = r->id,
	    .detail = "never made by the provider",
	    .idle_seconds = arena_printf(&f->arena, "%lld",
	    (long long)r->idle_seconds)));
}

static enum flow_next
refund_lost(struct flow *f)
{
	if (db_rows_count(flow_rows(f)) > 0)
		stat_add(STAT_REFUNDS_FAILED, 1);
	return (FLOW_DONE);
}

static enum flow_next
refund_made(struct flow *f)
{
	struct refund	*r = flow_state(f);

	return (FLOW_LOCKED_QUERY(f, license_lock,
	    (.license_id = r->license_id),
	    refund_made, .refund_id = r->id, .provider_refund_id = r->made.id,
	    .claim_url = r->made.claim_url, .reason = "refunded",
	    .actor_kind = "system"));
}

static enum flow_next
refund_count(struct flow *f)
{
	if (db_true(flow_rows(f), 0, "is_news"))
		stat_add(STAT_REFUNDS_MADE, 1);
	return (FLOW_DONE);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(refund_open),
	FLOW_STEP(refund_find),		/* call  by our id */
	FLOW_STEP(refund_found),	/* sql   refund_failed */
	FLOW_STEP(refund_lost),
	FLOW_STEP(refund_made),		/* sql   refund_made */
	FLOW_STEP(refund_count),
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "refunds",
	.stmt = &sql_refund_claim,
	.steps = steps,
	.state = sizeof(struct refund),
	.together = TOGETHER_MAX,
};

void
refunds_tick(struct db_pool *pool)
{
	claim_tick(&claim, pool);
}
