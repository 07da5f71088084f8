-- fragment: effective_policy
-- The policy under which a product (alias s) sells when none is named: the one
-- slugged `default', public or not, else the first public one by name.  One
-- that is neither was made for someone, and its price isn't everybody's.
(SELECT e.id
	FROM policies e
	WHERE e.product_id = s.product_id AND e.active AND e.archived_at IS NULL
	AND (e.public OR e.slug = 'default')
	ORDER BY e.slug = 'default' DESC, e.name, e.id
	LIMIT 1)

-- name: purchase_open :one
-- Judges a purchase in the contract's order and writes the invoice: pending,
-- before the provider hears of it, or settled with its license when there is
-- nothing to pay (a price of 0, or a trial).  The policy is resolved once, for
-- all rules.  Product and policy are held, so that they can't go meanwhile;
-- invoices_one_trial refuses a second trial to an address.
WITH product AS MATERIALIZED (
	SELECT p.id AS product_id, p.slug, p.name, p.active, p.price_sats,
	    p.price_currency, p.price_value
	FROM products p
	WHERE p.slug = @product::text
	FOR KEY SHARE
), policy AS MATERIALIZED (
	SELECT y.id, y.active, y.public, y.archived_at, y.price_sats_override,
	    y.is_recurring AND y.trial_days > 0 AS is_trial
	FROM policies y
	WHERE y.id = (SELECT CASE WHEN @policy_slug::text <> ''
	    THEN (SELECT c.id FROM policies c
	        WHERE c.product_id = s.product_id AND c.slug = @policy_slug)
	    ELSE {{effective_policy}} END
	    FROM product s)
	FOR KEY SHARE
), offer AS (
	SELECT s.product_id, s.slug, s.name, s.price_currency,
	    COALESCE(y.price_sats_override, s.price_value) AS listed_value,
	    CASE WHEN y.is_trial THEN 0
	    ELSE COALESCE(y.price_sats_override, s.price_sats) END AS amount,
	    COALESCE(y.is_trial, false) AS is_trial, y.id AS policy_id, CASE
	    WHEN s.product_id IS NULL THEN 'not_found no such product'
	    WHEN NOT s.active THEN 'bad_request the product is not for sale'
	    WHEN @policy_slug <> '' AND y.id IS NULL
	    THEN 'not_found no such policy of this product'
	    WHEN y.archived_at IS NOT NULL
	    THEN 'bad_request the policy is archived'
	    WHEN NOT y.active THEN 'bad_request the policy is not active'
	    WHEN NOT y.public AND @policy_slug <> '' THEN 'bad_request the policy is not public'
	    WHEN y.is_trial THEN NULL
	    WHEN s.price_currency <> 'SAT'
	    THEN 'upstream_error no exchange rate source is configured'
	    WHEN COALESCE(y.price_sats_override, s.price_sats) > 0
	        AND @provider_id::uuid IS NULL
	    THEN 'bad_request no payment provider is connected that serves this'
	    END AS refusal
	FROM (VALUES (1)) AS one (row)
	LEFT JOIN product s ON true
	LEFT JOIN policy y ON true
), opened AS (
	INSERT INTO invoices AS i (id, provider_id, provider_invoice_id,
	    product_id, policy_id, status, buyer_email, buyer_note, amount_sats,
	    base_price_sats, redirect_url, listed_currency, listed_value,
	    is_trial, next_check_at, settled_at)
	SELECT @invoice_id::uuid, CASE WHEN o.amount > 0 THEN @provider_id END,
	    CASE WHEN o.amount = 0 THEN 'free-' || @invoice_id END,
	    o.product_id, o.policy_id,
	    CASE WHEN o.amount = 0 THEN 'settled' ELSE 'pending' END,
	    NULLIF(btrim(@buyer_email::text), ''), @buyer_note::text, o.amount,
	    o.amount, COALESCE(NULLIF(@redirect_url::text, ''),
	        @public_url::text || '/thank-you?invoice_id=' || @invoice_id),
	    o.price_currency, o.listed_value, o.is_trial,
	    CASE WHEN o.amount > 0 THEN licet_now() + interval '15 seconds' END,
	    CASE WHEN o.amount = 0 THEN licet_now() END
	FROM offer o
	WHERE o.refusal IS NULL
	ON CONFLICT (product_id, lower(buyer_email)) WHERE is_trial DO NOTHING
	RETURNING i.id, i.product_id, i.policy_id, i.provider_id,
	    i.provider_invoice_id, i.buyer_email, i.amount_sats,
	    i.base_price_sats, i.discount_applied_sats, i.listed_currency,
	    i.listed_value, i.is_trial, i.status, i.redirect_url
), sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_id, i.provider_invoice_id, NULL::text AS provider_kind,
	    i.amount_sats, i.base_price_sats, i.discount_applied_sats,
	    i.listed_currency, i.listed_value, i.is_trial,
	    NULL::uuid AS code_id, NULL::uuid AS redemption_id, true AS fresh,
	    jsonb_build_object('amount_sats', i.amount_sats,
	        'is_trial', i.is_trial) AS details
	FROM opened i
	WHERE i.status = 'settled'
), {{fulfil}}
SELECT CASE WHEN o.refusal IS NOT NULL
        THEN substr(o.refusal, 1, strpos(o.refusal, ' ') - 1)
    WHEN i.id IS NULL THEN 'bad_request' END AS fault,
    CASE WHEN o.refusal IS NOT NULL
        THEN substr(o.refusal, strpos(o.refusal, ' ') + 1)
    WHEN i.id IS NULL THEN 'this address has had its trial' END AS message,
    CASE i.status WHEN 'settled' THEN 'free' WHEN 'pending' THEN 'paid' END
    AS path, i.id AS invoice_id, i.provider_invoice_id, i.amount_sats,
    i.base_price_sats, i.discount_applied_sats, i.redirect_url,
    o.product_id, o.slug AS product_slug, o.name AS product_name,
    o.policy_id, {{license_facts}}
FROM offer o
LEFT JOIN opened i ON true
LEFT JOIN issued l ON true;
