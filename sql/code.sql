-- fragment: code_json
-- A discount code (alias c) as administrators see it.  A policy that is gone
-- is told by its id: such a code is good for nothing, not for all.
json_build_object('id', c.id, 'code', c.code, 'kind', c.kind,
    'amount', c.amount, 'discount_currency', c.discount_currency,
    'max_uses', c.max_uses, 'used_count', c.used_count,
    'expires_at', rfc3339(c.expires_at),
    'applies_to_product_id', c.applies_to_product_id,
    'applies_to_policy_id', c.applies_to_policy_id,
    'applies_to_policy_ids', c.applies_to_policy_ids,
    'product_slug', (SELECT o.slug FROM products o
        WHERE o.id = c.applies_to_product_id),
    'policy_slugs', (SELECT COALESCE(json_agg(COALESCE(o.slug, s.id::text)
            ORDER BY s.n), '[]')
        FROM unnest(CASE WHEN c.applies_to_policy_ids <> '{}'
            THEN c.applies_to_policy_ids
            ELSE array_remove(ARRAY[c.applies_to_policy_id], NULL) END)
            WITH ORDINALITY AS s (id, n)
        LEFT JOIN policies o ON o.id = s.id),
    'referrer_label', c.referrer_label, 'description', c.description,
    'active', c.active, 'featured', c.featured,
    'created_at', rfc3339(c.created_at), 'updated_at', rfc3339(c.updated_at))

-- fragment: code_columns
-- The columns that code_json reads.
c.id, c.code, c.kind, c.amount, c.discount_currency, c.max_uses, c.used_count,
c.expires_at, c.applies_to_product_id, c.applies_to_policy_id,
c.applies_to_policy_ids, c.referrer_label, c.description, c.active, c.featured,
c.created_at, c.updated_at

-- fragment: redemption_json
-- One use of a code (alias r).
json_build_object('id', r.id, 'code_id', r.code_id,
    'invoice_id', r.invoice_id, 'license_id', r.license_id,
    'status', r.status, 'discount_applied_sats', r.discount_applied_sats,
    'base_price_sats', r.base_price_sats,
    'final_price_sats', r.final_price_sats,
    'created_at', rfc3339(r.created_at), 'updated_at', rfc3339(r.updated_at))

-- fragment: code_fits_policy
-- Is the code (alias c) good for the policy (alias y), as far as its scope
-- says?  A list beats the single one; neither means every policy.
CASE WHEN c.applies_to_policy_ids <> '{}'
THEN y.id = ANY (c.applies_to_policy_ids)
ELSE COALESCE(c.applies_to_policy_id = y.id, true) END

-- fragment: code_amount_fault
-- What is wrong with an amount for a kind of code (alias n); `max_uses' and the
-- rest are in the table of fields.
CASE n.kind
WHEN 'percent' THEN CASE WHEN n.amount IS NULL OR n.amount NOT BETWEEN 0 AND 10000
    THEN 'amount must be 0 to 10000 hundredths of a percent' END
WHEN 'free_license' THEN NULL
ELSE CASE WHEN n.amount IS NULL OR n.amount <= 0
    THEN 'amount must be more than 0' END
END

-- fragment: featured_code
-- The code that goes by itself with a policy (alias y) of a product (alias p):
-- featured, on, not expired, with uses left, in the product's currency if it
-- names an amount; the closest scope first, then the oldest.  Leans on
-- discount_codes_featured.
SELECT {{code_columns}}
FROM discount_codes c
WHERE c.featured AND c.active
AND (c.applies_to_product_id = p.id OR c.applies_to_product_id IS NULL)
AND (c.expires_at IS NULL OR c.expires_at > licet_now())
AND (c.max_uses IS NULL OR c.used_count < c.max_uses)
AND (c.kind IN ('percent', 'free_license')
    OR c.discount_currency = p.price_currency)
AND {{code_fits_policy}}
ORDER BY (c.applies_to_policy_id IS NOT NULL
        OR c.applies_to_policy_ids <> '{}') DESC,
    c.applies_to_product_id IS NULL, c.created_at, c.id
LIMIT 1

-- name: code_create :one
-- Refuses what is no code, an unknown product or policy, a policy without its
-- product, an amount in another currency than the product's, a code in use, and
-- one active code too many; discount_codes_code_key is the referee of the code,
-- tier_lock of the number.  A date that has passed is a date: such a code is made, and is expired.  Product and policies
-- are held, so that they can't go meanwhile.
WITH asked AS (
	SELECT NULLIF(@product_slug::text, '') AS product_slug,
	    COALESCE(jsonb_array_length(@policy_slugs::jsonb), 0) > 0 AS listed,
	    CASE WHEN jsonb_array_length(@policy_slugs) > 0
	    THEN ARRAY(SELECT jsonb_array_elements_text(@policy_slugs))
	    WHEN @policy_slug::text <> '' THEN ARRAY[@policy_slug]
	    ELSE '{}' END AS slugs
), product AS MATERIALIZED (
	SELECT p.id, p.price_currency
	FROM products p
	WHERE p.slug = (SELECT a.product_slug FROM asked a)
	FOR KEY SHARE
), policy AS MATERIALIZED (
	SELECT y.id, y.slug
	FROM policies y
	WHERE y.product_id = (SELECT p.id FROM product p)
	AND y.slug = ANY ((SELECT a.slugs FROM asked a)::text[])
	FOR KEY SHARE
), next AS (
	SELECT upper(@code::text) AS code, @kind::text AS kind,
	    CASE WHEN @kind <> 'free_license' THEN @amount::bigint ELSE 0 END
	    AS amount,
	    COALESCE(@discount_currency::text, p.price_currency, 'SAT')
	    AS discount_currency, p.id AS product_id, p.price_currency,
	    CASE WHEN NOT a.listed THEN (SELECT y.id FROM policy y) END
	    AS policy_id,
	    CASE WHEN a.listed THEN ARRAY(SELECT y.id FROM policy y
	        ORDER BY array_position(a.slugs, y.slug)) ELSE '{}' END
	    AS policy_ids,
	    (SELECT min(s.slug) FROM unnest(a.slugs) AS s (slug)
	    WHERE NOT EXISTS (SELECT FROM policy y WHERE y.slug = s.slug))
	    AS missing, a.product_slug, cardinality(a.slugs) > 0 AS scoped
	FROM asked a
	LEFT JOIN product p ON true
), verdict AS (
	SELECT CASE WHEN r.wrong IS NOT NULL THEN 'bad_request'
	    WHEN r.missing IS NOT NULL THEN 'not_found'
	    WHEN r.unfit IS NOT NULL THEN 'bad_request'
	    WHEN r.cap IS NOT NULL THEN 'tier_cap' END AS fault,
	    COALESCE(r.wrong, r.missing, r.unfit, r.cap) AS message
	FROM (SELECT CASE
	        WHEN @code !~ '^[A-Za-z0-9_-]{1,64}$'
	        THEN 'code must be 1 to 64 of A-Z, 0-9, _ and -'
	        WHEN n.scoped AND n.product_slug IS NULL
	        THEN 'policies need product_slug'
	        ELSE {{code_amount_fault}} END AS wrong,
	    CASE
	        WHEN n.product_slug IS NOT NULL AND n.product_id IS NULL
	        THEN 'no such product'
	        WHEN n.missing IS NOT NULL
	        THEN 'no such policy of this product: ' || n.missing
	        END AS missing,
	    CASE
	        WHEN n.kind IN ('fixed_sats', 'set_price')
	            AND n.discount_currency <> n.price_currency
	        THEN 'the product is priced in ' || n.price_currency
	        END AS unfit,
	    CASE WHEN NOT EXISTS (SELECT
	        FROM discount_codes c
	        WHERE c.code = n.code)
	    THEN {{codes_cap}} END AS cap
	    FROM next n) r
), made AS (
	INSERT INTO discount_codes AS c (code, kind, amount, discount_currency,
	    max_uses, expires_at, applies_to_product_id, applies_to_policy_id,
	    applies_to_policy_ids, referrer_label, description, featured)
	SELECT n.code, n.kind, n.amount, n.discount_currency,
	    @max_uses::bigint, @expires_at::timestamptz, n.product_id,
	    n.policy_id, n.policy_ids, @referrer_label::text,
	    @description::text, COALESCE(@featured::boolean, false)
	FROM next n
	JOIN verdict v ON v.fault IS NULL
	ON CONFLICT (code) DO NOTHING
	RETURNING c.id, {{code_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'code.create', 'code', m.id::text,
	    jsonb_build_object('code', m.body)
	FROM made m
)
SELECT COALESCE(v.fault, CASE WHEN m.id IS NULL THEN 'conflict' END) AS fault,
    COALESCE(v.message, CASE WHEN m.id IS NULL
    THEN 'this code exists' END) AS message, m.body
FROM verdict v
LEFT JOIN made m ON true;

-- name: code_list :one
-- Codes, newest first, page by page, of all products or one; those that are
-- switched off only when asked for.  Leans on discount_codes_newest, for one
-- product on discount_codes_product.
WITH page AS (
	(SELECT {{code_columns}}
	FROM discount_codes c
	WHERE @product_id::uuid IS NULL
	AND (c.created_at, c.id) < ({{cursor_time}}, {{cursor_id}})
	AND (c.active OR COALESCE(@include_inactive::boolean, false))
	ORDER BY c.created_at DESC, c.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{code_columns}}
	FROM discount_codes c
	WHERE c.applies_to_product_id = @product_id
	AND (c.created_at, c.id) < ({{cursor_time}}, {{cursor_id}})
	AND (c.active OR COALESCE(@include_inactive::boolean, false))
	ORDER BY c.created_at DESC, c.id DESC
	LIMIT {{page_size}} + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY c.created_at DESC, c.id DESC) AS n,
	    (extract(epoch FROM c.created_at) * 1000000)::bigint || '_' || c.id
	    AS cursor, {{code_json}} AS doc
	FROM page c
)
SELECT json_build_object(
    'codes', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: code_get :one
-- One code with its uses, newest first, page by page.  Leans on
-- discount_redemptions_code.
WITH page AS (
	SELECT r.id, r.code_id, r.invoice_id, r.license_id, r.status,
	    r.discount_applied_sats, r.base_price_sats, r.final_price_sats,
	    r.created_at, r.updated_at
	FROM discount_redemptions r
	WHERE r.code_id = @id::uuid
	AND (r.created_at, r.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY r.created_at DESC, r.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY r.created_at DESC, r.id DESC) AS n,
	    (extract(epoch FROM r.created_at) * 1000000)::bigint || '_' || r.id
	    AS cursor, {{redemption_json}} AS doc
	FROM page r
), listed AS (
	SELECT COALESCE(json_agg(r.doc ORDER BY r.n)
	        FILTER (WHERE r.n <= {{page_size}}), '[]') AS redemptions,
	    CASE WHEN count(*) > {{page_size}} THEN max(r.cursor)
	        FILTER (WHERE r.n = {{page_size}}) END AS next_cursor
	FROM numbered r
)
SELECT json_build_object('code', {{code_json}},
    'redemptions', u.redemptions, 'next_cursor', u.next_cursor) AS body
FROM discount_codes c
CROSS JOIN listed u
WHERE c.id = @id;

-- name: code_update :one
-- Changes only what the body names; null clears what may be absent.  The list
-- of policies is the whole of the code's scope within its product: [] makes it
-- good for all of them.  The code's row is held while the rules judge it, so
-- max_uses can't fall below what is used meanwhile.
WITH held AS MATERIALIZED (
	SELECT {{code_columns}}
	FROM discount_codes c
	WHERE c.id = @id::uuid
	FOR NO KEY UPDATE
), asked AS (
	SELECT ARRAY(SELECT jsonb_array_elements_text(@policy_slugs::jsonb))
	    AS slugs
), policy AS MATERIALIZED (
	SELECT y.id, y.slug
	FROM policies y
	WHERE y.product_id = (SELECT h.applies_to_product_id FROM held h)
	AND y.slug = ANY ((SELECT a.slugs FROM asked a)::text[])
	FOR KEY SHARE
), next AS (
	SELECT h.id, h.kind, h.used_count, h.applies_to_product_id,
	    CASE WHEN h.kind <> 'free_license'
	    THEN COALESCE(@amount::bigint, h.amount) ELSE 0 END AS amount,
	    CASE WHEN @body::jsonb ? 'max_uses' THEN @max_uses::bigint
	    ELSE h.max_uses END AS max_uses,
	    CASE WHEN @body ? 'expires_at' THEN @expires_at::timestamptz
	    ELSE h.expires_at END AS expires_at,
	    CASE WHEN @body ? 'description' THEN @description::text
	    ELSE h.description END AS description,
	    CASE WHEN @body ? 'referrer_label' THEN @referrer_label::text
	    ELSE h.referrer_label END AS referrer_label,
	    COALESCE(@featured::boolean, h.featured) AS featured,
	    CASE WHEN @policy_slugs IS NULL THEN h.applies_to_policy_id END
	    AS policy_id,
	    CASE WHEN @policy_slugs IS NULL THEN h.applies_to_policy_ids
	    ELSE ARRAY(SELECT y.id FROM policy y
	        ORDER BY array_position(a.slugs, y.slug)) END AS policy_ids,
	    (SELECT min(s.slug) FROM unnest(a.slugs) AS s (slug)
	    WHERE NOT EXISTS (SELECT FROM policy y WHERE y.slug = s.slug))
	    AS missing
	FROM held h, asked a
), verdict AS (
	SELECT r.id, CASE WHEN r.wrong IS NOT NULL THEN 'bad_request'
	    WHEN r.missing IS NOT NULL THEN 'not_found' END AS fault,
	    COALESCE(r.wrong,
	        'no such policy of this product: ' || r.missing) AS message
	FROM (SELECT n.id, n.missing, CASE
	        WHEN n.max_uses < n.used_count
	        THEN 'max_uses must not be less than used_count, '
	            || n.used_count
	        WHEN @policy_slugs IS NOT NULL
	            AND n.applies_to_product_id IS NULL
	        THEN 'policy_slugs are for codes of one product'
	        ELSE {{code_amount_fault}} END AS wrong
	    FROM next n) r
), changed AS (
	UPDATE discount_codes AS c
	SET amount = n.amount, max_uses = n.max_uses,
	    expires_at = n.expires_at, description = n.description,
	    referrer_label = n.referrer_label, featured = n.featured,
	    applies_to_policy_id = n.policy_id,
	    applies_to_policy_ids = n.policy_ids, updated_at = licet_now()
	FROM next n
	JOIN verdict v ON v.id = n.id
	WHERE c.id = n.id AND v.fault IS NULL
	RETURNING c.id, {{code_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'code.update', 'code', c.id::text,
	    jsonb_build_object('changes', @body)
	FROM changed c
)
SELECT v.fault, v.message, c.body
FROM verdict v
LEFT JOIN changed c ON c.id = v.id;

-- name: code_set_active :one
-- A code that is switched off takes nobody's use; those it has stay.  One that
-- is switched on counts for the cap, under tier_lock.
WITH found AS MATERIALIZED (
	SELECT c.id, CASE WHEN @active::boolean AND NOT c.active
	    THEN {{codes_cap}} END AS cap
	FROM discount_codes c
	WHERE c.id = @id::uuid
), changed AS (
	UPDATE discount_codes AS c
	SET active = @active, updated_at = licet_now()
	FROM found f
	WHERE c.id = f.id AND f.cap IS NULL
	RETURNING c.id, c.code
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'code.set_active', 'code', c.id::text,
	    jsonb_build_object('code', c.code, 'active', @active)
	FROM changed c
)
SELECT CASE WHEN f.cap IS NOT NULL THEN 'tier_cap' END AS fault,
    f.cap AS message,
    CASE WHEN c.id IS NOT NULL THEN json_build_object('ok', true) END AS body
FROM found f
LEFT JOIN changed c ON c.id = f.id
WHERE f.cap IS NOT NULL OR c.id IS NOT NULL;

-- name: code_delete_lock :exec
-- To be sent before code_delete.  A purchase changes the code's row before it
-- writes that it uses it, so all uses are there to be seen.
SELECT c.id
FROM discount_codes c
WHERE c.id = @id::uuid
FOR UPDATE;

-- name: code_delete :one
-- Refuses while anybody has used it, be it in vain: the sale tells of it.
WITH found AS (
	SELECT c.id, c.code, EXISTS (SELECT FROM discount_redemptions r
	    WHERE r.code_id = c.id) AS used
	FROM discount_codes c
	WHERE c.id = @id::uuid
), gone AS (
	DELETE FROM discount_codes c USING found f
	WHERE c.id = f.id AND NOT f.used
	RETURNING c.id, {{code_json}} AS doc
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'code.delete', 'code', g.id::text,
	    jsonb_build_object('code', g.doc)
	FROM gone g
)
SELECT CASE WHEN f.used THEN 'conflict' END AS fault,
    CASE WHEN f.used THEN 'the code has been used; switch it off instead' END
    AS message,
    CASE WHEN g.id IS NOT NULL
    THEN json_build_object('ok', true, 'deleted', f.code) END AS body
FROM found f
LEFT JOIN gone g ON g.id = f.id
WHERE f.used OR g.id IS NOT NULL;

-- name: code_reap :one
-- Gives back the uses of invoices that expired or are invalid and still hold
-- them: what settling does at once, for rows that a crash or an earlier release
-- left.  An invoice that is pending keeps its use, however old it is, for it
-- may be paid yet.  The try takes invoice_settle's lock, so that a late payment
-- comes wholly before or wholly after.  Leans on discount_redemptions_pending.
WITH due AS MATERIALIZED (
	SELECT r.id, i.provider_id, i.provider_invoice_id
	FROM discount_redemptions r
	JOIN invoices i ON i.id = r.invoice_id
	WHERE r.status = 'pending' AND i.status IN ('expired', 'invalid')
	LIMIT 500
), ours AS MATERIALIZED (
	SELECT d.id
	FROM due d
	WHERE pg_try_advisory_xact_lock(hashtextextended(
	    d.provider_id::text || ' ' || d.provider_invoice_id, 0))
	    IS NOT FALSE
), cancelled AS (
	UPDATE discount_redemptions AS r
	SET status = 'cancelled', updated_at = licet_now()
	FROM ours o
	WHERE r.id = o.id AND r.status = 'pending'
	RETURNING r.id, r.code_id, r.invoice_id
), returned AS (
	UPDATE discount_codes AS c
	SET used_count = GREATEST(c.used_count - n.uses, 0)
	FROM (SELECT r.code_id, count(*) AS uses
	    FROM cancelled r
	    GROUP BY r.code_id) n
	WHERE c.id = n.code_id
	RETURNING c.id
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'code.release', 'code', r.code_id::text,
	    jsonb_build_object('redemption_id', r.id,
	    'invoice_id', r.invoice_id)
	FROM cancelled r
)
SELECT count(*) AS cancelled
FROM cancelled r;
