-- fragment: tier_has_cycle
-- Does the subscription b of a license under policy y have a cycle that was
-- paid or is about to be?  The same rule as has_cycle() of domain/tier.c, for
-- those who must judge under the license's lock.
COALESCE(b.status IN ('active', 'past_due') OR b.status = 'cancelled'
    AND COALESCE(y.is_recurring, false) AND b.next_renewal_at > licet_now(),
    false)

-- fragment: tier_judge
-- Which of the tier changes in `due_change' (tier_change_id, license_id,
-- invoice_id, via) may still be made: those in `change_fit'.  Never twice, and
-- only from the policy that was quoted from.  One that is paid for counts even
-- when a newer request has put it aside; but what was paid for the rest of a
-- cycle counts in that cycle only, or a day's price would buy the next one.  A
-- scheduled one needs a target that is still sold.  `via' is invoice or
-- renewal_worker.  Changes nothing.  Wants the license's lock taken before;
-- holds target and license, in this order, as those do who delete policies.
change_target AS MATERIALIZED (
	SELECT c.id AS tier_change_id, c.license_id, c.from_policy_id,
	    c.to_policy_id, c.direction, c.actor, c.reason, c.listed_currency,
	    c.next_listed_value, c.starts_cycle, d.invoice_id, d.via
	FROM due_change d
	JOIN tier_changes c ON c.id = d.tier_change_id
	JOIN policies y ON y.id = c.to_policy_id
	LEFT JOIN subscriptions s ON s.license_id = c.license_id
	WHERE c.applied_at IS NULL
	AND (c.for_cycle IS NULL OR s.paid_cycle = c.for_cycle
	    AND s.next_renewal_at > licet_now())
	AND (d.via = 'invoice' OR c.cancelled_at IS NULL AND y.active
	    AND y.archived_at IS NULL)
	FOR KEY SHARE OF y
), change_fit AS MATERIALIZED (
	SELECT t.tier_change_id, t.license_id, t.from_policy_id, t.to_policy_id,
	    t.direction, t.actor, t.reason, t.listed_currency,
	    t.next_listed_value, t.starts_cycle, t.invoice_id, t.via,
	    'system' AS actor_kind, NULL::text AS actor_hash,
	    NULL::text AS request_ip, NULL::text AS user_agent
	FROM change_target t
	JOIN licenses l ON l.id = t.license_id
	WHERE l.policy_id IS NOT DISTINCT FROM t.from_policy_id
	FOR NO KEY UPDATE OF l
)

-- fragment: tier_apply
-- Judges the tier changes in `due_change' and makes those that are good: for
-- the settle pipeline and the renewal worker.
{{tier_judge}}, {{tier_make}}

-- fragment: tier_make
-- Makes the changes in `change_fit', which tier_judge or a statement here has
-- found good; what was made is in `changes' (tier_change_id, license_id, ...).
-- The license takes the target's terms, its id and keys stay.  To a policy that
-- doesn't renew: the subscription ends, whatever was billed for it is put aside.
-- To one that does: the subscription goes on with its dates and the new price;
-- or a cycle of its own begins, when that was bought (starts_cycle) or there is
-- no subscription, after what is left of a cycle that was paid meanwhile.  An
-- unpaid renewal at the old price is put aside and billed anew.  What else is
-- open for the license is cancelled.
-- The invoices are found by id: IS NOT DISTINCT FROM keeps the planner from
-- reading all that are pending, of which its statistics may know none yet.
-- No row is updated by two parts: a change that tier_judge found and one that
-- was just inserted both come through here.
change_terms AS MATERIALIZED (
	SELECT f.tier_change_id, f.license_id, f.from_policy_id, f.to_policy_id,
	    f.direction, f.actor, f.reason, f.listed_currency, f.invoice_id,
	    f.via, f.actor_kind, f.actor_hash, f.request_ip, f.user_agent,
	    y.slug AS to_policy_slug, y.is_recurring, y.entitlements,
	    y.max_machines, y.is_trial, y.renewal_period_days,
	    y.grace_period_days, s.id AS subscription_id,
	    COALESCE(f.next_listed_value, s.listed_value) AS listed_value,
	    y.is_recurring AND (f.starts_cycle OR s.id IS NULL) AS starts,
	    COALESCE(s.paid_cycle, 0) + 1 AS cycle_number,
	    s.next_renewal_at, s.status AS subscription_status,
	    CASE WHEN y.is_recurring THEN GREATEST(y.grace_seconds,
	            y.grace_period_days * 86400::bigint)
	        ELSE y.grace_seconds END AS grace_seconds,
	    NULLIF(y.duration_seconds, 0) AS duration,
	    date_trunc('second', licet_now()) AS made_at,
	    date_trunc('second', CASE WHEN f.starts_cycle
	        AND s.status IN ('active', 'past_due', 'cancelled')
	        AND o.is_recurring
	        THEN GREATEST(s.next_renewal_at, licet_now())
	        ELSE licet_now() END) AS cycle_start_at
	FROM change_fit f
	JOIN policies y ON y.id = f.to_policy_id
	LEFT JOIN policies o ON o.id = f.from_policy_id
	LEFT JOIN subscriptions s ON s.license_id = f.license_id
), change_dates AS MATERIALIZED (
	SELECT t.tier_change_id,
	    t.cycle_start_at + make_interval(
	        secs => t.renewal_period_days * 86400.0) AS cycle_end_at,
	    CASE WHEN NOT t.is_recurring
	        THEN t.made_at + make_interval(secs => t.duration)
	    WHEN t.starts THEN t.cycle_start_at + make_interval(
	        secs => t.renewal_period_days * 86400.0)
	    ELSE date_trunc('second', t.next_renewal_at) END AS expires_at
	FROM change_terms t
), changes AS (
	UPDATE licenses AS l
	SET policy_id = t.to_policy_id, entitlements = t.entitlements,
	    max_machines = t.max_machines, is_trial = t.is_trial,
	    grace_seconds = t.grace_seconds, expires_at = d.expires_at
	FROM change_terms t
	JOIN change_dates d ON d.tier_change_id = t.tier_change_id
	WHERE l.id = t.license_id
	AND l.policy_id IS NOT DISTINCT FROM t.from_policy_id
	RETURNING t.tier_change_id, l.id AS license_id, l.product_id,
	    t.from_policy_id, t.to_policy_id, t.to_policy_slug, t.direction,
	    t.actor, t.reason, t.invoice_id, t.via, t.actor_kind, t.actor_hash,
	    t.request_ip, t.user_agent, t.is_recurring, t.starts,
	    t.subscription_id, t.subscription_status, t.listed_currency,
	    t.listed_value, t.renewal_period_days, t.grace_period_days,
	    t.cycle_number, t.cycle_start_at, d.cycle_end_at, l.expires_at
), changes_marked AS (
	UPDATE tier_changes AS c
	SET applied_at = CASE WHEN c.id = m.tier_change_id THEN licet_now() END,
	    cancelled_at = CASE WHEN c.id <> m.tier_change_id
	        THEN licet_now() END
	FROM changes m
	WHERE c.license_id = m.license_id AND c.applied_at IS NULL
	AND (c.id = m.tier_change_id OR c.cancelled_at IS NULL)
	RETURNING c.id, c.invoice_id, c.cancelled_at
), changes_unbilled AS (
	UPDATE subscription_invoices AS n
	SET superseded_at = licet_now()
	FROM changes m
	WHERE n.subscription_id = m.subscription_id
	AND n.superseded_at IS NULL AND n.applied_at IS NULL
	RETURNING n.subscription_id, n.invoice_id
), changes_invoices AS (
	UPDATE invoices AS i
	SET status = 'expired', next_check_at = licet_now() + interval '6 hours',
	    updated_at = licet_now()
	FROM (SELECT c.invoice_id
	    FROM changes_marked c
	    WHERE c.cancelled_at IS NOT NULL
	    UNION ALL
	    SELECT u.invoice_id
	    FROM changes_unbilled u) a
	WHERE i.id = a.invoice_id AND i.status IS NOT DISTINCT FROM 'pending'
	RETURNING i.id
), changes_went_on AS (
	UPDATE subscriptions AS s
	SET policy_id = CASE WHEN m.is_recurring THEN m.to_policy_id
	        ELSE s.policy_id END,
	    period_days = CASE WHEN m.is_recurring THEN m.renewal_period_days
	        ELSE s.period_days END,
	    grace_period_days = CASE WHEN m.is_recurring THEN m.grace_period_days
	        ELSE s.grace_period_days END,
	    listed_currency = CASE WHEN m.is_recurring THEN m.listed_currency
	        ELSE s.listed_currency END,
	    listed_value = CASE WHEN m.is_recurring THEN m.listed_value
	        ELSE s.listed_value END,
	    status = CASE WHEN NOT m.is_recurring THEN 'cancelled'
	        WHEN m.starts THEN 'active' ELSE s.status END,
	    cancelled_at = CASE WHEN NOT m.is_recurring
	        THEN COALESCE(s.cancelled_at, licet_now())
	        WHEN NOT m.starts THEN s.cancelled_at END,
	    cancellation_reason = CASE WHEN NOT m.is_recurring
	        THEN COALESCE(s.cancellation_reason, 'tier change')
	        WHEN NOT m.starts THEN s.cancellation_reason END,
	    lapsed_at = CASE WHEN m.is_recurring AND NOT m.starts
	        THEN s.lapsed_at END,
	    paid_cycle = CASE WHEN m.starts THEN m.cycle_number
	        ELSE s.paid_cycle END,
	    consecutive_failures = CASE WHEN m.starts THEN 0
	        ELSE s.consecutive_failures END,
	    next_renewal_at = CASE WHEN m.starts THEN m.cycle_end_at
	        ELSE s.next_renewal_at END,
	    next_attempt_at = CASE WHEN NOT m.is_recurring THEN NULL
	        WHEN m.starts THEN m.cycle_end_at
	        WHEN s.status IN ('active', 'past_due') AND EXISTS (
	            SELECT FROM changes_unbilled u
	            WHERE u.subscription_id = s.id)
	        THEN licet_now() ELSE s.next_attempt_at END,
	    payment_provider_id = CASE WHEN m.starts THEN COALESCE(
	            (SELECT i.provider_id FROM invoices i
	            WHERE i.id = m.invoice_id), s.payment_provider_id)
	        ELSE s.payment_provider_id END,
	    updated_at = licet_now()
	FROM changes m
	WHERE s.id = m.subscription_id
	RETURNING s.id, m.tier_change_id
), changes_began AS (
	INSERT INTO subscriptions AS s (license_id, policy_id, product_id,
	    period_days, grace_period_days, listed_currency, listed_value,
	    started_at, next_renewal_at, next_attempt_at, merchant_profile_id,
	    payment_provider_id)
	SELECT m.license_id, m.to_policy_id, m.product_id,
	    m.renewal_period_days, m.grace_period_days, m.listed_currency,
	    m.listed_value, m.cycle_start_at, m.cycle_end_at, m.cycle_end_at,
	    COALESCE(p.merchant_profile_id, merchant_profile_default_1()),
	    i.provider_id
	FROM changes m
	JOIN products p ON p.id = m.product_id
	LEFT JOIN invoices i ON i.id = m.invoice_id
	WHERE m.starts AND m.subscription_id IS NULL
	RETURNING s.id, s.license_id
), changes_cycle AS (
	INSERT INTO subscription_invoices (subscription_id, invoice_id,
	    cycle_number, cycle_start_at, cycle_end_at, applied_at)
	SELECT COALESCE(m.subscription_id, b.id), m.invoice_id, m.cycle_number,
	    m.cycle_start_at, m.cycle_end_at, licet_now()
	FROM changes m
	LEFT JOIN changes_began b ON b.license_id = m.license_id
	WHERE m.starts AND m.invoice_id IS NOT NULL
	AND (SELECT count(*) FROM changes_unbilled) >= 0
), changes_events AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT m.actor_kind, m.actor_hash, m.request_ip, m.user_agent,
	    CASE m.via WHEN 'invoice' THEN 'subscription.upgrade.applied'
	        WHEN 'renewal_worker'
	        THEN 'subscription.' || m.direction || '.applied'
	        ELSE 'license.change_tier' END,
	    'license', m.license_id::text, jsonb_strip_nulls(jsonb_build_object(
	        'tier_change_id', m.tier_change_id,
	        'from_policy_id', m.from_policy_id,
	        'to_policy_id', m.to_policy_id, 'direction', m.direction,
	        'actor', m.actor, 'invoice_id', m.invoice_id, 'via', m.via,
	        'expires_at', rfc3339(m.expires_at), 'reason', m.reason))
	FROM changes m
	UNION ALL
	SELECT 'system', NULL, NULL, NULL, 'invoice.expire', 'invoice',
	    i.id::text, jsonb_build_object('from', 'pending',
	        'detail', 'superseded by a tier change')
	FROM changes_invoices i
	UNION ALL
	SELECT m.actor_kind, m.actor_hash, m.request_ip, m.user_agent,
	    'subscription.cancel', 'subscription', m.subscription_id::text,
	    jsonb_build_object('reason', 'tier change',
	        'tier_change_id', m.tier_change_id)
	FROM changes m
	WHERE NOT m.is_recurring
	AND m.subscription_status IN ('active', 'past_due')
), changes_news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'license.tier_changed', m.product_id,
	    jsonb_build_object('license_id', m.license_id,
	        'product_id', m.product_id,
	        'from_policy_id', m.from_policy_id,
	        'to_policy_id', m.to_policy_id,
	        'to_policy_slug', m.to_policy_slug, 'direction', m.direction,
	        'actor', CASE m.via WHEN 'renewal_worker' THEN 'system'
	            ELSE m.actor END, 'tier_change_id', m.tier_change_id)
	    || CASE WHEN m.invoice_id IS NULL THEN '{}'
	        ELSE jsonb_build_object('invoice_id', m.invoice_id) END
	    || CASE m.via WHEN 'renewal_worker'
	        THEN '{"applied_via": "renewal_worker"}' ELSE '{}'::jsonb END
	FROM changes m
	UNION ALL
	SELECT 'subscription.cancelled', m.product_id, jsonb_build_object(
	    'subscription_id', m.subscription_id, 'license_id', m.license_id,
	    'product_id', m.product_id, 'policy_id', m.from_policy_id,
	    'actor', m.actor, 'reason', 'tier change')
	FROM changes m
	WHERE NOT m.is_recurring
	AND m.subscription_status IN ('active', 'past_due')
)

-- name: tier_apply_due :opt
-- Makes the scheduled change of a license that has fallen due, if there is one:
-- for the renewal worker, before it bills,
-- after license_lock.  One that may not be made any more
-- is cancelled, and the license stays as it is.  `applied' tells them apart; no
-- row, nothing was due.  Leans on tier_changes_open.
WITH due_change AS MATERIALIZED (
	SELECT c.id AS tier_change_id, c.license_id, NULL::uuid AS invoice_id,
	    'renewal_worker' AS via
	FROM tier_changes c
	WHERE c.license_id = @license_id::uuid AND c.applied_at IS NULL
	AND c.cancelled_at IS NULL AND c.invoice_id IS NULL
	AND c.effective_at <= licet_now()
), {{tier_apply}}, dropped AS (
	UPDATE tier_changes AS c
	SET cancelled_at = licet_now()
	FROM due_change d
	WHERE c.id = d.tier_change_id
	AND NOT EXISTS (SELECT FROM change_fit f
	    WHERE f.tier_change_id = c.id)
	RETURNING c.id, c.license_id, c.direction
), dropped_event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'subscription.' || c.direction || '.void', 'license',
	    c.license_id::text, jsonb_build_object('tier_change_id', c.id)
	FROM dropped c
)
SELECT d.tier_change_id, m.tier_change_id IS NOT NULL AS applied
FROM due_change d
LEFT JOIN changes m ON m.tier_change_id = d.tier_change_id;
