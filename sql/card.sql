-- name: card_contact_note :exec
-- Whom the provider of a purchase knows the buyer as: written before the order
-- that may leave a card there.  Leans on card_contacts_pkey.
INSERT INTO card_contacts (invoice_id, contact_id, next_check_at)
SELECT i.id, @contact_id::text, licet_now() + interval '1 minute'
FROM invoices i
WHERE i.id = @invoice_id::uuid
ON CONFLICT (invoice_id) DO NOTHING;

-- name: card_claim :many
-- First cycles that are paid and may have left a card.  The next look is set at
-- once, so who dies with them does no harm: after 1, 4, 16 minutes and so on up
-- to three days, then never.  What isn't paid is looked at again after a quarter
-- of its age, for 30 days.  Leans on card_contacts_due, and on arrays, of which
-- the planner expects few.
WITH due AS MATERIALIZED (
	SELECT c.invoice_id, c.contact_id, c.tries, (SELECT i.status = 'settled'
	    FROM invoices i
	    WHERE i.id = c.invoice_id) AS is_paid
	FROM card_contacts c
	WHERE c.next_check_at <= licet_now()
	ORDER BY c.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE OF c SKIP LOCKED
), claimed AS (
	UPDATE card_contacts AS c
	SET tries = c.tries + is_paid::int,
	    next_check_at = CASE
	    WHEN is_paid AND c.tries < 7
	    THEN licet_now() + 4 ^ c.tries * interval '1 minute'
	    WHEN NOT is_paid
	        AND c.created_at > licet_now() - interval '720 hours'
	    THEN licet_now() + GREATEST(interval '1 minute',
	        (licet_now() - c.created_at) / 4) END
	FROM unnest(ARRAY(SELECT d.invoice_id FROM due d),
	    ARRAY(SELECT d.is_paid FROM due d)) AS d (invoice_id, is_paid)
	WHERE c.invoice_id = d.invoice_id
)
SELECT d.invoice_id, d.contact_id, {{provider_facts}}
FROM unnest(ARRAY(SELECT w.invoice_id FROM due w WHERE w.is_paid),
    ARRAY(SELECT w.contact_id FROM due w WHERE w.is_paid))
    AS d (invoice_id, contact_id)
JOIN invoices i ON i.id = d.invoice_id
JOIN payment_providers v ON v.id = i.provider_id AND v.disconnected_at IS NULL;

-- name: card_save :opt
-- The card that the first cycle left: the subscription is renewed with it.  Leans
-- on licenses_invoice_id_key and subscriptions_license_id_key.
WITH done AS (
	UPDATE card_contacts AS c
	SET next_check_at = NULL
	WHERE c.invoice_id = @invoice_id::uuid
	RETURNING c.invoice_id, c.contact_id
), saved AS (
	UPDATE subscriptions AS b
	SET card_provider_id = i.provider_id, zaprite_contact_id = d.contact_id,
	    zaprite_payment_profile_id = @card_id::text,
	    zaprite_payment_profile_method = NULLIF(@method::text, ''),
	    zaprite_payment_profile_expires_at =
	        to_timestamp(@expires_at::float8),
	    updated_at = licet_now()
	FROM done d
	JOIN invoices i ON i.id = d.invoice_id
	JOIN licenses l ON l.invoice_id = i.id
	WHERE b.license_id = l.id
	RETURNING b.id, b.license_id, b.zaprite_payment_profile_method,
	    b.zaprite_payment_profile_expires_at
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'subscription.card_saved', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id,
	    'method', b.zaprite_payment_profile_method,
	    'expires_at', rfc3339(b.zaprite_payment_profile_expires_at))
	FROM saved b
)
SELECT b.id
FROM saved b;
