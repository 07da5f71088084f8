-- name: import_invoices :one
-- Invoices, all as purchases: import_cycles and import_changes know better.
-- One that names no provider was made by the only BTCPay there was.  Those that
-- may still be paid are looked at soon.
WITH given AS (
	SELECT r.id, r.btcpay_invoice_id, r.product_id, y.id AS policy_id,
	    CASE WHEN r.status IN ('pending', 'settled', 'expired')
	        THEN r.status ELSE 'invalid' END AS status, r.status AS was,
	    NULLIF(btrim(r.buyer_email), '') AS buyer_email, r.buyer_note,
	    GREATEST(COALESCE(r.amount_sats, 0), 0) AS amount_sats,
	    r.checkout_url, r.listed_currency, r.listed_value,
	    r.exchange_rate_centibps, r.exchange_rate_source,
	    CASE WHEN r.amount_sats > 0 THEN COALESCE(v.id, (SELECT o.id
	        FROM payment_providers o
	        WHERE o.kind = 'btcpay' AND o.disconnected_at IS NULL
	        AND o.merchant_profile_id = merchant_profile_default_1())) END
	        AS provider_id,
	    COALESCE(r.created_at, licet_now()) AS created_at,
	    COALESCE(r.updated_at, r.created_at, licet_now()) AS updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid,
	    btcpay_invoice_id text, product_id uuid, policy_id uuid,
	    status text, buyer_email text, buyer_note text,
	    amount_sats bigint, checkout_url text, listed_currency text,
	    listed_value bigint, exchange_rate_centibps bigint,
	    exchange_rate_source text, payment_provider_id uuid,
	    created_at timestamptz, updated_at timestamptz)
	JOIN products p ON p.id = r.product_id
	LEFT JOIN policies y ON y.id = r.policy_id
	LEFT JOIN payment_providers v ON v.id = r.payment_provider_id
	WHERE r.id IS NOT NULL
), written AS (
	INSERT INTO invoices AS i (id, provider_id, provider_invoice_id,
	    product_id, policy_id, status, buyer_email, buyer_note,
	    amount_sats, base_price_sats, checkout_url, listed_currency,
	    listed_value, exchange_rate_centibps, exchange_rate_source,
	    next_check_at, settled_at, created_at, updated_at)
	SELECT g.id, g.provider_id, g.btcpay_invoice_id, g.product_id,
	    g.policy_id, g.status, g.buyer_email, g.buyer_note, g.amount_sats,
	    g.amount_sats, COALESCE(g.checkout_url, ''), g.listed_currency,
	    g.listed_value, g.exchange_rate_centibps, g.exchange_rate_source,
	    CASE WHEN g.status <> 'settled' AND g.provider_id IS NOT NULL
	        AND g.created_at > licet_now() - interval '720 hours'
	        THEN licet_now() END,
	    CASE g.status WHEN 'settled' THEN g.updated_at END, g.created_at,
	    g.updated_at
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING i.id
), mended AS (
	SELECT 'status "' || COALESCE(g.was, '') || '" is now invalid' AS text
	FROM given g
	WHERE g.status IS DISTINCT FROM g.was
	UNION ALL
	SELECT 'pending at no provider: nobody asks whether it is paid'
	FROM given g
	WHERE g.status = 'pending' AND g.provider_id IS NULL
)
{{import_answer}};

-- name: import_licenses :one
-- Licenses, to the second, as their keys say.  A second one of an invoice
-- keeps no invoice; a state that ours doesn't know is suspended.
WITH given AS (
	SELECT r.id, r.product_id, i.id AS invoice_id, r.invoice_id AS named,
	    row_number() OVER (PARTITION BY i.id ORDER BY r.issued_at, r.id) = 1
	    AND i.id IS NOT NULL AND NOT EXISTS (SELECT FROM licenses o
	        WHERE o.invoice_id = i.id) AS has_invoice,
	    y.id AS policy_id,
	    CASE WHEN r.status IN ('active', 'suspended', 'revoked')
	        THEN r.status ELSE 'suspended' END AS status, r.status AS was,
	    date_trunc('second', COALESCE(r.issued_at, licet_now()))
	        AS issued_at,
	    date_trunc('second', r.expires_at) AS expires_at,
	    r.grace_seconds, r.max_machines, r.is_trial,
	    {{import_texts}} AS entitlements, r.revoked_at,
	    r.revocation_reason, r.suspended_at, r.suspension_reason,
	    NULLIF(r.nostr_npub, '') AS nostr_npub,
	    NULLIF(btrim(r.buyer_email), '') AS buyer_email,
	    {{import_object}} AS metadata
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, product_id uuid,
	    invoice_id uuid, policy_id uuid, status text,
	    issued_at timestamptz, expires_at timestamptz,
	    grace_seconds bigint, max_machines bigint, is_trial boolean,
	    entitlements jsonb, revoked_at timestamptz,
	    revocation_reason text, suspended_at timestamptz,
	    suspension_reason text, nostr_npub text, buyer_email text,
	    metadata jsonb)
	JOIN products p ON p.id = r.product_id
	LEFT JOIN policies y ON y.id = r.policy_id
	LEFT JOIN invoices i ON i.id = r.invoice_id
	WHERE r.id IS NOT NULL
), written AS (
	INSERT INTO licenses AS l (id, product_id, invoice_id, policy_id,
	    signing_key_id, status, issued_at, expires_at, grace_seconds,
	    max_machines, is_trial, entitlements, revoked_at,
	    revocation_reason, suspended_at, suspension_reason, nostr_npub,
	    buyer_email, metadata, created_at)
	SELECT g.id, g.product_id, CASE WHEN g.has_invoice THEN g.invoice_id END,
	    g.policy_id, @signing_key_id::int, g.status, g.issued_at,
	    g.expires_at, GREATEST(COALESCE(g.grace_seconds, 0), 0),
	    LEAST(GREATEST(COALESCE(g.max_machines, 1), 0), 2147483647),
	    COALESCE(g.is_trial, false), g.entitlements,
	    CASE g.status WHEN 'revoked'
	        THEN COALESCE(g.revoked_at, licet_now()) END,
	    g.revocation_reason,
	    CASE g.status WHEN 'suspended'
	        THEN COALESCE(g.suspended_at, licet_now()) END,
	    g.suspension_reason, g.nostr_npub, g.buyer_email, g.metadata,
	    g.issued_at
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING l.id
), mended AS (
	SELECT 'status "' || COALESCE(g.was, '') || '" is now suspended' AS text
	FROM given g
	WHERE g.status IS DISTINCT FROM g.was
	UNION ALL
	SELECT 'its invoice is missing or another license''s'
	FROM given g
	WHERE g.named IS NOT NULL AND NOT g.has_invoice
)
{{import_answer}};

-- name: import_machines :one
-- Machines by the hash of their fingerprint.  Of one that is there twice the
-- one that is active and was heard of last has the seat.  What a license has
-- too many of keeps its seats.
WITH given AS (
	SELECT r.id, r.license_id, decode(COALESCE(r.fingerprint,
	    r.fingerprint_hash), 'hex') AS hash, r.hostname, r.platform,
	    r.ip_last_seen,
	    COALESCE(r.activated_at, r.last_heartbeat_at, licet_now())
	        AS activated_at,
	    COALESCE(r.last_heartbeat_at, r.activated_at, licet_now())
	        AS last_heartbeat_at, r.deactivated_at, r.deactivation_reason
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, license_id uuid,
	    fingerprint text, fingerprint_hash text, hostname text,
	    platform text, ip_last_seen text, activated_at timestamptz,
	    last_heartbeat_at timestamptz, deactivated_at timestamptz,
	    deactivation_reason text)
	JOIN licenses l ON l.id = r.license_id
	WHERE r.id IS NOT NULL
	AND COALESCE(r.fingerprint, r.fingerprint_hash) IS NOT NULL
), written AS (
	INSERT INTO machines AS m (id, license_id, fingerprint_hash, hostname,
	    platform, ip_last_seen, activated_at, last_heartbeat_at,
	    deactivated_at, deactivation_reason)
	SELECT g.id, g.license_id, g.hash, g.hostname, g.platform,
	    g.ip_last_seen, g.activated_at, g.last_heartbeat_at,
	    g.deactivated_at, g.deactivation_reason
	FROM given g
	ORDER BY g.last_heartbeat_at DESC, g.id
	ON CONFLICT DO NOTHING
	RETURNING m.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_bound :one
-- The machine that a license for one remembers by its fingerprint only, as the
-- oldest databases do.  One that was deactivated is not seated again.
WITH given AS (
	SELECT l.id, decode(r.fingerprint, 'hex') AS hash, l.max_machines,
	    l.issued_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, fingerprint text)
	JOIN licenses l ON l.id = r.id
	WHERE r.fingerprint IS NOT NULL
), written AS (
	INSERT INTO machines AS m (license_id, fingerprint_hash, activated_at,
	    last_heartbeat_at)
	SELECT g.id, g.hash, g.issued_at, licet_now()
	FROM given g
	WHERE NOT EXISTS (SELECT FROM machines o
	    WHERE o.license_id = g.id AND o.fingerprint_hash = g.hash)
	AND NOT (g.max_machines > 0 AND g.max_machines <= (SELECT count(*)
	    FROM machines o
	    WHERE o.license_id = g.id AND o.deactivated_at IS NULL))
	ON CONFLICT DO NOTHING
	RETURNING m.id
), mended AS (
	SELECT 'its fingerprint is a machine now' AS text
	FROM written w
)
{{import_answer}};

-- name: import_redemptions :one
-- Uses of codes, and the price that the invoice was before.
WITH given AS (
	SELECT r.id, c.id AS code_id, i.id AS invoice_id, l.id AS license_id,
	    CASE WHEN r.status IN ('pending', 'redeemed') THEN r.status
	        ELSE 'cancelled' END AS status,
	    GREATEST(COALESCE(r.discount_applied_sats, 0), 0) AS discount,
	    GREATEST(COALESCE(r.base_price_sats, 0), 0) AS base,
	    GREATEST(COALESCE(r.final_price_sats, 0), 0) AS final,
	    COALESCE(r.created_at, licet_now()) AS created_at,
	    COALESCE(r.updated_at, r.created_at, licet_now()) AS updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, code_id uuid,
	    invoice_id uuid, license_id uuid, status text,
	    discount_applied_sats bigint, base_price_sats bigint,
	    final_price_sats bigint, created_at timestamptz,
	    updated_at timestamptz)
	JOIN discount_codes c ON c.id = r.code_id
	JOIN invoices i ON i.id = r.invoice_id
	LEFT JOIN licenses l ON l.id = r.license_id
	WHERE r.id IS NOT NULL
), written AS (
	INSERT INTO discount_redemptions AS d (id, code_id, invoice_id,
	    license_id, status, discount_applied_sats, base_price_sats,
	    final_price_sats, created_at, updated_at)
	SELECT g.id, g.code_id, g.invoice_id, g.license_id, g.status,
	    g.discount, g.base, g.final, g.created_at, g.updated_at
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING d.id, d.invoice_id, d.base_price_sats, d.discount_applied_sats
), priced AS (
	UPDATE invoices AS i
	SET base_price_sats = w.base_price_sats,
	    discount_applied_sats = w.discount_applied_sats
	FROM written w
	WHERE i.id = w.invoice_id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_tips :one
-- Tips that were tried, for the record: nobody pays one again.
WITH given AS (
	SELECT DISTINCT ON (l.id) r.id, l.id AS license_id, y.id AS policy_id,
	    r.recipient, COALESCE(i.amount_sats, 0) AS paid_sats,
	    r.amount_sats, LEAST(GREATEST(COALESCE(r.pct_bps, 0), 0), 10000)
	        AS pct_bps, r.label,
	    CASE WHEN r.status IN ('sent', 'skipped') THEN r.status
	        ELSE 'failed' END AS status, r.detail,
	    CASE WHEN row_number() OVER (PARTITION BY r.payment_hash
	        ORDER BY r.id) = 1 AND NOT EXISTS (SELECT FROM tip_attempts o
	        WHERE o.payment_hash = r.payment_hash)
	        THEN r.payment_hash END AS payment_hash, r.created_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, license_id uuid,
	    policy_id uuid, recipient text, amount_sats bigint,
	    pct_bps bigint, label text, status text, detail text,
	    payment_hash text, created_at timestamptz)
	JOIN licenses l ON l.id = r.license_id
	LEFT JOIN invoices i ON i.id = l.invoice_id
	LEFT JOIN policies y ON y.id = r.policy_id
	WHERE r.id IS NOT NULL
	ORDER BY l.id, r.status = 'sent' DESC, r.created_at DESC, r.id
), written AS (
	INSERT INTO tip_attempts AS t (id, license_id, policy_id, recipient,
	    paid_sats, amount_sats, pct_bps, label, status, detail,
	    payment_hash, next_check_at, created_at)
	SELECT g.id, g.license_id, g.policy_id, COALESCE(g.recipient, ''),
	    g.paid_sats, g.amount_sats, g.pct_bps, g.label, g.status, g.detail,
	    g.payment_hash, NULL, COALESCE(g.created_at, licet_now())
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING t.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_trials :exec
-- Whoever had a trial of a product has had it.  Walks licenses by their
-- invoice, once.
WITH first AS (
	SELECT DISTINCT ON (i.product_id, lower(i.buyer_email)) i.id
	FROM licenses l
	JOIN invoices i ON i.id = l.invoice_id
	WHERE l.is_trial AND i.amount_sats = 0 AND i.buyer_email IS NOT NULL
	ORDER BY i.product_id, lower(i.buyer_email), i.created_at, i.id
)
UPDATE invoices AS i
SET is_trial = true
FROM first f
WHERE i.id = f.id;
