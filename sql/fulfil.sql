-- fragment: fulfil
-- What a paid purchase brings about: one license, its subscription with the
-- first cycle if it recurs, the code's use, the tip to be made, the audit's
-- lines and the news.  licenses_invoice_id_key sees to it that there is one
-- license to an invoice, whatever else happens; all the rest hangs on `issued'.
--
-- Works on the rows of `sale', which the statement makes before it: invoice_id,
-- product_id, policy_id, buyer_email, provider_id, provider_invoice_id,
-- provider_kind, amount_sats, base_price_sats, discount_applied_sats,
-- listed_currency, listed_value, is_trial, code_id, redemption_id, fresh,
-- details.  Those that aren't `fresh' were settled before and only lack the
-- license.  A code without a redemption gets one here, `redeemed'.
{{fulfil_license}}, {{fulfil_subscription}}, {{fulfil_code}}, fulfil_tip AS (
	INSERT INTO tip_attempts (license_id, policy_id, provider_id, recipient,
	    paid_sats, pct_bps, label)
	SELECT l.id, l.policy_id, t.provider_id, t.tip_recipient, t.amount_sats,
	    t.tip_pct_bps, t.tip_label
	FROM issued l
	JOIN terms t ON t.invoice_id = l.invoice_id
	WHERE t.tip_recipient IS NOT NULL AND t.amount_sats > 0
	ON CONFLICT (license_id) DO NOTHING
), fulfil_events AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.settle', 'invoice', s.invoice_id::text,
	    s.details
	FROM sale s
	WHERE s.fresh
	UNION ALL
	SELECT 'system', 'license.issue', 'license', l.id::text,
	    jsonb_build_object('invoice_id', l.invoice_id,
	    'product_id', l.product_id, 'policy_id', l.policy_id,
	    'expires_at', rfc3339(l.expires_at))
	FROM issued l
	UNION ALL
	SELECT 'system', 'subscription.create', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id,
	    'next_renewal_at', rfc3339(b.next_renewal_at))
	FROM subscribed b
	UNION ALL
	SELECT 'system', CASE u.status WHEN 'redeemed' THEN 'code.redeem'
	    ELSE 'code.late_without_use' END, 'code', u.code_id::text,
	    jsonb_build_object('redemption_id', u.id,
	    'invoice_id', u.invoice_id, 'license_id', u.license_id)
	FROM used_code u
), fulfil_news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'invoice.settled', s.product_id, jsonb_build_object(
	    'invoice_id', s.invoice_id, 'product_id', s.product_id,
	    'amount_sats', s.amount_sats, 'provider_kind', s.provider_kind)
	FROM sale s
	WHERE s.fresh
	UNION ALL
	SELECT 'license.issued', l.product_id, jsonb_build_object(
	    'license_id', l.id, 'product_id', l.product_id,
	    'is_trial', l.is_trial, 'expires_at', rfc3339(l.expires_at),
	    'entitlements', l.entitlements, 'source', 'purchase',
	    'invoice_id', l.invoice_id, 'policy_id', l.policy_id)
	FROM issued l
	UNION ALL
	SELECT 'code.redeemed', l.product_id, jsonb_build_object(
	    'redemption_id', u.id, 'code_id', u.code_id, 'code', c.code,
	    'license_id', u.license_id, 'product_id', l.product_id,
	    'invoice_id', u.invoice_id,
	    'discount_applied_sats', u.discount_applied_sats,
	    'base_price_sats', u.base_price_sats,
	    'final_price_sats', u.final_price_sats)
	FROM used_code u
	JOIN issued l ON l.id = u.license_id
	JOIN discount_codes c ON c.id = u.code_id
	WHERE u.status = 'redeemed'
)

-- fragment: fulfil_license
-- The license, on the policy's terms.  A recurring one ends with its cycle, a
-- trial with its days, others with the policy's duration; a recurring one's
-- grace lasts at least as long as its renewal may be late.
terms AS (
	SELECT s.invoice_id, s.product_id, y.id AS policy_id, s.buyer_email,
	    s.provider_id, s.provider_invoice_id, s.amount_sats,
	    date_trunc('second', licet_now()) AS issued_at,
	    CASE WHEN y.is_recurring AND s.is_trial
	        THEN y.trial_days * 86400::bigint
	        WHEN y.is_recurring THEN y.renewal_period_days * 86400::bigint
	        ELSE NULLIF(y.duration_seconds, 0) END AS duration,
	    CASE WHEN y.is_recurring THEN GREATEST(y.grace_seconds,
	            y.grace_period_days * 86400::bigint)
	        ELSE COALESCE(y.grace_seconds, 0) END AS grace_seconds,
	    COALESCE(y.max_machines, 1) AS max_machines,
	    s.is_trial OR COALESCE(y.is_trial, false) AS is_trial,
	    COALESCE(y.entitlements, '{}') AS entitlements,
	    COALESCE(y.is_recurring, false) AS is_recurring,
	    y.renewal_period_days, y.grace_period_days, y.price_sats_override,
	    s.is_trial AS began_with_trial, s.listed_currency, s.listed_value,
	    y.tip_recipient, y.tip_pct_bps, y.tip_label
	FROM sale s
	LEFT JOIN policies y
	    ON y.id = COALESCE(s.policy_id, {{effective_policy}})
), issued AS (
	INSERT INTO licenses AS l (product_id, invoice_id, policy_id,
	    signing_key_id, issued_at, expires_at, grace_seconds, max_machines,
	    is_trial, entitlements, buyer_email, metadata)
	SELECT t.product_id, t.invoice_id, t.policy_id, @signing_key_id::int,
	    t.issued_at, t.issued_at + make_interval(secs => t.duration),
	    t.grace_seconds, t.max_machines, t.is_trial, t.entitlements,
	    t.buyer_email, jsonb_build_object('source', 'purchase',
	        'btcpay_invoice_id', t.provider_invoice_id)
	FROM terms t
	ON CONFLICT (invoice_id) DO NOTHING
	RETURNING {{license_columns}}
)

-- fragment: fulfil_subscription
-- What was agreed on is copied: later edits of product or policy don't touch
-- it.  The listed price is the policy's, not what a code or a trial left of it.
-- Paid up to the license's end, when the next cycle is due.
subscribed AS (
	INSERT INTO subscriptions AS b (license_id, policy_id, product_id,
	    period_days, grace_period_days, listed_currency, listed_value, status,
	    started_at, began_with_trial, next_renewal_at, next_attempt_at,
	    merchant_profile_id, payment_provider_id)
	SELECT l.id, l.policy_id, l.product_id, t.renewal_period_days,
	    t.grace_period_days, COALESCE(t.listed_currency, p.price_currency),
	    COALESCE(t.listed_value, t.price_sats_override, p.price_value),
	    'active', l.issued_at, t.began_with_trial, l.expires_at, l.expires_at,
	    COALESCE(p.merchant_profile_id, merchant_profile_default_1()),
	    t.provider_id
	FROM issued l
	JOIN terms t ON t.invoice_id = l.invoice_id
	JOIN products p ON p.id = l.product_id
	WHERE t.is_recurring
	ON CONFLICT (license_id) DO NOTHING
	RETURNING b.id, b.license_id, b.started_at, b.next_renewal_at
), first_cycle AS (
	INSERT INTO subscription_invoices (subscription_id, invoice_id,
	    cycle_number, cycle_start_at, cycle_end_at, applied_at)
	SELECT b.id, l.invoice_id, 1, b.started_at, b.next_renewal_at,
	    licet_now()
	FROM subscribed b
	JOIN issued l ON l.id = b.license_id
)

-- fragment: fulfil_code
-- The use of a code becomes final.  One that was given back because the invoice
-- had expired is taken again; if the code has none left, the buyer has the
-- license all the same and the cap holds: the redemption stays cancelled.  The
-- code is held before its uses are judged, so that one that is just being given
-- back is seen; its new count is made of the held one, since CHECK looks at what
-- the statement's older snapshot would give.
redemption AS MATERIALIZED (
	SELECT d.id, d.code_id, d.status, l.id AS license_id
	FROM issued l
	JOIN sale s ON s.invoice_id = l.invoice_id
	JOIN discount_redemptions d ON d.id = s.redemption_id
	FOR NO KEY UPDATE OF d
), code_held AS MATERIALIZED (
	SELECT c.id, c.used_count, c.max_uses, h.id AS redemption_id
	FROM redemption h
	JOIN discount_codes c ON c.id = h.code_id
	WHERE h.status = 'cancelled'
	FOR NO KEY UPDATE OF c
), retaken AS (
	UPDATE discount_codes AS c
	SET used_count = h.used_count + 1
	FROM code_held h
	WHERE c.id = h.id AND (h.max_uses IS NULL OR h.used_count < h.max_uses)
	RETURNING h.redemption_id AS id
), redeemed AS (
	UPDATE discount_redemptions AS d
	SET status = CASE WHEN h.status <> 'cancelled' OR EXISTS (
	        SELECT FROM retaken r WHERE r.id = h.id)
	    THEN 'redeemed' ELSE 'cancelled' END,
	    license_id = h.license_id, updated_at = licet_now()
	FROM redemption h
	WHERE d.id = h.id
	RETURNING d.id, d.code_id, d.invoice_id, d.license_id, d.status,
	    d.discount_applied_sats, d.base_price_sats, d.final_price_sats
), recorded AS (
	INSERT INTO discount_redemptions AS d (code_id, invoice_id, license_id,
	    status, discount_applied_sats, base_price_sats, final_price_sats)
	SELECT s.code_id, s.invoice_id, l.id, 'redeemed',
	    s.discount_applied_sats, s.base_price_sats, s.amount_sats
	FROM issued l
	JOIN sale s ON s.invoice_id = l.invoice_id
	WHERE s.redemption_id IS NULL AND s.code_id IS NOT NULL
	RETURNING d.id, d.code_id, d.invoice_id, d.license_id, d.status,
	    d.discount_applied_sats, d.base_price_sats, d.final_price_sats
), used_code AS (
	SELECT d.id, d.code_id, d.invoice_id, d.license_id, d.status,
	    d.discount_applied_sats, d.base_price_sats, d.final_price_sats
	FROM redeemed d
	UNION ALL
	SELECT d.id, d.code_id, d.invoice_id, d.license_id, d.status,
	    d.discount_applied_sats, d.base_price_sats, d.final_price_sats
	FROM recorded d
)

-- fragment: give_back
-- Invoices that end unpaid (`unpaid': invoice_id) give back their codes' uses.
given_back AS (
	UPDATE discount_redemptions AS d
	SET status = 'cancelled', updated_at = licet_now()
	FROM unpaid u
	WHERE d.invoice_id = u.invoice_id AND d.status = 'pending'
	RETURNING d.code_id
), uses_back AS (
	UPDATE discount_codes AS c
	SET used_count = GREATEST(c.used_count - g.uses, 0)
	FROM (SELECT b.code_id, count(*) AS uses
	    FROM given_back b
	    GROUP BY b.code_id) g
	WHERE c.id = g.code_id
)
