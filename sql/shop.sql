-- fragment: for_sale
-- A policy (alias y) that anybody may choose.
(y.active AND y.public AND y.archived_at IS NULL)

-- name: shop_list :one
-- The shop's front: products for sale that have a public policy, by name, those
-- after the one slugged @after; each with the terms of its cheapest policy, and
-- whether others cost more.  Leans on policies_product_id_slug_key.
WITH last AS MATERIALIZED (
	SELECT p.name, p.slug
	FROM products p
	WHERE p.slug = @after::text
), page AS (
	SELECT p.id, p.slug, p.name, p.description, p.price_currency,
	    p.price_value
	FROM products p
	WHERE p.active
	AND (@after IS NULL OR (p.name, p.slug) >
	    (SELECT l.name, l.slug FROM last l))
	AND EXISTS (SELECT
		FROM policies y
		WHERE y.product_id = p.id AND {{for_sale}})
	ORDER BY p.name, p.slug
	LIMIT @limit::int + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY p.name, p.slug) AS n, p.slug,
	    json_build_object('slug', p.slug, 'name', p.name,
	    'description', p.description, 'price_currency', p.price_currency,
	    'price_value', c.price, 'is_recurring', c.is_recurring,
	    'renewal_period_days', c.renewal_period_days,
	    'has_dearer', c.price < d.price, 'trial_days', d.trial_days) AS doc
	FROM page p
	CROSS JOIN LATERAL (SELECT
	    COALESCE(y.price_sats_override, p.price_value) AS price,
	    y.is_recurring, y.renewal_period_days
	    FROM policies y
	    WHERE y.product_id = p.id AND {{for_sale}}
	    ORDER BY 1, y.name
	    LIMIT 1) c
	CROSS JOIN LATERAL (SELECT
	    max(COALESCE(y.price_sats_override, p.price_value)) AS price,
	    max(y.trial_days) FILTER (WHERE y.is_recurring) AS trial_days
	    FROM policies y
	    WHERE y.product_id = p.id AND {{for_sale}}) d
)
SELECT json_build_object(
    'products', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= @limit), '[]'),
    'next', CASE WHEN count(*) > @limit
        THEN max(r.slug) FILTER (WHERE r.n = @limit) END) AS body
FROM numbered r;

-- name: shop_facts :opt
-- What the page of a product shows beside what the API says of it: the terms
-- under which it sells when it has no public policy, and what was known of the
-- rate of its currency within the hour.  Leans on products_slug_key.
SELECT COALESCE(y.price_sats_override, s.price_value) AS price_value,
    COALESCE(y.is_recurring, false) AS is_recurring,
    COALESCE(y.renewal_period_days, 0) AS renewal_period_days,
    COALESCE(y.trial_days, 0) AS trial_days,
    COALESCE(y.max_machines, 1) AS max_machines,
    COALESCE(y.duration_seconds, 0) AS duration_seconds,
    (SELECT t.value
	FROM settings t
	WHERE t.key = 'manual_rate_pin_' || s.price_currency) AS rate_pin,
    e.rate_e4, rfc3339(e.fetched_at) AS rate_at
FROM (SELECT p.id AS product_id, p.price_currency, p.price_value
	FROM products p
	WHERE p.slug = @slug::text) s
LEFT JOIN policies y ON y.id = {{effective_policy}}
LEFT JOIN exchange_rates e ON e.currency = s.price_currency
    AND e.fetched_at BETWEEN licet_now() - interval '1 hour'
        AND licet_now() + interval '1 minute';

-- name: shop_code :opt
-- What a code takes off, in its own terms.  Leans on discount_codes_code_key.
SELECT c.amount
FROM discount_codes c
WHERE c.code = @code::text;

-- name: shop_thanks :opt
-- What the buyer's page shows of a purchase; the key's facts only while the
-- license is active.  An invoice that another one replaced leads to that one.
-- Leans on primary keys, licenses_invoice_id_key and invoices_follows.
SELECT i.id AS invoice_id, i.kind, i.status, i.amount_sats, i.paid_sats,
    i.payment_exception, i.checkout_url, i.listed_currency,
    COALESCE(i.charged_value, i.listed_value) AS charged_value, i.is_trial,
    extract(epoch FROM licet_now() - i.created_at)::bigint AS age_seconds,
    v.kind AS provider_kind, p.name AS product, p.slug AS product_slug,
    y.name AS policy, r.id IS NOT NULL AS has_license,
    rfc3339(r.expires_at) AS expires_at, r.max_machines,
    (SELECT n.id FROM invoices n WHERE n.follows_id = i.id) AS next_id,
    {{license_facts}}
FROM invoices i
JOIN products p ON p.id = i.product_id
LEFT JOIN payment_providers v ON v.id = i.provider_id
LEFT JOIN licenses r ON r.id = CASE WHEN i.kind = 'purchase'
    THEN (SELECT o.id FROM licenses o WHERE o.invoice_id = i.id)
    WHEN i.status = 'settled' THEN i.license_id END
LEFT JOIN policies y ON y.id = COALESCE(r.policy_id, i.policy_id)
LEFT JOIN licenses l ON l.id = r.id AND l.status = 'active'
WHERE i.id = @id::uuid;

-- name: shop_look :exec
-- Somebody waits for an unpaid invoice: the reconciler looks at it now, if its
-- last look was not within ten seconds, or within a minute of one that
-- expired.  When that was follows from when the next is due.
WITH hurried AS (
	UPDATE invoices AS i
	SET next_check_at = licet_now()
	WHERE i.id = @id::uuid AND i.status IN ('pending', 'expired')
	AND i.next_check_at BETWEEN licet_now() + interval '1 second'
	    AND licet_now() + CASE i.status WHEN 'pending'
	        THEN (@retry_seconds::int - 10) * interval '1 second'
	        ELSE interval '6 hours' - interval '1 minute' END
	RETURNING i.id
)
SELECT pg_notify('licet_jobs', 'reconcile') FROM hurried;
