-- Sells :n subscriptions of :'policy' through the earliest provider that is
-- connected, as the settle pipeline leaves them: their first cycle is paid and
-- ends at licet_now() + :'due'.
WITH policy AS (
	SELECT y.id, y.product_id, y.renewal_period_days AS days,
	    y.grace_period_days AS grace, v.id AS provider_id,
	    date_trunc('second', licet_now()) + :'due'::interval AS due_at,
	    k.id AS key_id
	FROM policies y
	CROSS JOIN (SELECT v.id
		FROM payment_providers v
		WHERE v.disconnected_at IS NULL
		ORDER BY v.connected_at
		LIMIT 1) v
	JOIN signing_keys k ON k.active
	WHERE y.id = :'policy'::uuid
), sold AS (
	INSERT INTO invoices (id, provider_id, provider_invoice_id, product_id,
	    policy_id, status, buyer_email, amount_sats, base_price_sats,
	    listed_currency, listed_value, settled_at)
	SELECT gen_random_uuid(), y.provider_id, 'old-' || gen_random_uuid(),
	    y.product_id, y.id, 'settled', 'buyer' || n || '@example.org', 50000,
	    50000, 'SAT', 50000, licet_now()
	FROM policy y
	CROSS JOIN generate_series(1, :n) AS n
	RETURNING id, buyer_email
), licensed AS (
	INSERT INTO licenses (product_id, invoice_id, policy_id, buyer_email,
	    signing_key_id, issued_at, expires_at, grace_seconds)
	SELECT y.product_id, s.id, y.id, s.buyer_email, y.key_id,
	    y.due_at - y.days * interval '1 day', y.due_at, y.grace * 86400
	FROM sold s
	CROSS JOIN policy y
	RETURNING id, invoice_id, issued_at, expires_at
), subscribed AS (
	INSERT INTO subscriptions (license_id, policy_id, product_id,
	    period_days, grace_period_days, listed_currency, listed_value,
	    started_at, next_renewal_at, next_attempt_at, merchant_profile_id,
	    payment_provider_id)
	SELECT l.id, y.id, y.product_id, y.days, y.grace, 'SAT', 50000,
	    l.issued_at, l.expires_at, l.expires_at,
	    merchant_profile_default_1(), y.provider_id
	FROM licensed l
	CROSS JOIN policy y
	RETURNING id, license_id, started_at, next_renewal_at
)
INSERT INTO subscription_invoices (subscription_id, invoice_id, cycle_number,
    cycle_start_at, cycle_end_at, applied_at)
SELECT b.id, l.invoice_id, 1, b.started_at, b.next_renewal_at, b.started_at
FROM subscribed b
JOIN licensed l ON l.id = b.license_id;
