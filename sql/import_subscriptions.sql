-- name: import_subscriptions :one
-- Subscriptions, to be billed when they are due, to the second, as licenses end.
-- One whose price was taken from a free first cycle gets its policy's.  Failures
-- of there don't count.
WITH given AS (
	SELECT r.id, l.id AS license_id, l.product_id, l.issued_at,
	    y.id AS policy_id, COALESCE(y.grace_period_days, 7) AS grace,
	    CASE WHEN r.period_days >= 1 THEN r.period_days
	        ELSE NULLIF(y.renewal_period_days, 0) END AS period_days,
	    CASE WHEN r.listed_value > 0 THEN upper(r.listed_currency)
	        ELSE p.price_currency END AS listed_currency,
	    CASE WHEN r.listed_value > 0 THEN r.listed_value
	        ELSE COALESCE(y.price_sats_override, p.price_value) END
	        AS listed_value, r.listed_value AS was_value,
	    CASE WHEN r.status IN ('active', 'past_due', 'lapsed')
	        THEN r.status ELSE 'cancelled' END AS status,
	    r.started_at,
	    date_trunc('second', r.next_renewal_at) AS next_renewal_at,
	    r.cancelled_at, r.cancellation_reason, r.last_renewal_attempt_at,
	    r.zaprite_contact_id, r.zaprite_payment_profile_id,
	    r.zaprite_payment_profile_method,
	    r.zaprite_payment_profile_expires_at,
	    COALESCE(m.id, p.merchant_profile_id, merchant_profile_default_1())
	        AS profile_id, v.id AS provider_id,
	    (SELECT o.id
	        FROM payment_providers o
	        WHERE o.kind = 'zaprite' AND o.disconnected_at IS NULL
	        AND o.merchant_profile_id = COALESCE(m.id,
	            p.merchant_profile_id, merchant_profile_default_1()))
	        AS card_provider_id,
	    COALESCE(r.created_at, licet_now()) AS created_at,
	    COALESCE(r.updated_at, r.created_at, licet_now()) AS updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, license_id uuid,
	    policy_id uuid, period_days bigint, listed_currency text,
	    listed_value bigint, status text, started_at timestamptz,
	    next_renewal_at timestamptz, cancelled_at timestamptz,
	    cancellation_reason text, last_renewal_attempt_at timestamptz,
	    zaprite_contact_id text, zaprite_payment_profile_id text,
	    zaprite_payment_profile_method text,
	    zaprite_payment_profile_expires_at timestamptz,
	    merchant_profile_id uuid, payment_provider_id uuid,
	    created_at timestamptz, updated_at timestamptz)
	JOIN licenses l ON l.id = r.license_id
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = r.policy_id
	LEFT JOIN merchant_profiles m ON m.id = r.merchant_profile_id
	LEFT JOIN payment_providers v ON v.id = r.payment_provider_id
	WHERE r.id IS NOT NULL AND r.next_renewal_at IS NOT NULL
), written AS (
	INSERT INTO subscriptions AS b (id, license_id, policy_id, product_id,
	    period_days, grace_period_days, listed_currency, listed_value,
	    status, started_at, next_renewal_at, next_attempt_at,
	    last_renewal_attempt_at, cancelled_at, cancellation_reason,
	    lapsed_at, merchant_profile_id, payment_provider_id,
	    card_provider_id, zaprite_contact_id, zaprite_payment_profile_id,
	    zaprite_payment_profile_method,
	    zaprite_payment_profile_expires_at, created_at, updated_at)
	SELECT g.id, g.license_id, g.policy_id, g.product_id, g.period_days,
	    g.grace, g.listed_currency, g.listed_value, g.status,
	    COALESCE(g.started_at, g.issued_at), g.next_renewal_at,
	    CASE WHEN g.status IN ('active', 'past_due')
	        THEN g.next_renewal_at END, g.last_renewal_attempt_at,
	    CASE g.status WHEN 'cancelled'
	        THEN COALESCE(g.cancelled_at, g.updated_at)
	        ELSE g.cancelled_at END, g.cancellation_reason,
	    CASE g.status WHEN 'lapsed' THEN g.updated_at END, g.profile_id,
	    g.provider_id, CASE WHEN g.zaprite_contact_id IS NOT NULL
	        THEN g.card_provider_id END,
	    g.zaprite_contact_id, g.zaprite_payment_profile_id,
	    g.zaprite_payment_profile_method,
	    g.zaprite_payment_profile_expires_at, g.created_at, g.updated_at
	FROM given g
	WHERE g.period_days <= 2147483647
	AND g.listed_currency IN ('SAT', 'USD', 'EUR')
	ON CONFLICT DO NOTHING
	RETURNING b.id
), mended AS (
	SELECT 'its price was 0 and is now the policy''s' AS text
	FROM given g
	WHERE COALESCE(g.was_value, 0) <= 0 AND g.listed_value > 0
)
{{import_answer}};

-- name: import_cycles :one
-- Which invoice bills which cycle; such an invoice is a renewal.  One that
-- brought a license of its own there, which should have prolonged the first,
-- stays the purchase of that.  Of a cycle's invoices one is paid and one is in
-- force.
WITH given AS (
	SELECT r.id, b.id AS subscription_id, b.license_id, i.id AS invoice_id,
	    r.cycle_number,
	    date_trunc('second', r.cycle_start_at) AS cycle_start_at,
	    date_trunc('second', r.cycle_end_at) AS cycle_end_at,
	    row_number() OVER (PARTITION BY b.id, r.cycle_number
	        ORDER BY i.status = 'settled' DESC, i.created_at DESC, r.id) = 1
	    AND NOT EXISTS (SELECT FROM subscription_invoices c
	        WHERE c.subscription_id = b.id
	        AND c.cycle_number = r.cycle_number) AS in_force,
	    CASE i.status WHEN 'settled' THEN i.settled_at END AS settled_at,
	    r.cycle_number > 1 AND NOT EXISTS (SELECT FROM licenses l
	        WHERE l.invoice_id = i.id) AS renews,
	    COALESCE(r.created_at, i.created_at) AS created_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid,
	    subscription_id uuid, invoice_id uuid, cycle_number bigint,
	    cycle_start_at timestamptz, cycle_end_at timestamptz,
	    created_at timestamptz)
	JOIN subscriptions b ON b.id = r.subscription_id
	JOIN invoices i ON i.id = r.invoice_id
	WHERE r.id IS NOT NULL AND r.cycle_number BETWEEN 1 AND 2147483647
	AND r.cycle_end_at >= r.cycle_start_at + interval '1 second'
), written AS (
	INSERT INTO subscription_invoices AS c (id, subscription_id,
	    invoice_id, cycle_number, cycle_start_at, cycle_end_at,
	    superseded_at, applied_at, announced_at, created_at)
	SELECT g.id, g.subscription_id, g.invoice_id, g.cycle_number,
	    g.cycle_start_at, g.cycle_end_at,
	    CASE WHEN NOT g.in_force THEN licet_now() END,
	    CASE WHEN g.in_force THEN g.settled_at END, g.created_at,
	    g.created_at
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING c.id, c.invoice_id
), named AS (
	UPDATE invoices AS i
	SET kind = 'renewal', license_id = g.license_id
	FROM given g
	JOIN written w ON w.id = g.id
	WHERE i.id = g.invoice_id AND g.renews
), mended AS (
	SELECT 'a renewal that brought a license of its own' AS text
	FROM given g
	WHERE g.cycle_number > 1 AND NOT g.renews
)
{{import_answer}};

-- name: import_changes :one
-- Moves between tiers.  There they don't say whether they were made: one is
-- made when its invoice is paid, or without one when its time has come.  Of
-- those that are open the newest stays so.
WITH given AS (
	SELECT r.id, l.id AS license_id, f.id AS from_policy_id,
	    t.id AS to_policy_id, COALESCE(t.price_sats_override,
	    p.price_value) AS next_value, r.direction,
	    COALESCE(r.listed_currency, p.price_currency) AS listed_currency,
	    GREATEST(COALESCE(r.proration_charge_value, 0), 0) AS charge,
	    i.id AS invoice_id, COALESCE(r.effective_at, r.created_at,
	    licet_now()) AS effective_at,
	    CASE WHEN r.actor = 'buyer' THEN r.actor ELSE 'admin' END AS actor,
	    r.reason, COALESCE(r.created_at, licet_now()) AS created_at,
	    CASE WHEN i.id IS NOT NULL THEN i.settled_at
	        WHEN r.invoice_id IS NULL AND COALESCE(r.effective_at,
	            r.created_at, licet_now()) <= licet_now()
	        THEN COALESCE(r.effective_at, r.created_at, licet_now()) END
	        AS applied_at,
	    i.status = 'pending' OR r.invoice_id IS NULL
	        AND r.effective_at > licet_now() AS is_open,
	    NOT EXISTS (SELECT FROM licenses o
	        WHERE o.invoice_id = i.id) AS moves
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, license_id uuid,
	    from_policy_id uuid, to_policy_id uuid, direction text,
	    listed_currency text, proration_charge_value bigint,
	    invoice_id uuid, effective_at timestamptz, actor text,
	    reason text, created_at timestamptz)
	JOIN licenses l ON l.id = r.license_id
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies f ON f.id = r.from_policy_id
	LEFT JOIN policies t ON t.id = r.to_policy_id
	LEFT JOIN invoices i ON i.id = r.invoice_id
	WHERE r.id IS NOT NULL AND r.direction IN ('upgrade', 'downgrade')
), judged AS (
	SELECT g.id, g.is_open AND g.to_policy_id IS NOT NULL
	    AND row_number() OVER (PARTITION BY g.license_id, g.is_open
	        ORDER BY g.created_at DESC, g.id) = 1
	    AND NOT EXISTS (SELECT FROM tier_changes c
	        WHERE c.license_id = g.license_id AND c.applied_at IS NULL
	        AND c.cancelled_at IS NULL) AS stays_open
	FROM given g
), written AS (
	INSERT INTO tier_changes AS c (id, license_id, from_policy_id,
	    to_policy_id, direction, listed_currency,
	    proration_charge_value, next_listed_value, invoice_id,
	    effective_at, actor, reason, applied_at, cancelled_at, created_at)
	SELECT g.id, g.license_id, g.from_policy_id, g.to_policy_id,
	    g.direction, g.listed_currency, g.charge, g.next_value,
	    g.invoice_id, g.effective_at, g.actor, g.reason, g.applied_at,
	    CASE WHEN g.applied_at IS NULL AND j.stays_open IS NOT TRUE
	        THEN licet_now() END, g.created_at
	FROM given g
	JOIN judged j ON j.id = g.id
	ON CONFLICT DO NOTHING
	RETURNING c.id
), named AS (
	UPDATE invoices AS i
	SET kind = 'tier_change', license_id = g.license_id
	FROM given g
	JOIN written w ON w.id = g.id
	WHERE i.id = g.invoice_id AND g.moves AND i.kind = 'purchase'
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_dues :one
-- When each subscription is due, once its cycles are known: at the beginning of
-- the first cycle that is not paid, however often it was billed there.  Later
-- bills are superseded.  Walks the cycles by subscription, once.
WITH paid AS (
	SELECT b.id, b.status, b.next_renewal_at,
	    COALESCE(max(c.cycle_number) FILTER (
	        WHERE c.applied_at IS NOT NULL), 1) AS cycle
	FROM subscriptions b
	LEFT JOIN subscription_invoices c ON c.subscription_id = b.id
	GROUP BY b.id
), open AS (
	SELECT c.subscription_id AS id, min(c.cycle_number) AS cycle,
	    min(c.cycle_start_at) AS due_at
	FROM paid d
	JOIN subscription_invoices c ON c.subscription_id = d.id
	WHERE c.cycle_number > d.cycle AND c.superseded_at IS NULL
	GROUP BY c.subscription_id
), superseded AS (
	UPDATE subscription_invoices AS c
	SET superseded_at = licet_now()
	FROM paid d
	WHERE c.subscription_id = d.id AND c.cycle_number > d.cycle + 1
	AND c.superseded_at IS NULL
), written AS (
	UPDATE subscriptions AS b
	SET paid_cycle = d.cycle,
	    next_renewal_at = CASE WHEN b.status IN ('active', 'past_due')
	        THEN LEAST(o.due_at, b.next_renewal_at)
	        ELSE b.next_renewal_at END,
	    next_attempt_at = CASE WHEN b.status IN ('active', 'past_due')
	        THEN LEAST(o.due_at, b.next_renewal_at) END
	FROM paid d
	LEFT JOIN open o ON o.id = d.id
	WHERE b.id = d.id
	RETURNING b.id, b.status, b.next_renewal_at
), mended AS (
	SELECT 'its due date is back at the end of what was paid' AS text
	FROM written w
	JOIN paid d ON d.id = w.id
	WHERE w.next_renewal_at <> d.next_renewal_at
)
{{import_answer}};

-- name: import_terms :one
-- A license that is paid by cycles ends with what was paid, and lasts as long
-- beyond it as a renewal may be late.  One whose subscription ended keeps the
-- date it has.
WITH written AS (
	UPDATE licenses AS l
	SET expires_at = CASE WHEN b.status IN ('active', 'past_due')
	        THEN b.next_renewal_at
	        ELSE COALESCE(l.expires_at, b.next_renewal_at) END,
	    grace_seconds = CASE WHEN b.status IN ('active', 'past_due')
	        THEN GREATEST(l.grace_seconds,
	            b.grace_period_days * 86400::bigint)
	        ELSE l.grace_seconds END
	FROM subscriptions b
	WHERE l.id = b.license_id AND b.status <> 'cancelled'
	AND (b.status <> 'lapsed' OR l.expires_at IS NULL)
	RETURNING l.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};
