-- fragment: export_size
-- How many rows of a table are in memory at once; a client must take them within
-- the request's time.
250

-- name: license_export :many
-- The next licenses of the file, newest first, in the order of licenses_newest.
SELECT l.id, l.status, l.product_id, p.slug AS product_slug, l.policy_id,
    y.slug AS policy_slug, l.invoice_id, l.buyer_email, l.nostr_npub,
    rfc3339(l.issued_at) AS issued_at, rfc3339(l.expires_at) AS expires_at,
    l.grace_seconds, l.max_machines, l.is_trial::text AS is_trial,
    array_to_string(l.entitlements, ' ') AS entitlements,
    rfc3339(l.revoked_at) AS revoked_at, l.revocation_reason,
    rfc3339(l.suspended_at) AS suspended_at, l.suspension_reason,
    (extract(epoch FROM l.created_at) * 1000000)::bigint || '_' || l.id
    AS cursor
FROM licenses l
JOIN products p ON p.id = l.product_id
LEFT JOIN policies y ON y.id = l.policy_id
WHERE (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
ORDER BY l.created_at DESC, l.id DESC
LIMIT {{export_size}};

-- name: invoice_export :many
-- The next invoices of the file, newest first, in the order of invoices_newest.
SELECT i.id, i.kind, i.status, i.product_id, p.slug AS product_slug,
    i.policy_id, COALESCE(i.license_id, (SELECT l.id FROM licenses l
        WHERE l.invoice_id = i.id)) AS license_id,
    v.kind AS provider_kind, i.provider_invoice_id, i.buyer_email,
    i.buyer_note, i.amount_sats, i.base_price_sats, i.discount_applied_sats,
    i.listed_currency, i.listed_value, i.charged_value,
    i.exchange_rate_centibps, i.exchange_rate_source,
    i.is_trial::text AS is_trial, i.paid_sats, i.attention,
    rfc3339(i.created_at) AS created_at, rfc3339(i.settled_at) AS settled_at,
    (extract(epoch FROM i.created_at) * 1000000)::bigint || '_' || i.id
    AS cursor
FROM invoices i
JOIN products p ON p.id = i.product_id
LEFT JOIN payment_providers v ON v.id = i.provider_id
WHERE (i.created_at, i.id) < ({{cursor_time}}, {{cursor_id}})
ORDER BY i.created_at DESC, i.id DESC
LIMIT {{export_size}};

-- name: machine_export :many
-- The next machines of the file, in the order of machines_pkey: no other has no
-- gaps and no column that changes.  Nothing that would tell a fingerprint.
SELECT m.id, m.license_id, l.status AS license_status, l.product_id,
    p.slug AS product_slug, l.buyer_email, m.hostname, m.platform,
    m.ip_last_seen, (m.deactivated_at IS NULL)::text AS active,
    rfc3339(m.activated_at) AS activated_at,
    rfc3339(m.last_heartbeat_at) AS last_heartbeat_at,
    rfc3339(m.deactivated_at) AS deactivated_at, m.deactivation_reason,
    m.id AS cursor
FROM machines m
JOIN licenses l ON l.id = m.license_id
JOIN products p ON p.id = l.product_id
WHERE m.id > COALESCE(@cursor::uuid,
    '00000000-0000-0000-0000-000000000000')
ORDER BY m.id
LIMIT {{export_size}};
