-- Deleting a product or a policy, and all that hangs on it.  Each table is
-- named: a cascade of foreign keys could come after the check that it should
-- satisfy.

-- fragment: deleted_counts
-- What a deletion took along, from its parts named ..._gone.
'cascaded_codes', (SELECT count(*) FROM codes_gone),
'cascaded_licenses', (SELECT count(*) FROM licenses_gone),
'cascaded_invoices', (SELECT count(*) FROM invoices_gone),
'cascaded_machines', (SELECT count(*) FROM machines_gone),
'cascaded_redemptions', (SELECT count(*) FROM redemptions_gone),
'cascaded_subscriptions', (SELECT count(*) FROM subscriptions_gone),
'cascaded_tier_changes', (SELECT count(*) FROM changes_gone),
'cascaded_tips', (SELECT count(*) FROM tips_gone),
'cascaded_refunds', (SELECT count(*) FROM refunds_gone)

-- fragment: product_is_sold
-- Does anything hang on the product (alias p) that only force deletes?  (Ranges
-- of one: see usage.sql.)
(EXISTS (SELECT FROM invoices i WHERE i.product_id BETWEEN p.id AND p.id) OR
EXISTS (SELECT FROM licenses l WHERE l.product_id BETWEEN p.id AND p.id))

-- fragment: policy_is_sold
-- Does anything hang on the policy (alias y) that only force deletes?
(EXISTS (SELECT FROM licenses l
    WHERE l.policy_id BETWEEN y.id AND y.id AND l.status <> 'revoked') OR
EXISTS (SELECT FROM invoices i
    WHERE i.policy_id BETWEEN y.id AND y.id AND i.status = 'settled') OR
EXISTS (SELECT FROM subscriptions s
    WHERE s.policy_id BETWEEN y.id AND y.id
    AND s.status IN ('active', 'past_due')) OR
EXISTS (SELECT FROM tier_changes c
    WHERE c.to_policy_id = y.id AND c.applied_at IS NULL
    AND c.cancelled_at IS NULL))

-- fragment: delete_most
-- So many licenses, or invoices, one request deletes: a thousand for each second
-- that it may take, which leaves it three quarters of its time.  Without a limit
-- of time there is none.
COALESCE(NULLIF(extract(epoch FROM
    current_setting('statement_timeout')::interval), 0) * 1000,
    1000000000)::bigint

-- fragment: product_is_too_much
-- Has the product (p) more than can be deleted in time?  Then it is refused
-- before anything waits for it.
(EXISTS (SELECT FROM licenses l WHERE l.product_id BETWEEN p.id AND p.id
    OFFSET {{delete_most}})
OR EXISTS (SELECT FROM invoices i WHERE i.product_id BETWEEN p.id AND p.id
    OFFSET {{delete_most}}))

-- fragment: policy_is_too_much
-- The same of a policy (y).
(EXISTS (SELECT FROM licenses l WHERE l.policy_id BETWEEN y.id AND y.id
    OFFSET {{delete_most}})
OR EXISTS (SELECT FROM invoices i WHERE i.policy_id BETWEEN y.id AND y.id
    OFFSET {{delete_most}}))

-- fragment: delete_refusal
-- Why what is found (f) was not deleted.
CASE WHEN f.force THEN 'force: more than ' || {{delete_most}} || ' licenses '
    'or invoices are too many for the time that a request may take; take it '
    'off sale, or raise LICET_REQUEST_TIMEOUT_MS'

-- name: product_delete_lock :exec
-- To be sent before product_delete.  Holds off purchases and settlements of
-- the product (they take a key share of its row first), then, if they are to
-- go, locks its licenses in the order in which everyone locks licenses.
WITH held AS MATERIALIZED (
	SELECT p.id FROM products p WHERE p.id = @id::uuid FOR UPDATE
), licenses_held AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.product_id = (SELECT h.id FROM held h) AND @force::boolean
	AND NOT (SELECT {{product_is_too_much}} FROM held p)
	ORDER BY l.id
	FOR UPDATE
)
SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM licenses_held);

-- name: product_delete :one
-- Refuses while an invoice or a license exists, unless forced; then all that
-- hangs on the product goes with it, except the logs.  A code that is good for
-- other products stays, and gets back the uses that go.
-- Leans on licenses_product, invoices_product_newest, subscriptions_product,
-- discount_codes_product and the keys by license, invoice and subscription.
WITH found AS (
	SELECT p.id, p.slug, COALESCE(@force::boolean, false) AS force,
	    {{product_is_sold}} AS used, {{product_is_too_much}} AS is_too_much
	FROM products p
	WHERE p.id = @id::uuid
), doomed AS (
	SELECT f.id, f.slug, f.force
	FROM found f
	WHERE f.force AND NOT f.is_too_much OR NOT f.used
), machines_gone AS (
	DELETE FROM machines m USING licenses l, doomed d
	WHERE m.license_id = l.id AND l.product_id = d.id
	RETURNING m.id
), tips_gone AS (
	DELETE FROM tip_attempts t USING licenses l, doomed d
	WHERE t.license_id = l.id AND l.product_id = d.id
	RETURNING t.id
), changes_gone AS (
	DELETE FROM tier_changes c USING licenses l, doomed d
	WHERE c.license_id = l.id AND l.product_id = d.id
	RETURNING c.id
), cycles_gone AS (
	DELETE FROM subscription_invoices n USING invoices i, doomed d
	WHERE n.invoice_id = i.id AND i.product_id = d.id
	RETURNING n.id
), subscriptions_gone AS (
	DELETE FROM subscriptions s USING doomed d WHERE s.product_id = d.id
	RETURNING s.id
), refunds_gone AS (
	DELETE FROM refunds r USING invoices i, doomed d
	WHERE r.invoice_id = i.id AND i.product_id = d.id
	RETURNING r.id
), redemptions_gone AS (
	DELETE FROM discount_redemptions r USING invoices i, doomed d
	WHERE r.invoice_id = i.id AND i.product_id = d.id
	RETURNING r.id, r.code_id, r.status
), codes_gone AS (
	DELETE FROM discount_codes c USING doomed d
	WHERE c.applies_to_product_id = d.id
	RETURNING c.id
), uses_returned AS (
	UPDATE discount_codes AS c
	SET used_count = GREATEST(c.used_count - u.uses, 0)
	FROM (SELECT r.code_id, count(*) AS uses
	    FROM redemptions_gone r
	    WHERE r.status <> 'cancelled'
	    GROUP BY r.code_id) u
	WHERE c.id = u.code_id AND c.applies_to_product_id IS NULL
	RETURNING c.id
), licenses_gone AS (
	DELETE FROM licenses l USING doomed d WHERE l.product_id = d.id
	RETURNING l.id
), invoices_gone AS (
	DELETE FROM invoices i USING doomed d WHERE i.product_id = d.id
	RETURNING i.id
), policies_gone AS (
	DELETE FROM policies y USING doomed d WHERE y.product_id = d.id
	RETURNING y.id
), product_gone AS (
	DELETE FROM products p USING doomed d WHERE p.id = d.id
	RETURNING p.id, p.slug
), answer AS (
	SELECT g.id, json_build_object('ok', true, 'deleted', g.slug,
	    'force', d.force,
	    'cascaded_policies', (SELECT count(*) FROM policies_gone),
	    {{deleted_counts}}) AS body
	FROM product_gone g
	JOIN doomed d ON d.id = g.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'product.delete', 'product', a.id::text,
	    a.body::jsonb
	FROM answer a
)
SELECT CASE WHEN a.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN a.id IS NULL THEN {{delete_refusal}}
    ELSE 'force: needed, for the product has invoices or licenses' END
    END AS message, a.body
FROM found f
LEFT JOIN answer a ON a.id = f.id;

-- fragment: policy_takes
-- What goes when the policy in `doomed' is forced to: its licenses, and the
-- invoices that no license of another policy is about.
licenses_doomed AS MATERIALIZED (
	SELECT l.id, l.invoice_id
	FROM licenses l
	JOIN doomed d ON d.force AND l.policy_id BETWEEN d.id AND d.id
), invoices_doomed AS MATERIALIZED (
	SELECT l.invoice_id AS id
	FROM licenses_doomed l
	WHERE l.invoice_id IS NOT NULL
	UNION
	SELECT o.id
	FROM invoices o
	WHERE o.license_id = ANY (ARRAY(SELECT l.id FROM licenses_doomed l))
	UNION
	SELECT o.id
	FROM doomed d
	JOIN invoices o ON o.policy_id BETWEEN d.id AND d.id
	WHERE d.force
	AND NOT COALESCE((SELECT l.policy_id IS DISTINCT FROM d.id
	    FROM licenses l
	    WHERE l.invoice_id = o.id), false)
	AND NOT COALESCE((SELECT l.policy_id IS DISTINCT FROM d.id
	    FROM licenses l
	    WHERE l.id = o.license_id), false)
)

-- fragment: code_scopes
-- The codes that are good for the policy in `doomed', by name: is it their
-- only one, and does a sale that stays tell of them?
code_scopes AS (
	SELECT c.id, CASE WHEN c.applies_to_policy_ids <> '{}'
	    THEN c.applies_to_policy_ids <@ ARRAY[d.id]
	    ELSE true END AS is_orphan,
	    EXISTS (SELECT FROM discount_redemptions r
	        WHERE r.code_id = c.id
	        AND NOT EXISTS (SELECT FROM invoices_doomed i
	            WHERE i.id = r.invoice_id)) AS is_used
	FROM doomed d
	JOIN discount_codes c ON c.applies_to_product_id = d.product_id
	WHERE c.applies_to_policy_id = d.id
	OR d.id = ANY (c.applies_to_policy_ids)
)

-- fragment: codes_of_policy
-- What becomes of codes when the policy in `doomed' goes and `redemptions_gone'
-- with it.  A row can change only once in a statement, so scope and uses do
-- together.
{{code_scopes}}, code_changes AS (
	SELECT COALESCE(s.id, u.code_id) AS id, COALESCE(u.uses, 0) AS uses,
	    COALESCE(s.is_orphan, false) AS is_orphan,
	    COALESCE(s.is_orphan AND NOT s.is_used, false) AS goes
	FROM code_scopes s
	FULL JOIN (SELECT r.code_id,
	        count(*) FILTER (WHERE r.status <> 'cancelled') AS uses
	    FROM redemptions_gone r
	    GROUP BY r.code_id) u ON u.code_id = s.id
), codes_gone AS (
	DELETE FROM discount_codes c USING code_changes k
	WHERE c.id = k.id AND k.goes
	RETURNING c.id
), codes_changed AS (
	UPDATE discount_codes AS c
	SET used_count = GREATEST(c.used_count - k.uses, 0),
	    active = c.active AND NOT k.is_orphan,
	    applies_to_policy_id = NULLIF(c.applies_to_policy_id, d.id),
	    applies_to_policy_ids = CASE WHEN k.is_orphan THEN ARRAY[d.id]
	        ELSE array_remove(c.applies_to_policy_ids, d.id) END
	FROM code_changes k, doomed d
	WHERE c.id = k.id AND NOT k.goes
	RETURNING c.id
)

-- name: policy_delete_lock :exec
-- To be sent before policy_delete.  Product, policy, licenses: the order in
-- which everyone locks them, so that purchases, settlements and a delete of
-- the product wait instead of colliding.
WITH product_held AS MATERIALIZED (
	SELECT p.id
	FROM products p
	WHERE p.id = (SELECT y.product_id FROM policies y WHERE y.id = @id::uuid)
	FOR KEY SHARE
), held AS MATERIALIZED (
	SELECT y.id
	FROM policies y
	WHERE y.id = @id AND (SELECT count(*) FROM product_held) > 0
	FOR UPDATE
), licenses_held AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.policy_id = (SELECT h.id FROM held h) AND @force::boolean
	AND NOT (SELECT {{policy_is_too_much}} FROM held y)
	ORDER BY l.id
	FOR UPDATE
)
SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM licenses_held);

-- name: policy_delete :one
-- Refuses while a license that isn't revoked, a settled invoice, a live
-- subscription or an unfinished change to this tier exists, unless forced: then
-- its licenses and all that hangs on them go too.  What stays forgets the
-- policy: revoked licenses, unpaid invoices, and invoices whose license has
-- moved to another policy; changes of tier to it that were still open end.
-- A code that was good for this policy alone goes, or, if a sale tells of it,
-- is switched off and stays good for nothing: a delete makes no code good for
-- more.  Uses that go are given back.
WITH found AS (
	SELECT y.id, y.slug, y.product_id,
	    COALESCE(@force::boolean, false) AS force,
	    {{policy_is_sold}} AS used, {{policy_is_too_much}} AS is_too_much
	FROM policies y
	WHERE y.id = @id::uuid
), doomed AS (
	SELECT f.id, f.slug, f.product_id, f.force
	FROM found f
	WHERE f.force AND NOT f.is_too_much OR NOT f.used
), {{policy_takes}}, machines_gone AS (
	DELETE FROM machines m USING licenses_doomed l WHERE m.license_id = l.id
	RETURNING m.id
), tips_gone AS (
	DELETE FROM tip_attempts t USING licenses_doomed l
	WHERE t.license_id = l.id
	RETURNING t.id
), changes_gone AS (
	DELETE FROM tier_changes c USING licenses_doomed l
	WHERE c.license_id = l.id
	RETURNING c.id
), cycles_gone AS (
	DELETE FROM subscription_invoices n USING invoices_doomed i
	WHERE n.invoice_id = i.id
	RETURNING n.id
), subscriptions_gone AS (
	DELETE FROM subscriptions s USING licenses_doomed l
	WHERE s.license_id = l.id
	RETURNING s.id
), refunds_gone AS (
	DELETE FROM refunds r USING invoices_doomed i WHERE r.invoice_id = i.id
	RETURNING r.id
), redemptions_gone AS (
	DELETE FROM discount_redemptions r USING invoices_doomed i
	WHERE r.invoice_id = i.id
	RETURNING r.id, r.code_id, r.status
), closing AS (
	SELECT c.license_id
	FROM doomed d
	JOIN tier_changes c ON d.id IN (c.from_policy_id, c.to_policy_id)
	WHERE c.applied_at IS NULL AND c.cancelled_at IS NULL
	AND NOT EXISTS (SELECT FROM licenses_doomed l WHERE l.id = c.license_id)
), {{tier_put_aside}}, {{codes_of_policy}}, licenses_gone AS (
	DELETE FROM licenses l USING licenses_doomed d WHERE l.id = d.id
	RETURNING l.id
), invoices_gone AS (
	DELETE FROM invoices i USING invoices_doomed o WHERE i.id = o.id
	RETURNING i.id
), policy_gone AS (
	DELETE FROM policies y USING doomed d WHERE y.id = d.id
	RETURNING y.id, y.slug
), answer AS (
	SELECT g.id, json_build_object('ok', true, 'deleted', g.slug,
	    'force', d.force, 'cascaded_policies', 0, {{deleted_counts}}) AS body
	FROM policy_gone g
	JOIN doomed d ON d.id = g.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'policy.delete', 'policy', a.id::text,
	    a.body::jsonb
	FROM answer a
)
SELECT CASE WHEN a.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN a.id IS NULL THEN {{delete_refusal}}
    ELSE 'force: needed, for the policy has licenses, settled invoices, '
        || 'live subscriptions or changes to it under way' END
    END AS message, a.body
FROM found f
LEFT JOIN answer a ON a.id = f.id;
