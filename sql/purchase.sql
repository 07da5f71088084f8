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

-- fragment: code_fits_currency
-- A code (c) that names an amount of money names it in one currency; it can't
-- be taken from a price (s) in another.
(c.kind IN ('percent', 'free_license')
    OR c.discount_currency = s.price_currency)

-- name: purchase_offer :one
-- What is on offer, for purchase, redeem and preview: nothing is written and
-- nothing held.  The policy is resolved once, for all rules.  What speaks
-- against it comes in three parts, in the contract's order, since a rate and
-- a price come between them: the product, the policy, the code.
WITH product AS (
	SELECT p.id AS product_id, p.name, p.active, p.price_currency,
	    p.price_value, COALESCE(p.merchant_profile_id,
	    merchant_profile_default_1()) AS profile_id
	FROM products p
	WHERE p.slug = @product::text
), policy AS (
	SELECT y.id, y.active, y.public, y.archived_at, y.price_sats_override,
	    y.is_recurring, y.is_recurring AND y.trial_days > 0 AS is_trial
	FROM policies y
	WHERE y.id = (SELECT CASE WHEN @policy_slug::text <> ''
	    THEN (SELECT c.id FROM policies c
	        WHERE c.product_id = s.product_id AND c.slug = @policy_slug)
	    ELSE {{effective_policy}} END
	    FROM product s)
), wanted AS (
	SELECT NULLIF(upper(btrim(@code::text)), '') AS code
), found AS (
	SELECT c.id, c.code, c.kind, c.amount, w.code IS NULL AS featured, CASE
	    WHEN w.code IS NULL THEN NULL
	    WHEN c.id IS NULL THEN 'unknown_code there is no such code'
	    WHEN NOT c.active THEN 'disabled the code is disabled'
	    WHEN c.expires_at <= licet_now() THEN 'expired the code has expired'
	    WHEN c.applies_to_product_id <> s.product_id
	    THEN 'wrong_product the code is for another product'
	    WHEN NOT {{code_fits_currency}}
	    THEN format('wrong_product the code takes %s off, the price is in %s',
	        c.discount_currency, s.price_currency)
	    WHEN NOT {{code_fits_policy}} OR y.id IS NULL
	        AND (c.applies_to_policy_id IS NOT NULL
	        OR c.applies_to_policy_ids <> '{}')
	    THEN 'wrong_tier the code is for another tier'
	    WHEN c.used_count >= c.max_uses
	    THEN 'exhausted the code has no use left'
	    END AS refusal
	FROM product s
	CROSS JOIN LATERAL (SELECT s.product_id AS id, s.price_currency) p
	CROSS JOIN wanted w
	LEFT JOIN policy y ON true
	LEFT JOIN discount_codes c ON c.id = CASE WHEN w.code IS NOT NULL
	    THEN (SELECT t.id FROM discount_codes t WHERE t.code = w.code)
	    WHEN @policy_slug <> '' AND y.id IS NOT NULL
	    THEN (SELECT g.id FROM ({{featured_code}}) g) END
)
SELECT s.product_id, s.name AS product_name, s.price_currency,
    COALESCE(y.price_sats_override, s.price_value) AS listed_value,
    y.id AS policy_id, COALESCE(y.is_recurring, false) AS is_recurring,
    COALESCE(y.is_trial, false) AS is_trial,
    CASE WHEN s.product_id IS NULL THEN 'not_found no such product'
    WHEN NOT s.active THEN 'bad_request the product is not for sale'
    END AS product_refusal,
    CASE WHEN @policy_slug <> '' AND y.id IS NULL
    THEN 'not_found no such policy of this product'
    WHEN y.archived_at IS NOT NULL THEN 'bad_request the policy is archived'
    WHEN NOT y.active THEN 'bad_request the policy is not active'
    WHEN NOT y.public AND @policy_slug <> ''
    THEN 'bad_request the policy is not public' END AS policy_refusal,
    c.refusal AS code_refusal, c.id AS code_id, c.code, c.kind AS code_kind,
    c.amount AS code_amount, c.featured AS code_featured, {{rate_facts}},
    {{provider_facts}}
FROM (VALUES (1)) AS one (row)
LEFT JOIN product s ON true
LEFT JOIN policy y ON true
LEFT JOIN found c ON true
LEFT JOIN LATERAL (SELECT s.profile_id) x ON true
LEFT JOIN payment_providers v ON v.id = {{provider_for}};

-- name: purchase_open :one
-- Writes what was quoted: takes a use of the code, and makes the invoice,
-- pending before the provider hears of it, or settled with its license when
-- there is nothing to pay (a price of 0, a trial, a code that leaves nothing).
-- Whoever finds the code's last use gone writes nothing: `code_gone'.  Product
-- and policy are held, so that they can't go meanwhile; invoices_one_trial and
-- invoices_one_trial_machine refuse a second trial.  With @follows_id, and after
-- purchase_follow_lock, it replaces that one, if nobody has paid or replaced it.
WITH product AS MATERIALIZED (
	SELECT p.id, p.active, f.post_purchase_redirect_url
	FROM products p
	LEFT JOIN merchant_profiles f ON f.id =
	    COALESCE(p.merchant_profile_id, merchant_profile_default_1())
	WHERE p.id = @product_id::uuid
	FOR KEY SHARE OF p
), policy AS MATERIALIZED (
	SELECT y.id
	FROM policies y
	WHERE y.id = @policy_id::uuid AND y.product_id = @product_id
	AND y.active AND y.archived_at IS NULL
	FOR KEY SHARE
), followed AS MATERIALIZED (
	SELECT i.id, COALESCE(i.order_id, i.id) AS order_id
	FROM invoices i
	{{checkout_from}}
	WHERE i.id = @follows_id AND {{checkout_can_renew}}
), ready AS MATERIALIZED (
	SELECT s.id AS product_id, y.id AS policy_id,
	    s.post_purchase_redirect_url
	FROM product s
	LEFT JOIN policy y ON true
	WHERE s.active AND (@policy_id IS NULL OR y.id IS NOT NULL)
	AND (@follows_id::uuid IS NULL OR EXISTS (SELECT FROM followed))
	AND (@amount_sats::bigint = 0 OR EXISTS (SELECT FROM payment_providers v
	    WHERE v.id = @provider_id::uuid AND v.disconnected_at IS NULL))
), taken AS (
	UPDATE discount_codes AS c
	SET used_count = c.used_count + 1
	FROM ready r
	WHERE c.id = @code_id::uuid AND c.active
	AND (c.expires_at IS NULL OR c.expires_at > licet_now())
	AND (c.max_uses IS NULL OR c.used_count < c.max_uses)
	RETURNING c.id
), opened AS (
	INSERT INTO invoices AS i (id, provider_id, provider_invoice_id,
	    product_id, policy_id, status, buyer_email, buyer_note, amount_sats,
	    base_price_sats, discount_applied_sats, redirect_url,
	    listed_currency, listed_value, charged_value,
	    exchange_rate_centibps, exchange_rate_source, is_trial,
	    trial_fingerprint_hash, next_check_at, settled_at, follows_id,
	    order_id)
	SELECT @invoice_id::uuid,
	    CASE WHEN @amount_sats > 0 THEN @provider_id END,
	    CASE WHEN @amount_sats = 0 THEN 'free-' || @invoice_id END,
	    r.product_id, r.policy_id,
	    CASE WHEN @amount_sats = 0 THEN 'settled' ELSE 'pending' END,
	    NULLIF(btrim(@buyer_email::text), ''), @buyer_note::text,
	    @amount_sats, @base_price_sats::bigint, @discount_sats::bigint,
	    COALESCE(NULLIF(replace(@redirect_url::text,
	            COALESCE(@follows_id::text, ''), @invoice_id::text), ''),
	        replace(NULLIF(r.post_purchase_redirect_url, ''),
	            '{invoice_id}', @invoice_id::text),
	        @public_url::text || '/thank-you?invoice_id=' || @invoice_id),
	    @listed_currency::text, @listed_value::bigint,
	    @charged_value::bigint, @rate_e4::bigint, @rate_source::text,
	    @is_trial::boolean,
	    CASE WHEN @is_trial THEN decode(@fingerprint_hash::text, 'hex') END,
	    CASE WHEN @amount_sats > 0 THEN licet_now() + interval '15 seconds' END,
	    CASE WHEN @amount_sats = 0 THEN licet_now() END, @follows_id,
	    (SELECT w.order_id FROM followed w)
	FROM ready r
	WHERE @code_id IS NULL OR EXISTS (SELECT FROM taken)
	ON CONFLICT DO NOTHING
	RETURNING i.id, i.product_id, i.policy_id, i.provider_invoice_id,
	    i.buyer_email, i.amount_sats, i.base_price_sats,
	    i.discount_applied_sats, i.listed_currency, i.listed_value,
	    i.is_trial, i.status, i.redirect_url
), reserved AS (
	INSERT INTO discount_redemptions (code_id, invoice_id, status,
	    discount_applied_sats, base_price_sats, final_price_sats)
	SELECT t.id, i.id, 'pending', i.discount_applied_sats,
	    i.base_price_sats, i.amount_sats
	FROM opened i
	CROSS JOIN taken t
	WHERE i.status = 'pending'
), sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    @provider_id AS provider_id, i.provider_invoice_id,
	    NULL::text AS provider_kind, i.amount_sats, i.base_price_sats,
	    i.discount_applied_sats, i.listed_currency, i.listed_value,
	    i.is_trial, t.id AS code_id, NULL::uuid AS redemption_id,
	    true AS fresh, jsonb_build_object('amount_sats', i.amount_sats,
	        'is_trial', i.is_trial) AS details
	FROM opened i
	LEFT JOIN taken t ON true
	WHERE i.status = 'settled'
), {{fulfil}}
SELECT CASE WHEN s.id IS NULL THEN 'not_found'
    WHEN r.product_id IS NULL THEN 'conflict'
    WHEN i.id IS NULL THEN 'bad_request' END AS fault,
    CASE WHEN s.id IS NULL THEN 'no such product'
    WHEN r.product_id IS NULL
    THEN 'what is on offer has just changed; try again'
    WHEN i.id IS NOT NULL THEN NULL
    WHEN @code_id IS NOT NULL AND t.id IS NULL
    THEN 'the code has no use left'
    ELSE 'this buyer has had the trial' END AS message,
    r.product_id IS NOT NULL AND @code_id IS NOT NULL AND t.id IS NULL
    AS code_gone, i.id AS invoice_id, i.status, i.provider_invoice_id,
    i.redirect_url, u.id AS redemption_id, {{license_facts}}
FROM (VALUES (1)) AS one (row)
LEFT JOIN product s ON true
LEFT JOIN ready r ON true
LEFT JOIN taken t ON true
LEFT JOIN opened i ON true
LEFT JOIN used_code u ON true
LEFT JOIN issued l ON true;

-- name: purchase_follow_lock :exec
-- To be sent before purchase_open when it replaces an invoice: one at a time.
SELECT {{order_lock}}
FROM invoices i
WHERE i.id = @follows_id::uuid;

-- name: purchase_again :opt
-- What was ordered, to be bought anew after its invoice expired unpaid, and the
-- invoice that has followed it already.  A policy that isn't public is bought as
-- it was, unnamed.  Leans on invoices_pkey and invoices_follows.
SELECT i.id, {{checkout_can_renew}} AS can_renew, s.id AS successor_id,
    s.status AS successor_status, s.provider_invoice_id AS successor_provider_id,
    s.checkout_url AS successor_url, s.amount_sats AS successor_sats,
    s.base_price_sats AS successor_base_sats,
    s.discount_applied_sats AS successor_discount_sats,
    t.slug AS product_slug, i.policy_id, i.product_id,
    CASE WHEN y.public THEN y.slug END AS policy_slug, d.code,
    i.buyer_email, i.buyer_note, i.redirect_url, i.listed_currency,
    COALESCE(i.charged_value, i.listed_value, i.amount_sats) AS charged_value,
    CASE v.kind WHEN 'zaprite' THEN 'card' END AS rail
FROM invoices i
JOIN products t ON t.id = i.product_id
LEFT JOIN policies y ON y.id = i.policy_id
LEFT JOIN payment_providers v ON v.id = i.provider_id
LEFT JOIN discount_redemptions u ON u.invoice_id = i.id
LEFT JOIN discount_codes d ON d.id = u.code_id
{{checkout_from}}
WHERE i.id = @id::uuid;

-- name: purchase_unsure :one
-- The provider gave no answer, so the buyer has nothing to pay and gets the
-- code's use back.  The invoice stays, for the provider may know of it after
-- all: the reconciler looks, and a payment takes a use again.
WITH unpaid AS (
	SELECT i.id AS invoice_id
	FROM invoices i
	WHERE i.id = @id::uuid AND i.status = 'pending'
	AND i.provider_invoice_id IS NULL
), {{give_back}}, event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'code.release', 'code', g.code_id::text,
	    jsonb_build_object('invoice_id', @id,
	    'reason', 'the payment provider gave no answer')
	FROM given_back g
)
SELECT count(*) AS released
FROM given_back g;

-- name: purchase_poll :one
-- What a buyer may know of an invoice.  One for a renewal or a change of tier
-- leads to the license it was for, once it is paid.  The key's facts are there
-- only while the license is active.  Leans on licenses_invoice_id_key.
SELECT json_build_object('invoice_id', i.id, 'status', i.status,
    'product_id', i.product_id, 'amount_sats', i.amount_sats,
    'license_key', NULL, 'license_id', r.id) AS body, {{license_facts}}
FROM invoices i
LEFT JOIN licenses r ON r.id = CASE WHEN i.kind = 'purchase'
    THEN (SELECT o.id FROM licenses o WHERE o.invoice_id = i.id)
    WHEN i.status = 'settled' THEN i.license_id END
LEFT JOIN licenses l ON l.id = r.id AND l.status = 'active'
WHERE i.id = @id::uuid;
