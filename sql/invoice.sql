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

-- fragment: fulfil
-- What a settled invoice brings about: one license, the audit's lines and the
-- news.  Works on the rows of `sale'; those that aren't `fresh' were settled
-- before and only lack the license.  licenses_invoice_id_key sees to it that
-- there is one license to an invoice.  A recurring license ends with its cycle;
-- a trial with its days, or with the policy's duration.
terms AS (
	SELECT s.invoice_id, s.product_id, y.id AS policy_id, s.buyer_email,
	    s.provider_invoice_id, date_trunc('second', licet_now()) AS issued_at,
	    CASE WHEN y.is_recurring AND s.is_trial
	        THEN y.trial_days * 86400::bigint
	        WHEN y.is_recurring THEN y.renewal_period_days * 86400::bigint
	        ELSE NULLIF(y.duration_seconds, 0) END AS duration,
	    CASE WHEN y.is_recurring THEN GREATEST(y.grace_seconds,
	            y.grace_period_days * 86400::bigint)
	        ELSE COALESCE(y.grace_seconds, 0) END AS grace_seconds,
	    COALESCE(y.max_machines, 1) AS max_machines,
	    s.is_trial OR COALESCE(y.is_trial, false) AS is_trial,
	    COALESCE(y.entitlements, '{}') AS entitlements
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
), events_of_sale AS (
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
), news_of_sale AS (
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
)

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
	RETURNING i.id, i.product_id, i.policy_id, i.provider_invoice_id,
	    i.buyer_email, i.amount_sats, i.base_price_sats,
	    i.discount_applied_sats, i.is_trial, i.status, i.redirect_url
), sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_invoice_id, i.amount_sats, i.is_trial, true AS fresh,
	    NULL::text AS provider_kind,
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

-- name: invoice_claim_due :many
-- Invoices to ask the provider about, longest overdue first.  The next look is
-- set at once, so a replica that dies with them does no harm: soon while a
-- payment is expected, every six hours once it would be late, never after 30
-- days.  Leans on invoices_due.
WITH due AS MATERIALIZED (
	SELECT i.id
	FROM invoices i
	WHERE i.next_check_at <= licet_now()
	ORDER BY i.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE invoices AS i
SET next_check_at = CASE
    WHEN i.status = 'settled' OR i.created_at < licet_now() - interval '30 days'
    THEN NULL
    WHEN i.status <> 'pending' OR i.created_at < licet_now() - interval '72 hours'
    THEN licet_now() + interval '6 hours'
    ELSE licet_now() + @retry_seconds::int * interval '1 second' END
FROM due d
WHERE i.id = d.id
RETURNING i.id, i.provider_id, i.provider_invoice_id, i.amount_sats, i.status,
    extract(epoch FROM licet_now() - i.created_at)::bigint AS age_seconds;

-- name: invoice_check_soon :exec
-- The provider gave no answer when it mattered: every reconciler is woken to
-- look at this invoice again.  A settled one needs no look.
WITH hurried AS (
	UPDATE invoices AS i
	SET next_check_at = licet_now() + @seconds::int * interval '1 second'
	WHERE i.provider_invoice_id = @provider_invoice_id::text
	AND i.provider_id = @provider_id::uuid
	AND i.status <> 'settled'
	RETURNING i.id
)
SELECT pg_notify('licet_jobs', 'reconcile') FROM hurried;
