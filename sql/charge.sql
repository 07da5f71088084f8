-- fragment: charge_queue
-- A renewal (`changed': the invoice, known to its provider now) that the buyer's
-- saved card can pay: once to a cycle, whatever becomes of it.
charge_queued AS (
	UPDATE subscription_invoices AS c
	SET charge_next_at = licet_now()
	FROM changed n
	JOIN invoices i ON i.id = n.id
	CROSS JOIN subscriptions b
	JOIN licenses l ON l.id = b.license_id
	WHERE c.invoice_id = n.id AND n.kind = 'renewal' AND n.status = 'pending'
	AND c.announced_at IS NULL AND {{charge_fits}}
	RETURNING c.subscription_id, c.invoice_id, c.cycle_number
)

-- fragment: charge_fits
-- May this cycle (c, of subscription b, license l) be paid with the card, at the
-- provider of its invoice (i)?  Found by ids: IS NOT DISTINCT FROM keeps the
-- planner from reading all that are past due, of which it may know none yet.
c.subscription_id = b.id AND c.superseded_at IS NULL
AND b.status IS NOT DISTINCT FROM 'past_due' AND l.status = 'active'
AND b.zaprite_payment_profile_id IS NOT NULL
AND b.card_provider_id = i.provider_id
AND (b.zaprite_payment_profile_expires_at IS NULL
    OR b.zaprite_payment_profile_expires_at > licet_now())
AND NOT EXISTS (
    SELECT FROM subscription_invoices o
    WHERE o.subscription_id = b.id AND o.cycle_number = c.cycle_number
    AND o.charge_started_at IS NOT NULL)

-- name: charge_claim :many
-- Cycles to be charged to a card, or charged without a known end.  Who dies with
-- them does no harm: a minute later they are due again, for any worker.  Leans on
-- subscription_invoices_charge.
WITH due AS MATERIALIZED (
	SELECT c.id
	FROM subscription_invoices c
	WHERE c.charge_next_at <= licet_now()
	ORDER BY c.charge_next_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
	UPDATE subscription_invoices AS c
	SET charge_next_at = licet_now() + interval '1 minute'
	FROM due d
	WHERE c.id = d.id
	RETURNING c.invoice_id, c.charge_started_at
)
SELECT c.invoice_id, i.license_id, i.provider_invoice_id,
    extract(epoch FROM licet_now() - c.charge_started_at)::bigint
    AS started_seconds, v.disconnected_at IS NOT NULL AS is_gone,
    {{provider_facts}}
FROM claimed c
JOIN invoices i ON i.id = c.invoice_id
JOIN payment_providers v ON v.id = i.provider_id;

-- name: charge_begin :opt
-- Says, before the call, that the card is charged.  No row: it was before, or
-- must not be any more.  After license_lock.
WITH begun AS (
	UPDATE subscription_invoices AS c
	SET charge_started_at = licet_now()
	FROM invoices i
	JOIN licenses l ON l.id = i.license_id
	JOIN subscriptions b ON b.license_id = l.id
	WHERE c.invoice_id = i.id AND i.id = @invoice_id::uuid
	AND i.license_id = @license_id::uuid AND i.status = 'pending'
	AND c.charge_next_at IS NOT NULL AND c.announced_at IS NULL
	AND {{charge_fits}}
	RETURNING c.invoice_id, c.cycle_number, c.cycle_start_at,
	    c.cycle_end_at, b.id, b.license_id, b.product_id, b.policy_id,
	    b.zaprite_payment_profile_id, i.amount_sats, i.listed_currency,
	    i.listed_value
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.auto_charge_initiated',
	    'subscription', b.id::text, jsonb_build_object(
	    'license_id', b.license_id, 'invoice_id', b.invoice_id,
	    'cycle_number', b.cycle_number, 'amount_sats', b.amount_sats)
	FROM begun b
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'subscription.auto_charge_initiated', b.product_id,
	    jsonb_build_object('subscription_id', b.id,
	    'license_id', b.license_id, 'product_id', b.product_id,
	    'policy_id', b.policy_id, 'invoice_id', b.invoice_id,
	    'amount_sats', b.amount_sats,
	    'listed_currency', b.listed_currency,
	    'listed_value', b.listed_value, 'cycle_number', b.cycle_number,
	    'cycle_start_at', rfc3339(b.cycle_start_at),
	    'cycle_end_at', rfc3339(b.cycle_end_at))
	FROM begun b
)
SELECT b.zaprite_payment_profile_id AS card_id
FROM begun b;

-- name: charge_end :exec
-- The card has paid, or won't: then the buyer is asked to, if that is still of
-- use.  Who didn't start the charge leaves it alone if another has meanwhile.
-- After license_lock.
WITH cycle AS MATERIALIZED (
	SELECT c.id, c.charge_started_at, i.status, i.id AS invoice_id,
	    b.id AS subscription_id, b.license_id, b.product_id,
	    i.status = 'pending' AND c.superseded_at IS NULL
	    AND c.announced_at IS NULL AND b.status IN ('past_due', 'lapsed')
	    AS is_wanted
	FROM subscription_invoices c
	JOIN invoices i ON i.id = c.invoice_id
	JOIN subscriptions b ON b.id = c.subscription_id
	WHERE c.invoice_id = @invoice_id::uuid
	AND b.license_id = @license_id::uuid AND c.charge_next_at IS NOT NULL
	AND (c.charge_started_at IS NOT NULL) = @was_started::boolean
	FOR NO KEY UPDATE OF c
), changed AS (
	SELECT i.id, i.checkout_url, i.amount_sats, i.listed_currency,
	    i.listed_value, i.buyer_email
	FROM cycle o
	JOIN invoices i ON i.id = o.invoice_id
	WHERE o.is_wanted
), ended AS (
	UPDATE subscription_invoices AS c
	SET charge_next_at = NULL,
	    charge_failed_at = CASE WHEN o.status <> 'settled'
	        AND o.charge_started_at IS NOT NULL THEN licet_now() END,
	    announced_at = CASE WHEN o.is_wanted THEN licet_now()
	        ELSE c.announced_at END
	FROM cycle o
	WHERE c.id = o.id
	RETURNING c.subscription_id, c.invoice_id, c.cycle_number,
	    c.cycle_start_at, c.cycle_end_at, c.charge_failed_at, o.is_wanted,
	    o.license_id, o.product_id
), announced AS (
	SELECT e.subscription_id, e.invoice_id, e.cycle_number,
	    e.cycle_start_at, e.cycle_end_at
	FROM ended e
	WHERE e.is_wanted
), awaiting AS (
	SELECT a.subscription_id, a.cycle_number, interval '0' AS patience
	FROM announced a
), {{renewal_announcement}}, event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.auto_charge_failed',
	    'subscription', e.subscription_id::text, jsonb_build_object(
	    'license_id', e.license_id, 'invoice_id', e.invoice_id,
	    'cycle_number', e.cycle_number, 'reason', @reason::text)
	FROM ended e
	WHERE e.charge_failed_at IS NOT NULL
)
INSERT INTO outbox (event_type, product_id, data)
SELECT 'subscription.auto_charge_failed', e.product_id, jsonb_build_object(
    'subscription_id', e.subscription_id, 'license_id', e.license_id,
    'invoice_id', e.invoice_id, 'reason', @reason)
FROM ended e
WHERE e.charge_failed_at IS NOT NULL;
