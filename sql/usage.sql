-- What hangs on a product or a policy, before it is deleted.  The names and
-- numbers are those that the deletion, forced if it must be, answers as
-- cascaded_....

-- name: product_usage :opt
-- Leans on the indexes of product_delete.
SELECT NULL AS fault, NULL AS message, json_build_object(
    'needs_force', {{product_is_sold}},
    'active_licenses', (SELECT count(*) FROM licenses l
        WHERE l.product_id = p.id AND l.status = 'active'),
    'live_subscriptions', (SELECT count(*) FROM subscriptions s
        WHERE s.product_id = p.id AND s.status IN ('active', 'past_due')),
    'policies', (SELECT count(*) FROM policies y WHERE y.product_id = p.id),
    'codes', (SELECT count(*) FROM discount_codes c
        WHERE c.applies_to_product_id = p.id),
    'licenses', (SELECT count(*) FROM licenses l WHERE l.product_id = p.id),
    'invoices', (SELECT count(*) FROM invoices i WHERE i.product_id = p.id),
    'machines', (SELECT count(*) FROM machines m
        JOIN licenses l ON l.id = m.license_id
        WHERE l.product_id = p.id),
    'redemptions', (SELECT count(*) FROM discount_redemptions r
        JOIN invoices i ON i.id = r.invoice_id
        WHERE i.product_id = p.id),
    'subscriptions', (SELECT count(*) FROM subscriptions s
        WHERE s.product_id = p.id),
    'tier_changes', (SELECT count(*) FROM tier_changes c
        JOIN licenses l ON l.id = c.license_id
        WHERE l.product_id = p.id),
    'tips', (SELECT count(*) FROM tip_attempts t
        JOIN licenses l ON l.id = t.license_id
        WHERE l.product_id = p.id),
    'refunds', (SELECT count(*) FROM refunds r
        JOIN invoices i ON i.id = r.invoice_id
        WHERE i.product_id = p.id)) AS body
FROM products p
WHERE p.id = @id::uuid;

-- name: policy_usage :opt
-- Without need of force it goes alone, and what stays forgets it.  Leans on
-- the indexes of policy_delete.
WITH doomed AS (
	SELECT y.id, y.product_id, {{policy_is_sold}} AS force
	FROM policies y
	WHERE y.id = @id::uuid
), {{policy_takes}}, {{code_scopes}}
SELECT NULL AS fault, NULL AS message, json_build_object(
    'needs_force', d.force,
    'active_licenses', (SELECT count(*) FROM licenses l
        WHERE l.policy_id = d.id AND l.status = 'active'),
    'live_subscriptions', (SELECT count(*) FROM subscriptions s
        WHERE s.policy_id = d.id AND s.status IN ('active', 'past_due')),
    'policies', 0,
    'codes', (SELECT count(*) FROM code_scopes s
        WHERE s.is_orphan AND NOT s.is_used),
    'licenses', (SELECT count(*) FROM licenses_doomed),
    'invoices', (SELECT count(*) FROM invoices_doomed),
    'machines', (SELECT count(*) FROM machines m
        JOIN licenses_doomed l ON l.id = m.license_id),
    'redemptions', (SELECT count(*) FROM discount_redemptions r
        JOIN invoices_doomed i ON i.id = r.invoice_id),
    'subscriptions', (SELECT count(*) FROM subscriptions s
        JOIN licenses_doomed l ON l.id = s.license_id),
    'tier_changes', (SELECT count(*) FROM tier_changes c
        JOIN licenses_doomed l ON l.id = c.license_id),
    'tips', (SELECT count(*) FROM tip_attempts t
        JOIN licenses_doomed l ON l.id = t.license_id),
    'refunds', (SELECT count(*) FROM refunds r
        JOIN invoices_doomed i ON i.id = r.invoice_id)) AS body
FROM doomed d;
