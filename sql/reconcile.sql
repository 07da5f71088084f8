-- name: invoice_claim_due :many
-- Invoices to ask the provider about, longest overdue first.  The next look is
-- set at once, so a replica that dies with them does no harm: soon while a
-- payment is expected, every six hours once it would be late, never after 30
-- days.  Leans on invoices_due.
WITH due AS MATERIALIZED (
	SELECT i.id
	FROM invoices i
	WHERE i.next_check_at <= licet_now()
	ORDER BY i.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE invoices AS i
SET next_check_at = CASE
    WHEN i.status = 'settled' OR i.created_at < licet_now() - interval '30 days'
    THEN NULL
    WHEN i.status <> 'pending' OR i.created_at < licet_now() - interval '72 hours'
    THEN licet_now() + interval '6 hours'
    ELSE licet_now() + @retry_seconds::int * interval '1 second' END
FROM due d
WHERE i.id = d.id
RETURNING i.id, i.provider_id, i.provider_invoice_id, i.amount_sats, i.status,
    extract(epoch FROM licet_now() - i.created_at)::bigint AS age_seconds;

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
