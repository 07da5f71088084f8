-- name: first_steps :one
-- What a new server has of what it needs to sell.  A server that has had
-- licenses for 30 days is no new one.  Leans on licenses_newest and
-- invoices_paid; the other tables are small.
SELECT EXISTS (SELECT FROM settings s
	WHERE s.key = 'operator_name') AS operator_name,
    EXISTS (SELECT FROM payment_providers v
	WHERE v.disconnected_at IS NULL AND v.kind <> 'sandbox') AS provider,
    EXISTS (SELECT FROM payment_providers v
	WHERE v.disconnected_at IS NULL AND v.kind = 'sandbox') AS sandbox,
    EXISTS (SELECT FROM products p) AS product,
    EXISTS (SELECT FROM policies y) AS policy,
    EXISTS (SELECT FROM invoices i
	WHERE i.status = 'settled' AND i.amount_sats > 0) AS sold,
    EXISTS (SELECT FROM licenses l
	WHERE l.created_at < licet_now() - interval '2592000 seconds')
    AS is_old;
