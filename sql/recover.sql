-- name: license_recover :opt
-- The license that a settled invoice paid for, for whoever names the invoice's
-- address: that of the license itself, or the one that a renewal or a change of
-- tier was for.  Whatever is wrong, there is no row, and nothing tells why; what
-- is blank is refused by name.  A success is in the audit trail, under the
-- SHA-256 of the address.  Leans on the primary keys and
-- licenses_invoice_id_key.
WITH asked AS (
	SELECT lower(btrim(@email::text, E' \t\r\n')) AS email,
	    btrim(@invoice_id::text, E' \t\r\n') AS invoice
), found AS (
	SELECT {{license_columns}}, i.id AS asked_invoice, a.email
	FROM asked a
	JOIN invoices i ON i.id = CASE
	    WHEN a.invoice ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){4}[0-9a-fA-F]{8}$'
	    THEN a.invoice::uuid END
	JOIN licenses l ON l.id = CASE WHEN i.kind = 'purchase'
	    THEN (SELECT o.id FROM licenses o WHERE o.invoice_id = i.id)
	    ELSE i.license_id END
	WHERE i.status = 'settled' AND l.status = 'active'
	AND lower(btrim(COALESCE(i.buyer_email, l.buyer_email),
	    E' \t\r\n')) = a.email
	AND a.email <> ''
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT 'buyer_self_service',
	    encode(sha256(convert_to(l.email, 'UTF8')), 'hex'),
	    @request_ip::text, @user_agent::text, 'license.recovered',
	    'license', l.id::text,
	    jsonb_build_object('invoice_id', l.asked_invoice)
	FROM found l
)
SELECT CASE WHEN a.email = '' OR a.invoice = '' THEN 'bad_request' END AS fault,
    'invoice_id and email must not be blank' AS message,
    l.asked_invoice AS invoice_id, {{license_facts}},
    json_build_object('license_key', NULL, 'license_id', l.id,
        'product_id', l.product_id, 'issued_at', rfc3339(l.issued_at),
        'expires_at', rfc3339(l.expires_at), 'entitlements', l.entitlements)
    AS body
FROM asked a
LEFT JOIN found l ON true
WHERE l.id IS NOT NULL OR a.email = '' OR a.invoice = '';
