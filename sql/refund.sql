-- fragment: refund_of
-- The license (its id) whose sale the invoice i was: that it brought, or was for.
COALESCE(i.license_id, (SELECT l.id FROM licenses l WHERE l.invoice_id = i.id))

-- name: refund_facts :opt
-- Whether an invoice's money can go back, by whom, and how far that has come
-- already.  Leans on primary keys, licenses_invoice_id_key and refunds_one.
SELECT i.status, i.amount_sats, i.kind, i.provider_invoice_id,
    {{refund_of}} AS license_id, r.id AS refund_id,
    r.status AS refund_status, r.variant, r.claim_url,
    r.updated_at AS asked_at, {{provider_facts}}
FROM invoices i
LEFT JOIN refunds r ON r.invoice_id = i.id AND r.status <> 'failed'
LEFT JOIN payment_providers v ON v.id = i.provider_id
    AND v.disconnected_at IS NULL
WHERE i.id = @id::uuid;

-- name: refund_open :opt
-- Writes a refund down before the provider hears of it; refunds_one sees to it
-- that there is one to an invoice.  No row: there is another.
WITH made AS (
	INSERT INTO refunds AS r (id, invoice_id, variant, reason,
	    next_check_at)
	SELECT @refund_id::uuid, i.id, @variant::text, NULLIF(@reason::text, ''),
	    licet_now() + interval '2 minutes'
	FROM invoices i
	WHERE i.id = @id::uuid AND i.status = 'settled'
	ON CONFLICT (invoice_id) WHERE status <> 'failed' DO NOTHING
	RETURNING r.id, r.invoice_id, r.variant, r.reason
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'invoice.refund_asked', 'invoice',
	    m.invoice_id::text, jsonb_build_object('refund_id', m.id,
	    'variant', m.variant, 'reason', m.reason)
	FROM made m
)
SELECT m.id
FROM made m;

-- name: refund_take :opt
-- Leave to ask the provider once more for a refund that it doesn't know: only
-- when nobody has asked since @asked_at, and not so lately that the question
-- may still be on its way.  No row: no leave.
UPDATE refunds AS r
SET updated_at = licet_now(), next_check_at = licet_now() + interval '2 minutes'
WHERE r.id = @refund_id::uuid AND r.status = 'asked'
AND r.updated_at = @asked_at::timestamptz
AND r.updated_at <= licet_now() - interval '1 minute'
RETURNING r.id;

-- name: refund_claim :many
-- Refunds of which nobody knows whether they were made, longest overdue first.
-- The next look is set at once: after as long as it has waited so far, at most
-- six hours, never after 30 days.  Those whose provider was disconnected wait
-- for it.  Leans on refunds_due.
WITH due AS MATERIALIZED (
	SELECT r.id
	FROM refunds r
	WHERE r.next_check_at <= licet_now()
	ORDER BY r.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
	UPDATE refunds AS r
	SET next_check_at = CASE
	    WHEN r.created_at > licet_now() - interval '720 hours'
	    THEN licet_now() + LEAST(GREATEST(licet_now() - r.created_at,
	        interval '1 minute'), interval '6 hours') END
	WHERE r.id = ANY (ARRAY(SELECT d.id FROM due d)) AND r.status = 'asked'
	RETURNING r.id, r.invoice_id,
	    floor(extract(epoch FROM licet_now() - r.updated_at))::bigint
	    AS idle_seconds
)
SELECT c.id, c.idle_seconds, {{refund_of}} AS license_id, {{provider_facts}}
FROM claimed c
JOIN invoices i ON i.id = c.invoice_id
JOIN payment_providers v ON v.id = i.provider_id
    AND v.disconnected_at IS NULL;

-- name: refund_failed :opt
-- The provider has refused a refund, or never heard of it; unless it was asked
-- again after this was found out.  The invoice may be refunded anew.
WITH changed AS (
	UPDATE refunds AS r
	SET status = 'failed', detail = @detail::text, next_check_at = NULL,
	    updated_at = licet_now()
	WHERE r.id = @refund_id::uuid AND r.status = 'asked'
	AND (@idle_seconds::bigint IS NULL OR r.updated_at
	    <= licet_now() - make_interval(secs => @idle_seconds))
	RETURNING r.id, r.invoice_id
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.refund_failed', 'invoice', c.invoice_id::text,
	    jsonb_build_object('refund_id', c.id, 'detail', @detail)
	FROM changed c
)
SELECT c.id
FROM changed c;

-- name: refund_made :opt
-- The provider has made a refund: all that follows, in one.  The license of the
-- sale is revoked, its subscription ends, a change of tier that was open is
-- cancelled.  Not so when the money that goes back had no effect: what was paid
-- too much, a cycle that was paid before, a change that was void.  What was odd
-- about the invoice is settled by this.  To say it again changes nothing.  A row
-- is updated once in a statement: `revoked' comes before subscription_end and
-- does to the license what that would.  After license_lock; licenses are held
-- before all else.
WITH found AS MATERIALIZED (
	SELECT r.id, r.invoice_id, {{refund_of}} AS license_id,
	    COALESCE(NULLIF(r.reason, ''), 'refunded') AS reason,
	    r.variant <> 'OverpaidAmount' AND CASE i.kind
	    WHEN 'renewal' THEN EXISTS (SELECT
	        FROM subscription_invoices n
	        WHERE n.invoice_id = i.id AND n.applied_at IS NOT NULL)
	    WHEN 'tier_change' THEN EXISTS (SELECT
	        FROM tier_changes c
	        WHERE c.invoice_id = i.id AND c.applied_at IS NOT NULL)
	    ELSE true END AS revokes
	FROM refunds r
	JOIN invoices i ON i.id = r.invoice_id
	WHERE r.id = @refund_id::uuid
), license_held AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.id = (SELECT f.license_id FROM found f WHERE f.revokes)
	FOR NO KEY UPDATE
), made AS MATERIALIZED (
	SELECT r.id, f.invoice_id, f.license_id, f.reason, f.revokes, r.variant,
	    r.status IN ('asked', 'failed') AS is_news,
	    COALESCE(r.claim_url, @claim_url::text) AS claim_url
	FROM refunds r
	JOIN found f ON f.id = r.id
	WHERE (SELECT count(*) FROM license_held) >= 0
	FOR NO KEY UPDATE OF r
), noted AS (
	UPDATE refunds AS r
	SET status = 'made', provider_refund_id = @provider_refund_id::text,
	    claim_url = m.claim_url, detail = NULL, next_check_at = NULL,
	    updated_at = licet_now()
	FROM made m
	WHERE r.id = m.id AND m.is_news
), invoice_noted AS (
	UPDATE invoices AS i
	SET attention = NULL, updated_at = licet_now()
	FROM made m
	WHERE i.id = m.invoice_id AND m.is_news AND i.attention IS NOT NULL
), revoked AS (
	UPDATE licenses AS l
	SET status = 'revoked', revoked_at = licet_now(),
	    revocation_reason = m.reason, grace_seconds = LEAST(l.grace_seconds,
	        COALESCE((SELECT y.grace_seconds
	            FROM subscriptions b
	            JOIN policies y ON y.id = b.policy_id
	            WHERE b.license_id = l.id
	            AND b.status IN ('active', 'past_due')), l.grace_seconds))
	FROM made m
	WHERE l.id = m.license_id AND m.is_news AND m.revokes
	AND l.status <> 'revoked'
	RETURNING l.id, l.product_id, l.revocation_reason AS reason
), ending AS MATERIALIZED (
	SELECT b.id, b.status, 'admin' AS actor
	FROM made m
	JOIN subscriptions b ON b.license_id = m.license_id
	WHERE m.is_news AND m.revokes AND (SELECT count(*) FROM revoked) >= 0
	FOR NO KEY UPDATE OF b
), {{subscription_end}}, put_aside AS (
	UPDATE tier_changes AS c
	SET cancelled_at = licet_now()
	FROM made m
	WHERE c.license_id = m.license_id AND m.is_news AND m.revokes
	AND c.applied_at IS NULL AND c.cancelled_at IS NULL
	AND (c.invoice_id IS NOT NULL
	    OR (SELECT count(*) FROM ended) = 0)
	RETURNING c.id, c.license_id, c.direction, c.invoice_id
), put_aside_invoice AS (
	UPDATE invoices AS i
	SET status = 'expired', next_check_at = licet_now() + interval '6 hours',
	    updated_at = licet_now()
	FROM put_aside a
	WHERE i.id = a.invoice_id AND i.status = 'pending'
	RETURNING i.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'invoice.refund', 'invoice', m.invoice_id::text,
	    jsonb_build_object('refund_id', m.id, 'variant', m.variant,
	    'provider_refund_id', @provider_refund_id, 'reason', m.reason,
	    'license_id', m.license_id, 'license_revoked', m.revokes)
	FROM made m
	WHERE m.is_news
	UNION ALL
	SELECT {{admin_actor}}, 'license.revoke', 'license', l.id::text,
	    jsonb_build_object('reason', l.reason, 'refund_id',
	    @refund_id::text)
	FROM revoked l
	UNION ALL
	SELECT {{admin_actor}}, 'license.tier_change.cancel', 'license',
	    a.license_id::text, jsonb_build_object('tier_change_id', a.id,
	    'direction', a.direction, 'invoice_id', a.invoice_id)
	FROM put_aside a
	UNION ALL
	SELECT 'system', NULL, NULL, NULL, 'invoice.expire', 'invoice',
	    i.id::text, jsonb_build_object('from', 'pending',
	        'detail', 'the tier change was cancelled')
	FROM put_aside_invoice i
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'license.revoked', l.product_id, jsonb_build_object(
	    'license_id', l.id, 'reason', l.reason)
	FROM revoked l
)
SELECT m.is_news, json_build_object('ok', true, 'refund_id', m.id,
    'claim_url', m.claim_url, 'license_id', m.license_id,
    'license_revoked', m.revokes) AS body
FROM made m;
