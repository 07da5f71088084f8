-- name: invoice_claim_due :many
-- Invoices to ask the provider about, longest overdue first.  The next look is
-- set at once, so a replica that dies with them does no harm: soon while a
-- payment is expected, every six hours once it would be late, never after 30
-- days.  Those whose provider was disconnected are left alone, which the audit
-- trail says once; should it be connected again, they follow within a quarter
-- of an hour.  Leans on invoices_due.
WITH due AS MATERIALIZED (
	SELECT i.id, v.disconnected_at IS NOT NULL AS is_gone,
	    {{provider_facts}}
	FROM invoices i
	LEFT JOIN payment_providers v ON v.id = i.provider_id
	WHERE i.next_check_at <= licet_now()
	ORDER BY i.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE OF i SKIP LOCKED
), claimed AS (
	UPDATE invoices AS i
	SET next_check_at = CASE
	    WHEN i.status = 'settled'
	        OR i.created_at < licet_now() - interval '720 hours' THEN NULL
	    WHEN i.status <> 'pending'
	        OR i.created_at < licet_now() - interval '72 hours'
	    THEN licet_now() + interval '6 hours'
	    WHEN d.is_gone THEN licet_now() + interval '15 minutes'
	    ELSE licet_now() + @retry_seconds::int * interval '1 second' END
	FROM due d
	WHERE i.id = d.id
	RETURNING i.id, i.provider_invoice_id, i.amount_sats, i.status,
	    extract(epoch FROM licet_now() - i.created_at)::bigint AS age_seconds
), left_alone AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.unwatched', 'invoice', c.id::text,
	    jsonb_build_object('status', c.status, 'provider_id', d.provider_id,
	    'provider_kind', d.provider_kind,
	    'reason', 'its payment provider was disconnected')
	FROM claimed c
	JOIN due d ON d.id = c.id AND d.is_gone
	WHERE NOT EXISTS (SELECT
		FROM events e
		WHERE e.target_id = c.id::text AND e.action = 'invoice.unwatched')
)
SELECT c.id, c.provider_invoice_id, c.amount_sats, c.status, c.age_seconds,
    d.provider_id, d.provider_kind, d.provider_base_url, d.provider_public_url,
    d.provider_store_id, d.provider_api_key, d.provider_webhook_secret
FROM claimed c
JOIN due d ON d.id = c.id AND NOT d.is_gone;

-- name: invoice_check_soon :exec
-- The provider gave no answer when it mattered: every reconciler is woken to
-- look at this invoice again.  A settled one needs no look.
WITH hurried AS (
	UPDATE invoices AS i
	SET next_check_at = licet_now() + @seconds::int * interval '1 second'
	WHERE i.provider_invoice_id = @provider_invoice_id::text
	AND i.provider_id = @provider_id::uuid
	AND i.status <> 'settled'
	RETURNING i.id
)
SELECT pg_notify('licet_jobs', 'reconcile') FROM hurried;
