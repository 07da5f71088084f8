-- fragment: policy_json
-- A policy (alias y) as administrators see it.
json_build_object('id', y.id, 'product_id', y.product_id, 'name', y.name,
    'slug', y.slug, 'duration_seconds', y.duration_seconds,
    'grace_seconds', y.grace_seconds, 'max_machines', y.max_machines,
    'is_trial', y.is_trial, 'price_sats_override', y.price_sats_override,
    'price_currency', (SELECT o.price_currency FROM products o
        WHERE o.id = y.product_id),
    'entitlements', y.entitlements, 'metadata', y.metadata,
    'active', y.active, 'public', y.public,
    'tip_recipient', y.tip_recipient, 'tip_pct_bps', y.tip_pct_bps,
    'tip_label', y.tip_label, 'is_recurring', y.is_recurring,
    'renewal_period_days', y.renewal_period_days,
    'grace_period_days', y.grace_period_days, 'trial_days', y.trial_days,
    'tier_rank', y.tier_rank,
    'heartbeat_timeout_seconds', y.heartbeat_timeout_seconds,
    'archived_at', rfc3339(y.archived_at),
    'created_at', rfc3339(y.created_at), 'updated_at', rfc3339(y.updated_at))

-- fragment: tip_fault
-- What is wrong with a tip: a share and who gets it come together.
CASE
WHEN COALESCE(@tip_pct_bps::int, 0) NOT BETWEEN 0 AND 10000
THEN 'tip_pct_bps must be 0 to 10000'
WHEN (NULLIF(@tip_recipient::text, '') IS NULL)
    <> (COALESCE(@tip_pct_bps, 0) = 0)
THEN 'tip_recipient and tip_pct_bps must be set together'
END

-- fragment: entitlements_fault
-- What is wrong with the given entitlements (as JSON) for the product p: what
-- doesn't fit a license key, or isn't in the product's catalogue.
(SELECT CASE
	WHEN count(*) > 255 THEN 'at most 255 entitlements'
	WHEN bool_or(octet_length(e.slug) NOT BETWEEN 1 AND 255)
	THEN 'entitlements have 1 to 255 bytes'
	WHEN jsonb_array_length(p.entitlements_catalog) > 0
	    AND bool_or(NOT p.entitlements_catalog @>
	        jsonb_build_array(jsonb_build_object('slug', e.slug)))
	THEN 'entitlements: not in the product''s catalogue: '
	    || min(e.slug) FILTER (WHERE NOT p.entitlements_catalog @>
	        jsonb_build_array(jsonb_build_object('slug', e.slug)))
	END
	FROM jsonb_array_elements_text(@entitlements::jsonb) AS e (slug))

-- fragment: policy_fault
-- What is wrong with a policy as it would be (alias n); 1000 years are longer
-- than any license and still a date.
CASE
WHEN n.duration_seconds NOT BETWEEN 0 AND 31557600000
THEN 'duration_seconds must be 0 to 31557600000'
WHEN n.grace_seconds NOT BETWEEN 0 AND 31557600000
THEN 'grace_seconds must be 0 to 31557600000'
WHEN n.max_machines < 0 THEN 'max_machines must not be negative'
WHEN n.price_sats_override < 0
THEN 'price_sats_override must not be negative'
WHEN n.tier_rank NOT BETWEEN 0 AND 1000 THEN 'tier_rank must be 0 to 1000'
WHEN n.is_recurring AND n.renewal_period_days < 1
    OR n.renewal_period_days NOT BETWEEN 0 AND 1830
THEN 'renewal_period_days must be 1 to 1830'
WHEN n.grace_period_days NOT BETWEEN 0 AND 90
THEN 'grace_period_days must be 0 to 90'
WHEN n.trial_days < 0 OR n.is_recurring AND n.trial_days > n.renewal_period_days
THEN 'trial_days must be 0 to renewal_period_days'
WHEN n.heartbeat_timeout_seconds NOT BETWEEN 3600 AND 315360000
    AND n.heartbeat_timeout_seconds <> 0
THEN 'heartbeat_timeout_seconds must be 0 or 3600 to 315360000'
END

-- name: policy_list_public :one
-- The tiers of a product that can be bought, cheapest first; no row when the
-- product is missing or inactive.  What a policy's metadata says about its
-- looks is taken only in the right type.  What a featured code takes off is
-- left to the caller, when `featured' says that there is one; a trial has none,
-- for its first cycle is free.  Leans on policies_product_id_slug_key.
WITH tier AS (
	SELECT y.name, COALESCE(y.price_sats_override, p.price_value) AS price,
	    d.doc IS NOT NULL AS featured,
	    json_build_object('slug', y.slug, 'name', y.name,
	    'description', CASE jsonb_typeof(y.metadata -> 'description')
	        WHEN 'string' THEN y.metadata ->> 'description' ELSE '' END,
	    'price_sats', CASE p.price_currency WHEN 'SAT'
	        THEN COALESCE(y.price_sats_override, p.price_value) ELSE 0 END,
	    'price_currency', p.price_currency,
	    'price_value', COALESCE(y.price_sats_override, p.price_value),
	    'duration_seconds', y.duration_seconds,
	    'max_machines', y.max_machines, 'is_trial', y.is_trial,
	    'entitlements', y.entitlements,
	    'marketing_bullets', CASE
	        WHEN jsonb_typeof(y.metadata -> 'marketing_bullets') = 'array'
	        THEN jsonb_path_query_array(y.metadata,
	            '$.marketing_bullets[*] ? (@.type() == "string")')
	        ELSE '[]' END,
	    'marketing_bullets_position', CASE
	        y.metadata ->> 'marketing_bullets_position'
	        WHEN 'above' THEN 'above' ELSE 'below' END,
	    'hidden_entitlements', CASE
	        WHEN jsonb_typeof(y.metadata -> 'hidden_entitlements') = 'array'
	        THEN jsonb_path_query_array(y.metadata,
	            '$.hidden_entitlements[*] ? (@.type() == "string")')
	        ELSE '[]' END,
	    'highlighted', COALESCE(y.metadata -> 'highlight' = 'true', false),
	    'is_recurring', y.is_recurring,
	    'renewal_period_days', y.renewal_period_days,
	    'trial_days', y.trial_days, 'featured_discount', d.doc) AS doc
	FROM products p
	JOIN policies y ON y.product_id = p.id
	LEFT JOIN LATERAL (SELECT json_build_object('code', c.code,
	        'kind', c.kind, 'amount', c.amount,
	        'description', COALESCE(c.description, ''),
	        'expires_at', rfc3339(c.expires_at), 'max_uses', c.max_uses,
	        'used_count', c.used_count,
	        'remaining_uses', c.max_uses - c.used_count) AS doc
	    FROM ({{featured_code}}) c) d
	    ON NOT (y.is_recurring AND y.trial_days > 0)
	WHERE p.slug = @slug::text AND y.active AND y.public
	AND y.archived_at IS NULL
)
SELECT json_build_object('product', json_build_object('slug', p.slug,
    'name', p.name, 'description', p.description,
    'base_price_sats', p.price_sats, 'price_currency', p.price_currency,
    'price_value', p.price_value,
    'entitlements_catalog', COALESCE(p.entitlements_catalog, '[]')),
    'policies', COALESCE((SELECT json_agg(t.doc ORDER BY t.price, t.name)
        FROM tier t), '[]')) AS body,
    EXISTS (SELECT FROM tier t WHERE t.featured) AS featured
FROM products p
WHERE p.slug = @slug AND p.active;

-- name: policy_create :one
-- Refuses an unknown product, what policy_fault names, entitlements outside
-- the catalogue, a slug in use and what this server is not licensed for;
-- policies_product_id_slug_key is the referee of the slug, tier_lock of the
-- number.  The product's row is held, so that it can't go meanwhile.
WITH product AS MATERIALIZED (
	SELECT p.id, p.slug, p.entitlements_catalog
	FROM products p
	WHERE p.slug = @product_slug::text
	FOR KEY SHARE
), given AS (
	SELECT COALESCE(@duration_seconds::bigint, 0) AS duration_seconds,
	    COALESCE(@grace_seconds::bigint, 0) AS grace_seconds,
	    COALESCE(@max_machines::int, 1) AS max_machines,
	    COALESCE(@is_trial::boolean, false) AS is_trial,
	    @price_sats_override::bigint AS price_sats_override,
	    COALESCE(@is_recurring::boolean, false) AS is_recurring,
	    COALESCE(@renewal_period_days::int, 0) AS renewal_period_days,
	    COALESCE(@grace_period_days::int, 7) AS grace_period_days,
	    COALESCE(@trial_days::int, 0) AS trial_days,
	    @tier_rank::int AS tier_rank,
	    COALESCE(@heartbeat_timeout_seconds::int, 0)
	    AS heartbeat_timeout_seconds
), rule AS (
	SELECT p.id, COALESCE({{policy_fault}}, {{tip_fault}},
	    {{entitlements_fault}}) AS message,
	    CASE WHEN EXISTS (SELECT
		FROM policies y
		WHERE y.product_id = p.id AND y.slug = @slug::text)
	    THEN NULL ELSE COALESCE(CASE WHEN n.is_recurring
	        THEN {{recurring_cap}} END, {{policies_cap}}) END AS cap
	FROM product p, given n
), made AS (
	INSERT INTO policies AS y (product_id, name, slug, duration_seconds,
	    grace_seconds, max_machines, is_trial, price_sats_override,
	    entitlements, metadata, tip_recipient, tip_pct_bps, tip_label,
	    is_recurring, renewal_period_days, grace_period_days, trial_days,
	    tier_rank, heartbeat_timeout_seconds)
	SELECT r.id, @name::text, @slug, n.duration_seconds,
	    n.grace_seconds, n.max_machines, n.is_trial, n.price_sats_override,
	    ARRAY(SELECT jsonb_array_elements_text(@entitlements)),
	    COALESCE(@metadata::jsonb, '{}'), NULLIF(@tip_recipient, ''),
	    COALESCE(@tip_pct_bps, 0), @tip_label::text, n.is_recurring,
	    n.renewal_period_days, n.grace_period_days, n.trial_days,
	    n.tier_rank, n.heartbeat_timeout_seconds
	FROM rule r, given n
	WHERE r.message IS NULL AND r.cap IS NULL
	ON CONFLICT (product_id, slug) DO NOTHING
	RETURNING y.id, {{policy_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.create', 'policy', m.id::text,
	    jsonb_build_object('product_slug', @product_slug, 'slug', @slug,
	    'policy', m.body)
	FROM made m
)
SELECT CASE WHEN r.id IS NULL THEN 'not_found'
    WHEN r.message IS NOT NULL THEN 'bad_request'
    WHEN r.cap IS NOT NULL THEN 'tier_cap'
    WHEN m.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN r.id IS NULL THEN 'no such product'
    WHEN COALESCE(r.message, r.cap) IS NOT NULL
    THEN COALESCE(r.message, r.cap)
    WHEN m.id IS NULL THEN 'the product has a policy with this slug'
    END AS message, m.body
FROM (VALUES (1)) AS one (row)
LEFT JOIN rule r ON true
LEFT JOIN made m ON true;

-- name: policy_list :one
-- The policies of a product by name; no row when there is no such product.
SELECT json_build_object('policies', COALESCE((
    SELECT json_agg({{policy_json}} ORDER BY y.name, y.slug)
    FROM policies y
    WHERE y.product_id = p.id
    AND (y.active OR COALESCE(@include_inactive::boolean, false))
    AND (y.archived_at IS NULL OR COALESCE(@include_archived::boolean, false))
    ), '[]')) AS body
FROM products p
WHERE p.slug = @product_slug::text;

-- name: policy_get :one
-- One policy by id.
SELECT {{policy_json}} AS body
FROM policies y
WHERE y.id = @id::uuid;

-- name: policy_update :one
-- Changes only what the body names; null clears price_sats_override and
-- tier_rank.  The rules judge the policy as it would be, so its row is held
-- while they look at it.  One that becomes a subscription wants a license of
-- this server; one that is may stay so.
WITH held AS MATERIALIZED (
	SELECT y.id, y.product_id, y.name, y.duration_seconds, y.grace_seconds,
	    y.max_machines, y.is_trial, y.price_sats_override, y.entitlements,
	    y.metadata, y.is_recurring, y.renewal_period_days,
	    y.grace_period_days, y.trial_days, y.tier_rank,
	    y.heartbeat_timeout_seconds
	FROM policies y
	WHERE y.id = @id::uuid
	FOR NO KEY UPDATE
), next AS (
	SELECT h.id, h.product_id, COALESCE(@name::text, h.name) AS name,
	    COALESCE(@duration_seconds::bigint, h.duration_seconds)
	    AS duration_seconds,
	    COALESCE(@grace_seconds::bigint, h.grace_seconds) AS grace_seconds,
	    COALESCE(@max_machines::int, h.max_machines) AS max_machines,
	    COALESCE(@is_trial::boolean, h.is_trial) AS is_trial,
	    CASE WHEN @body::jsonb ? 'price_sats_override'
	    THEN @price_sats_override::bigint ELSE h.price_sats_override END
	    AS price_sats_override,
	    CASE WHEN @entitlements::jsonb IS NULL THEN h.entitlements
	    ELSE ARRAY(SELECT jsonb_array_elements_text(@entitlements)) END
	    AS entitlements,
	    COALESCE(@metadata::jsonb, h.metadata) AS metadata,
	    COALESCE(@is_recurring::boolean, h.is_recurring) AS is_recurring,
	    h.is_recurring AS was_recurring,
	    COALESCE(@renewal_period_days::int, h.renewal_period_days)
	    AS renewal_period_days,
	    COALESCE(@grace_period_days::int, h.grace_period_days)
	    AS grace_period_days,
	    COALESCE(@trial_days::int, h.trial_days) AS trial_days,
	    CASE WHEN @body ? 'tier_rank' THEN @tier_rank::int
	    ELSE h.tier_rank END AS tier_rank,
	    COALESCE(@heartbeat_timeout_seconds::int,
	    h.heartbeat_timeout_seconds) AS heartbeat_timeout_seconds
	FROM held h
), rule AS (
	SELECT n.id, COALESCE({{policy_fault}}, {{entitlements_fault}}) AS message,
	    CASE WHEN n.is_recurring AND NOT n.was_recurring
	    THEN {{recurring_cap}} END AS cap
	FROM next n
	JOIN products p ON p.id = n.product_id
), changed AS (
	UPDATE policies AS y
	SET name = n.name, duration_seconds = n.duration_seconds,
	    grace_seconds = n.grace_seconds, max_machines = n.max_machines,
	    is_trial = n.is_trial, price_sats_override = n.price_sats_override,
	    entitlements = n.entitlements, metadata = n.metadata,
	    is_recurring = n.is_recurring,
	    renewal_period_days = n.renewal_period_days,
	    grace_period_days = n.grace_period_days,
	    trial_days = n.trial_days, tier_rank = n.tier_rank,
	    heartbeat_timeout_seconds = n.heartbeat_timeout_seconds,
	    updated_at = licet_now()
	FROM next n
	JOIN rule r ON r.id = n.id
	WHERE y.id = n.id AND r.message IS NULL AND r.cap IS NULL
	RETURNING y.id, {{policy_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.update', 'policy', c.id::text,
	    jsonb_build_object('changes', @body)
	FROM changed c
)
SELECT CASE WHEN r.message IS NOT NULL THEN 'bad_request'
    WHEN r.cap IS NOT NULL THEN 'tier_cap' END AS fault,
    COALESCE(r.message, r.cap) AS message, c.body
FROM rule r
LEFT JOIN changed c ON c.id = r.id;

-- name: policy_set_active :one
-- An inactive policy can't be bought; its licenses go on.
WITH changed AS (
	UPDATE policies AS y
	SET active = @active::boolean, updated_at = licet_now()
	WHERE y.id = @id::uuid
	RETURNING y.id, y.slug
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.set_active', 'policy', c.id::text,
	    jsonb_build_object('slug', c.slug, 'active', @active)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c;

-- name: policy_set_public :one
-- A policy that isn't public is unlisted and can't be bought.
WITH changed AS (
	UPDATE policies AS y
	SET public = @public::boolean, updated_at = licet_now()
	WHERE y.id = @id::uuid
	RETURNING y.id, y.slug
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.set_public', 'policy', c.id::text,
	    jsonb_build_object('slug', c.slug, 'public', @public)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c;

-- name: policy_set_archived :one
-- An archived policy is out of sight and can't be bought.  Archiving twice
-- keeps the first date.
WITH changed AS (
	UPDATE policies AS y
	SET archived_at = CASE WHEN @archived::boolean
	        THEN COALESCE(y.archived_at, licet_now()) END,
	    updated_at = licet_now()
	WHERE y.id = @id::uuid
	RETURNING y.id, y.slug
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.set_archived', 'policy', c.id::text,
	    jsonb_build_object('slug', c.slug, 'archived', @archived)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true, 'archived', @archived) AS body
FROM changed c;

-- name: policy_set_tip :one
-- Who gets a share of each sale, and how much; no recipient and no share
-- switch it off.
WITH rule AS (
	SELECT {{tip_fault}} AS message
), changed AS (
	UPDATE policies AS y
	SET tip_recipient = NULLIF(@tip_recipient, ''),
	    tip_pct_bps = COALESCE(@tip_pct_bps, 0),
	    tip_label = @tip_label::text, updated_at = licet_now()
	FROM rule r
	WHERE y.id = @id::uuid AND r.message IS NULL
	RETURNING y.id, y.slug, {{policy_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.set_tip', 'policy', c.id::text,
	    jsonb_build_object('slug', c.slug, 'tip_recipient', @tip_recipient,
	    'tip_pct_bps', @tip_pct_bps, 'tip_label', @tip_label)
	FROM changed c
)
SELECT CASE WHEN r.message IS NOT NULL THEN 'bad_request' END AS fault,
    r.message, c.body
FROM rule r
LEFT JOIN changed c ON true
WHERE EXISTS (SELECT FROM policies e WHERE e.id = @id)
AND (r.message IS NOT NULL OR c.id IS NOT NULL);
