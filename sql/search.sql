-- fragment: find_uuid
-- What was typed, if it is an id.
CASE WHEN @q::text ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){4}[0-9a-fA-F]{8}$'
THEN @q::text::uuid END

-- fragment: find_hash
-- What was typed, as the hash under which a machine of that fingerprint is kept;
-- or that hash itself.
CASE WHEN @q::text ~ '^[0-9a-fA-F]{64}$' THEN decode(@q::text, 'hex')
ELSE sha256(convert_to(@q::text, 'UTF8')) END

-- fragment: find_hash_of_text
-- The first even if what was typed looks like the second.
sha256(convert_to(@q::text, 'UTF8'))

-- name: license_find :one
-- Whatever somebody has at hand: a license's, invoice's (ours or the provider's),
-- machine's or subscription's id, an address in any case, an npub, a fingerprint
-- or its hash; or, as @license_id, the license that a key names.  The licenses
-- that it leads to, newest first, then invoices that brought none.  Each branch
-- has its own index: licenses_pkey, licenses_invoice_id_key, invoices_pkey,
-- invoices_provider_invoice_id_provider_id_key, machines_pkey,
-- machines_fingerprint, subscriptions_pkey, licenses_address, licenses_npub,
-- invoices_email.
WITH invoice AS (
	SELECT i.id, i.license_id
	FROM invoices i
	WHERE i.id = {{find_uuid}}
	UNION ALL
	(SELECT i.id, i.license_id
	FROM invoices i
	WHERE i.provider_invoice_id = @q::text
	LIMIT 26)
	UNION ALL
	(SELECT i.id, i.license_id
	FROM invoices i
	WHERE i.buyer_email IS NOT NULL AND lower(i.buyer_email) = lower(@q)
	ORDER BY i.created_at DESC, i.id DESC
	LIMIT 26)
), mark (id, by) AS (
	SELECT @license_id::uuid, 'key'
	UNION ALL
	SELECT {{find_uuid}}, 'license'
	UNION ALL
	SELECT COALESCE(i.license_id, l.id), 'invoice'
	FROM invoice i
	LEFT JOIN licenses l ON l.invoice_id = i.id
	UNION ALL
	SELECT b.license_id, 'subscription'
	FROM subscriptions b
	WHERE b.id = {{find_uuid}}
	UNION ALL
	SELECT m.license_id, 'machine'
	FROM machines m
	WHERE m.id = {{find_uuid}}
	UNION ALL
	(SELECT m.license_id, 'machine'
	FROM machines m
	WHERE substr(m.fingerprint_hash, 1, 8) = substr({{find_hash}}, 1, 8)
	AND m.fingerprint_hash = {{find_hash}}
	LIMIT 26)
	UNION ALL
	(SELECT m.license_id, 'machine'
	FROM machines m
	WHERE substr(m.fingerprint_hash, 1, 8)
	    = substr({{find_hash_of_text}}, 1, 8)
	AND m.fingerprint_hash = {{find_hash_of_text}}
	LIMIT 26)
	UNION ALL
	(SELECT l.id, 'address'
	FROM licenses l
	WHERE l.buyer_email IS NOT NULL AND lower(l.buyer_email) = lower(@q)
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT 26)
	UNION ALL
	(SELECT l.id, 'npub'
	FROM licenses l
	WHERE l.nostr_npub = @q
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT 26)
), license AS MATERIALIZED (
	SELECT l.id, l.created_at, row_number() OVER (
	        ORDER BY l.created_at DESC, l.id DESC) AS n,
	    json_build_object('kind', 'license', 'id', l.id, 'by', m.by,
	        'status', {{license_state}}, 'product_id', l.product_id,
	        'product_slug', p.slug, 'product_name', p.name,
	        'policy_slug', y.slug, 'policy_name', y.name,
	        'buyer_email', l.buyer_email,
	        'created_at', rfc3339(l.created_at)) AS doc
	FROM (SELECT k.id, string_agg(DISTINCT k.by, ', ') AS by
	    FROM mark k
	    WHERE k.id IS NOT NULL
	    GROUP BY k.id) m
	JOIN licenses l ON l.id = m.id
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
), bare AS MATERIALIZED (
	SELECT i.id, row_number() OVER (
	        ORDER BY i.created_at DESC, i.id DESC) AS n,
	    json_build_object('kind', 'invoice', 'id', i.id, 'by', 'invoice',
	        'status', i.status, 'product_id', i.product_id,
	        'product_slug', p.slug, 'product_name', p.name,
	        'policy_slug', y.slug, 'policy_name', y.name,
	        'buyer_email', i.buyer_email,
	        'created_at', rfc3339(i.created_at)) AS doc
	FROM (SELECT DISTINCT v.id
	    FROM invoice v
	    WHERE v.license_id IS NULL AND NOT EXISTS (
	        SELECT FROM licenses l WHERE l.invoice_id = v.id)) v
	JOIN invoices i ON i.id = v.id
	JOIN products p ON p.id = i.product_id
	LEFT JOIN policies y ON y.id = i.policy_id
), found AS (
	SELECT l.id, 'license' AS kind, l.n, l.doc
	FROM license l
	WHERE l.n <= 25
	UNION ALL
	SELECT b.id, 'invoice', 1000 + b.n, b.doc
	FROM bare b
	WHERE b.n <= 25
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'results', COALESCE(json_agg(f.doc ORDER BY f.n), '[]'),
    'more', (SELECT count(*) FROM license) > 25
        OR (SELECT count(*) FROM bare) > 25,
    'only', CASE WHEN count(*) = 1 THEN json_build_object(
        'kind', min(f.kind), 'id', min(f.id::text)) END) AS body
FROM found f;
