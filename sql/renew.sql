-- fragment: renewal_due
-- The cycle that a renewal's invoice, just settled, has paid for.  It applies
-- when it is the next one of a license that is still of the subscription's
-- policy and does end; else the money is surplus.  Days without access since
-- the license ran out are added, so that a late buyer has all of a cycle.  It
-- ran out by its grace, or when the subscription was cancelled within that;
-- cancelled afterwards, before the worker came to lapse it, it had run out.
-- The license is held before the subscription.
renewal_license AS MATERIALIZED (
	SELECT l.id, l.product_id, l.policy_id, l.expires_at, l.grace_seconds
	FROM judged j
	JOIN licenses l ON l.id = j.license_id
	WHERE j.kind = 'renewal' AND j.is_paid AND j.moves
	FOR NO KEY UPDATE OF l
), renewal_cycle AS MATERIALIZED (
	SELECT c.id AS cycle_id, c.cycle_number, c.cycle_end_at, c.invoice_id,
	    b.id AS subscription_id, b.policy_id, b.paid_cycle, b.lapsed_at,
	    CASE WHEN b.status = 'cancelled'
	    THEN date_trunc('second', b.cancelled_at) END AS cancelled_at, b.grace_period_days
	FROM judged j
	JOIN renewal_license l ON l.id = j.license_id
	JOIN subscription_invoices c ON c.invoice_id = j.id
	JOIN subscriptions b ON b.id = c.subscription_id
	FOR NO KEY UPDATE OF b
), renewal AS MATERIALIZED (
	SELECT c.cycle_id, c.cycle_number, c.invoice_id, c.subscription_id,
	    l.id AS license_id, l.product_id,
	    c.cycle_number = c.paid_cycle + 1 AND l.expires_at IS NOT NULL
	    AND l.policy_id IS NOT DISTINCT FROM c.policy_id AS applies,
	    c.cycle_end_at + GREATEST(interval '0', date_trunc('second',
	        licet_now() + interval '999999 microseconds')
	        - COALESCE(c.lapsed_at, GREATEST(CASE
	        WHEN c.cancelled_at IS NOT NULL THEN LEAST(c.cancelled_at,
	            l.expires_at
	            + c.grace_period_days * interval '86400 seconds') END,
	        l.expires_at + make_interval(secs => l.grace_seconds))))
	        AS cycle_end_at,
	    CASE WHEN c.cancelled_at IS NOT NULL THEN l.grace_seconds
	    ELSE GREATEST(l.grace_seconds, y.grace_seconds,
	        c.grace_period_days * 86400::bigint) END AS grace_seconds
	FROM renewal_cycle c
	CROSS JOIN renewal_license l
	LEFT JOIN policies y ON y.id = c.policy_id
)

-- fragment: renew
-- A paid cycle: the same license goes on to the cycle's end, whatever its
-- status is, and is a trial no more.  A cancelled subscription stays cancelled,
-- so nothing more is billed; any other is active.
renewed_license AS (
	UPDATE licenses AS l
	SET expires_at = GREATEST(l.expires_at, r.cycle_end_at),
	    is_trial = false, grace_seconds = r.grace_seconds
	FROM renewal r
	WHERE l.id = r.license_id AND r.applies
), renewed_cycle AS (
	UPDATE subscription_invoices AS c
	SET applied_at = licet_now(), cycle_end_at = r.cycle_end_at
	FROM renewal r
	WHERE c.id = r.cycle_id AND r.applies
), renewed AS (
	UPDATE subscriptions AS b
	SET status = CASE WHEN b.status = 'cancelled' THEN b.status
	        ELSE 'active' END,
	    lapsed_at = NULL, consecutive_failures = 0,
	    paid_cycle = r.cycle_number, next_renewal_at = r.cycle_end_at,
	    next_attempt_at = CASE WHEN b.status <> 'cancelled'
	        THEN r.cycle_end_at END,
	    updated_at = licet_now()
	FROM renewal r
	WHERE b.id = r.subscription_id AND r.applies
	RETURNING b.id, b.license_id, b.product_id, b.status, b.paid_cycle,
	    b.next_renewal_at, r.invoice_id
), renewed_event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'subscription.renew', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id,
	    'invoice_id', b.invoice_id, 'cycle_number', b.paid_cycle,
	    'status', b.status, 'expires_at', rfc3339(b.next_renewal_at))
	FROM renewed b
), renewed_news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'subscription.renewed', b.product_id, jsonb_build_object(
	    'subscription_id', b.id, 'invoice_id', b.invoice_id,
	    'amount_sats', j.amount_sats)
	FROM renewed b
	CROSS JOIN judged j
)

-- fragment: renewal_unpaid
-- The provider's invoice ended before the buyer's time did: the worker makes
-- another, at most one a day, and none in the hour before the lapse, where each
-- of them ends: no invoice is payable for less than that.
rebilled AS (
	UPDATE subscriptions AS b
	SET next_attempt_at = CASE WHEN {{lapse_at}} > GREATEST(licet_now(),
	            b.last_renewal_attempt_at + interval '1 day')
	            + interval '1 hour'
	        THEN GREATEST(licet_now(),
	            b.last_renewal_attempt_at + interval '1 day')
	        ELSE {{lapse_at}} END,
	    updated_at = licet_now()
	FROM unpaid u
	JOIN subscription_invoices c ON c.invoice_id = u.invoice_id
	WHERE b.id = c.subscription_id AND c.superseded_at IS NULL
	AND b.status IS NOT DISTINCT FROM 'past_due'
	AND c.cycle_number = b.paid_cycle + 1
)

-- fragment: renewal_announce
-- The buyer can pay a renewal now (`changed': the invoice), unless the card that
-- the provider keeps is to pay it.
{{charge_queue}}, announced AS (
	UPDATE subscription_invoices AS c
	SET announced_at = licet_now()
	FROM changed i
	WHERE c.invoice_id = i.id AND i.kind = 'renewal'
	AND i.status = 'pending' AND c.announced_at IS NULL
	AND c.charge_next_at IS NULL
	AND NOT EXISTS (
	    SELECT FROM charge_queued q WHERE q.invoice_id = i.id)
	RETURNING c.subscription_id, c.invoice_id, c.cycle_number,
	    c.cycle_start_at, c.cycle_end_at
), awaiting AS (
	SELECT c.subscription_id, c.cycle_number, interval '0' AS patience
	FROM announced c
	UNION ALL
	SELECT q.subscription_id, q.cycle_number, interval '15 minutes'
	FROM charge_queued q
), {{renewal_announcement}}

-- fragment: renewal_announcement
-- What follows for the cycles in `awaiting', and is told of the `announced'.  A
-- subscription without days of grace doesn't lapse while its card is charged.
-- Subscriptions are found by id: IS NOT DISTINCT FROM keeps the planner from
-- reading all that are past due, of which its statistics may know none yet.
awaited AS (
	UPDATE subscriptions AS b
	SET next_attempt_at = GREATEST({{lapse_at}}, licet_now() + c.patience),
	    updated_at = licet_now()
	FROM awaiting c
	WHERE b.id = c.subscription_id
	AND b.status IS NOT DISTINCT FROM 'past_due'
	AND b.paid_cycle + 1 = c.cycle_number
), announcement AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'subscription.renewal_pending', b.product_id, jsonb_build_object(
	    'subscription_id', b.id, 'license_id', b.license_id,
	    'product_id', b.product_id, 'policy_id', b.policy_id,
	    'invoice_id', i.id, 'checkout_url', i.checkout_url,
	    'amount_sats', i.amount_sats, 'listed_currency', i.listed_currency,
	    'listed_value', i.listed_value, 'cycle_number', c.cycle_number,
	    'cycle_start_at', rfc3339(c.cycle_start_at),
	    'cycle_end_at', rfc3339(c.cycle_end_at),
	    'due_at', rfc3339(c.cycle_start_at), 'buyer_email', i.buyer_email,
	    'is_first_paid_cycle', c.cycle_number = 2 AND b.began_with_trial)
	FROM announced c
	JOIN changed i ON i.id = c.invoice_id
	JOIN subscriptions b ON b.id = c.subscription_id
)

-- fragment: lapse_at
-- When a subscription (alias b) lapses unless it is paid.
(b.next_renewal_at + make_interval(secs => b.grace_period_days * 86400.0))
