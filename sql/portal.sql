-- What customers see in the portal: their licenses, and what hangs on them.
-- Each statement asks {{customer_owns}}, so that what is another's is not there.

-- fragment: portal_pay_url
-- Where an invoice (alias i) that is open is paid.
CASE WHEN i.status = 'pending' AND i.checkout_url <> ''
    THEN @public_url::text || '/checkout/' || i.id END

-- fragment: portal_license_json
-- A license (alias l; product p, policy y) as its customer sees it.
json_build_object('id', l.id, 'product_slug', p.slug,
    'product_name', p.name, 'policy_slug', y.slug, 'policy_name', y.name,
    'status', l.status, 'state', {{license_state}},
    'is_trial', l.is_trial, 'issued_at', rfc3339(l.issued_at),
    'expires_at', rfc3339(l.expires_at),
    'works_until', rfc3339(l.expires_at + {{license_grace}}),
    'entitlements', l.entitlements, 'max_machines', l.max_machines,
    'active_machines', (
        SELECT count(*)
        FROM machines m
        WHERE m.license_id = l.id AND m.deactivated_at IS NULL),
    'revoked_at', rfc3339(l.revoked_at),
    'suspended_at', rfc3339(l.suspended_at),
    'reissued_as', l.metadata ->> 'reissued_as')

-- fragment: portal_machine_json
-- A machine (alias m) as the license's customer sees it.
json_build_object('id', m.id, 'license_id', m.license_id,
    'name', m.hostname, 'platform', m.platform,
    'activated_at', rfc3339(m.activated_at),
    'last_seen_at', rfc3339(m.last_heartbeat_at))

-- fragment: portal_invoice_json
-- An invoice (alias i) as its customer sees it.
json_build_object('id', i.id, 'kind', i.kind, 'status', i.status,
    'amount_sats', i.amount_sats, 'listed_currency', i.listed_currency,
    'listed_value', COALESCE(i.charged_value, i.listed_value),
    'created_at', rfc3339(i.created_at), 'settled_at', rfc3339(i.settled_at),
    'pay_url', {{portal_pay_url}})

-- fragment: portal_owns_invoice
-- Is the invoice (alias i) this customer's?  A license's is its owner's; one
-- that has none, as it isn't paid, is that of the address it was for.
CASE WHEN EXISTS (SELECT
        FROM licenses l
        WHERE l.id = i.license_id OR l.invoice_id = i.id)
    THEN EXISTS (SELECT
        FROM licenses l
        WHERE (l.id = i.license_id OR l.invoice_id = i.id)
        AND {{customer_owns}})
    ELSE COALESCE(lower(i.buyer_email) = @customer_email::text, false) END

-- name: portal_licenses :one
-- The customer's licenses, newest first, page by page.  Leans on
-- licenses_address and licenses_pkey.
WITH page AS (
	SELECT {{license_columns}}
	FROM licenses l
	WHERE {{customer_owns}}
	AND (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY l.created_at DESC, l.id DESC) AS n,
	    (extract(epoch FROM l.created_at) * 1000000)::bigint || '_' || l.id
	    AS cursor, {{portal_license_json}} AS doc
	FROM page l
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'licenses', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- fragment: portal_subscription
-- The subscription (alias b) of a license, and the bill that is out for it.
CASE WHEN b.id IS NOT NULL THEN json_build_object('status', b.status,
    'listed_currency', b.listed_currency, 'listed_value', b.listed_value,
    'period_days', b.period_days,
    'next_renewal_at', rfc3339(b.next_renewal_at),
    'lapses_at', CASE WHEN b.status = 'past_due'
        THEN rfc3339({{lapse_at}}) END,
    'cancelled_at', rfc3339(b.cancelled_at),
    'lapsed_at', rfc3339(b.lapsed_at),
    'has_card', b.card_provider_id IS NOT NULL,
    'gave_up', b.status = 'past_due' AND b.consecutive_failures > 0,
    'bill', (
        SELECT {{portal_invoice_json}}
        FROM subscription_invoices c
        JOIN invoices i ON i.id = c.invoice_id
        WHERE c.subscription_id = b.id AND c.applied_at IS NULL
        AND c.superseded_at IS NULL AND i.status = 'pending'
        AND i.checkout_url <> ''
        ORDER BY c.cycle_number DESC
        LIMIT 1)) END

-- fragment: portal_change
-- The change of plan that is open for a license (alias l).
(SELECT json_build_object('to_policy_slug', t.slug, 'to_policy_name', t.name,
    'direction', c.direction, 'effective_at', rfc3339(c.effective_at),
    'is_scheduled', c.invoice_id IS NULL,
    'can_cancel', c.invoice_id IS NULL AND c.actor = 'buyer',
    'pay_url', (
        SELECT {{portal_pay_url}}
        FROM invoices i
        WHERE i.id = c.invoice_id))
FROM tier_changes c
LEFT JOIN policies t ON t.id = c.to_policy_id
WHERE c.license_id = l.id AND c.applied_at IS NULL AND c.cancelled_at IS NULL
ORDER BY c.created_at DESC
LIMIT 1)

-- fragment: portal_plans
-- Where a license (alias l; policy y) may go from here by its customer.
COALESCE((
    SELECT json_agg(json_build_object('slug', t.slug, 'name', t.name,
        'direction', CASE WHEN t.tier_rank > y.tier_rank THEN 'upgrade'
            ELSE 'downgrade' END,
        'listed_currency', p.price_currency,
        'listed_value', COALESCE(t.price_sats_override, p.price_value),
        'period_days', CASE WHEN t.is_recurring
            THEN t.renewal_period_days ELSE 0 END,
        'max_machines', t.max_machines)
        ORDER BY t.tier_rank, t.slug)
    FROM policies t
    WHERE t.product_id = l.product_id AND t.active AND t.public
    AND t.archived_at IS NULL AND t.tier_rank <> y.tier_rank
    AND l.status = 'active'
    AND CASE WHEN t.tier_rank > y.tier_rank
        THEN b.status IS DISTINCT FROM 'past_due'
        ELSE t.is_recurring AND b.status IN ('active', 'past_due')
        END), '[]')

-- fragment: portal_history
-- What happened to a license (alias l; subscription b), newest first: what its
-- customer did or should know.  Who of the vendor's people did it is not told,
-- nor why.  Leans on events_target.
COALESCE((
    SELECT json_agg(json_build_object('action', e.action,
        'by', CASE WHEN e.actor_kind = 'customer'
            OR e.actor_kind LIKE 'buyer%' THEN 'customer'
            WHEN e.actor_kind IN ('system', 'renewal_worker') THEN 'system'
            ELSE 'vendor' END,
        'until', e.details ->> 'to', 'at', rfc3339(e.occurred_at))
        ORDER BY e.occurred_at DESC)
    FROM (SELECT n.action, n.actor_kind, n.occurred_at, n.details
        FROM events n
        WHERE n.target_id = ANY (ARRAY(
            SELECT l.id::text
            UNION ALL SELECT b.id::text
            UNION ALL (SELECT m.id::text
                FROM machines m
                WHERE m.license_id = l.id
                ORDER BY m.activated_at DESC
                LIMIT 50)))
        AND n.action IN ('license.issue', 'license.issue_manual',
            'license.reissue', 'license.revoke', 'license.suspend',
            'license.unsuspend', 'license.extend', 'license.key_shown',
            'license.recovered', 'license.change_tier',
            'subscription.upgrade.applied', 'subscription.downgrade.applied',
            'subscription.downgrade.scheduled', 'subscription.create',
            'subscription.renew', 'subscription.cancel',
            'subscription.lapse', 'subscription.bill', 'machine.deactivate',
            'machine.activate_offline')
        ORDER BY n.occurred_at DESC
        LIMIT 30) e), '[]')

-- name: portal_license :opt
-- One of the customer's licenses with all that can be done about it.  Leans on
-- licenses_pkey, subscriptions_license_id_key, machines_seat,
-- invoices_license_paid and tier_changes_open.
SELECT NULL AS fault, NULL AS message, json_build_object(
    'license', {{portal_license_json}},
    'subscription', {{portal_subscription}},
    'change', {{portal_change}}, 'plans', {{portal_plans}},
    'machines', COALESCE((
        SELECT json_agg({{portal_machine_json}}
            ORDER BY m.last_heartbeat_at DESC, m.id)
        FROM (SELECT k.id, k.license_id, k.hostname, k.platform,
                k.activated_at, k.last_heartbeat_at
            FROM machines k
            WHERE k.license_id = l.id AND k.deactivated_at IS NULL
            ORDER BY k.last_heartbeat_at DESC, k.id
            LIMIT 100) m), '[]'),
    'invoices', COALESCE((
        SELECT json_agg({{portal_invoice_json}} ORDER BY i.created_at DESC)
        FROM (SELECT k.id, k.kind, k.status, k.amount_sats,
                k.listed_currency, k.listed_value, k.charged_value,
                k.created_at, k.settled_at, k.checkout_url
            FROM invoices k
            WHERE k.license_id = l.id OR k.id = l.invoice_id
            ORDER BY k.created_at DESC
            LIMIT 10) i), '[]'),
    'history', {{portal_history}}) AS body
FROM licenses l
JOIN products p ON p.id = l.product_id
LEFT JOIN policies y ON y.id = l.policy_id
LEFT JOIN subscriptions b ON b.license_id = l.id
WHERE l.id = @id::uuid AND {{customer_owns}};

-- name: portal_license_find :opt
-- Is this license, which must be in force, the customer's?  For what goes on in
-- other statements, which refer to it by its id.  Leans on licenses_pkey.
SELECT CASE WHEN l.status <> 'active' THEN 'conflict' END AS fault,
    'Only for a license that is active.' AS message, l.id AS license_id
FROM licenses l
WHERE l.id = @id::uuid AND {{customer_owns}};

-- name: portal_machine :opt
-- One machine that has a seat of the customer's license.  Leans on primary keys.
SELECT NULL AS fault, NULL AS message, {{portal_machine_json}}::jsonb
    || jsonb_build_object('product_name', p.name) AS body
FROM machines m
JOIN licenses l ON l.id = m.license_id
JOIN products p ON p.id = l.product_id
WHERE m.id = @id::uuid AND m.deactivated_at IS NULL AND {{customer_owns}};

-- name: portal_invoices :one
-- The customer's invoices, newest first, page by page: those of each license,
-- and those that were for the address and have none.  Leans on
-- licenses_address, invoices_license_paid and invoices_email.
WITH mine AS (
	SELECT i.id
	FROM licenses l
	JOIN invoices i ON i.license_id = l.id
	WHERE {{customer_owns}}
	UNION
	SELECT i.id
	FROM licenses l
	JOIN invoices i ON i.id = l.invoice_id
	WHERE {{customer_owns}}
	UNION
	SELECT i.id
	FROM invoices i
	WHERE lower(i.buyer_email) = @customer_email::text
	AND i.license_id IS NULL AND NOT EXISTS (SELECT
	    FROM licenses l
	    WHERE l.invoice_id = i.id)
), page AS (
	SELECT i.id, i.kind, i.status, i.amount_sats, i.listed_currency,
	    i.listed_value, i.charged_value, i.created_at, i.settled_at,
	    i.checkout_url, i.product_id
	FROM mine m
	JOIN invoices i ON i.id = m.id
	WHERE (i.created_at, i.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY i.created_at DESC, i.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY i.created_at DESC, i.id DESC) AS n,
	    (extract(epoch FROM i.created_at) * 1000000)::bigint || '_' || i.id
	    AS cursor, {{portal_invoice_json}}::jsonb
	    || jsonb_build_object('product_name', p.name) AS doc
	FROM page i
	JOIN products p ON p.id = i.product_id
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'invoices', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: portal_invoice :opt
-- One of the customer's invoices as a receipt: what, when, how much, from whom.
-- Leans on primary keys, licenses_invoice_id_key and subscription_invoices.
SELECT NULL AS fault, NULL AS message, {{portal_invoice_json}}::jsonb
    || jsonb_build_object('product_name', p.name, 'policy_name', y.name,
    'license_id', COALESCE(i.license_id, (
        SELECT l.id
        FROM licenses l
        WHERE l.invoice_id = i.id)),
    'buyer_email', i.buyer_email,
    'discount_sats', NULLIF(i.discount_applied_sats, 0),
    'rate_e4', i.exchange_rate_centibps,
    'paid_sats', i.paid_sats, 'attention', i.attention,
    'cycle_start_at', rfc3339(c.cycle_start_at),
    'cycle_end_at', rfc3339(c.cycle_end_at),
    'vendor', COALESCE(NULLIF(v.legal_name, ''), (
        SELECT s.value
        FROM settings s
        WHERE s.key = 'operator_name'), v.name),
    'vendor_email', v.support_email, 'vendor_url', v.support_url) AS body
FROM invoices i
JOIN products p ON p.id = i.product_id
LEFT JOIN policies y ON y.id = i.policy_id
LEFT JOIN merchant_profiles v ON v.id = COALESCE(p.merchant_profile_id,
    merchant_profile_default_1())
LEFT JOIN LATERAL (
	SELECT n.cycle_start_at, n.cycle_end_at
	FROM subscription_invoices n
	WHERE n.invoice_id = i.id
	LIMIT 1) c ON true
WHERE i.id = @id::uuid AND {{portal_owns_invoice}};
