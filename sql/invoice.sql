-- fragment: uuid_or_null
-- An order id that came from outside, if it can be one of ours.
CASE WHEN @order_id ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){4}[0-9a-fA-F]{8}$'
THEN @order_id::text::uuid END

-- fragment: invoice_match
-- Our invoice for the provider's: by the provider's id, or, while the provider's
-- answer hasn't reached us, by ours.
COALESCE((SELECT i.id
	FROM invoices i
	WHERE i.provider_invoice_id = @provider_invoice_id::text
	AND i.provider_id = @provider_id::uuid),
    (SELECT i.id
	FROM invoices i
	WHERE i.id = {{uuid_or_null}}
	AND i.provider_id = @provider_id
	AND i.provider_invoice_id IS NULL))

-- name: invoice_attach :opt
-- Writes down the provider's id and checkout address of an invoice that has
-- none yet.  To say the same again changes nothing; `attached' is false when
-- the invoice has another provider's id already.
WITH held AS MATERIALIZED (
	SELECT i.id, i.status, i.provider_invoice_id, i.checkout_url,
	    i.amount_sats, i.base_price_sats, i.discount_applied_sats
	FROM invoices i
	WHERE i.id = @id::uuid
	FOR NO KEY UPDATE
), changed AS (
	UPDATE invoices AS i
	SET provider_invoice_id = @provider_invoice_id::text,
	    checkout_url = @checkout_url::text,
	    next_check_at = CASE WHEN i.status <> 'settled'
	        THEN COALESCE(i.next_check_at, licet_now() + interval '1 minute') END,
	    updated_at = licet_now()
	FROM held h
	WHERE i.id = h.id AND (h.provider_invoice_id IS NULL
	    OR h.provider_invoice_id = @provider_invoice_id
	    AND h.checkout_url = '')
	RETURNING i.id, i.provider_invoice_id, i.checkout_url
)
SELECT h.id, h.status,
    COALESCE(c.provider_invoice_id, h.provider_invoice_id)
    AS provider_invoice_id,
    COALESCE(c.checkout_url, h.checkout_url) AS checkout_url,
    h.amount_sats, h.base_price_sats, h.discount_applied_sats,
    COALESCE(c.provider_invoice_id, h.provider_invoice_id)
    = @provider_invoice_id AS attached
FROM held h
LEFT JOIN changed c ON c.id = h.id;

-- name: invoice_abandon :opt
-- Gives up an invoice that the provider refused for certain, or doesn't know.
-- No row when it is attached or no longer pending.
WITH changed AS (
	UPDATE invoices AS i
	SET status = 'invalid', next_check_at = NULL, updated_at = licet_now()
	WHERE i.id = @id::uuid AND i.status = 'pending'
	AND i.provider_invoice_id IS NULL
	RETURNING i.id, i.status
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.invalid', 'invoice', c.id::text,
	    jsonb_build_object('from', 'pending',
	    'detail', 'never made by the provider')
	FROM changed c
)
SELECT c.id, c.status
FROM changed c;

-- name: invoice_poll :one
-- What a buyer may know of a purchase.  The key's facts are there only while
-- the license is active.  Leans on licenses_invoice_id_key.
SELECT json_build_object('invoice_id', i.id, 'status', i.status,
    'product_id', i.product_id, 'amount_sats', i.amount_sats,
    'license_key', NULL, 'license_id', r.id) AS body, {{license_facts}}
FROM invoices i
LEFT JOIN licenses r ON r.invoice_id = i.id
LEFT JOIN licenses l ON l.invoice_id = i.id AND l.status = 'active'
WHERE i.id = @id::uuid;

-- name: invoice_by_provider :opt
-- Our invoice for the provider's; no row when it isn't ours.
SELECT i.id, i.amount_sats, i.status, i.provider_invoice_id
FROM invoices i
WHERE i.id = {{invoice_match}};

-- name: invoice_settle_lock :exec
-- To be sent before invoice_settle: one at a time for an invoice, on any
-- replica, so that each sees what the one before it has done.
SELECT pg_advisory_xact_lock(hashtextextended(
    @provider_id::text || ' ' || @provider_invoice_id::text, 0));

-- name: invoice_settle :one
-- Takes in what the provider says of an invoice.  Settled is final; expired
-- and invalid may still become settled.  A settled one that lacks its license
-- gets it.  A repeat changes nothing: the UPDATE's WHERE is the referee.
-- Product and policy are held first, as by those who would delete them.
WITH found AS MATERIALIZED (
	SELECT i.id, i.status, i.policy_id
	FROM invoices i
	JOIN products p ON p.id = i.product_id
	WHERE i.id = {{invoice_match}}
	FOR KEY SHARE OF p
), policy_held AS MATERIALIZED (
	SELECT y.id
	FROM policies y
	WHERE y.id = (SELECT f.policy_id FROM found f)
	FOR KEY SHARE
), moved AS (
	UPDATE invoices AS i
	SET status = @status::text,
	    provider_invoice_id = COALESCE(i.provider_invoice_id,
	        @provider_invoice_id),
	    settled_at = CASE @status WHEN 'settled' THEN licet_now() END,
	    next_check_at = CASE WHEN @status <> 'settled'
	        THEN licet_now() + interval '6 hours' END,
	    updated_at = licet_now()
	FROM found f
	WHERE i.id = f.id
	AND (SELECT count(*) FROM policy_held) >= 0
	AND (i.status = 'pending' AND @status IN ('settled', 'expired', 'invalid')
	    OR i.status IN ('expired', 'invalid') AND @status = 'settled')
	RETURNING i.id, i.product_id, i.policy_id, i.provider_id,
	    i.provider_invoice_id, i.buyer_email, i.amount_sats, i.is_trial,
	    i.status, jsonb_build_object('from', f.status,
	        'amount_sats', i.amount_sats,
	        'reported_sats', @reported_sats::bigint,
	        'detail', @provider_detail::text) AS details
), sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_invoice_id, i.amount_sats, i.is_trial, true AS fresh,
	    v.kind AS provider_kind, i.details
	FROM moved i
	LEFT JOIN payment_providers v ON v.id = i.provider_id
	WHERE i.status = 'settled'
	UNION ALL
	SELECT i.id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_invoice_id, i.amount_sats, i.is_trial, false, NULL, NULL
	FROM invoices i
	JOIN found f ON f.id = i.id
	WHERE i.status = 'settled' AND @status = 'settled'
	AND NOT EXISTS (SELECT FROM licenses o WHERE o.invoice_id = i.id)
), {{fulfil}}, unpaid_event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', CASE m.status WHEN 'expired' THEN 'invoice.expire'
	    ELSE 'invoice.invalid' END, 'invoice', m.id::text, m.details
	FROM moved m
	WHERE m.status <> 'settled'
), mismatch_event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.amount_mismatch', 'invoice', m.id::text,
	    m.details
	FROM moved m
	WHERE @reported_sats <> m.amount_sats
)
SELECT CASE WHEN f.id IS NULL THEN 'unknown' WHEN m.id IS NOT NULL THEN m.status
    WHEN l.id IS NOT NULL THEN 'settled' ELSE 'unchanged' END AS outcome,
    f.id AS invoice_id, COALESCE(l.id, (SELECT o.id FROM licenses o
        WHERE o.invoice_id = f.id)) AS license_id
FROM (VALUES (1)) AS one (row)
LEFT JOIN found f ON true
LEFT JOIN moved m ON true
LEFT JOIN issued l ON true;
