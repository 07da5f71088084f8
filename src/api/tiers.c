/*
 * A license moves to another policy of its product: the buyer's quote,
 * upgrade and downgrade, by the key or signed in to the portal; the vendor's
 * change-tier.
 *
 * The rules are domain/tier's.  An upgrade is paid for: the change and its
 * invoice are written before the provider hears of them, and made when the
 * invoice settles.  A downgrade waits for the next renewal.  What was quoted
 * is refused when the license is another by the time that it is written.
 */
#include "api/api.h"

#include "api/move.h"
#include "flow/bind.h"
#include "flow/customer.h"
#include "flow/key.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

/* ---- the quote ---- */

/* The key is the credential; whether it is in force, the statement says. */
static bool
authorize(struct flow *f, const char **license_id)
{
	struct license_key	key;

	if (!key_authorize_owner(f, &key))
		return (false);
	*license_id = key_license_id(f, &key);
	return (true);
}

static enum flow_next
tier_ask_own(struct flow *f)
{
	struct move	*m = flow_state(f);

	m->facts.mode = TIER_BUYER;
	if (!authorize(f, &m->order.license_id))
		return (FLOW_DONE);
	return (FLOW_QUERY(f, tier_facts,
	    .license_id = m->order.license_id,
	    .target_slug = flow_text(f, "target_policy_slug"),
	    .mode = "buyer"));
}

/* In the portal: whose license it is comes first. */
static enum flow_next
tier_find(struct flow *f)
{
	return (flow_query_bound(f, &sql_portal_license_find));
}

static enum flow_next
tier_ask_found(struct flow *f)
{
	struct move	*m = flow_state(f);

	if (flow_refused(f))
		return (FLOW_DONE);
	m->facts.mode = TIER_BUYER;
	m->order.license_id = flow_text(f, "id");
	return (FLOW_QUERY(f, tier_facts,
	    .license_id = m->order.license_id,
	    .target_slug = flow_text(f, "target_policy_slug"),
	    .mode = "buyer"));
}

static enum flow_next
tier_ask_any(struct flow *f)
{
	struct move	*m = flow_state(f);

	m->facts.mode = TIER_ADMIN;
	m->order.license_id = flow_text(f, "id");
	return (FLOW_QUERY(f, tier_facts,
	    .license_id = m->order.license_id,
	    .target_slug = flow_text(f, "to_policy_slug"),
	    .mode = "admin"));
}

static enum flow_next
quote_answer(struct flow *f)
{
	struct move	*m = flow_state(f);
	json_t		*body;

	if (!move_read(f))
		return (FLOW_DONE);
	body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s}",
	    "from_policy_id", m->order.from_policy_id,
	    "from_policy_slug", m->from_slug,
	    "to_policy_id", m->order.to_policy_id,
	    "to_policy_slug", m->to_slug,
	    "direction", tier_direction_name(m->quote.direction),
	    "listed_currency", m->currency,
	    "proration_charge_value", (json_int_t)m->quote.charge_value,
	    "effective_at", m->quote.immediate ? "immediate" :
	    m->next_renewal_at);
	move_put_next(body, m);
	return (flow_json(f, 200, body));
}

/* ---- how it is to happen ---- */

/* Who takes the money, and at what rate. */
static enum flow_next
invoiced(struct flow *f, struct move *m)
{
	m->how = MOVE_INVOICED;
	if (m->quote.charge_value <= 0)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    m->facts.subscription == TIER_SUBSCRIPTION_PAST_DUE ?
		    "A renewal is due; it comes first." :
		    "There is nothing to pay for this change."));
	if (!account_read(f, flow_rows(f), 0, &m->account))
		return (flow_fail(f, ERR_NO_PROVIDER,
		    "No payment provider is connected."));
	rate_need(f, m->currency);
	rate_know(f, flow_rows(f), 0);
	return (FLOW_NEXT);
}

/* Only who is billed again has a next renewal to wait for. */
static enum flow_next
scheduled(struct flow *f, struct move *m)
{
	m->how = MOVE_SCHEDULED;
	if (!m->facts.to.is_recurring || (m->facts.subscription !=
	    TIER_SUBSCRIPTION_ACTIVE && m->facts.subscription !=
	    TIER_SUBSCRIPTION_PAST_DUE))
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "There is no renewal at which this could happen."));
	return (FLOW_NEXT);
}

static enum flow_next
upgrade_judge(struct flow *f)
{
	struct move	*m = flow_state(f);

	if (!move_read(f))
		return (FLOW_DONE);
	if (m->quote.direction == TIER_DOWNGRADE)
		return (flow_fail(f, ERR_FORBIDDEN,
		    "This is a downgrade: see POST /v1/downgrade."));
	return (invoiced(f, m));
}

static enum flow_next
downgrade_judge(struct flow *f)
{
	struct move	*m = flow_state(f);

	if (!move_read(f))
		return (FLOW_DONE);
	if (m->quote.direction == TIER_UPGRADE)
		return (flow_fail(f, ERR_FORBIDDEN,
		    "This is an upgrade: see POST /v1/upgrade."));
	return (scheduled(f, m));
}

static enum flow_next
change_judge(struct flow *f)
{
	struct move	*m = flow_state(f);
	const char	*skip = flow_text(f, "skip_payment");
	const char	*at = flow_text(f, "at");
	bool		 is_gift = skip != NULL && !strcmp(skip, "true");

	if (!move_read(f))
		return (FLOW_DONE);
	if (at != NULL && !strcmp(at, "cycle_end")) {
		if (is_gift)
			return (flow_fail(f, ERR_BAD_REQUEST,
			    "skip_payment: applies now, not at the cycle's end"));
		return (scheduled(f, m));
	}
	if (!is_gift)
		return (invoiced(f, m));
	m->how = MOVE_GIVEN;
	return (FLOW_NEXT);
}

/* ---- thinking better of it ---- */

static enum flow_next
stay(struct flow *f, const char *id)
{
	flow_last(f);
	return (FLOW_LOCKED_QUERY(f, license_lock, (.license_id = id),
	    tier_cancel_own, .license_id = id,
	    .actor_kind = f->actor_kind,
	    .actor_hash = f->actor_hash[0] == '\0' ? NULL : f->actor_hash,
	    .request_ip = f->client, .user_agent = f->user_agent));
}

static enum flow_next
downgrade_cancel(struct flow *f)
{
	const char	*id;

	return (authorize(f, &id) ? stay(f, id) : FLOW_DONE);
}

static enum flow_next
downgrade_cancel_found(struct flow *f)
{
	return (flow_refused(f) ? FLOW_DONE : stay(f, flow_text(f, "id")));
}

static enum flow_next
downgrade_cancelled(struct flow *f)
{
	if (flow_refused(f))
		return (FLOW_DONE);
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* clang-format off */
#define KEY_FIELD							\
	{ "license_key", FIELD_TEXT, FIELD_REQUIRED, 0, 200000,		\
	    .help = "The license key; it is the credential." }
#define TARGET_FIELD							\
	{ "target_policy_slug", FIELD_TEXT, FIELD_REQUIRED, 1, 63,	\
	    .help = "The policy to move to." }
#define PORTAL(m, p)							\
	.method = m, .path = "/v1/portal/licenses/:id/" p,		\
	.scope = CUSTOMER_SCOPE
#define REASON_FIELD							\
	{ "reason", FIELD_TEXT, 0, 0, 500, .help = "Kept with the change." }

const struct endpoint	api_tiers[] = {
	{ .method = POST, .path = "/v1/upgrade-quote", .limit = LIMIT_PURCHASE,
	    .repeatable = true,
	    .body = FIELDS(KEY_FIELD, TARGET_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_ask_own),	/* sql  tier_facts */
		FLOW_STEP(quote_answer)),
	    .state = sizeof(struct move),
	    .errors = "401 404",
	    .summary = "What a move to another policy costs, and when it happens.",
	    .answer = "`{from_policy_id,from_policy_slug,to_policy_id,"
	        "to_policy_slug,direction,listed_currency,proration_charge_value,"
	        "effective_at,next_renewal_charge|null,"
	        "next_renewal_period_days|null}`; effective_at is `immediate` or "
	        "a time." },
	{ .method = POST, .path = "/v1/upgrade", .limit = LIMIT_PURCHASE,
	    .body = FIELDS(KEY_FIELD, TARGET_FIELD,
		{ "redirect_url", FIELD_URL,
		    .help = "Where the buyer goes after paying." }),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_ask_own),	/* sql  tier_facts */
		FLOW_STEP(upgrade_judge),
		MOVE_STEPS),
	    .state = sizeof(struct move),
	    .errors = "401 403 404 409 502 503",
	    .summary = "Pay for a move to a higher policy; it is made when the "
	        "invoice is paid.",
	    .answer = "`{invoice_id,provider_invoice_id,checkout_url,amount_sats,"
	        "proration_charge_value,listed_currency,tier_change_id,"
	        "from_policy_slug,to_policy_slug}`." },
	{ .method = POST, .path = "/v1/downgrade", .limit = LIMIT_PURCHASE,
	    .body = FIELDS(KEY_FIELD, TARGET_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_ask_own),	/* sql  tier_facts */
		FLOW_STEP(downgrade_judge),
		MOVE_STEPS),
	    .state = sizeof(struct move),
	    .errors = "401 403 404 409",
	    .summary = "Move to a lower policy at the next renewal.",
	    .answer = "`{ok,tier_change_id,effective_at,from_policy_slug,"
	        "to_policy_slug,next_renewal_charge,next_renewal_period_days}`." },
	{ .method = POST, .path = "/v1/downgrade/cancel",
	    .limit = LIMIT_PURCHASE,
	    .body = FIELDS(KEY_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(downgrade_cancel),		/* sql  tier_cancel_own */
		FLOW_STEP(downgrade_cancelled)),
	    .errors = "401 404",
	    .summary = "Stay on the policy after all.",
	    .answer = "`{ok,tier_change_id,status:\"cancelled\"}`." },

	{ PORTAL(GET, "quote"), .limit = LIMIT_PORTAL,
	    .query = FIELDS(TARGET_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_find),		/* sql  portal_license_find */
		FLOW_STEP(tier_ask_found),	/* sql  tier_facts */
		FLOW_STEP(quote_answer)),
	    .state = sizeof(struct move),
	    .errors = "404 409",
	    .summary = "The same quote for a customer who is signed in.",
	    .answer = "As of `POST /v1/upgrade-quote`." },
	{ PORTAL(POST, "upgrade"), .limit = LIMIT_PURCHASE,
	    .body = FIELDS(TARGET_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_find),		/* sql  portal_license_find */
		FLOW_STEP(tier_ask_found),	/* sql  tier_facts */
		FLOW_STEP(upgrade_judge),
		MOVE_STEPS),
	    .state = sizeof(struct move),
	    .errors = "403 404 409 502 503",
	    .summary = "Pay for a move to a higher policy.",
	    .answer = "As of `POST /v1/upgrade`." },
	{ PORTAL(POST, "downgrade"), .limit = LIMIT_PURCHASE,
	    .body = FIELDS(TARGET_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_find),		/* sql  portal_license_find */
		FLOW_STEP(tier_ask_found),	/* sql  tier_facts */
		FLOW_STEP(downgrade_judge),
		MOVE_STEPS),
	    .state = sizeof(struct move),
	    .errors = "403 404 409",
	    .summary = "Move to a lower policy at the next renewal.",
	    .answer = "As of `POST /v1/downgrade`." },
	{ PORTAL(POST, "downgrade/cancel"), .limit = LIMIT_PURCHASE,
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_find),		/* sql  portal_license_find */
		FLOW_STEP(downgrade_cancel_found), /* sql  tier_cancel_own */
		FLOW_STEP(downgrade_cancelled)),
	    .errors = "404 409",
	    .summary = "Stay on the policy after all.",
	    .answer = "`{ok,tier_change_id,status:\"cancelled\"}`." },

	{ .method = POST, .path = "/v1/admin/licenses/:id/change-tier",
	    .scope = "master",
	    .body = FIELDS(
		{ "to_policy_slug", FIELD_TEXT, FIELD_REQUIRED, 1, 63,
		    .help = "The policy to move to." },
		{ "skip_payment", FIELD_BOOLEAN,
		    .help = "Move at once, for nothing." },
		{ "at", FIELD_CHOICE, .choices = "now|cycle_end",
		    .help = "At the next renewal instead, for nothing." },
		REASON_FIELD),
	    .steps = FLOW_STEPS(
		FLOW_STEP(tier_ask_any),	/* sql  tier_facts */
		FLOW_STEP(change_judge),
		MOVE_STEPS),
	    .state = sizeof(struct move),
	    .errors = "404 409 502 503",
	    .summary = "Move a license to another policy.",
	    .answer = "`{ok,applied,license_id,tier_change_id,skip_payment,"
	        "from_policy_slug,to_policy_slug}`; with an invoice also "
	        "`invoice_id,provider_invoice_id,checkout_url,amount_sats,"
	        "proration_charge_value,listed_currency`; at the cycle's end "
	        "`effective_at,next_renewal_charge,next_renewal_period_days`." },
	{ .method = GET, .path = "/v1/admin/tier-changes",
	    .scope = "licenses:read",
	    .query = FIELDS(
		{ "license_id", FIELD_UUID, .help = "Only this license's." },
		{ "limit", FIELD_INTEGER, 0, 1, 1000, .help = "100 unless given." },
		{ "cursor", FIELD_CURSOR, .help = "Where the page before ended." }),
	    .sql = &sql_tier_change_list,
	    .summary = "Tier changes, newest first.",
	    .answer = "`{tier_changes:[…],next_cursor|null}`." },
	{ .method = POST, .path = "/v1/admin/tier-changes/:id/cancel",
	    .scope = "master",
	    .lock = &sql_tier_change_lock, .sql = &sql_tier_change_cancel,
	    .errors = "404 409",
	    .summary = "Cancel a tier change that was not made yet.",
	    .answer = "`{ok,tier_change_id,status:\"cancelled\"}`." },
	ENDPOINT_END
};
/* clang-format on */
