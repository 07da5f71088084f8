-- name: attention :one
-- What somebody should look at, kind by kind, with how many and since when;
-- kinds without any are left out.  Each kind leans on an index of its own:
-- invoices_attention, invoices_unsettled, refunds_due, tip_attempts_newest,
-- webhook_endpoints_active, webhook_deliveries_undelivered,
-- subscriptions_status, licenses_expiry, mails_unsent.
WITH found AS (
	SELECT 1 AS place, 'invoice_odd' AS kind, count(*) AS n,
	    min(i.created_at) AS since
	FROM invoices i
	WHERE i.attention IS NOT NULL
	UNION ALL
	SELECT 2, 'payment_stuck', count(*), min(i.created_at)
	FROM invoices i
	WHERE i.status = 'pending' AND i.paid_sats > 0
	AND i.created_at < licet_now() - interval '3600 seconds'
	UNION ALL
	SELECT 3, 'refund_unheard', count(*), min(r.created_at)
	FROM refunds r
	WHERE r.next_check_at IS NOT NULL AND r.status = 'asked'
	AND r.created_at < licet_now() - interval '3600 seconds'
	UNION ALL
	SELECT 0, 'provider_silent', count(*), min(h.failing_since)
	FROM provider_heard h
	JOIN payment_providers v ON v.id = h.provider_id
	AND v.disconnected_at IS NULL
	WHERE h.failing_since IS NOT NULL
	AND h.failed_at > licet_now() - interval '86400 seconds'
	UNION ALL
	SELECT 10, 'replica_behind', count(*), min(r.started_at)
	FROM replicas r
	WHERE {{replica_shown}} AND r.migration < {{schema_number}}
	UNION ALL
	SELECT 4, 'webhook_failing', count(*), NULL
	FROM webhook_endpoints e
	WHERE e.active AND e.consecutive_failures >= 5
	UNION ALL
	SELECT 5, 'delivery_dead', count(*), min(d.created_at)
	FROM webhook_deliveries d
	JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.active
	WHERE d.delivered_at IS NULL AND d.next_attempt_at IS NULL
	AND d.created_at > licet_now() - interval '604800 seconds'
	UNION ALL
	SELECT 6, 'renewal_past_due', count(*), min(b.next_renewal_at)
	FROM subscriptions b
	WHERE b.status = 'past_due'
	UNION ALL
	SELECT 7, 'mail_dead', count(*), min(m.created_at)
	FROM mails m
	WHERE m.status = 'dead'
	AND m.created_at > licet_now() - interval '604800 seconds'
	UNION ALL
	SELECT 8, 'tip_failed', count(*), min(t.created_at)
	FROM tip_attempts t
	WHERE t.status = 'failed'
	AND t.created_at > licet_now() - interval '604800 seconds'
	UNION ALL
	SELECT 9, 'license_expiring', count(*), min(l.expires_at)
	FROM licenses l
	WHERE l.status = 'active' AND l.expires_at > licet_now()
	AND l.expires_at <= licet_now() + interval '604800 seconds'
	AND NOT EXISTS (SELECT FROM subscriptions b
	    WHERE b.license_id = l.id AND b.status IN ('active', 'past_due'))
)
SELECT json_build_object('attention', COALESCE(json_agg(json_build_object(
    'kind', f.kind, 'count', f.n, 'since', rfc3339(f.since))
    ORDER BY f.place), '[]')) AS body
FROM found f
WHERE f.n > 0;
