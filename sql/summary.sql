-- name: license_summary :one
-- How many licenses there are, and how many are new; those that are not active
-- are few and counted in licenses_status.  A license is written when it is
-- issued or later, so that what is new by issued_at lies at the end of
-- licenses_newest.
WITH halted AS (
	SELECT count(*) FILTER (WHERE l.status = 'suspended') AS suspended,
	    count(*) FILTER (WHERE l.status = 'revoked') AS revoked
	FROM licenses l
	WHERE l.status <> 'active'
), fresh AS (
	SELECT count(*) AS last_7d, count(*) FILTER
	    (WHERE l.issued_at > licet_now() - interval '24 hours') AS last_24h
	FROM licenses l
	WHERE l.created_at > licet_now() - interval '168 hours'
	AND l.issued_at > licet_now() - interval '168 hours'
), every AS (
	SELECT count(*) AS total
	FROM licenses l
)
SELECT json_build_object('total', e.total,
    'active', e.total - h.suspended - h.revoked,
    'suspended', h.suspended, 'revoked', h.revoked,
    'last_24h', f.last_24h, 'last_7d', f.last_7d) AS body
FROM every e, halted h, fresh f;

-- name: license_counts :one
-- Licenses by product and by policy, of whatever status; what has none is not
-- named.  licenses_product and licenses_policy have all that it reads.
SELECT json_build_object(
    'by_product', COALESCE((SELECT json_object_agg(c.id, c.n)
        FROM (SELECT l.product_id AS id, count(*) AS n
            FROM licenses l
            GROUP BY l.product_id) c), '{}'),
    'by_policy', COALESCE((SELECT json_object_agg(c.id, c.n)
        FROM (SELECT l.policy_id AS id, count(*) AS n
            FROM licenses l
            WHERE l.policy_id IS NOT NULL
            GROUP BY l.policy_id) c), '{}')) AS body;

-- name: revenue_summary :one
-- What settled invoices asked for, by the time they were settled.  What was paid
-- back is not taken off: refunds say so themselves.  Invoices of nothing bring
-- nothing and are not counted.  Leans on invoices_paid.
SELECT json_build_object(
    'total_sats', COALESCE(sum(i.amount_sats), 0),
    'last_24h_sats', COALESCE(sum(i.amount_sats) FILTER
        (WHERE i.settled_at > licet_now() - interval '24 hours'), 0),
    'last_7d_sats', COALESCE(sum(i.amount_sats) FILTER
        (WHERE i.settled_at > licet_now() - interval '168 hours'), 0),
    'last_30d_sats', COALESCE(sum(i.amount_sats) FILTER
        (WHERE i.settled_at > licet_now() - interval '720 hours'), 0),
    'settled_paid_invoice_count', count(*)) AS body
FROM invoices i
WHERE i.status = 'settled' AND i.amount_sats > 0;

-- name: db_info :one
-- What the database holds, and when it was last written to: the newest row of
-- the audit trail, of invoices and of licenses, which all business goes through.
-- Everything is counted, so this takes its time with millions of rows; machines,
-- when they are many, as of the last count, five minutes ago at most.
WITH last AS (
	SELECT GREATEST((SELECT max(e.occurred_at) FROM events e),
	    (SELECT max(i.created_at) FROM invoices i),
	    (SELECT max(l.created_at) FROM licenses l)) AS write_at
), every AS MATERIALIZED (
	SELECT (SELECT count(*) FROM licenses l) AS licenses,
	    (SELECT count(*) FROM invoices i) AS invoices
)
SELECT json_build_object('db_path', current_database(),
    'db_size_bytes', pg_database_size(current_database()),
    'last_write_at', rfc3339(w.write_at),
    'counts', json_build_object(
        'products', (SELECT count(*) FROM products p),
        'policies', (SELECT count(*) FROM policies y),
        'licenses_total', e.licenses,
        'licenses_active', e.licenses - (SELECT count(*) FROM licenses l WHERE l.status <> 'active'),
        'invoices_total', e.invoices,
        'invoices_settled', e.invoices - (SELECT count(*) FROM invoices i WHERE i.status <> 'settled'),
        'machines_active', COALESCE((SELECT f.machines_active
            FROM figure_marks f, (VALUES ('machines'::regclass)) AS t(oid)
            WHERE {{figures_are_many}}),
            (SELECT count(*) FROM machines m
            WHERE m.deactivated_at IS NULL)),
        'discount_codes', (SELECT count(*) FROM discount_codes c),
        'audit_log', (SELECT count(*) FROM events v))) AS body
FROM last w, every e;
