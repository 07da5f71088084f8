-- fragment: sandbox_status
-- How a sandbox's invoice (alias s) stands: its time can be over.
CASE WHEN s.status = 'pending' AND s.expires_at <= licet_now() THEN 'expired'
    ELSE s.status END AS status

-- fragment: sandbox_facts
-- What the provider's side of it is made of.
s.id, s.order_id, s.amount_sats, {{sandbox_status}}, CASE s.status
    WHEN 'settled' THEN GREATEST(s.paid_sats, s.amount_sats)
    ELSE s.paid_sats END AS paid_sats, s.confirmations, s.is_late,
extract(epoch FROM s.expires_at)::bigint AS expires_at,
extract(epoch FROM s.created_at)::bigint AS created_at

-- fragment: sandbox_connected
-- Its invoices (s) with ours (i), as long as it is connected (v).
sandbox_invoices s
	JOIN invoices i ON i.id = s.order_id
	JOIN payment_providers v ON v.id = i.provider_id AND v.kind = 'sandbox'
	    AND v.disconnected_at IS NULL

-- name: sandbox_create :one
-- The sandbox provider's invoice for an order of ours; asking again for the
-- same order gives the first one.
INSERT INTO sandbox_invoices AS s (id, order_id, amount_sats, expires_at)
VALUES (@id::text, @order_id::uuid, @amount_sats::bigint, licet_now() + @seconds::int * interval '1 second')
ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id
RETURNING {{sandbox_facts}};

-- name: sandbox_get :opt
-- What the sandbox knows of its invoice, and what its page shows.  No row once
-- the sandbox is disconnected.
SELECT {{sandbox_facts}}, i.id AS invoice_id, i.status AS invoice_status,
    i.redirect_url, p.name AS product_name
FROM {{sandbox_connected}}
JOIN products p ON p.id = i.product_id
WHERE s.id = @id::text;

-- name: sandbox_find :opt
-- The sandbox's invoice for an order of ours.  Leans on
-- sandbox_invoices_order_id_key.
SELECT {{sandbox_facts}}
FROM sandbox_invoices s
WHERE s.order_id = @order_id::uuid;

-- name: sandbox_set_status :opt
-- Pays or expires a pending invoice of the sandbox; a paid or expired one
-- stays as it is.  One whose time is over is paid late.  Answers with how it
-- stands and with the provider; `changed' says whether this did it.  No row once
-- the sandbox is disconnected.
WITH held AS MATERIALIZED (
	SELECT s.id, s.order_id, s.amount_sats, s.status, s.paid_sats,
	    s.confirmations, s.is_late, s.expires_at,
	    {{provider_facts}}
	FROM {{sandbox_connected}}
	WHERE s.id = @id::text
	FOR NO KEY UPDATE OF s
), changed AS (
	UPDATE sandbox_invoices AS s
	SET status = @status::text, is_late = @status = 'settled'
	    AND COALESCE(h.expires_at <= licet_now(), false)
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

-- name: sandbox_act :opt
-- What a buyer and the chain may do beside paying at once: @what is `short' (half
-- of it arrives), `rest' (what was missing), `seen' (all of it, unconfirmed),
-- `late' (the same after the end), `confirm' (a block; the third one settles).
-- What doesn't fit changes nothing.
WITH held AS MATERIALIZED (
	SELECT s.id, s.amount_sats, s.paid_sats, s.confirmations, s.status,
	    s.status = 'expired' OR s.status = 'pending'
	        AND COALESCE(s.expires_at <= licet_now(), false) AS is_over,
	    {{provider_facts}}
	FROM {{sandbox_connected}}
	WHERE s.id = @id::text
	FOR NO KEY UPDATE OF s
), changed AS (
	UPDATE sandbox_invoices AS s
	SET paid_sats = CASE @what::text WHEN 'short' THEN h.amount_sats / 2
	        WHEN 'confirm' THEN h.paid_sats ELSE h.amount_sats END,
	    confirmations = h.confirmations
	        + CASE WHEN @what = 'confirm' THEN 1 ELSE 0 END,
	    is_late = s.is_late OR h.is_over AND @what <> 'confirm',
	    status = CASE WHEN @what = 'confirm' AND h.confirmations >= 2
	        THEN 'settled' ELSE h.status END
	FROM held h
	WHERE s.id = h.id AND h.status <> 'settled'
	AND CASE @what WHEN 'short' THEN h.paid_sats = 0 AND NOT h.is_over
	        AND h.amount_sats > 1
	    WHEN 'seen' THEN h.paid_sats = 0 AND NOT h.is_over
	    WHEN 'rest' THEN h.paid_sats BETWEEN 1 AND h.amount_sats - 1
	    WHEN 'late' THEN h.paid_sats = 0 AND h.is_over
	    WHEN 'confirm' THEN h.paid_sats >= h.amount_sats ELSE false END
	RETURNING s.id
)
SELECT h.id, c.id IS NOT NULL AS changed, h.provider_id, h.provider_kind,
    h.provider_base_url, h.provider_public_url, h.provider_store_id,
    h.provider_api_key, h.provider_webhook_secret
FROM held h
LEFT JOIN changed c ON c.id = h.id;
