-- fragment: uuid_or_null
-- An order id that came from outside, if it can be one of ours.
CASE WHEN @order_id ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){4}[0-9a-fA-F]{8}$'
THEN @order_id::text::uuid END

-- fragment: invoice_match
-- Our invoice for the provider's: by the provider's id, or, while the provider's
-- answer hasn't reached us, by ours.  No provider: one that had nothing to pay.
COALESCE((SELECT i.id
	FROM invoices i
	WHERE i.provider_invoice_id = @provider_invoice_id::text
	AND i.provider_id = @provider_id::uuid),
    (SELECT i.id
	FROM invoices i
	WHERE i.id = {{uuid_or_null}}
	AND CASE WHEN @provider_id IS NULL
	    THEN i.provider_id IS NULL AND i.amount_sats = 0
	    ELSE i.provider_id = @provider_id
	    AND i.provider_invoice_id IS NULL END))

-- name: invoice_attach :opt
-- Writes down the provider's id and checkout address of an invoice that has
-- none yet; a renewal is then announced to the buyer, once, and waits for the
-- lapse.  To say the same again changes nothing; `attached' is false when the
-- invoice has another provider's id already.
WITH held AS MATERIALIZED (
	SELECT i.id, i.kind, i.status, i.provider_invoice_id, i.checkout_url,
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
	RETURNING i.id, i.kind, i.status, i.provider_invoice_id, i.checkout_url,
	    i.amount_sats, i.listed_currency, i.listed_value, i.buyer_email
), {{renewal_announce}}
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
-- Gives up an invoice that the provider refused for certain, or doesn't know;
-- its code's use goes back.  No row when it is attached or no longer pending, or
-- while the renewal worker may still have it made, however old it is by then.
-- Leans on invoices_pkey: what is pending is so many after a day of billing that
-- its index, of which old statistics know nothing, must not look shorter.
WITH changed AS (
	UPDATE invoices AS i
	SET status = 'invalid', next_check_at = NULL, updated_at = licet_now()
	WHERE i.id = @id::uuid AND i.status IS NOT DISTINCT FROM 'pending'
	AND i.provider_invoice_id IS NULL
	AND NOT EXISTS (
	    SELECT FROM subscription_invoices c
	    JOIN subscriptions b ON b.id = c.subscription_id
	    WHERE c.invoice_id = i.id AND c.superseded_at IS NULL
	    AND b.status IN ('active', 'past_due'))
	RETURNING i.id, i.status
), unpaid AS (
	SELECT c.id AS invoice_id
	FROM changed c
), {{give_back}}, event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.invalid', 'invoice', c.id::text,
	    jsonb_build_object('from', 'pending',
	    'detail', 'never made by the provider')
	FROM changed c
)
SELECT c.id, c.status
FROM changed c;

-- name: invoice_by_provider :opt
-- Our invoice for the provider's; no row when it isn't ours.
SELECT i.id, i.amount_sats, i.status, i.provider_invoice_id
FROM invoices i
WHERE i.id = {{invoice_match}};
