-- name: sandbox_create :one
-- The sandbox provider's invoice for an order of ours; asking again for the
-- same order gives the first one.
INSERT INTO sandbox_invoices AS s (id, order_id, amount_sats)
VALUES (@id::text, @order_id::uuid, @amount_sats::bigint)
ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id
RETURNING s.id, s.order_id, s.amount_sats, s.status;

-- name: sandbox_get :opt
-- What the sandbox's checkout page shows.  No row once the sandbox is
-- disconnected.
SELECT s.id, s.order_id, s.status, s.amount_sats, i.id AS invoice_id,
    i.status AS invoice_status, i.redirect_url, p.name AS product_name
FROM sandbox_invoices s
JOIN invoices i ON i.id = s.order_id
JOIN payment_providers v ON v.id = i.provider_id AND v.kind = 'sandbox'
    AND v.disconnected_at IS NULL
JOIN products p ON p.id = i.product_id
WHERE s.id = @id::text;

-- name: sandbox_find :opt
-- The sandbox's invoice for an order of ours.  Leans on
-- sandbox_invoices_order_id_key.
SELECT s.id, s.order_id, s.amount_sats, s.status
FROM sandbox_invoices s
WHERE s.order_id = @order_id::uuid;

-- name: sandbox_set_status :opt
-- Pays or expires a pending invoice of the sandbox; a paid or expired one
-- stays as it is.  Answers with how it stands and with the provider;
-- `changed' says whether this did it.  No row once the sandbox is disconnected.
WITH held AS MATERIALIZED (
	SELECT s.id, s.order_id, s.amount_sats, s.status, {{provider_facts}}
	FROM sandbox_invoices s
	JOIN invoices i ON i.id = s.order_id
	JOIN payment_providers v ON v.id = i.provider_id AND v.kind = 'sandbox'
	    AND v.disconnected_at IS NULL
	WHERE s.id = @id::text
	FOR NO KEY UPDATE OF s
), changed AS (
	UPDATE sandbox_invoices AS s
	SET status = @status::text
	FROM held h
	WHERE s.id = h.id AND h.status = 'pending'
	RETURNING s.id, s.status
)
SELECT h.id, h.order_id, h.amount_sats, COALESCE(c.status, h.status) AS status,
    c.id IS NOT NULL AS changed, h.provider_id, h.provider_kind,
    h.provider_base_url, h.provider_public_url, h.provider_store_id,
    h.provider_api_key, h.provider_webhook_secret
FROM held h
LEFT JOIN changed c ON c.id = h.id;
