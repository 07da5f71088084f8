-- name: import_lock :one
-- One import at a time; the session's end lets go.
SELECT pg_try_advisory_lock(hashtextextended('import', 0)) AS taken;

-- name: import_state :one
-- Whether nothing of anybody's is here yet, which file was imported before, and
-- which of its parts are in.  What the settings named may be connected.  Each
-- table is looked into by any index, for one row.
SELECT NOT EXISTS (SELECT FROM products)
    AND NOT EXISTS (SELECT FROM invoices)
    AND NOT EXISTS (SELECT FROM licenses)
    AND NOT EXISTS (SELECT FROM discount_codes)
    AND NOT EXISTS (SELECT FROM webhook_endpoints)
    AND NOT EXISTS (SELECT FROM payment_providers v
	WHERE v.kind <> 'sandbox' AND NOT v.from_environment)
    AND (SELECT count(*) FROM merchant_profiles) = 1 AS is_empty,
    merchant_profile_default_1() AS profile_id,
    (SELECT min(s.value) FROM settings s
	WHERE s.key IN ('import_keysat_records', 'import_keysat_events',
	    'import_keysat_log')) AS file,
    EXISTS (SELECT FROM settings s
	WHERE s.key = 'import_keysat_records') AS records,
    EXISTS (SELECT FROM settings s
	WHERE s.key = 'import_keysat_events') AS events,
    EXISTS (SELECT FROM settings s WHERE s.key = 'import_keysat_log') AS log;

-- name: import_mark :exec
-- A part of a file is in; said by the transaction that brought it.
WITH event AS (
	INSERT INTO events (actor_kind, action, details)
	SELECT 'system', 'import.keysat', jsonb_build_object(
	    'part', @part::text, 'sha256', @file::text)
)
INSERT INTO settings AS s (key, value, updated_at)
VALUES ('import_keysat_' || @part, @file, licet_now())
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, updated_at = excluded.updated_at;

-- name: import_make_room :exec
-- What settings connected makes way for what the vendor had connected: nothing
-- refers to it in an empty database, and the next start connects it again if
-- its place is free.
DELETE FROM payment_providers AS v
WHERE v.from_environment AND v.kind <> 'sandbox';

-- fragment: import_slug
-- What r.slug becomes here: our slugs are lower case.
CASE WHEN r.slug ~ '^[a-z0-9][a-z0-9-]{0,62}$' THEN r.slug
    ELSE COALESCE(NULLIF(left(btrim(regexp_replace(lower(r.slug),
        '[^a-z0-9-]+', '-', 'g'), '-'), 63), ''),
        'x-' || left(r.id::text, 8)) END

-- fragment: import_texts
-- r.entitlements, a JSON list, in its order.
ARRAY(SELECT e.value
    FROM jsonb_array_elements_text(CASE jsonb_typeof(r.entitlements)
	WHEN 'array' THEN r.entitlements ELSE '[]' END) AS e(value)
    WHERE e.value IS NOT NULL)

-- fragment: import_object
-- r.metadata, if it is an object.
CASE jsonb_typeof(r.metadata) WHEN 'object' THEN r.metadata ELSE '{}' END

-- fragment: import_answer
-- How many rows were written; what was mended, a text each.
SELECT (SELECT count(*) FROM written) AS written,
    (SELECT json_agg(m.text) FROM mended m) AS mends

-- name: import_settings :one
-- What is known under the same name.  A hash of the web login's password comes
-- if src/crypto/password.c can verify it: Argon2id, of no odd cost.
WITH given AS (
	SELECT r.key, r.value, r.updated_at,
	    r.key IN ('operator_name', 'manual_rate_pin_USD',
	        'manual_rate_pin_EUR', 'web_ui_password_hash')
	    AND r.value IS NOT NULL AND (r.key NOT LIKE 'manual_rate_pin_%'
	        OR r.value ~ '^[0-9]{1,12}([.][0-9]{1,4})?$')
	    AND (r.key <> 'web_ui_password_hash' OR length(r.value) < 128
	        AND r.value ~ ('^\$argon2id\$v=19\$m=([1-9][0-9]{0,5}|1048576),'
	        't=([1-9]|[1-5][0-9]|6[0-4]),p=[1-9]\$[A-Za-z0-9+/]{11,64}'
	        '\$[A-Za-z0-9+/]{22,86}$')) AS known
	FROM jsonb_to_recordset(@rows::jsonb) AS r(key text, value text,
	    updated_at timestamptz)
), written AS (
	INSERT INTO settings AS s (key, value, updated_at)
	SELECT g.key, g.value, COALESCE(g.updated_at, licet_now())
	FROM given g
	WHERE g.known
	ON CONFLICT (key) DO UPDATE
	SET value = excluded.value, updated_at = excluded.updated_at
	RETURNING s.key
), mended AS (
	SELECT 'setting ' || g.key || ' is not carried' AS text
	FROM given g
	WHERE NOT g.known
	UNION ALL
	SELECT 'the rate of ' || right(g.key, 3) || ' is pinned: look at it'
	FROM given g
	WHERE g.known AND g.key LIKE 'manual_rate_pin_%'
)
{{import_answer}};

-- name: import_keys :one
-- Scoped keys, by the hash of their tokens.  One whose hash or role is none
-- that there is opens nothing here; a scope that can't be given by itself is
-- dropped.  One that says it is revoked is, be the time no time.
WITH given AS (
	SELECT r.id, COALESCE(NULLIF(btrim(r.label), ''), 'Keysat') AS label,
	    r.token_hash, replace(lower(r.role), '_', '-') AS role,
	    CASE WHEN position('payment_providers:write'
	        IN r.extra_scopes::text) > 0
	    THEN ARRAY['payment_providers:write'] ELSE '{}' END AS scopes,
	    r.created_at, r.last_used_at, CASE
	    WHEN NULLIF(btrim(r.revoked_at), '') IS NULL THEN NULL
	    WHEN r.revoked_at ~ ('^20[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]'
	        '[T ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?'
	        '(Z|[+]00:00)?$')
	    THEN (left(r.revoked_at, 7) || '-01T'
	        || substr(r.revoked_at, 12, 8) || 'Z')::timestamptz
	        + (substr(r.revoked_at, 9, 2)::int - 1)
	        * interval '86400 seconds'
	    ELSE licet_now() END AS revoked_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, label text,
	    token_hash text, role text, extra_scopes jsonb,
	    created_at timestamptz, last_used_at timestamptz,
	    revoked_at text)
), written AS (
	INSERT INTO scoped_api_keys AS k (id, label, token_hash, role,
	    extra_scopes, created_at, last_used_at, revoked_at)
	SELECT g.id, g.label, decode(g.token_hash, 'hex'), g.role, g.scopes,
	    COALESCE(g.created_at, licet_now()), g.last_used_at, g.revoked_at
	FROM given g
	WHERE g.id IS NOT NULL AND g.token_hash IS NOT NULL
	AND g.role IN ('read-only', 'license-issuer', 'support',
	    'merchant-onboard', 'full-admin')
	ON CONFLICT DO NOTHING
	RETURNING k.id
), mended AS (
	SELECT 'API key "' || g.label || '" is not carried: make it anew'
	    AS text
	FROM given g
	WHERE NOT EXISTS (SELECT FROM written w WHERE w.id = g.id)
)
{{import_answer}};

-- name: import_profiles :one
-- Whom buyers pay.  None is the default yet: import_default says which.
WITH written AS (
	INSERT INTO merchant_profiles AS m (id, name, legal_name, support_url,
	    support_email, brand_color, post_purchase_redirect_url, smtp_host,
	    smtp_port, smtp_username, sealed_smtp_password, smtp_from,
	    created_at, updated_at)
	SELECT r.id, COALESCE(NULLIF(btrim(r.name), ''), 'Keysat'),
	    r.legal_name, r.support_url, r.support_email, r.brand_color,
	    r.post_purchase_redirect_url, r.smtp_host,
	    CASE WHEN r.smtp_port BETWEEN 1 AND 65535 THEN r.smtp_port END,
	    r.smtp_username, decode(r.smtp_password, 'hex'), r.smtp_from,
	    COALESCE(r.created_at, licet_now()),
	    COALESCE(r.updated_at, licet_now())
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, name text,
	    legal_name text, support_url text, support_email text,
	    brand_color text, post_purchase_redirect_url text, smtp_host text,
	    smtp_port bigint, smtp_username text, smtp_password text,
	    smtp_from text, created_at timestamptz, updated_at timestamptz)
	WHERE r.id IS NOT NULL
	ON CONFLICT (id) DO NOTHING
	RETURNING m.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_default :one
-- The default moves to the vendor's.
WITH given AS (
	SELECT m.id
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, is_default boolean)
	JOIN merchant_profiles m ON m.id = r.id
	ORDER BY COALESCE(r.is_default, false) DESC, m.created_at, m.id
	LIMIT 1
), written AS (
	UPDATE merchant_profiles AS m
	SET is_default = (m.id = g.id)
	FROM given g
	WHERE m.is_default OR m.id = g.id
	RETURNING m.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_first_profile_drop :exec
-- The profile that the database began with, if another is the default now and
-- nothing was connected to it.
DELETE FROM merchant_profiles AS m
WHERE m.id = @id::uuid AND NOT m.is_default
AND NOT EXISTS (SELECT FROM payment_providers v
    WHERE v.merchant_profile_id = m.id);

-- name: import_providers :one
-- Connected as they were; secrets come sealed for the row.  Keysat's id stays,
-- since the provider's webhook names it.  Where buyers reach BTCPay was a setting
-- there, and is one of the import.
WITH given AS (
	SELECT r.id, r.kind, r.label, r.api_key, r.base_url, r.webhook_id,
	    r.webhook_secret, r.store_id, r.created_at,
	    COALESCE(m.id, merchant_profile_default_1()) AS profile_id,
	    row_number() OVER (PARTITION BY
	        COALESCE(m.id, merchant_profile_default_1()), r.kind
	        ORDER BY r.created_at, r.id) = 1 AS connected
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid,
	    merchant_profile_id uuid, kind text, label text, api_key text,
	    base_url text, webhook_id text, webhook_secret text, store_id text,
	    created_at timestamptz)
	LEFT JOIN merchant_profiles m ON m.id = r.merchant_profile_id
	WHERE r.id IS NOT NULL AND r.kind IN ('btcpay', 'zaprite')
), written AS (
	INSERT INTO payment_providers AS v (id, kind, label, base_url, store_id,
	    merchant_profile_id, public_url, sealed_api_key, webhook_id,
	    sealed_webhook_secret, created_at, connected_at, disconnected_at)
	SELECT g.id, g.kind, COALESCE(NULLIF(g.label, ''), g.kind),
	    rtrim(COALESCE(g.base_url, ''), '/'),
	    CASE g.kind WHEN 'zaprite' THEN g.id::text
	        ELSE COALESCE(g.store_id, '') END,
	    g.profile_id, CASE g.kind WHEN 'btcpay'
	        THEN rtrim(COALESCE(@public_url::text, ''), '/') ELSE '' END,
	    decode(g.api_key, 'hex'), g.webhook_id,
	    decode(g.webhook_secret, 'hex'),
	    COALESCE(g.created_at, licet_now()),
	    COALESCE(g.created_at, licet_now()),
	    CASE WHEN NOT g.connected THEN licet_now() END
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING v.id, v.kind
), mended AS (
	SELECT 'a second ' || g.kind || ' of a profile was disconnected' AS text
	FROM given g
	WHERE NOT g.connected
)
{{import_answer}};

-- name: import_rails :one
-- Which provider a profile prefers for a rail.
WITH written AS (
	INSERT INTO merchant_profile_rail_preferences AS x (merchant_profile_id,
	    rail, payment_provider_id)
	SELECT m.id, r.rail, v.id
	FROM jsonb_to_recordset(@rows::jsonb) AS r(merchant_profile_id uuid,
	    rail text, payment_provider_id uuid)
	JOIN merchant_profiles m ON m.id = r.merchant_profile_id
	JOIN payment_providers v ON v.id = r.payment_provider_id
	    AND v.merchant_profile_id = m.id
	WHERE r.rail IN ('lightning', 'onchain')
	OR r.rail = 'card' AND v.kind = 'zaprite'
	ON CONFLICT DO NOTHING
	RETURNING x.rail
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};

-- name: import_endpoints :one
-- Who hears of what happens.  Names that no event can have are left out; who
-- names none hears all.
WITH given AS (
	SELECT r.id, r.url, r.secret, ARRAY(SELECT e.value
	    FROM jsonb_array_elements_text(CASE jsonb_typeof(r.event_types)
	        WHEN 'array' THEN r.event_types ELSE '[]' END) AS e(value)
	    WHERE e.value ~ '^(\*|[a-z_]+(\.[a-z_]+)*)$') AS event_types,
	    r.product_id, r.description, r.active, r.created_at, r.updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, url text,
	    secret text, event_types jsonb, product_id uuid,
	    description text, active boolean, created_at timestamptz,
	    updated_at timestamptz)
	WHERE r.id IS NOT NULL AND r.secret IS NOT NULL
	AND r.url ~ '^https?://[^[:space:]]+$'
), written AS (
	INSERT INTO webhook_endpoints AS w (id, url, sealed_secret,
	    event_types, product_id, description, active, created_at,
	    updated_at)
	SELECT g.id, g.url, decode(g.secret, 'hex'),
	    CASE g.event_types WHEN '{}' THEN '{*}' ELSE g.event_types END,
	    g.product_id, g.description, COALESCE(g.active, true),
	    COALESCE(g.created_at, licet_now()),
	    COALESCE(g.updated_at, g.created_at, licet_now())
	FROM given g
	ON CONFLICT DO NOTHING
	RETURNING w.id
), mended AS (
	SELECT NULL::text AS text WHERE false
)
{{import_answer}};
