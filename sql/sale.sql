-- fragment: sale_columns
-- The columns of an invoice (alias i) that sale_json reads.
i.id, i.kind, i.status, i.product_id, i.policy_id, i.license_id, i.provider_id,
i.provider_invoice_id, i.buyer_email, i.buyer_note, i.amount_sats,
i.base_price_sats, i.discount_applied_sats, i.listed_currency, i.listed_value,
i.charged_value, i.exchange_rate_centibps, i.exchange_rate_source, i.is_trial,
i.checkout_url, i.redirect_url, i.paid_sats, i.payment_exception, i.attention,
i.next_check_at, i.settled_at, i.created_at, i.updated_at

-- fragment: sale_json
-- An invoice (alias i) as administrators see it.  A purchase's license refers
-- to the invoice, any other invoice to its license.
json_build_object('id', i.id, 'kind', i.kind, 'status', i.status,
    'product_id', i.product_id, 'product_name', (SELECT p.name FROM products p
        WHERE p.id = i.product_id), 'policy_id', i.policy_id,
    'license_id', COALESCE(i.license_id, (SELECT l.id FROM licenses l
        WHERE l.invoice_id = i.id)),
    'btcpay_invoice_id', i.provider_invoice_id,
    'payment_provider_id', i.provider_id,
    'provider_kind', (SELECT v.kind FROM payment_providers v
        WHERE v.id = i.provider_id),
    'buyer_email', i.buyer_email, 'buyer_note', i.buyer_note,
    'amount_sats', i.amount_sats, 'base_price_sats', i.base_price_sats,
    'discount_applied_sats', i.discount_applied_sats,
    'listed_currency', i.listed_currency, 'listed_value', i.listed_value,
    'charged_value', i.charged_value,
    'exchange_rate_centibps', i.exchange_rate_centibps,
    'exchange_rate_source', i.exchange_rate_source, 'is_trial', i.is_trial,
    'checkout_url', i.checkout_url, 'redirect_url', i.redirect_url,
    'paid_sats', i.paid_sats, 'payment_exception', i.payment_exception,
    'attention', i.attention, 'next_check_at', rfc3339(i.next_check_at),
    'settled_at', rfc3339(i.settled_at), 'created_at', rfc3339(i.created_at),
    'updated_at', rfc3339(i.updated_at))

-- fragment: sale_wanted
-- Does an invoice (alias i) pass all that was asked for, and come after the
-- cursor?  `attention' is a word, or true and false for any and none.
(@status::text IS NULL OR i.status = @status)
AND (@kind::text IS NULL OR i.kind = @kind)
AND (@product_id::uuid IS NULL OR i.product_id = @product_id)
AND (NULLIF(@buyer_email::text, '') IS NULL
    OR lower(i.buyer_email) = lower(btrim(@buyer_email)))
AND CASE @attention::text WHEN 'true' THEN i.attention IS NOT NULL
    WHEN 'false' THEN i.attention IS NULL
    ELSE @attention IS NULL OR i.attention = @attention END
AND (i.created_at, i.id) < ({{cursor_time}}, {{cursor_id}})

-- fragment: sale_page
-- The order of a page of invoices (alias i), and how much of it one branch of
-- the list can need.
ORDER BY i.created_at DESC, i.id DESC
LIMIT {{page_size}} + 1

-- fragment: tier_change_json
-- A move of a license to another tier (alias c) as administrators see it.
json_build_object('id', c.id, 'license_id', c.license_id,
    'from_policy_id', c.from_policy_id, 'from_policy_slug',
    (SELECT f.slug FROM policies f WHERE f.id = c.from_policy_id),
    'to_policy_id', c.to_policy_id, 'to_policy_slug',
    (SELECT t.slug FROM policies t WHERE t.id = c.to_policy_id),
    'direction', c.direction, 'listed_currency', c.listed_currency,
    'proration_charge_value', c.proration_charge_value,
    'next_listed_value', c.next_listed_value, 'invoice_id', c.invoice_id,
    'effective_at', rfc3339(c.effective_at), 'actor', c.actor,
    'reason', c.reason, 'applied_at', rfc3339(c.applied_at),
    'cancelled_at', rfc3339(c.cancelled_at),
    'created_at', rfc3339(c.created_at))

-- name: sale_list :one
-- Invoices that match all that is given, newest first, page by page.  The most
-- telling of the given marks chooses the branch, and with it the index: a
-- license (licenses_pkey, invoices_license_paid), attention
-- (invoices_attention), an address (invoices_email), a product
-- (invoices_product_newest), a status but settled (invoices_unsettled), a kind but
-- purchase (invoices_of_kind), or nothing (invoices_newest).
WITH branch AS MATERIALIZED (
	SELECT CASE WHEN @license_id::uuid IS NOT NULL THEN 'license'
	    WHEN @attention::text <> 'false' THEN 'attention'
	    WHEN @buyer_email::text <> '' THEN 'email'
	    WHEN @product_id::uuid IS NOT NULL THEN 'product'
	    WHEN @status::text <> 'settled' THEN 'status'
	    WHEN @kind::text <> 'purchase' THEN 'kind'
	    ELSE 'newest' END AS by
), page AS (
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE i.id = (SELECT l.invoice_id FROM licenses l
	    WHERE l.id = @license_id)
	AND {{sale_wanted}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'license'
	AND i.license_id = @license_id AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'attention'
	AND i.attention IS NOT NULL AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'email'
	AND i.buyer_email IS NOT NULL
	AND lower(i.buyer_email) = lower(btrim(@buyer_email))
	AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'product'
	AND i.product_id = @product_id AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'status'
	AND i.status = @status AND i.status <> 'settled' AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'kind'
	AND i.kind = @kind AND i.kind <> 'purchase' AND {{sale_wanted}}
	{{sale_page}})
	UNION ALL
	(SELECT {{sale_columns}}
	FROM invoices i
	WHERE (SELECT b.by FROM branch b) = 'newest' AND {{sale_wanted}}
	{{sale_page}})
), numbered AS (
	SELECT row_number() OVER (ORDER BY i.created_at DESC, i.id DESC) AS n,
	    (extract(epoch FROM i.created_at) * 1000000)::bigint || '_' || i.id
	    AS cursor, {{sale_json}} AS doc
	FROM page i
)
SELECT json_build_object(
    'invoices', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: sale_get :one
-- One invoice with all that hangs on it: the use of a code, the cycle it bills
-- or the change of tier it pays, refunds, what happened.  Where a refund is
-- claimed is not told: whoever knows it has the money.  Leans on primary keys,
-- the unique keys by invoice, and events_target.
WITH found AS MATERIALIZED (
	SELECT {{sale_columns}}
	FROM invoices i
	WHERE i.id = @id::uuid
), refund AS MATERIALIZED (
	SELECT r.id, r.created_at, json_build_object('id', r.id,
	    'status', r.status, 'variant', r.variant, 'reason', r.reason,
	    'provider_refund_id', r.provider_refund_id, 'detail', r.detail,
	    'created_at', rfc3339(r.created_at),
	    'updated_at', rfc3339(r.updated_at)) AS doc
	FROM refunds r
	WHERE r.invoice_id = @id
), cycle AS MATERIALIZED (
	SELECT json_build_object('subscription_id', n.subscription_id,
	    'status', s.status, 'cycle_number', n.cycle_number,
	    'cycle_start_at', rfc3339(n.cycle_start_at),
	    'cycle_end_at', rfc3339(n.cycle_end_at),
	    'announced_at', rfc3339(n.announced_at),
	    'applied_at', rfc3339(n.applied_at),
	    'superseded_at', rfc3339(n.superseded_at)) AS doc
	FROM subscription_invoices n
	JOIN subscriptions s ON s.id = n.subscription_id
	WHERE n.invoice_id = @id
), change AS MATERIALIZED (
	SELECT c.id, {{tier_change_json}} AS doc
	FROM tier_changes c
	WHERE c.invoice_id = @id
), used AS MATERIALIZED (
	SELECT {{redemption_json}}::jsonb || jsonb_build_object(
	    'code', (SELECT c.code FROM discount_codes c WHERE c.id = r.code_id))
	    AS doc
	FROM discount_redemptions r
	WHERE r.invoice_id = @id
)
SELECT {{sale_json}}::jsonb || jsonb_build_object(
    'product_slug', p.slug, 'policy_slug', y.slug, 'policy_name', y.name,
    'redemption', (SELECT u.doc FROM used u),
    'subscription_cycle', (SELECT c.doc FROM cycle c),
    'tier_change', (SELECT c.doc FROM change c),
    'refunds', COALESCE((SELECT json_agg(r.doc ORDER BY r.created_at)
        FROM refund r), '[]'),
    'events', COALESCE((
        SELECT json_agg(json_build_object('id', e.id,
            'actor_kind', e.actor_kind, 'actor_hash', e.actor_hash,
            'action', e.action, 'target_kind', e.target_kind,
            'target_id', e.target_id, 'request_ip', e.request_ip,
            'user_agent', e.user_agent, 'details', e.details,
            'occurred_at', rfc3339(e.occurred_at))
            ORDER BY e.occurred_at DESC)
        FROM (SELECT n.id, n.actor_kind, n.actor_hash, n.action,
                n.target_kind, n.target_id, n.request_ip, n.user_agent,
                n.details, n.occurred_at
            FROM events n
            WHERE n.target_id = ANY (ARRAY(
                SELECT i.id::text
                UNION ALL SELECT r.id::text FROM refund r
                UNION ALL SELECT c.id::text FROM change c))
            ORDER BY n.occurred_at DESC
            LIMIT 200) e), '[]')) AS body
FROM found i
JOIN products p ON p.id = i.product_id
LEFT JOIN policies y ON y.id = i.policy_id;

-- name: sale_looked_at :one
-- Somebody has looked at what was odd about an invoice: the mark goes, the
-- audit keeps which it was.  To say so again changes nothing.
WITH rule AS (
	SELECT CASE WHEN NOT @body::jsonb ? 'attention' THEN 'attention is required'
	    WHEN @attention::text IS NOT NULL
	    THEN 'attention can only be cleared, with null' END AS message
), held AS MATERIALIZED (
	SELECT i.id, i.attention
	FROM invoices i
	WHERE i.id = @id::uuid
	FOR NO KEY UPDATE
), changed AS (
	UPDATE invoices AS i
	SET attention = NULL, updated_at = licet_now()
	FROM held h, rule r
	WHERE i.id = h.id AND h.attention IS NOT NULL AND r.message IS NULL
	RETURNING {{sale_columns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'invoice.looked_at', 'invoice', c.id::text,
	    jsonb_build_object('attention', h.attention)
	FROM changed c
	JOIN held h ON h.id = c.id
), now AS (
	SELECT {{sale_columns}}
	FROM changed i
	UNION ALL
	SELECT {{sale_columns}}
	FROM invoices i
	WHERE i.id = @id AND NOT EXISTS (SELECT FROM changed c)
)
SELECT CASE WHEN r.message IS NOT NULL THEN 'bad_request' END AS fault,
    r.message, CASE WHEN r.message IS NULL THEN {{sale_json}} END AS body
FROM rule r
CROSS JOIN now i;
