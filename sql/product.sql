-- fragment: admin_actor
-- Who asked, in the order actor_kind, actor_hash, request_ip, user_agent.
@actor_kind::text, @actor_hash::text, @request_ip::text, @user_agent::text

-- fragment: page_size
-- How many rows one page of a list holds.
LEAST(GREATEST(COALESCE(@limit::int, 100), 1), 1000)

-- fragment: cursor_time
-- The first half of a cursor; without one, later than everything.
COALESCE('epoch'::timestamptz + split_part(NULLIF(@cursor::text, ''), '_', 1)::bigint
    * interval '1 microsecond', 'infinity')

-- fragment: cursor_id
-- The second half of a cursor, which orders rows of the same microsecond.
COALESCE(split_part(NULLIF(@cursor::text, ''), '_', 2)::uuid,
    'ffffffff-ffff-ffff-ffff-ffffffffffff')

-- fragment: product_json
-- A product (alias p) as clients see it.
json_build_object('id', p.id, 'slug', p.slug, 'name', p.name,
    'description', p.description, 'price_sats', p.price_sats,
    'price_currency', p.price_currency, 'price_value', p.price_value,
    'active', p.active, 'metadata', p.metadata,
    'entitlements_catalog', p.entitlements_catalog,
    'merchant_profile_id', p.merchant_profile_id,
    'created_at', rfc3339(p.created_at), 'updated_at', rfc3339(p.updated_at))

-- fragment: price_fault
-- What is wrong with the three price fields, apart from the value's range.
CASE
WHEN (@price_currency::text IS NULL) <> (@price_value::bigint IS NULL)
THEN 'price_currency and price_value must be given together'
WHEN @price_currency NOT IN ('SAT', 'USD', 'EUR')
THEN 'price_currency must be SAT, USD or EUR'
WHEN @price_sats::bigint IS NOT NULL AND @price_currency <> 'SAT'
THEN 'price_sats goes with price_currency SAT only'
WHEN @price_sats <> @price_value
THEN 'price_sats and price_value differ'
END

-- fragment: catalog_fault
-- What is wrong with a catalogue of entitlements; NULL and [] are fine.
(SELECT CASE
	WHEN jsonb_typeof(@entitlements_catalog::jsonb) NOT IN ('array', 'null')
	THEN 'entitlements_catalog must be a list'
	WHEN bool_or(NOT COALESCE(e.value ->> 'slug' ~ '^[a-z0-9_]+$', false)
	    OR octet_length(e.value ->> 'slug') > 255)
	THEN 'slugs of entitlements_catalog are made of a-z, 0-9 and _'
	WHEN count(DISTINCT e.value ->> 'slug') < count(*)
	THEN 'slugs of entitlements_catalog must be unique'
	WHEN bool_or(jsonb_typeof(e.value -> 'name') NOT IN ('string', 'null')
	    OR jsonb_typeof(e.value -> 'description') NOT IN ('string', 'null'))
	THEN 'names and descriptions of entitlements_catalog must be strings'
	END
	FROM jsonb_array_elements(CASE jsonb_typeof(@entitlements_catalog)
	    WHEN 'array' THEN @entitlements_catalog END) AS e (value))

-- fragment: catalog_clean
-- The catalogue as it is kept: the three known fields, NULL when empty.
(SELECT jsonb_agg(jsonb_build_object('slug', e.value ->> 'slug',
	    'name', COALESCE(e.value ->> 'name', e.value ->> 'slug'),
	    'description', COALESCE(e.value ->> 'description', ''))
	    ORDER BY e.position)
	FROM jsonb_array_elements(CASE jsonb_typeof(@entitlements_catalog)
	    WHEN 'array' THEN @entitlements_catalog END)
	    WITH ORDINALITY AS e (value, position))

-- fragment: profile_is_unknown
-- Is a profile named that there is not?
@merchant_profile_id::uuid IS NOT NULL AND NOT EXISTS (SELECT
	FROM merchant_profiles m
	WHERE m.id = @merchant_profile_id)

-- name: product_create :one
-- Refuses half a price, a price of nothing, a wrong catalogue, an unknown
-- merchant profile, a slug in use and one product too many; products_slug_key
-- is the referee of the slug, tier_lock of the number.
WITH rule AS (
	SELECT CASE
	    WHEN a.fault IS NOT NULL THEN a.fault
	    WHEN @price_sats IS NULL AND @price_value IS NULL
	    THEN 'a price is needed: price_sats, or price_currency and price_value'
	    WHEN COALESCE(@price_value, @price_sats) <= 0
	    THEN 'the price must be more than 0'
	    ELSE a.catalog
	    END AS message
	FROM (SELECT {{price_fault}} AS fault, {{catalog_fault}} AS catalog) a
), verdict AS (
	SELECT CASE WHEN r.message IS NOT NULL THEN 'bad_request'
	    WHEN m.is_unknown THEN 'not_found'
	    WHEN t.cap IS NOT NULL THEN 'tier_cap' END AS fault,
	    COALESCE(r.message, CASE WHEN m.is_unknown
	    THEN 'no such merchant profile' END, t.cap) AS message
	FROM rule r
	CROSS JOIN (SELECT {{profile_is_unknown}} AS is_unknown) m
	CROSS JOIN (SELECT CASE WHEN NOT EXISTS (SELECT
		FROM products p
		WHERE p.slug = @slug::text)
	    THEN {{products_cap}} END AS cap) t
), made AS (
	INSERT INTO products AS p (slug, name, description, price_sats,
	    price_currency, price_value, metadata, entitlements_catalog,
	    merchant_profile_id)
	SELECT @slug, @name::text, COALESCE(@description::text, ''),
	    CASE COALESCE(@price_currency, 'SAT') WHEN 'SAT'
	    THEN COALESCE(@price_value, @price_sats) ELSE 0 END,
	    COALESCE(@price_currency, 'SAT'),
	    COALESCE(@price_value, @price_sats),
	    COALESCE(@metadata::jsonb, '{}'), {{catalog_clean}},
	    @merchant_profile_id
	FROM verdict v
	WHERE v.fault IS NULL
	ON CONFLICT (slug) DO NOTHING
	RETURNING p.id, p.slug, {{product_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'product.create', 'product', m.id::text,
	    jsonb_build_object('slug', m.slug, 'product', m.body)
	FROM made m
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'product.created', m.id, m.body::jsonb
	FROM made m
)
SELECT COALESCE(v.fault, CASE WHEN m.id IS NULL THEN 'conflict' END) AS fault,
    COALESCE(v.message, CASE WHEN m.id IS NULL
    THEN 'a product with this slug exists' END) AS message, m.body
FROM verdict v
LEFT JOIN made m ON true;

-- name: product_update :one
-- Changes only what the body names; a null or empty catalogue clears it, a
-- null profile is the default one.  The primary key finds the row.
WITH rule AS (
	SELECT CASE
	    WHEN a.fault IS NOT NULL THEN a.fault
	    WHEN COALESCE(@price_value, @price_sats) < 0
	    THEN 'the price must not be negative'
	    ELSE a.catalog
	    END AS message
	FROM (SELECT {{price_fault}} AS fault, {{catalog_fault}} AS catalog) a
), verdict AS (
	SELECT CASE WHEN r.message IS NOT NULL THEN 'bad_request'
	    WHEN m.is_unknown THEN 'not_found' END AS fault,
	    COALESCE(r.message, CASE WHEN m.is_unknown
	    THEN 'no such merchant profile' END) AS message
	FROM rule r
	CROSS JOIN (SELECT {{profile_is_unknown}} AS is_unknown) m
), changed AS (
	UPDATE products AS p
	SET name = COALESCE(@name::text, p.name),
	    description = COALESCE(@description::text, p.description),
	    price_currency = COALESCE(@price_currency,
	        CASE WHEN @price_sats IS NOT NULL THEN 'SAT' END,
	        p.price_currency),
	    price_value = COALESCE(@price_value, @price_sats, p.price_value),
	    price_sats = CASE
	        WHEN COALESCE(@price_value, @price_sats) IS NULL THEN p.price_sats
	        WHEN COALESCE(@price_currency, 'SAT') = 'SAT'
	        THEN COALESCE(@price_value, @price_sats)
	        ELSE 0 END,
	    entitlements_catalog = CASE
	        WHEN @body::jsonb ? 'entitlements_catalog' THEN {{catalog_clean}}
	        ELSE p.entitlements_catalog END,
	    merchant_profile_id = CASE WHEN @body ? 'merchant_profile_id'
	        THEN @merchant_profile_id ELSE p.merchant_profile_id END,
	    updated_at = licet_now()
	FROM verdict v
	WHERE p.id = @id::uuid AND v.fault IS NULL
	RETURNING p.id, p.slug, {{product_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'product.update', 'product', c.id::text,
	    jsonb_build_object('slug', c.slug, 'changes', @body)
	FROM changed c
)
SELECT v.fault, v.message, c.body
FROM verdict v
LEFT JOIN changed c ON true
WHERE EXISTS (SELECT FROM products e WHERE e.id = @id)
AND (v.fault IS NOT NULL OR c.id IS NOT NULL);

-- name: product_set_active :one
-- An inactive product is unlisted and can't be bought; its licenses go on.
WITH changed AS (
	UPDATE products AS p
	SET active = @active::boolean, updated_at = licet_now()
	WHERE p.id = @id::uuid
	RETURNING p.id, p.slug
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'product.set_active', 'product', c.id::text,
	    jsonb_build_object('slug', c.slug, 'active', @active)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c;

-- name: product_list_public :one
-- What is for sale, by name.
SELECT json_build_object('products', COALESCE(json_agg({{product_json}}
    ORDER BY p.name, p.slug), '[]')) AS body
FROM products p
WHERE p.active;

-- name: product_get_public :one
-- One product by slug, active or not.  Leans on products_slug_key.
SELECT {{product_json}} AS body
FROM products p
WHERE p.slug = @slug::text;

-- name: product_list :one
-- All products, newest first, page by page.  Leans on products_newest.
WITH page AS (
	SELECT p.id, p.slug, p.name, p.description, p.price_sats,
	    p.price_currency, p.price_value, p.active, p.metadata,
	    p.entitlements_catalog, p.merchant_profile_id, p.created_at,
	    p.updated_at
	FROM products p
	WHERE (p.created_at, p.id) < ({{cursor_time}}, {{cursor_id}})
	AND (p.active OR COALESCE(@include_inactive::boolean, true))
	ORDER BY p.created_at DESC, p.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY p.created_at DESC, p.id DESC) AS n,
	    (extract(epoch FROM p.created_at) * 1000000)::bigint || '_' || p.id
	    AS cursor, {{product_json}} AS doc
	FROM page p
)
SELECT json_build_object(
    'products', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: product_get :one
-- One product by id.
SELECT {{product_json}} AS body
FROM products p
WHERE p.id = @id::uuid;
