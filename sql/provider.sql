-- fragment: rails_of
-- What a provider's kind (row alias v) can be paid by; the first is what buyers
-- get who ask for nothing.  The same lists are in src/pay/.
CASE v.kind WHEN 'zaprite' THEN ARRAY['card', 'lightning', 'onchain']
ELSE ARRAY['lightning', 'onchain'] END

-- fragment: provider_facts
-- What src/flow/account.c makes an account of; row alias v, NULLs when there is
-- no provider.
v.id AS provider_id, v.kind AS provider_kind, v.base_url AS provider_base_url,
v.public_url AS provider_public_url, v.store_id AS provider_store_id,
encode(v.sealed_api_key, 'hex') AS provider_api_key,
encode(v.sealed_webhook_secret, 'hex') AS provider_webhook_secret

-- fragment: provider_for
-- Which provider a sale goes to: its id, for @rail and the merchant profile
-- x.profile_id.  The profile's explicit preference for the rail, else the
-- earliest connected one that serves it; no rail, or a word that is none, is
-- the first rail of the earliest connected.  NULL: nobody serves it.  Leans on
-- payment_providers_connected.
(SELECT COALESCE((SELECT v.id
	    FROM merchant_profile_rail_preferences r
	    JOIN payment_providers v ON v.id = r.payment_provider_id
	    WHERE r.merchant_profile_id = x.profile_id AND r.rail = w.rail
	    AND v.merchant_profile_id = x.profile_id
	    AND v.disconnected_at IS NULL AND w.rail = ANY ({{rails_of}})),
	(SELECT v.id
	    FROM payment_providers v
	    WHERE v.merchant_profile_id = x.profile_id
	    AND v.disconnected_at IS NULL AND w.rail = ANY ({{rails_of}})
	    ORDER BY v.connected_at, v.id
	    LIMIT 1))
	FROM (SELECT CASE WHEN @rail::text IN ('lightning', 'onchain', 'card')
	    THEN @rail
	    ELSE (SELECT ({{rails_of}})[1]
	        FROM payment_providers v
	        WHERE v.merchant_profile_id = x.profile_id
	        AND v.disconnected_at IS NULL
	        ORDER BY v.connected_at, v.id
	        LIMIT 1) END AS rail) w)

-- name: provider_of_sale :opt
-- Who takes the money for a product, by slug, and a rail.
SELECT {{provider_facts}}
FROM (SELECT COALESCE(p.merchant_profile_id, merchant_profile_default_1())
	AS profile_id
	FROM products p
	WHERE p.slug = @product::text) x
JOIN payment_providers v ON v.id = {{provider_for}};

-- name: provider_hook_get :opt
-- Whose secret signs a webhook: that of the connected provider named in its
-- address or, in the address without one, of the default profile's; if that has
-- none, of the one that the settings name (another profile became the default).
SELECT {{provider_facts}}
FROM payment_providers v
WHERE v.kind = @kind::text AND v.disconnected_at IS NULL
AND CASE WHEN @provider_id::uuid IS NULL
    THEN v.merchant_profile_id = merchant_profile_default_1()
        OR v.from_environment
    ELSE v.id = @provider_id END
ORDER BY v.merchant_profile_id = merchant_profile_default_1() DESC,
    v.connected_at, v.id
LIMIT 1;

-- name: provider_known_list :many
-- What is connected to the default profile, and what settings named; an
-- earlier release did not mark that, but kept no secrets either.
SELECT v.merchant_profile_id = merchant_profile_default_1() AS is_default,
    v.from_environment OR v.sealed_api_key IS NULL AS is_named,
    v.from_environment, {{provider_facts}}
FROM payment_providers v
WHERE v.disconnected_at IS NULL
AND (v.merchant_profile_id = merchant_profile_default_1()
    OR v.from_environment OR v.sealed_api_key IS NULL)
ORDER BY v.connected_at, v.id;

-- name: provider_by_hand_list :many
-- What is connected though no settings named it, for the doctor.
SELECT m.name AS profile_name, {{provider_facts}}
FROM payment_providers v
JOIN merchant_profiles m ON m.id = v.merchant_profile_id
WHERE v.disconnected_at IS NULL AND NOT v.from_environment
AND v.sealed_api_key IS NOT NULL
ORDER BY v.connected_at, v.id;

-- name: provider_ensure :opt
-- Connects the provider that the environment names to the default profile, or
-- connects it again.  No row: that store is connected to another profile, or
-- the default one has a provider of this kind.
INSERT INTO payment_providers AS v (kind, label, base_url, public_url, store_id,
    merchant_profile_id, from_environment, connected_at)
SELECT @kind::text, @label::text, COALESCE(@base_url::text, ''),
    COALESCE(@public_url::text, ''), COALESCE(@store_id::text, ''),
    merchant_profile_default_1(), true, licet_now()
WHERE NOT EXISTS (SELECT
	FROM payment_providers o
	WHERE o.merchant_profile_id = merchant_profile_default_1()
	AND o.kind = @kind AND o.disconnected_at IS NULL)
ON CONFLICT (kind, base_url, store_id) DO UPDATE
SET label = excluded.label, public_url = excluded.public_url,
    merchant_profile_id = excluded.merchant_profile_id,
    from_environment = true, connected_at = excluded.connected_at,
    disconnected_at = NULL, webhook_id = NULL
WHERE v.disconnected_at IS NOT NULL
RETURNING v.id;

-- name: provider_refresh :exec
-- What the environment says of the provider that it names, secrets sealed.
WITH changed AS (
	UPDATE payment_providers AS v
	SET public_url = COALESCE(@public_url::text, ''),
	    sealed_api_key = decode(@api_key::text, 'hex'),
	    sealed_webhook_secret = decode(@webhook_secret::text, 'hex'),
	    from_environment = true
	WHERE v.id = @provider_id::uuid
	RETURNING v.id, v.kind, v.base_url, v.store_id
)
INSERT INTO events (actor_kind, action, target_kind, target_id, details)
SELECT 'system', 'payment_provider.environment', 'payment_provider', c.id::text,
    jsonb_build_object('kind', c.kind, 'base_url', c.base_url,
    'store_id', c.store_id)
FROM changed c;

-- name: provider_retire :exec
-- Disconnects the providers that an environment named (an earlier release did
-- not mark them, but kept no secrets either): all but @kept, and only those of
-- @kind if that is given.  They keep their rows, since invoices refer to them,
-- but not their secrets.
WITH gone AS (
	UPDATE payment_providers AS v
	SET disconnected_at = licet_now(), sealed_api_key = NULL,
	    sealed_webhook_secret = NULL
	WHERE v.disconnected_at IS NULL
	AND (v.from_environment OR v.sealed_api_key IS NULL)
	AND v.id IS DISTINCT FROM @kept::uuid
	AND (@kind::text IS NULL OR v.kind = @kind)
	RETURNING v.id, v.kind, v.base_url, v.store_id
)
INSERT INTO events (actor_kind, action, target_kind, target_id, details)
SELECT 'system', 'payment_provider.disconnect', 'payment_provider', g.id::text,
    jsonb_build_object('kind', g.kind, 'base_url', g.base_url,
    'store_id', g.store_id, 'reason', 'the environment names another')
FROM gone g;

-- name: profile_name_first :exec
-- The default profile is named after the operator while nobody has touched it.
UPDATE merchant_profiles AS m
SET name = o.name
FROM (SELECT COALESCE((SELECT NULLIF(btrim(s.value), '')
	FROM settings s
	WHERE s.key = 'operator_name'), btrim(@operator_name::text)) AS name) o
WHERE m.is_default AND m.name = 'Licet' AND m.updated_at = m.created_at
AND o.name <> '';

-- name: provider_heard :exec
-- Somebody called an address: connected providers that live there answered, or
-- @error says what went wrong.  Few rows: it reads them all.
INSERT INTO provider_heard AS h (provider_id, ok_at, failed_at, failing_since,
    error)
SELECT v.id, CASE WHEN @error::text IS NULL THEN licet_now() END,
    CASE WHEN @error IS NOT NULL THEN licet_now() END,
    CASE WHEN @error IS NOT NULL THEN licet_now() END, left(@error, 200)
FROM payment_providers v
WHERE v.disconnected_at IS NULL AND v.kind <> 'sandbox'
AND starts_with(@url::text, v.base_url || '/')
ORDER BY v.id
ON CONFLICT (provider_id) DO UPDATE SET
    ok_at = COALESCE(excluded.ok_at, h.ok_at),
    failed_at = COALESCE(excluded.failed_at, h.failed_at),
    failing_since = CASE WHEN excluded.ok_at IS NULL
        THEN COALESCE(h.failing_since, excluded.failed_at) END,
    error = COALESCE(excluded.error, h.error);
