-- What hangs on a product or a policy, before it is deleted.  The names and
-- numbers are those that the deletion, forced if it must be, answers as
-- cascaded_....  Of what was sold very often not everything is counted.
--
-- `BETWEEN p.id AND p.id': a range of one.  Where nearly all is one product's,
-- a planner that is asked for `=' reads the table through for every other, too.

-- fragment: usage_many
-- So many licenses or invoices are many: what hangs on them isn't counted.
2000

-- fragment: usage_counted_to
-- And themselves they are counted so far.
10000

-- fragment: usage_of_few
-- What hangs on the licenses and invoices of `sized' (s), if they are few.  By
-- arrays of ids, so that each is looked up and no table read through.
'machines', CASE WHEN NOT s.is_large THEN (SELECT count(*) FROM machines m
    WHERE m.license_id = ANY (s.license_ids)) END,
'redemptions', CASE WHEN NOT s.is_large THEN (SELECT count(*)
    FROM discount_redemptions r
    WHERE r.invoice_id = ANY (s.invoice_ids)) END,
'subscriptions', CASE WHEN NOT s.is_large THEN (SELECT count(*)
    FROM subscriptions b
    WHERE b.license_id = ANY (s.license_ids)) END,
'tier_changes', CASE WHEN NOT s.is_large THEN (SELECT count(*)
    FROM tier_changes c
    WHERE c.license_id = ANY (s.license_ids)) END,
'tips', CASE WHEN NOT s.is_large THEN (SELECT count(*) FROM tip_attempts t
    WHERE t.license_id = ANY (s.license_ids)) END,
'refunds', CASE WHEN NOT s.is_large THEN (SELECT count(*) FROM refunds r
    WHERE r.invoice_id = ANY (s.invoice_ids)) END

-- name: product_usage :opt
-- Leans on the indexes of product_delete.
WITH found AS MATERIALIZED (
	SELECT p.id, {{product_is_sold}} AS needs_force,
	    {{product_is_too_much}} AS is_too_much,
	    (SELECT count(*) FROM (SELECT FROM licenses l
	        WHERE l.product_id BETWEEN p.id AND p.id
	        LIMIT {{usage_counted_to}} + 1) n) AS licenses,
	    (SELECT count(*) FROM (SELECT FROM invoices i
	        WHERE i.product_id BETWEEN p.id AND p.id
	        LIMIT {{usage_counted_to}} + 1) n) AS invoices
	FROM products p
	WHERE p.id = @id::uuid
), sized AS MATERIALIZED (
	SELECT f.id, f.needs_force, f.is_too_much, f.licenses, f.invoices,
	    GREATEST(f.licenses, f.invoices) > {{usage_many}} AS is_large,
	    ARRAY(SELECT l.id FROM licenses l
	        WHERE l.product_id BETWEEN f.id AND f.id
	        LIMIT {{usage_many}}) AS license_ids,
	    ARRAY(SELECT i.id FROM invoices i
	        WHERE i.product_id BETWEEN f.id AND f.id
	        LIMIT {{usage_many}}) AS invoice_ids
	FROM found f
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'needs_force', s.needs_force, 'is_large', s.is_large,
    'is_too_much', s.needs_force AND s.is_too_much,
    'counted_to', {{usage_counted_to}},
    'active_licenses', CASE WHEN NOT s.is_large THEN (SELECT count(*)
        FROM licenses l
        WHERE l.product_id BETWEEN s.id AND s.id AND l.status = 'active') END,
    'live_subscriptions', CASE WHEN NOT s.is_large THEN (SELECT count(*)
        FROM subscriptions b
        WHERE b.license_id = ANY (s.license_ids)
        AND b.status IN ('active', 'past_due')) END,
    'policies', (SELECT count(*) FROM policies y WHERE y.product_id = s.id),
    'codes', (SELECT count(*) FROM discount_codes c
        WHERE c.applies_to_product_id = s.id),
    'licenses', s.licenses, 'invoices', s.invoices,
    {{usage_of_few}}) AS body
FROM sized s;

-- name: policy_usage :opt
-- Without need of force it goes alone, and what stays forgets it.  Leans on
-- the indexes of policy_delete.
WITH found AS MATERIALIZED (
	SELECT y.id, y.product_id, {{policy_is_sold}} AS needs_force,
	    {{policy_is_too_much}} AS is_too_much,
	    (SELECT count(*) FROM (SELECT FROM licenses l
	        WHERE l.policy_id BETWEEN y.id AND y.id
	        LIMIT {{usage_counted_to}} + 1) n) AS licenses,
	    (SELECT count(*) FROM (SELECT FROM invoices i
	        WHERE i.policy_id BETWEEN y.id AND y.id
	        LIMIT {{usage_counted_to}} + 1) n) AS invoices
	FROM policies y
	WHERE y.id = @id::uuid
), many AS MATERIALIZED (
	SELECT f.id, f.needs_force
	    AND GREATEST(f.licenses, f.invoices) > {{usage_many}} AS is_large
	FROM found f
), doomed AS (
	SELECT f.id, f.product_id, f.needs_force AND NOT m.is_large AS force
	FROM found f
	JOIN many m ON m.id = f.id
), {{policy_takes}}, {{code_scopes}}, sized AS MATERIALIZED (
	SELECT f.id, f.needs_force, f.is_too_much, m.is_large, f.licenses,
	    f.invoices,
	    ARRAY(SELECT l.id FROM licenses_doomed l) AS license_ids,
	    ARRAY(SELECT i.id FROM invoices_doomed i) AS invoice_ids
	FROM found f
	JOIN many m ON m.id = f.id
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'needs_force', s.needs_force, 'is_large', s.is_large,
    'is_too_much', s.needs_force AND s.is_too_much,
    'counted_to', {{usage_counted_to}},
    'active_licenses', CASE WHEN NOT s.is_large THEN (SELECT count(*)
        FROM licenses l
        WHERE l.policy_id BETWEEN s.id AND s.id AND l.status = 'active') END,
    'live_subscriptions', CASE WHEN NOT s.is_large THEN (SELECT count(*)
        FROM subscriptions b
        WHERE b.policy_id BETWEEN s.id AND s.id AND b.status IN ('active', 'past_due')) END,
    'policies', 0,
    'codes', CASE WHEN NOT s.is_large THEN (SELECT count(*)
        FROM code_scopes c
        WHERE c.is_orphan AND NOT c.is_used) END,
    'licenses', CASE WHEN s.is_large THEN s.licenses
        ELSE cardinality(s.license_ids) END,
    'invoices', CASE WHEN s.is_large THEN s.invoices
        ELSE cardinality(s.invoice_ids) END,
    {{usage_of_few}}) AS body
FROM sized s;
