-- name: sweep_claim :opt
-- A row for the first worker to ask once the sweep is due, none for the others.
UPDATE jobs AS j
SET next_run = licet_now() + j.every, runs = j.runs + 1
WHERE j.name = (SELECT d.name
	FROM jobs d
	WHERE d.name = 'sweep' AND d.next_run <= licet_now()
	FOR UPDATE SKIP LOCKED)
RETURNING j.name, j.runs;

-- name: sweep_unfulfilled :many
-- Purchases of the last days that are settled and lack their license: nothing
-- of ours leaves such, but a restored backup or another release may.  Leans on
-- invoices_settled and licenses_invoice_id_key.
WITH due AS MATERIALIZED (
	SELECT i.id
	FROM invoices i
	WHERE i.settled_at > licet_now() - interval '72 hours'
	AND i.status = 'settled' AND i.kind = 'purchase'
	AND NOT EXISTS (SELECT FROM licenses l WHERE l.invoice_id = i.id)
	ORDER BY i.settled_at
	LIMIT 100
	FOR NO KEY UPDATE SKIP LOCKED
), sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_id, i.provider_invoice_id, NULL::text AS provider_kind,
	    i.amount_sats, i.base_price_sats, i.discount_applied_sats,
	    i.listed_currency, i.listed_value, i.is_trial, d.code_id,
	    d.id AS redemption_id, false AS fresh, NULL::jsonb AS details
	FROM due u
	JOIN invoices i ON i.id = u.id
	LEFT JOIN discount_redemptions d ON d.invoice_id = i.id
), {{fulfil}}
SELECT l.id AS license_id, l.invoice_id
FROM issued l;

-- name: sweep_unsubscribed :many
-- Licenses of the last days that an earlier release, still running beside this
-- one, sold under a recurring policy without the subscription.  Leans on
-- licenses_newest and subscriptions_license_id_key.
WITH due AS MATERIALIZED (
	SELECT l.id, l.product_id, l.policy_id, l.invoice_id, l.issued_at,
	    l.expires_at, y.renewal_period_days, y.grace_period_days,
	    i.listed_currency, i.listed_value, i.is_trial, i.provider_id,
	    p.price_currency, p.merchant_profile_id,
	    COALESCE(y.price_sats_override, p.price_value) AS price
	FROM licenses l
	JOIN invoices i ON i.id = l.invoice_id
	JOIN policies y ON y.id = l.policy_id
	JOIN products p ON p.id = l.product_id
	WHERE l.created_at > licet_now() - interval '72 hours'
	AND l.status <> 'revoked' AND l.expires_at > l.issued_at
	AND y.is_recurring AND i.kind = 'purchase'
	AND NOT EXISTS (SELECT FROM subscriptions b WHERE b.license_id = l.id)
	ORDER BY l.created_at
	LIMIT 100
), subscribed AS (
	INSERT INTO subscriptions AS b (license_id, policy_id, product_id,
	    period_days, grace_period_days, listed_currency, listed_value,
	    started_at, began_with_trial, next_renewal_at, next_attempt_at,
	    merchant_profile_id, payment_provider_id)
	SELECT d.id, d.policy_id, d.product_id, d.renewal_period_days,
	    d.grace_period_days, COALESCE(d.listed_currency, d.price_currency),
	    COALESCE(d.listed_value, d.price), d.issued_at, d.is_trial,
	    d.expires_at, d.expires_at,
	    COALESCE(d.merchant_profile_id, merchant_profile_default_1()),
	    d.provider_id
	FROM due d
	ON CONFLICT (license_id) DO NOTHING
	RETURNING b.id, b.license_id, b.started_at, b.next_renewal_at
), cycle AS (
	INSERT INTO subscription_invoices (subscription_id, invoice_id,
	    cycle_number, cycle_start_at, cycle_end_at, applied_at)
	SELECT b.id, d.invoice_id, 1, b.started_at, b.next_renewal_at,
	    licet_now()
	FROM subscribed b
	JOIN due d ON d.id = b.license_id
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'subscription.create', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id,
	    'next_renewal_at', rfc3339(b.next_renewal_at), 'swept', true)
	FROM subscribed b
)
SELECT b.id, b.license_id
FROM subscribed b;
