-- fragment: subscription_json
-- A subscription (alias b) as administrators see it.
json_build_object('id', b.id, 'license_id', b.license_id,
    'policy_id', b.policy_id, 'product_id', b.product_id,
    'period_days', b.period_days, 'grace_period_days', b.grace_period_days,
    'listed_currency', b.listed_currency, 'listed_value', b.listed_value,
    'status', b.status, 'started_at', rfc3339(b.started_at),
    'paid_cycle', b.paid_cycle, 'began_with_trial', b.began_with_trial,
    'next_renewal_at', rfc3339(b.next_renewal_at),
    'next_attempt_at', rfc3339(b.next_attempt_at),
    'last_renewal_attempt_at', rfc3339(b.last_renewal_attempt_at),
    'consecutive_failures', b.consecutive_failures,
    'cancelled_at', rfc3339(b.cancelled_at),
    'cancellation_reason', b.cancellation_reason,
    'lapsed_at', rfc3339(b.lapsed_at),
    'merchant_profile_id', b.merchant_profile_id,
    'payment_provider_id', b.payment_provider_id,
    'created_at', rfc3339(b.created_at), 'updated_at', rfc3339(b.updated_at))

-- fragment: subscription_columns
-- The columns that subscription_json reads.
b.id, b.license_id, b.policy_id, b.product_id, b.period_days,
b.grace_period_days, b.listed_currency, b.listed_value, b.status, b.started_at,
b.paid_cycle, b.began_with_trial, b.next_renewal_at, b.next_attempt_at,
b.last_renewal_attempt_at, b.consecutive_failures, b.cancelled_at,
b.cancellation_reason, b.lapsed_at, b.merchant_profile_id,
b.payment_provider_id, b.created_at, b.updated_at

-- name: subscription_list :one
-- A page of subscriptions, newest first, of one status or of all.  Each branch
-- has its own index: subscriptions_status, subscriptions_newest; a range of one
-- status has no order but that of the first.
WITH page AS (
	(SELECT {{subscription_columns}}
	FROM subscriptions b
	WHERE b.status >= @status::text
	AND (b.status, b.created_at, b.id)
	< (@status, {{cursor_time}}, {{cursor_id}})
	ORDER BY b.status DESC, b.created_at DESC, b.id DESC
	LIMIT COALESCE(@limit::int, 200) + 1)
	UNION ALL
	(SELECT {{subscription_columns}}
	FROM subscriptions b
	WHERE @status IS NULL
	AND (b.created_at, b.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY b.created_at DESC, b.id DESC
	LIMIT COALESCE(@limit, 200) + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY b.created_at DESC, b.id DESC) AS n,
	    COALESCE(@limit, 200) AS most,
	    (extract(epoch FROM b.created_at) * 1000000)::bigint || '_' || b.id
	    AS cursor,
	    {{subscription_json}}::jsonb || jsonb_build_object(
	        'product_slug', p.slug, 'product_name', p.name,
	        'policy_slug', y.slug, 'policy_name', y.name,
	        'buyer_email', l.buyer_email, 'license_status', l.status) AS doc
	FROM page b
	CROSS JOIN LATERAL (SELECT l.buyer_email, l.status
	    FROM licenses l
	    WHERE l.id = b.license_id
	    LIMIT 1) l
	JOIN products p ON p.id = b.product_id
	LEFT JOIN policies y ON y.id = b.policy_id
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'subscriptions', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= r.most), '[]'),
    'next_cursor', CASE WHEN count(*) > max(r.most)
        THEN max(r.cursor) FILTER (WHERE r.n = r.most) END) AS body
FROM numbered r;

-- name: subscription_get :opt
-- One subscription with its cycles and their invoices, newest first.  Leans on
-- the primary key and subscription_invoices_by_cycle.
SELECT NULL AS fault, NULL AS message, json_build_object(
    'subscription', {{subscription_json}}, 'product_slug', p.slug,
    'product_name', p.name, 'policy_slug', y.slug, 'policy_name', y.name,
    'license_status', l.status,
    'license_expires_at', rfc3339(l.expires_at),
    'buyer_email', l.buyer_email,
    'lapses_at', CASE WHEN b.status IN ('active', 'past_due')
        THEN rfc3339({{lapse_at}}) END,
    'cycles', COALESCE((
        SELECT json_agg(json_build_object('cycle_number', c.cycle_number,
            'cycle_start_at', rfc3339(c.cycle_start_at),
            'cycle_end_at', rfc3339(c.cycle_end_at),
            'invoice_id', c.invoice_id, 'invoice_status', i.status,
            'amount_sats', i.amount_sats, 'checkout_url', i.checkout_url,
            'applied_at', rfc3339(c.applied_at),
            'superseded_at', rfc3339(c.superseded_at),
            'announced_at', rfc3339(c.announced_at),
            'created_at', rfc3339(c.created_at))
            ORDER BY c.cycle_number DESC, c.created_at DESC)
        FROM subscription_invoices c
        JOIN invoices i ON i.id = c.invoice_id
        WHERE c.subscription_id = b.id), '[]')) AS body
FROM subscriptions b
JOIN products p ON p.id = b.product_id
JOIN licenses l ON l.id = b.license_id
LEFT JOIN policies y ON y.id = b.policy_id
WHERE b.id = @id::uuid;

-- name: subscription_lock :exec
-- license_lock for the license of a subscription.
SELECT pg_advisory_xact_lock(
    hashtextextended('license ' || b.license_id::text, 0))
FROM subscriptions b
WHERE b.id = @id::uuid;

-- fragment: subscription_end
-- Ends the subscription in `ending' (id, status, actor): nothing more is
-- billed, the license goes on to the end of the paid cycle (the days of grace
-- were for a renewal to come), and a move to another tier that was to come with
-- the next cycle won't.  An invoice that is out can still be paid.
ended AS (
	UPDATE subscriptions AS b
	SET status = 'cancelled', cancelled_at = licet_now(),
	    cancellation_reason = @reason::text, next_attempt_at = NULL,
	    updated_at = licet_now()
	FROM ending e
	WHERE b.id = e.id AND b.status IN ('active', 'past_due')
	RETURNING b.id, b.license_id, b.product_id, b.policy_id,
	    b.next_renewal_at, e.status AS was, e.actor
), ended_license AS (
	UPDATE licenses AS l
	SET grace_seconds = LEAST(l.grace_seconds, COALESCE((
	    SELECT y.grace_seconds
	    FROM policies y
	    WHERE y.id = b.policy_id), 0))
	FROM ended b
	WHERE l.id = b.license_id
), ended_change AS (
	UPDATE tier_changes AS c
	SET cancelled_at = licet_now()
	FROM ended b
	WHERE c.license_id = b.license_id AND c.invoice_id IS NULL
	AND c.applied_at IS NULL AND c.cancelled_at IS NULL
), ended_event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'subscription.cancel', 'subscription',
	    b.id::text, jsonb_build_object('from', b.was,
	    'license_id', b.license_id, 'reason', @reason,
	    'access_until', rfc3339(b.next_renewal_at))
	FROM ended b
), ended_news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'subscription.cancelled', b.product_id, jsonb_build_object(
	    'subscription_id', b.id, 'license_id', b.license_id,
	    'product_id', b.product_id, 'policy_id', b.policy_id,
	    'actor', b.actor, 'reason', @reason)
	FROM ended b
)

-- fragment: subscription_ended
-- What is answered: cancelled, or how it stands if it can't be any more.
CASE WHEN d.id IS NOT NULL THEN json_build_object('ok', true,
    'subscription_id', e.id, 'status', 'cancelled')
ELSE json_build_object('ok', true, 'already', e.status,
    'subscription_id', e.id) END

-- name: subscription_cancel :opt
-- The vendor ends a subscription.  After subscription_lock.
WITH ending AS MATERIALIZED (
	SELECT b.id, b.status, 'admin' AS actor
	FROM subscriptions b
	JOIN licenses l ON l.id = b.license_id
	WHERE b.id = @id::uuid
	FOR NO KEY UPDATE OF l, b
), {{subscription_end}}
SELECT NULL AS fault, NULL AS message, {{subscription_ended}} AS body
FROM ending e
LEFT JOIN ended d ON true;

-- name: subscription_cancel_by_key :one
-- The buyer ends a subscription; the key was checked before.  After
-- license_lock.
WITH license AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.id = @license_id::uuid AND l.status = 'active'
	FOR NO KEY UPDATE
), ending AS MATERIALIZED (
	SELECT b.id, b.status, 'buyer' AS actor
	FROM subscriptions b
	WHERE b.license_id = (SELECT l.id FROM license l)
	FOR NO KEY UPDATE
), {{subscription_end}}
SELECT CASE WHEN l.id IS NULL THEN 'unauthorized'
    WHEN e.id IS NULL THEN 'not_found' END AS fault,
    CASE WHEN l.id IS NULL THEN 'This license key opens nothing.'
    WHEN e.id IS NULL THEN 'The license has no subscription.' END AS message,
    CASE WHEN e.id IS NOT NULL THEN {{subscription_ended}} END AS body
FROM (VALUES (1)) AS one (row)
LEFT JOIN license l ON true
LEFT JOIN ending e ON true
LEFT JOIN ended d ON true;

-- fragment: subscription_anew
-- Its billing is tried again now, as if it had never failed.
consecutive_failures = 0, next_attempt_at = licet_now(),
	    updated_at = licet_now()

-- fragment: subscription_resumed
-- Every worker and the audit trail hear of those that were `resumed'.
woken AS (
	SELECT pg_notify('licet_jobs', 'renewals')
	FROM (SELECT 1 FROM resumed LIMIT 1) r
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'subscription.resume', 'subscription',
	    r.id::text, '{}'
	FROM resumed r
)

-- name: subscription_resume :one
-- Subscriptions whose billing gave up after five failures try again now, and
-- every worker is told.  Leans on subscriptions_status.
WITH resumed AS (
	UPDATE subscriptions AS b
	SET {{subscription_anew}}
	WHERE b.status = 'past_due' AND b.consecutive_failures >= 5
	RETURNING b.id
), {{subscription_resumed}}
SELECT NULL AS fault, NULL AS message, json_build_object('ok', true,
    'resumed', (SELECT count(*) FROM resumed)) AS body,
    (SELECT count(*) FROM woken) AS woken;

-- name: subscription_resume_one :opt
-- The same for one that is past due, however often its billing failed.  After
-- subscription_lock; leans on subscriptions_pkey.
WITH held AS MATERIALIZED (
	SELECT b.id, b.status
	FROM subscriptions b
	WHERE b.id = @id::uuid
	FOR NO KEY UPDATE
), resumed AS (
	UPDATE subscriptions AS b
	SET {{subscription_anew}}
	FROM held h
	WHERE b.id = h.id AND h.status = 'past_due'
	RETURNING b.id
), {{subscription_resumed}}
SELECT CASE WHEN h.status <> 'past_due' THEN 'conflict' END AS fault,
    'Only a subscription that is past due can be billed again.' AS message,
    CASE WHEN h.status = 'past_due' THEN
    json_build_object('ok', true, 'subscription_id', h.id) END AS body,
    (SELECT count(*) FROM woken) AS woken
FROM held h;

-- name: subscription_lapse :many
-- Subscriptions that were billed and not paid in time: from then on, to the
-- second, their licenses validate as expired.  What is out can still be paid.
-- Rows that somebody holds are left to the next sweep, so it waits for nobody.
-- Leans on subscriptions_due.
WITH due AS MATERIALIZED (
	SELECT b.id
	FROM subscriptions b
	JOIN licenses l ON l.id = b.license_id
	WHERE b.next_attempt_at <= licet_now() AND b.status = 'past_due'
	AND {{lapse_at}} <= licet_now()
	ORDER BY b.next_attempt_at
	LIMIT @limit::int
	FOR NO KEY UPDATE OF l, b SKIP LOCKED
), lapsed AS (
	UPDATE subscriptions AS b
	SET status = 'lapsed', lapsed_at = {{lapse_at}}, next_attempt_at = NULL,
	    updated_at = licet_now()
	WHERE b.id = ANY (ARRAY(SELECT d.id FROM due d))
	RETURNING b.id, b.license_id, b.product_id, b.policy_id, b.lapsed_at,
	    b.grace_period_days, b.paid_cycle
), ended AS (
	UPDATE licenses AS l
	SET grace_seconds = LEAST(l.grace_seconds,
	    b.grace_period_days * 86400::bigint)
	FROM lapsed b
	WHERE l.id = b.license_id
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.lapse', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id,
	    'paid_cycle', b.paid_cycle, 'lapsed_at', rfc3339(b.lapsed_at))
	FROM lapsed b
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'subscription.lapsed', b.product_id, jsonb_build_object(
	    'subscription_id', b.id, 'license_id', b.license_id,
	    'product_id', b.product_id, 'policy_id', b.policy_id)
	FROM lapsed b
)
SELECT b.id
FROM lapsed b;
