-- name: import_products :one
-- Products.  A slug that ours refuses, or that another has, is mapped the same
-- way each time.
WITH given AS (
	SELECT r.id, r.slug, {{import_slug}} AS plain, r.name, r.description,
	    CASE WHEN upper(r.price_currency) IN ('USD', 'EUR')
	        THEN upper(r.price_currency) ELSE 'SAT' END AS currency,
	    r.price_sats, r.price_value, r.active, {{import_object}} AS metadata,
	    CASE jsonb_typeof(r.entitlements_catalog) WHEN 'array'
	        THEN r.entitlements_catalog END AS entitlements_catalog,
	    r.merchant_profile_id, r.created_at, r.updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, slug text,
	    name text, description text, price_sats bigint,
	    price_currency text, price_value bigint, active boolean,
	    metadata jsonb, entitlements_catalog jsonb,
	    merchant_profile_id uuid, created_at timestamptz,
	    updated_at timestamptz)
	WHERE r.id IS NOT NULL
), named AS (
	SELECT g.id, CASE WHEN row_number() OVER (PARTITION BY g.plain
	        ORDER BY g.slug = g.plain DESC NULLS LAST, g.id) = 1
	        AND NOT EXISTS (SELECT FROM products p WHERE p.slug = g.plain)
	    THEN g.plain
	    ELSE left(g.plain, 54) || '-' || left(g.id::text, 8) END AS slug,
	    GREATEST(CASE WHEN g.currency = 'SAT'
	        THEN COALESCE(NULLIF(g.price_sats, 0), g.price_value)
	        ELSE g.price_value END, 0) AS price
	FROM given g
), written AS (
	INSERT INTO products AS p (id, slug, name, description, price_sats,
	    price_currency, price_value, active, metadata,
	    entitlements_catalog, merchant_profile_id, created_at, updated_at)
	SELECT g.id, n.slug, COALESCE(g.name, n.slug),
	    COALESCE(g.description, ''),
	    CASE g.currency WHEN 'SAT' THEN n.price ELSE 0 END, g.currency,
	    n.price, COALESCE(g.active, true), g.metadata,
	    g.entitlements_catalog, m.id, COALESCE(g.created_at, licet_now()),
	    COALESCE(g.updated_at, g.created_at, licet_now())
	FROM given g
	JOIN named n ON n.id = g.id
	LEFT JOIN merchant_profiles m ON m.id = g.merchant_profile_id
	ON CONFLICT DO NOTHING
	RETURNING p.id
), mended AS (
	SELECT 'slug "' || COALESCE(g.slug, '') || '" is now ' || n.slug AS text
	FROM given g
	JOIN named n ON n.id = g.id
	WHERE n.slug IS DISTINCT FROM g.slug
)
{{import_answer}};

-- name: import_policies :one
-- Policies, their terms clipped to what ours may say.
WITH given AS (
	SELECT r.id, r.product_id, r.slug, {{import_slug}} AS plain, r.name,
	    r.duration_seconds, r.grace_seconds, r.max_machines, r.is_trial,
	    r.price_sats_override, {{import_texts}} AS entitlements,
	    {{import_object}} AS metadata, r.active, r.public,
	    NULLIF(btrim(r.tip_recipient), '') AS tip_recipient,
	    r.tip_pct_bps, r.tip_label,
	    COALESCE(r.is_recurring, false)
	        AND r.renewal_period_days >= 1 AS is_recurring,
	    COALESCE(r.is_recurring, false) AS was_recurring,
	    LEAST(GREATEST(COALESCE(r.renewal_period_days, 0), 0), 1830)::int
	        AS period,
	    r.renewal_period_days, r.grace_period_days, r.trial_days,
	    r.tier_rank, r.archived_at, r.created_at, r.updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, product_id uuid,
	    name text, slug text, duration_seconds bigint,
	    grace_seconds bigint, max_machines bigint, is_trial boolean,
	    price_sats_override bigint, entitlements jsonb, metadata jsonb,
	    active boolean, public boolean, tip_recipient text,
	    tip_pct_bps bigint, tip_label text, is_recurring boolean,
	    renewal_period_days bigint, grace_period_days bigint,
	    trial_days bigint, tier_rank bigint, archived_at timestamptz,
	    created_at timestamptz, updated_at timestamptz)
	JOIN products p ON p.id = r.product_id
	WHERE r.id IS NOT NULL
), named AS (
	SELECT g.id, CASE WHEN row_number() OVER (
	        PARTITION BY g.product_id, g.plain
	        ORDER BY g.slug = g.plain DESC NULLS LAST, g.id) = 1
	        AND NOT EXISTS (SELECT FROM policies y
	            WHERE y.product_id = g.product_id AND y.slug = g.plain)
	    THEN g.plain
	    ELSE left(g.plain, 54) || '-' || left(g.id::text, 8) END AS slug,
	    g.tip_recipient IS NOT NULL AND g.tip_pct_bps BETWEEN 1 AND 10000
	        AS tips
	FROM given g
), written AS (
	INSERT INTO policies AS y (id, product_id, name, slug,
	    duration_seconds, grace_seconds, max_machines, is_trial,
	    price_sats_override, entitlements, metadata, active, public,
	    tip_recipient, tip_pct_bps, tip_label, is_recurring,
	    renewal_period_days, grace_period_days, trial_days, tier_rank,
	    archived_at, created_at, updated_at)
	SELECT g.id, g.product_id, COALESCE(g.name, n.slug), n.slug,
	    GREATEST(COALESCE(g.duration_seconds, 0), 0),
	    GREATEST(COALESCE(g.grace_seconds, 0), 0),
	    LEAST(GREATEST(COALESCE(g.max_machines, 1), 0), 2147483647),
	    COALESCE(g.is_trial, false), CASE WHEN g.price_sats_override < 0
	        THEN 0 ELSE g.price_sats_override END,
	    g.entitlements, g.metadata, COALESCE(g.active, true),
	    COALESCE(g.public, true),
	    CASE WHEN n.tips THEN g.tip_recipient END,
	    CASE WHEN n.tips THEN g.tip_pct_bps ELSE 0 END, g.tip_label,
	    g.is_recurring, g.period,
	    LEAST(GREATEST(COALESCE(g.grace_period_days, 7), 0), 90),
	    CASE WHEN g.is_recurring
	        THEN LEAST(GREATEST(COALESCE(g.trial_days, 0), 0), g.period)
	        ELSE GREATEST(COALESCE(g.trial_days, 0), 0) END,
	    CASE WHEN g.tier_rank BETWEEN 0 AND 1000 THEN g.tier_rank END,
	    g.archived_at, COALESCE(g.created_at, licet_now()),
	    COALESCE(g.updated_at, g.created_at, licet_now())
	FROM given g
	JOIN named n ON n.id = g.id
	ON CONFLICT DO NOTHING
	RETURNING y.id
), mended AS (
	SELECT 'slug "' || COALESCE(g.slug, '') || '" is now ' || n.slug AS text
	FROM given g
	JOIN named n ON n.id = g.id
	WHERE n.slug IS DISTINCT FROM g.slug
	UNION ALL
	SELECT 'terms of ' || n.slug || ' were clipped to what is allowed'
	FROM given g
	JOIN named n ON n.id = g.id
	WHERE g.is_recurring <> g.was_recurring
	OR g.renewal_period_days NOT BETWEEN 0 AND 1830
	OR g.grace_period_days NOT BETWEEN 0 AND 90
	OR g.trial_days < 0 OR g.is_recurring AND g.trial_days > g.period
	OR g.tier_rank NOT BETWEEN 0 AND 1000 OR g.max_machines < 0
	OR g.duration_seconds < 0 OR g.grace_seconds < 0
	OR g.price_sats_override < 0
	OR n.tips <> (COALESCE(g.tip_pct_bps, 0) <> 0
	    OR g.tip_recipient IS NOT NULL)
)
{{import_answer}};

-- name: import_codes :one
-- Discount codes.  A cap that was exceeded there is raised to what was used.
WITH given AS (
	SELECT r.id, r.code, left(upper(regexp_replace(btrim(r.code),
	        '[^A-Za-z0-9_-]', '-', 'g')), 64) AS plain,
	    r.kind, r.amount, CASE WHEN upper(r.discount_currency)
	        IN ('USD', 'EUR') THEN upper(r.discount_currency)
	        ELSE 'SAT' END AS currency,
	    CASE WHEN r.max_uses > 0 THEN r.max_uses END AS max_uses,
	    GREATEST(COALESCE(r.used_count, 0), 0) AS used_count, r.expires_at,
	    COALESCE(p.id, y.product_id) AS product_id,
	    y.id AS policy_id,
	    CASE WHEN COALESCE(p.id, y.product_id) IS NULL THEN '{}'::uuid[]
	        ELSE ARRAY(SELECT o.id
	        FROM jsonb_array_elements_text(
	            CASE jsonb_typeof(r.applies_to_policy_ids)
	            WHEN 'array' THEN r.applies_to_policy_ids ELSE '[]' END)
	            AS e(value)
	        JOIN policies o ON o.id::text = lower(e.value)) END AS policy_ids,
	    r.referrer_label, r.description,
	    COALESCE(r.active, true) AND (p.id IS NOT NULL
	        OR r.applies_to_product_id IS NULL) AND (y.id IS NOT NULL
	        OR r.applies_to_policy_id IS NULL) AS active,
	    COALESCE(r.active, true) AS was_active,
	    r.featured, r.created_at, r.updated_at
	FROM jsonb_to_recordset(@rows::jsonb) AS r(id uuid, code text,
	    kind text, amount bigint, discount_currency text, max_uses bigint,
	    used_count bigint, expires_at timestamptz,
	    applies_to_product_id uuid, applies_to_policy_id uuid,
	    applies_to_policy_ids jsonb, referrer_label text,
	    description text, active boolean, featured boolean,
	    created_at timestamptz, updated_at timestamptz)
	LEFT JOIN products p ON p.id = r.applies_to_product_id
	LEFT JOIN policies y ON y.id = r.applies_to_policy_id
	WHERE r.id IS NOT NULL
), written AS (
	INSERT INTO discount_codes AS c (id, code, kind, amount,
	    discount_currency, max_uses, used_count, expires_at,
	    applies_to_product_id, applies_to_policy_id,
	    applies_to_policy_ids, referrer_label, description, active,
	    featured, created_at, updated_at)
	SELECT g.id, g.plain, g.kind, CASE g.kind
	        WHEN 'percent' THEN LEAST(GREATEST(g.amount, 0), 10000)
	        WHEN 'free_license' THEN 0 ELSE g.amount END,
	    g.currency, GREATEST(g.max_uses, CASE WHEN g.max_uses IS NOT NULL
	        THEN g.used_count END), g.used_count, g.expires_at,
	    g.product_id, g.policy_id, g.policy_ids, g.referrer_label,
	    g.description, g.active, COALESCE(g.featured, false),
	    COALESCE(g.created_at, licet_now()),
	    COALESCE(g.updated_at, g.created_at, licet_now())
	FROM given g
	WHERE g.plain <> '' AND g.kind IN ('percent', 'fixed_sats', 'set_price',
	    'free_license') AND (g.kind = 'free_license' OR g.amount > 0
	    OR g.kind = 'percent' AND g.amount IS NOT NULL)
	ON CONFLICT DO NOTHING
	RETURNING c.id
), mended AS (
	SELECT 'code "' || g.code || '" is now ' || g.plain AS text
	FROM given g
	WHERE g.code <> g.plain
	UNION ALL
	SELECT 'code ' || g.plain || ' was used more often than allowed'
	FROM given g
	WHERE g.used_count > g.max_uses
	UNION ALL
	SELECT 'code ' || g.plain || ' is off: what it was for is gone'
	FROM given g
	WHERE g.active <> g.was_active
)
{{import_answer}};
