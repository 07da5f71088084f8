-- fragment: customer_by_mail
-- Why what belongs to an address is out of reach; NULL: it is not.
CASE WHEN @customer_email::text IS NULL
    THEN 'This session was opened by a license key; what belongs to an '
        'address wants one by mail.' END

-- fragment: customer_mine
-- The customer's licenses (`mine') and invoices (`bought'), by their address.
-- Lean on licenses_address, invoices_email and invoices_license_paid.
mine AS (
	SELECT l.id, l.invoice_id
	FROM licenses l
	WHERE lower(l.buyer_email) = @customer_email::text
), bought AS (
	SELECT i.id
	FROM invoices i
	WHERE lower(i.buyer_email) = @customer_email
	UNION
	SELECT m.invoice_id
	FROM mine m
	WHERE m.invoice_id IS NOT NULL
	UNION
	SELECT i.id
	FROM mine m
	JOIN invoices i ON i.license_id = m.id
)

-- name: customer_held :one
-- How much is held about whoever asks.
WITH {{customer_mine}}
SELECT CASE WHEN {{customer_by_mail}} IS NOT NULL THEN 'forbidden' END AS fault,
    {{customer_by_mail}} AS message,
    json_build_object('email', @customer_email,
    'licenses', (SELECT count(*) FROM mine m),
    'invoices', (SELECT count(*) FROM bought b),
    'machines', (SELECT count(*) FROM machines h
        WHERE h.license_id IN (SELECT m.id FROM mine m)),
    'mails', (SELECT count(*) FROM mails a
        WHERE lower(a.to_address) = @customer_email),
    'sessions', (SELECT count(*) FROM customer_sessions s
        WHERE s.email = @customer_email),
    'subscriptions_live', (SELECT count(*) FROM subscriptions b
        WHERE b.license_id IN (SELECT m.id FROM mine m)
        AND b.status IN ('active', 'past_due'))) AS body;

-- name: customer_export :one
-- All that is held about an address, as one document; of what there may be many
-- of at most ten thousand rows, of each license's validations the thousand newest.
WITH {{customer_mine}}, event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind)
	SELECT {{customer_actor}}, 'customer.export', 'customer'
	WHERE {{customer_by_mail}} IS NULL
)
SELECT CASE WHEN {{customer_by_mail}} IS NOT NULL THEN 'forbidden' END AS fault,
    {{customer_by_mail}} AS message,
    json_build_object('email', @customer_email,
    'exported_at', rfc3339(licet_now()),
    'licenses', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('id', l.id, 'status', l.status,
            'product', p.name, 'policy', y.name, 'invoice_id', l.invoice_id,
            'issued_at', rfc3339(l.issued_at),
            'expires_at', rfc3339(l.expires_at),
            'entitlements', l.entitlements, 'max_machines', l.max_machines,
            'is_trial', l.is_trial, 'buyer_email', l.buyer_email,
            'nostr_npub', l.nostr_npub, 'metadata', l.metadata,
            'revoked_at', rfc3339(l.revoked_at),
            'revocation_reason', l.revocation_reason,
            'suspended_at', rfc3339(l.suspended_at),
            'suspension_reason', l.suspension_reason) AS doc
            FROM mine m
            JOIN licenses l ON l.id = m.id
            JOIN products p ON p.id = l.product_id
            LEFT JOIN policies y ON y.id = l.policy_id
            ORDER BY l.created_at DESC
            LIMIT 10000) x),
    'machines', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('id', h.id,
            'license_id', h.license_id,
            'fingerprint_sha256', encode(h.fingerprint_hash, 'hex'),
            'hostname', h.hostname, 'platform', h.platform,
            'ip_last_seen', h.ip_last_seen,
            'activated_at', rfc3339(h.activated_at),
            'last_heartbeat_at', rfc3339(h.last_heartbeat_at),
            'deactivated_at', rfc3339(h.deactivated_at)) AS doc
            FROM mine m
            JOIN machines h ON h.license_id = m.id
            ORDER BY h.activated_at DESC
            LIMIT 10000) x),
    'invoices', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('id', i.id, 'kind', i.kind,
            'status', i.status, 'product', p.name,
            'amount_sats', i.amount_sats,
            'discount_applied_sats', i.discount_applied_sats,
            'listed_currency', i.listed_currency,
            'charged_value', i.charged_value, 'paid_sats', i.paid_sats,
            'buyer_email', i.buyer_email, 'buyer_note', i.buyer_note,
            'provider_invoice_id', i.provider_invoice_id,
            'code', (SELECT c.code
                FROM discount_redemptions d
                JOIN discount_codes c ON c.id = d.code_id
                WHERE d.invoice_id = i.id),
            'created_at', rfc3339(i.created_at),
            'settled_at', rfc3339(i.settled_at)) AS doc
            FROM bought b
            JOIN invoices i ON i.id = b.id
            JOIN products p ON p.id = i.product_id
            ORDER BY i.created_at DESC
            LIMIT 10000) x),
    'refunds', (SELECT COALESCE(json_agg(json_build_object('id', r.id,
        'invoice_id', r.invoice_id, 'status', r.status,
        'reason', r.reason, 'created_at', rfc3339(r.created_at))), '[]')
        FROM bought b
        JOIN refunds r ON r.invoice_id = b.id),
    'subscriptions', (SELECT COALESCE(json_agg(json_build_object('id', s.id,
        'license_id', s.license_id, 'status', s.status,
        'period_days', s.period_days, 'listed_currency', s.listed_currency,
        'listed_value', s.listed_value,
        'started_at', rfc3339(s.started_at),
        'next_renewal_at', rfc3339(s.next_renewal_at),
        'cancelled_at', rfc3339(s.cancelled_at),
        'cancellation_reason', s.cancellation_reason,
        'saved_card', s.zaprite_payment_profile_method)), '[]')
        FROM mine m
        JOIN subscriptions s ON s.license_id = m.id),
    'tier_changes', (SELECT COALESCE(json_agg(json_build_object('id', t.id,
        'license_id', t.license_id, 'direction', t.direction,
        'actor', t.actor, 'reason', t.reason,
        'applied_at', rfc3339(t.applied_at),
        'created_at', rfc3339(t.created_at))), '[]')
        FROM mine m
        JOIN tier_changes t ON t.license_id = m.id),
    'tips', (SELECT COALESCE(json_agg(json_build_object(
        'license_id', t.license_id, 'recipient', t.recipient,
        'amount_sats', t.amount_sats, 'status', t.status,
        'created_at', rfc3339(t.created_at))), '[]')
        FROM mine m
        JOIN tip_attempts t ON t.license_id = m.id),
    'mails', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('kind', a.kind,
            'license_id', a.license_id, 'to', a.to_address,
            'status', a.status, 'created_at', rfc3339(a.created_at),
            'sent_at', rfc3339(a.sent_at)) AS doc
            FROM mails a
            WHERE lower(a.to_address) = @customer_email
            ORDER BY a.created_at DESC
            LIMIT 10000) x),
    'sessions', (SELECT COALESCE(json_agg(json_build_object(
        'created_at', rfc3339(c.created_at),
        'last_seen_at', rfc3339(c.last_seen_at), 'ip', c.ip,
        'user_agent', c.user_agent)), '[]')
        FROM customer_sessions c
        WHERE c.email = @customer_email),
    'validations', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('at', rfc3339(v.occurred_at),
            'license_id', v.license_id, 'result', v.result,
            'client_ip', v.client_ip, 'user_agent', v.user_agent) AS doc
            FROM mine m
            CROSS JOIN LATERAL (SELECT v.occurred_at, v.license_id, v.result,
                v.client_ip, v.user_agent
                FROM validation_log v
                WHERE v.license_id = m.id
                ORDER BY v.occurred_at DESC
                LIMIT 1000) v
            LIMIT 10000) x),
    'audit', (SELECT COALESCE(json_agg(x.doc), '[]')
        FROM (SELECT json_build_object('at', rfc3339(e.occurred_at),
            'action', e.action, 'target_kind', e.target_kind,
            'target_id', e.target_id, 'ip', e.request_ip,
            'user_agent', e.user_agent) AS doc
            FROM events e
            WHERE e.actor_hash = @actor_hash
            ORDER BY e.occurred_at DESC
            LIMIT 10000) x)) AS body;

-- name: customer_erase_lock :many
-- Before customer_erase: the customer's licenses, in the order of their ids.
SELECT l.id
FROM licenses l
WHERE lower(l.buyer_email) = @customer_email::text
ORDER BY l.id
FOR NO KEY UPDATE;

-- name: customer_erase :one
-- Takes a person out of what they bought.  Licenses stay good and invoices keep
-- what they are about; address, names, notes, addresses of machines and saved
-- cards go, letters that wait are not sent, sessions end.  What is in the logs
-- follows by a job (`erasures').  Refuses while something is still billed to the
-- address.
WITH {{customer_mine}}, verdict AS (
	SELECT CASE
	    WHEN {{customer_by_mail}} IS NOT NULL THEN 'forbidden'
	    WHEN lower(btrim(@email::text, E' \t\r\n')) <> @customer_email
	    THEN 'bad_request'
	    WHEN EXISTS (SELECT FROM mine m
	        JOIN subscriptions b ON b.license_id = m.id
	        WHERE b.status IN ('active', 'past_due'))
	    THEN 'conflict' END AS fault
), doomed AS (
	SELECT m.id
	FROM mine m
	JOIN verdict v ON v.fault IS NULL
), billed AS (
	SELECT b.id
	FROM bought b
	JOIN verdict v ON v.fault IS NULL
), a_licenses AS (
	UPDATE licenses AS l
	SET buyer_email = NULL, nostr_npub = NULL
	FROM doomed d
	WHERE l.id = d.id
), an_invoices AS (
	UPDATE invoices AS i
	SET buyer_email = NULL, buyer_note = NULL, updated_at = licet_now()
	FROM billed d
	WHERE i.id = d.id
), a_machines AS (
	UPDATE machines AS h
	SET hostname = NULL, ip_last_seen = NULL
	FROM doomed d
	WHERE h.license_id = d.id
), a_mails AS (
	UPDATE mails AS a
	SET to_address = 'deleted', last_error = NULL,
	    status = CASE a.status WHEN 'queued' THEN 'skipped'
	        ELSE a.status END,
	    next_attempt_at = NULL
	WHERE a.id IN (SELECT o.id
	    FROM doomed d
	    JOIN mails o ON o.license_id = d.id
	    UNION ALL
	    SELECT o.id
	    FROM verdict v
	    JOIN mails o ON lower(o.to_address) = @customer_email
	    WHERE v.fault IS NULL)
), a_subscriptions AS (
	UPDATE subscriptions AS b
	SET cancellation_reason = NULL, card_provider_id = NULL,
	    zaprite_contact_id = NULL, zaprite_payment_profile_id = NULL,
	    zaprite_payment_profile_method = NULL,
	    zaprite_payment_profile_expires_at = NULL
	FROM doomed d
	WHERE b.license_id = d.id
), a_contacts AS (
	DELETE FROM card_contacts AS c
	USING billed d
	WHERE c.invoice_id = d.id
), a_sessions AS (
	DELETE FROM customer_sessions AS c
	USING verdict v
	WHERE v.fault IS NULL AND (c.email = @customer_email
	    OR c.license_id IN (SELECT d.id FROM doomed d))
), a_codes AS (
	DELETE FROM customer_codes AS c
	USING verdict v
	WHERE v.fault IS NULL AND c.email = @customer_email
), later AS (
	INSERT INTO erasures (email_hash, targets, licenses, news)
	SELECT encode(sha256(convert_to(@customer_email, 'UTF8')), 'hex'),
	    ARRAY(SELECT d.id::text FROM doomed d
	        UNION ALL SELECT d.id::text FROM billed d),
	    ARRAY(SELECT d.id FROM doomed d), (SELECT max(n.id) FROM outbox n)
	FROM verdict v
	WHERE v.fault IS NULL
), event AS (
	INSERT INTO events (actor_kind, actor_hash, action, target_kind,
	    details)
	SELECT 'customer', @actor_hash::text, 'customer.erase', 'customer',
	    jsonb_build_object('licenses', (SELECT count(*) FROM doomed d),
	    'invoices', (SELECT count(*) FROM billed d))
	FROM verdict v
	WHERE v.fault IS NULL
)
SELECT v.fault, CASE v.fault WHEN 'forbidden' THEN {{customer_by_mail}}
    WHEN 'bad_request'
    THEN 'email: must be the address that you are signed in with'
    WHEN 'conflict' THEN 'A subscription is billed to this address: cancel it '
        'first.' END AS message,
    json_build_object('ok', true, 'licenses', (SELECT count(*) FROM doomed d),
    'invoices', (SELECT count(*) FROM billed d)) AS body,
    CASE WHEN v.fault IS NULL
        THEN pg_notify('licet_jobs', 'housekeeping')::text END AS told
FROM verdict v;

-- name: erasure_due :opt
-- Is anybody's data still to be taken out of the logs?
SELECT e.id
FROM erasures e
LIMIT 1;

-- name: erasure_traces :opt
-- Of one customer whose data was deleted: where they came from out of the audit
-- trail.  No row: there is nobody.  Leans on events_actor and events_target.
WITH one AS MATERIALIZED (
	SELECT e.id, e.email_hash, e.targets
	FROM erasures e
	WHERE e.traces
	ORDER BY e.asked_at
	LIMIT 1
	FOR NO KEY UPDATE SKIP LOCKED
), done AS (
	UPDATE erasures AS e
	SET traces = false
	FROM one o
	WHERE e.id = o.id
), by_hash AS (
	SELECT v.occurred_at, v.id
	FROM one o
	JOIN events v ON v.actor_hash = o.email_hash
	UNION
	SELECT v.occurred_at, v.id
	FROM one o
	JOIN events v ON v.target_id = ANY (o.targets)
), an_audit AS (
	UPDATE events AS v
	SET request_ip = NULL, user_agent = NULL
	FROM by_hash h
	WHERE v.occurred_at = h.occurred_at AND v.id = h.id
	AND v.actor_kind IN ('customer', 'buyer_self_service',
	    'buyer_license_key')
	AND (v.request_ip IS NOT NULL OR v.user_agent IS NOT NULL)
)
SELECT o.id
FROM one o;

-- name: erasure_news :opt
-- Of one customer whose data was deleted: the address out of news and of the
-- messages that told them, some 50,000 at a time, the newest first.
WITH one AS MATERIALIZED (
	SELECT e.id, e.email_hash, e.news,
	    (SELECT min(n.id) FROM outbox n) AS first
	FROM erasures e
	WHERE e.news IS NOT NULL
	ORDER BY e.asked_at
	LIMIT 1
	FOR NO KEY UPDATE SKIP LOCKED
), seen AS (
	UPDATE erasures AS e
	SET news = CASE WHEN o.news - 50000 >= o.first THEN o.news - 50000 END
	FROM one o
	WHERE e.id = o.id
), a_news AS (
	UPDATE outbox AS n
	SET data = jsonb_set(n.data, '{buyer_email}', 'null')
	FROM one o
	WHERE n.id > o.news - 50000 AND n.id <= o.news
	AND encode(sha256(convert_to(lower(btrim(n.data->>'buyer_email')),
	    'UTF8')), 'hex') = o.email_hash
), a_deliveries AS (
	UPDATE webhook_deliveries AS d
	SET payload = jsonb_set(d.payload::jsonb, '{data,buyer_email}',
	        'null')::text, last_response = NULL
	FROM one o
	WHERE d.outbox_id > o.news - 50000 AND d.outbox_id <= o.news
	AND encode(sha256(convert_to(lower(btrim(
	    d.payload::jsonb #>> '{data,buyer_email}')), 'UTF8')), 'hex')
	    = o.email_hash
)
SELECT o.id
FROM one o;

-- name: erasure_log :opt
-- Some of the validations of a customer whose data was deleted: where they came
-- from goes.  Leans on validation_log_license, a license at a time; one of which
-- there is no more leaves the list, and with the last one the row.
WITH one AS MATERIALIZED (
	SELECT e.id, e.licenses, e.asked_at
	FROM erasures e
	WHERE NOT e.traces AND e.news IS NULL
	ORDER BY e.asked_at
	LIMIT 1
	FOR UPDATE SKIP LOCKED
), batch AS MATERIALIZED (
	SELECT v.tableoid AS part, v.ctid AS log_row
	FROM validation_log v
	WHERE v.license_id = (SELECT o.licenses[1] FROM one o)
	AND v.occurred_at <= (SELECT o.asked_at FROM one o)
	AND (v.client_ip IS NOT NULL OR v.user_agent IS NOT NULL)
	LIMIT 5000
), wiped AS (
	UPDATE validation_log AS v
	SET client_ip = NULL, user_agent = NULL
	FROM batch b
	WHERE v.ctid = b.log_row AND v.tableoid = b.part
), on_to_next AS (
	UPDATE erasures AS e
	SET licenses = o.licenses[2:]
	FROM one o
	WHERE e.id = o.id AND cardinality(o.licenses) > 0
	AND NOT EXISTS (SELECT FROM batch b)
), gone AS (
	DELETE FROM erasures AS e
	USING one o
	WHERE e.id = o.id AND cardinality(o.licenses) = 0
)
SELECT o.id
FROM one o;
