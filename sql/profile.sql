-- fragment: provider_json
-- A connected provider (alias v) as clients see it.  One without stores has its
-- own id as store_id, which says nothing.
json_build_object('id', v.id, 'kind', v.kind, 'label', v.label,
    'base_url', v.base_url,
    'store_id', NULLIF(NULLIF(v.store_id, v.id::text), ''),
    'webhook_id', v.webhook_id, 'connected_at', rfc3339(v.connected_at),
    'served_rails', to_json({{rails_of}}))

-- fragment: profile_fields
-- A profile (alias m) as clients see it.  The password never leaves.
'id', m.id, 'name', m.name, 'legal_name', m.legal_name,
'support_url', m.support_url, 'support_email', m.support_email,
'brand_color', m.brand_color,
'post_purchase_redirect_url', m.post_purchase_redirect_url,
'is_default', m.is_default, 'smtp_configured', m.smtp_host IS NOT NULL,
'smtp_host', m.smtp_host, 'smtp_port', m.smtp_port,
'smtp_username', m.smtp_username, 'smtp_from', m.smtp_from,
'created_at', rfc3339(m.created_at), 'updated_at', rfc3339(m.updated_at),
'providers', (SELECT COALESCE(json_agg({{provider_json}}
	ORDER BY v.connected_at, v.id), '[]')
	FROM payment_providers v
	WHERE v.merchant_profile_id = m.id AND v.disconnected_at IS NULL)

-- name: profile_lock :exec
-- Before a profile becomes the default one, or goes: nobody else does either,
-- and no product, subscription or provider comes to refer to one meanwhile.
SELECT m.id FROM merchant_profiles m ORDER BY m.id FOR UPDATE;

-- name: profile_create :one
-- A profile, with the id that its password was sealed for, unless there are
-- enough; tier_lock is the referee of that.
WITH verdict AS MATERIALIZED (
	SELECT {{profiles_cap}} AS cap
), made AS (
	INSERT INTO merchant_profiles AS m (id, name, legal_name, support_url,
	    support_email, brand_color, post_purchase_redirect_url, smtp_host,
	    smtp_port, smtp_username, sealed_smtp_password, smtp_from)
	SELECT @profile_id::uuid, @name::text, NULLIF(@legal_name::text, ''),
	    @support_url::text, @support_email::text, @brand_color::text,
	    @post_purchase_redirect_url::text, @smtp_host::text,
	    @smtp_port::integer, NULLIF(@smtp_username::text, ''),
	    decode(@sealed_smtp_password::text, 'hex'), @smtp_from::text
	FROM verdict r
	WHERE r.cap IS NULL
	RETURNING m.id, m.name, json_build_object({{profile_fields}}) AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.create', 'merchant_profile',
	    m.id::text, jsonb_build_object('name', m.name)
	FROM made m
)
SELECT CASE WHEN r.cap IS NOT NULL THEN 'tier_cap' END AS fault,
    r.cap AS message, m.body
FROM verdict r
LEFT JOIN made m ON true;

-- name: profile_update :one
-- Changes what the body names; null clears.  The primary key finds the row.
WITH changed AS (
	UPDATE merchant_profiles AS m
	SET name = COALESCE(@name::text, m.name),
	    legal_name = CASE WHEN @body::jsonb ? 'legal_name'
	        THEN NULLIF(@legal_name::text, '') ELSE m.legal_name END,
	    support_url = CASE WHEN @body ? 'support_url'
	        THEN @support_url::text ELSE m.support_url END,
	    support_email = CASE WHEN @body ? 'support_email'
	        THEN @support_email::text ELSE m.support_email END,
	    brand_color = CASE WHEN @body ? 'brand_color'
	        THEN @brand_color::text ELSE m.brand_color END,
	    post_purchase_redirect_url = CASE
	        WHEN @body ? 'post_purchase_redirect_url'
	        THEN @post_purchase_redirect_url::text
	        ELSE m.post_purchase_redirect_url END,
	    smtp_host = CASE WHEN @body ? 'smtp_host'
	        THEN @smtp_host::text ELSE m.smtp_host END,
	    smtp_port = CASE WHEN @body ? 'smtp_port'
	        THEN @smtp_port::integer ELSE m.smtp_port END,
	    smtp_username = CASE WHEN @body ? 'smtp_username'
	        THEN NULLIF(@smtp_username::text, '') ELSE m.smtp_username END,
	    sealed_smtp_password = CASE WHEN @body ? 'smtp_password'
	        THEN decode(@sealed_smtp_password::text, 'hex')
	        ELSE m.sealed_smtp_password END,
	    smtp_from = CASE WHEN @body ? 'smtp_from'
	        THEN @smtp_from::text ELSE m.smtp_from END,
	    updated_at = licet_now()
	WHERE m.id = @id::uuid
	RETURNING m.id, json_build_object({{profile_fields}}) AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.update', 'merchant_profile',
	    m.id::text, jsonb_build_object('changes', @body)
	FROM changed m
)
SELECT NULL::text AS fault, NULL::text AS message, m.body
FROM changed m;

-- name: profile_list :one
-- All profiles, the default one first.  There are few.
SELECT json_build_object('profiles', json_agg(
    json_build_object({{profile_fields}})
    ORDER BY m.is_default DESC, m.created_at, m.id)) AS body
FROM merchant_profiles m;

-- name: profile_get :one
-- One profile, with what refers to it.  Products that name no profile are the
-- default one's.  Leans on products_profile and subscriptions_profile.
SELECT json_build_object({{profile_fields}},
    'rail_preferences', (SELECT COALESCE(json_agg(json_build_object(
	    'rail', r.rail, 'payment_provider_id', r.payment_provider_id)
	    ORDER BY r.rail), '[]')
	FROM merchant_profile_rail_preferences r
	WHERE r.merchant_profile_id = m.id),
    'product_count', (SELECT count(*)
	FROM products p
	WHERE p.merchant_profile_id = m.id) + CASE WHEN m.is_default
	THEN (SELECT count(*)
	    FROM products p
	    WHERE p.merchant_profile_id IS NULL) ELSE 0 END,
    'active_subscription_count', (SELECT count(*)
	FROM subscriptions b
	WHERE b.merchant_profile_id = m.id
	AND b.status IN ('active', 'past_due'))) AS body
FROM merchant_profiles m
WHERE m.id = @id::uuid;

-- name: profile_rails :one
-- Who takes a profile's sales by each rail now, as provider_for chooses, and
-- whether somebody said so.
SELECT json_build_object('rails', (SELECT json_agg(json_build_object(
	    'rail', w.rail, 'chosen', COALESCE(s.id = r.payment_provider_id, false),
	    'payment_provider_id', s.id, 'provider_kind', s.kind,
	    'provider_label', s.label) ORDER BY w.n)
	FROM (VALUES (1, 'lightning'), (2, 'onchain'), (3, 'card'))
	    AS w (n, rail)
	LEFT JOIN merchant_profile_rail_preferences r
	    ON r.merchant_profile_id = m.id AND r.rail = w.rail
	LEFT JOIN LATERAL (SELECT v.id, v.kind, v.label
	    FROM payment_providers v
	    WHERE v.merchant_profile_id = m.id AND v.disconnected_at IS NULL
	    AND w.rail = ANY ({{rails_of}})
	    ORDER BY v.id = r.payment_provider_id DESC NULLS LAST,
	        v.connected_at, v.id
	    LIMIT 1) s ON true)) AS body
FROM merchant_profiles m
WHERE m.id = @id::uuid;

-- name: profile_set_default :one
-- There is one default, always: it moves in one statement.  After profile_lock.
WITH changed AS (
	UPDATE merchant_profiles AS m
	SET is_default = m.id = @id::uuid, updated_at = licet_now()
	WHERE (m.is_default OR m.id = @id)
	AND m.is_default <> (m.id = @id)
	AND EXISTS (SELECT FROM merchant_profiles n WHERE n.id = @id)
	RETURNING m.id, m.is_default
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.set_default',
	    'merchant_profile', n.id::text, jsonb_build_object('before', o.id)
	FROM changed n
	JOIN changed o ON o.id <> n.id
	WHERE n.is_default
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true, 'id', m.id) AS body
FROM merchant_profiles m
WHERE m.id = @id;

-- name: profile_delete :one
-- Refused for the default profile, and with products or subscriptions that go
-- on.  Its providers are disconnected and stay, as the default profile's, since
-- invoices refer to them; the answer names the BTCPay server, whose secrets
-- are needed to clean up there.  After profile_lock.
WITH profile AS MATERIALIZED (
	SELECT m.id, m.name, CASE
	    WHEN m.is_default THEN 'the default profile cannot be deleted'
	    WHEN EXISTS (SELECT
		FROM products p
		WHERE p.merchant_profile_id = m.id)
	    THEN 'the profile has products'
	    WHEN EXISTS (SELECT
		FROM subscriptions b
		WHERE b.merchant_profile_id = m.id
		AND b.status IN ('active', 'past_due'))
	    THEN 'the profile has live subscriptions' END AS message
	FROM merchant_profiles m
	WHERE m.id = @id::uuid
), before AS MATERIALIZED (
	SELECT v.id, v.webhook_id, v.from_environment, {{provider_facts}}
	FROM profile m
	JOIN payment_providers v ON v.merchant_profile_id = m.id
	WHERE m.message IS NULL AND v.disconnected_at IS NULL
), moved AS (
	UPDATE payment_providers AS v
	SET merchant_profile_id = merchant_profile_default_1(),
	    disconnected_at = COALESCE(v.disconnected_at, licet_now()),
	    sealed_api_key = CASE WHEN v.kind = 'btcpay'
	        THEN v.sealed_api_key END
	FROM profile m
	WHERE v.merchant_profile_id = m.id AND m.message IS NULL
	RETURNING v.id, v.kind
), finished AS (
	UPDATE subscriptions AS b
	SET merchant_profile_id = NULL
	FROM profile m
	WHERE b.merchant_profile_id = m.id AND m.message IS NULL
), gone AS (
	DELETE FROM merchant_profiles m
	USING profile p
	WHERE m.id = p.id AND p.message IS NULL
	RETURNING m.id, m.name
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.delete', 'merchant_profile',
	    g.id::text, jsonb_build_object('name', g.name, 'providers',
	    (SELECT COALESCE(jsonb_agg(b.id), '[]') FROM before b))
	FROM gone g
)
SELECT CASE WHEN m.message IS NOT NULL THEN 'bad_request' END AS fault,
    m.message, b.webhook_id, b.from_environment, b.provider_id,
    b.provider_kind, b.provider_base_url, b.provider_public_url,
    b.provider_store_id, b.provider_api_key, b.provider_webhook_secret
FROM profile m
LEFT JOIN before b ON b.provider_kind = 'btcpay';

-- name: rail_set :one
-- Which provider a profile's sales by a rail go to: one that is connected to
-- it and serves the rail.
WITH verdict AS (
	SELECT m.id, CASE
	    WHEN @rail::text NOT IN ('lightning', 'onchain', 'card')
	    THEN 'rail must be lightning, onchain or card'
	    WHEN v.id IS NULL
	    THEN 'payment_provider_id: not connected to this profile'
	    WHEN @rail <> ALL ({{rails_of}})
	    THEN 'payment_provider_id: does not serve this rail'
	    END AS message
	FROM merchant_profiles m
	LEFT JOIN payment_providers v ON v.id = @payment_provider_id::uuid
	    AND v.merchant_profile_id = m.id AND v.disconnected_at IS NULL
	WHERE m.id = @id::uuid
), kept AS (
	INSERT INTO merchant_profile_rail_preferences (merchant_profile_id, rail,
	    payment_provider_id)
	SELECT v.id, @rail, @payment_provider_id
	FROM verdict v
	WHERE v.message IS NULL
	ON CONFLICT (merchant_profile_id, rail) DO UPDATE
	SET payment_provider_id = excluded.payment_provider_id
	RETURNING merchant_profile_id, rail, payment_provider_id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.set_rail', 'merchant_profile',
	    k.merchant_profile_id::text, jsonb_build_object('rail', k.rail,
	    'payment_provider_id', k.payment_provider_id)
	FROM kept k
)
SELECT CASE WHEN v.message IS NOT NULL THEN 'bad_request' END AS fault,
    v.message, json_build_object('ok', true, 'rail', k.rail,
    'payment_provider_id', k.payment_provider_id) AS body
FROM verdict v
LEFT JOIN kept k ON true;

-- name: rail_clear :one
-- No preference for a rail any more; fine if there was none.
WITH verdict AS (
	SELECT m.id, CASE
	    WHEN @rail::text NOT IN ('lightning', 'onchain', 'card')
	    THEN 'rail must be lightning, onchain or card' END AS message
	FROM merchant_profiles m
	WHERE m.id = @id::uuid
), gone AS (
	DELETE FROM merchant_profile_rail_preferences r
	USING verdict v
	WHERE r.merchant_profile_id = v.id AND r.rail = @rail
	RETURNING r.merchant_profile_id, r.rail
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'merchant_profile.clear_rail',
	    'merchant_profile', g.merchant_profile_id::text,
	    jsonb_build_object('rail', g.rail)
	FROM gone g
)
SELECT CASE WHEN v.message IS NOT NULL THEN 'bad_request' END AS fault,
    v.message, json_build_object('ok', true, 'rail', @rail) AS body
FROM verdict v;
