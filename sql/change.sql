-- fragment: tier_seen
-- What a quote was made from: the license l and its subscription b.  Another
-- text under the lock means another quote.
concat_ws(' ', l.status, COALESCE(l.policy_id::text, '-'), b.status,
    b.next_renewal_at, b.period_days)

-- name: tier_facts :one
-- All that a quote for a license and a target tier is made from, and who would
-- take the money: the subscription's provider while it is connected, else the
-- original invoice's, else the profile's first.  For the buyer (@mode) the key
-- must be in force; the vendor can't move the license of this server itself.
-- Leans on primary keys, policies_product_id_slug_key and
-- subscriptions_license_id_key.
WITH license AS (
	SELECT l.id, l.product_id, l.policy_id, l.status, l.invoice_id
	FROM licenses l
	WHERE l.id = @license_id::uuid
)
SELECT CASE
    WHEN l.id IS NULL OR l.status <> 'active' AND @mode::text = 'buyer'
    THEN CASE @mode WHEN 'buyer' THEN 'unauthorized' ELSE 'not_found' END
    WHEN l.status = 'revoked' OR o.is_own THEN 'bad_request'
    WHEN t.id IS NULL THEN 'not_found' END AS fault,
    CASE
    WHEN l.id IS NULL OR l.status <> 'active' AND @mode = 'buyer'
    THEN CASE @mode WHEN 'buyer'
        THEN 'this key opens nothing: unknown, revoked or suspended'
        ELSE 'no such license' END
    WHEN l.status = 'revoked' THEN 'the license is revoked'
    WHEN o.is_own THEN 'this server itself runs under this license'
    WHEN t.id IS NULL THEN 'no such policy of this product' END AS message,
    l.id AS license_id, {{tier_seen}} AS seen,
    s.id AS product_id, s.name AS product_name, s.price_currency,
    y.id AS from_policy_id, y.slug AS from_policy_slug,
    COALESCE(y.price_sats_override, s.price_value) AS from_value,
    y.tier_rank AS from_rank, y.is_recurring AS from_recurring,
    y.renewal_period_days AS from_period_days,
    t.id AS to_policy_id, t.slug AS to_policy_slug,
    COALESCE(t.price_sats_override, s.price_value) AS to_value,
    t.tier_rank AS to_rank, t.is_recurring AS to_recurring,
    t.renewal_period_days AS to_period_days,
    t.active AND t.archived_at IS NULL AS to_active,
    b.status AS subscription_status, b.period_days,
    (extract(epoch FROM b.next_renewal_at) * 1000000)::bigint
    AS next_renewal_us,
    rfc3339(b.next_renewal_at) AS next_renewal_at,
    (extract(epoch FROM licet_now()) * 1000000)::bigint AS now_us,
    {{rate_facts}}, {{provider_facts}}
FROM (VALUES (1)) AS one (row)
LEFT JOIN license l ON true
LEFT JOIN products s ON s.id = l.product_id
LEFT JOIN policies y ON y.id = l.policy_id
LEFT JOIN policies t ON t.product_id = l.product_id
    AND t.slug = @target_slug::text
LEFT JOIN subscriptions b ON b.license_id = l.id
LEFT JOIN LATERAL (
	SELECT @mode = 'admin' AND EXISTS (SELECT
		FROM self_licenses n
		WHERE n.license_id = l.id AND n.fault IS NULL) AS is_own) o ON true
LEFT JOIN invoices i ON i.id = l.invoice_id
LEFT JOIN LATERAL (
	SELECT COALESCE(b.merchant_profile_id, s.merchant_profile_id,
	    merchant_profile_default_1()) AS profile_id) x ON true
LEFT JOIN payment_providers v ON v.id = COALESCE(
    (SELECT c.id
	FROM payment_providers c
	WHERE c.id = b.payment_provider_id AND c.disconnected_at IS NULL),
    (SELECT c.id
	FROM payment_providers c
	WHERE c.id = i.provider_id AND c.disconnected_at IS NULL),
    {{provider_for}});

-- fragment: tier_held
-- The license under its lock, the target held first.  `same': it is as it was
-- when the quote was made, and the target is there.
target AS MATERIALIZED (
	SELECT y.id, y.slug, y.is_recurring
	FROM policies y
	WHERE y.id = @to_policy_id::uuid
	FOR KEY SHARE
), held AS MATERIALIZED (
	SELECT l.id, l.product_id, l.policy_id, l.buyer_email,
	    y.slug AS from_policy_slug, t.id AS to_policy_id,
	    t.slug AS to_policy_slug,
	    t.is_recurring AND NOT {{tier_has_cycle}} AS starts_cycle,
	    CASE WHEN t.is_recurring AND {{tier_has_cycle}}
	        THEN b.paid_cycle END AS for_cycle, b.next_renewal_at,
	    {{tier_seen}} = @seen::text AND t.id IS NOT NULL AS same
	FROM licenses l
	LEFT JOIN target t ON true
	LEFT JOIN policies y ON y.id = l.policy_id
	LEFT JOIN subscriptions b ON b.license_id = l.id
	WHERE l.id = @license_id::uuid
	FOR NO KEY UPDATE OF l
)

-- fragment: tier_put_aside
-- The open change of the license in `closing' (license_id), if there is one, is
-- cancelled, and its unpaid invoice counts as expired: it still counts if it
-- was paid all the same.
put_aside AS (
	UPDATE tier_changes AS c
	SET cancelled_at = licet_now()
	FROM closing h
	WHERE c.license_id = h.license_id AND c.applied_at IS NULL
	AND c.cancelled_at IS NULL
	RETURNING c.id, c.license_id, c.direction, c.invoice_id
), put_aside_invoice AS (
	UPDATE invoices AS i
	SET status = 'expired', next_check_at = licet_now() + interval '6 hours',
	    updated_at = licet_now()
	FROM put_aside a
	WHERE i.id = a.invoice_id AND i.status = 'pending'
	RETURNING i.id
), put_aside_event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'license.tier_change.cancel', 'license',
	    a.license_id::text, jsonb_build_object('tier_change_id', a.id,
	    'direction', a.direction, 'invoice_id', a.invoice_id)
	FROM put_aside a
	UNION ALL
	SELECT 'system', NULL, NULL, NULL, 'invoice.expire', 'invoice',
	    i.id::text, jsonb_build_object('from', 'pending',
	        'detail', 'the tier change was cancelled')
	FROM put_aside_invoice i
)

-- name: tier_open :one
-- Writes a tier change down: with its invoice, before the provider hears of it;
-- or, without @invoice_id, scheduled for the next renewal, and if that is due
-- already, the worker looks at once.  The open one before it is put aside;
-- tier_changes_open sees to it that there is one.  Conflict when the license
-- isn't as it was quoted.  To be sent after license_lock.
WITH {{tier_held}}, closing AS (
	SELECT h.id AS license_id
	FROM held h
	WHERE h.same
), {{tier_put_aside}}, opened AS (
	INSERT INTO invoices AS i (id, kind, license_id, provider_id, product_id,
	    policy_id, buyer_email, amount_sats, base_price_sats, redirect_url,
	    listed_currency, listed_value, charged_value,
	    exchange_rate_centibps, exchange_rate_source, next_check_at)
	SELECT @invoice_id::uuid, 'tier_change', h.id, @provider_id::uuid,
	    h.product_id, h.to_policy_id, h.buyer_email, @amount_sats::bigint,
	    @amount_sats, COALESCE(NULLIF(@redirect_url::text, ''),
	        replace(m.post_purchase_redirect_url, '{invoice_id}',
	            @invoice_id::text),
	        @public_url::text || '/thank-you?invoice_id=' || @invoice_id),
	    @listed_currency::text, @charge_value::bigint, @charge_value,
	    NULLIF(@rate_e4::bigint, 0), @rate_source::text,
	    licet_now() + interval '15 seconds'
	FROM held h
	JOIN products p ON p.id = h.product_id
	JOIN merchant_profiles m ON m.id = COALESCE(p.merchant_profile_id,
	    merchant_profile_default_1())
	WHERE h.same AND @invoice_id IS NOT NULL
	RETURNING i.id, i.redirect_url, i.buyer_email
), made AS (
	INSERT INTO tier_changes AS c (license_id, from_policy_id, to_policy_id,
	    direction, listed_currency, proration_charge_value,
	    next_listed_value, invoice_id, effective_at, starts_cycle,
	    for_cycle, actor, reason)
	SELECT h.id, h.policy_id, h.to_policy_id, @direction::text,
	    @listed_currency, @charge_value, @next_listed_value::bigint, o.id,
	    CASE WHEN @invoice_id IS NULL THEN h.next_renewal_at
	        ELSE licet_now() END,
	    @invoice_id IS NOT NULL AND h.starts_cycle,
	    CASE WHEN @invoice_id IS NOT NULL THEN h.for_cycle END,
	    @actor::text, @reason::text
	FROM held h
	LEFT JOIN opened o ON true
	WHERE h.same AND (SELECT count(*) FROM put_aside) >= 0
	RETURNING c.id, c.license_id, c.effective_at, c.direction, c.actor,
	    c.invoice_id, c.reason
), hurried AS (
	UPDATE subscriptions AS b
	SET next_attempt_at = CASE WHEN EXISTS (
	        SELECT FROM subscription_invoices n
	        JOIN invoices i ON i.id = n.invoice_id
	        WHERE n.subscription_id = b.id AND n.superseded_at IS NULL
	        AND n.cycle_number = b.paid_cycle + 1
	        AND i.provider_invoice_id IS NOT NULL)
	    THEN licet_now() ELSE GREATEST(licet_now(),
	        b.last_renewal_attempt_at + interval '2 minutes') END,
	    updated_at = licet_now()
	FROM made c
	WHERE b.license_id = c.license_id AND b.status = 'past_due'
	AND c.invoice_id IS NULL
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, CASE WHEN c.actor = 'admin'
	        THEN 'license.change_tier'
	        WHEN c.invoice_id IS NULL
	        THEN 'subscription.' || c.direction || '.scheduled'
	        ELSE 'subscription.' || c.direction || '.requested' END,
	    'license', c.license_id::text, jsonb_strip_nulls(jsonb_build_object(
	        'applied', false, 'tier_change_id', c.id,
	        'from_policy_id', h.policy_id, 'to_policy_id', h.to_policy_id,
	        'direction', c.direction, 'invoice_id', c.invoice_id,
	        'effective_at', rfc3339(c.effective_at),
	        'charge_value', @charge_value, 'reason', c.reason))
	FROM made c
	JOIN held h ON h.id = c.license_id
)
SELECT CASE WHEN c.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN c.id IS NULL
    THEN 'the license has changed meanwhile; ask again' END AS message,
    c.id AS tier_change_id, rfc3339(c.effective_at) AS effective_at,
    o.redirect_url, o.buyer_email,
    (SELECT i.id FROM put_aside_invoice i) AS put_aside_invoice_id
FROM held h
LEFT JOIN made c ON true
LEFT JOIN opened o ON true;

-- name: tier_now :one
-- The vendor moves a license at once and for nothing.  What was open for it is
-- cancelled by tier_make.  To be sent after license_lock.
WITH {{tier_held}}, made AS (
	INSERT INTO tier_changes AS c (license_id, from_policy_id, to_policy_id,
	    direction, listed_currency, proration_charge_value,
	    next_listed_value, effective_at, starts_cycle, actor, reason,
	    applied_at)
	SELECT h.id, h.policy_id, h.to_policy_id, @direction::text,
	    @listed_currency::text, 0, @next_listed_value::bigint,
	    licet_now(), h.starts_cycle, 'admin', @reason::text, licet_now()
	FROM held h
	WHERE h.same
	RETURNING c.id, c.license_id, c.from_policy_id, c.to_policy_id,
	    c.direction, c.actor, c.reason, c.listed_currency,
	    c.next_listed_value, c.starts_cycle
), change_fit AS (
	SELECT c.id AS tier_change_id, c.license_id, c.from_policy_id,
	    c.to_policy_id, c.direction, c.actor, c.reason, c.listed_currency,
	    c.next_listed_value, c.starts_cycle, NULL::uuid AS invoice_id,
	    'admin' AS via, @actor_kind::text AS actor_kind,
	    @actor_hash::text AS actor_hash, @request_ip::text AS request_ip,
	    @user_agent::text AS user_agent
	FROM made c
), {{tier_make}}
SELECT CASE WHEN m.tier_change_id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN m.tier_change_id IS NULL
    THEN 'the license has changed meanwhile; ask again' END AS message,
    CASE WHEN m.tier_change_id IS NOT NULL THEN json_build_object('ok', true,
    'applied', true, 'license_id', h.id, 'tier_change_id', m.tier_change_id,
    'skip_payment', true, 'from_policy_slug', h.from_policy_slug,
    'to_policy_slug', h.to_policy_slug) END AS body,
    (SELECT i.id FROM changes_invoices i LIMIT 1) AS put_aside_invoice_id
FROM held h
LEFT JOIN changes m ON true;

-- name: tier_void_facts :opt
-- Where an invoice that was put aside is payable: for asking the provider to
-- take it back.  No row when the provider doesn't know it.
SELECT i.provider_invoice_id, {{provider_facts}}
FROM invoices i
JOIN payment_providers v ON v.id = i.provider_id
WHERE i.id = @invoice_id::uuid AND i.status = 'expired'
AND i.provider_invoice_id IS NOT NULL;

-- name: tier_drop :exec
-- Cancels the change whose invoice the provider refused.
UPDATE tier_changes AS c
SET cancelled_at = licet_now()
FROM invoices i
WHERE c.invoice_id = @invoice_id::uuid AND i.id = c.invoice_id
AND i.status = 'invalid' AND c.applied_at IS NULL AND c.cancelled_at IS NULL;

-- name: tier_cancel_own :one
-- The buyer thinks better of a downgrade.  One that the vendor scheduled is not
-- the buyer's to cancel.  To be sent after license_lock.
WITH license AS (
	SELECT l.id, l.status, c.id AS tier_change_id
	FROM licenses l
	LEFT JOIN tier_changes c ON c.license_id = l.id AND c.actor = 'buyer'
	    AND c.applied_at IS NULL AND c.cancelled_at IS NULL
	    AND c.invoice_id IS NULL
	WHERE l.id = @license_id::uuid
), closing AS (
	SELECT l.id AS license_id
	FROM license l
	WHERE l.status = 'active' AND l.tier_change_id IS NOT NULL
), {{tier_put_aside}}
SELECT CASE WHEN l.id IS NULL OR l.status <> 'active' THEN 'unauthorized'
    WHEN a.id IS NULL THEN 'not_found' END AS fault,
    CASE WHEN l.id IS NULL OR l.status <> 'active'
    THEN 'this key opens nothing: unknown, revoked or suspended'
    WHEN a.id IS NULL THEN 'no downgrade is scheduled' END AS message,
    CASE WHEN l.status = 'active' AND a.id IS NOT NULL
    THEN json_build_object('ok', true, 'tier_change_id', a.id,
        'status', 'cancelled') END AS body
FROM (VALUES (1)) AS one (row)
LEFT JOIN license l ON true
LEFT JOIN put_aside a ON true;

-- name: tier_change_lock :exec
-- license_lock, for the license of a tier change.
SELECT pg_advisory_xact_lock(
    hashtextextended('license ' || c.license_id::text, 0))
FROM tier_changes c
WHERE c.id = @id::uuid;

-- name: tier_change_cancel :one
-- The vendor cancels an open change; one that was made, or was cancelled
-- before, is a conflict.
WITH asked AS (
	SELECT c.id, c.license_id, c.applied_at IS NULL
	    AND c.cancelled_at IS NULL AS is_open
	FROM tier_changes c
	WHERE c.id = @id::uuid
), closing AS (
	SELECT q.license_id
	FROM asked q
	WHERE q.is_open
), {{tier_put_aside}}
SELECT CASE WHEN NOT q.is_open THEN 'conflict' END AS fault,
    CASE WHEN NOT q.is_open
    THEN 'the tier change was made or cancelled before' END AS message,
    CASE WHEN q.is_open THEN json_build_object('ok', true,
    'tier_change_id', q.id, 'status', 'cancelled') END AS body
FROM asked q;

-- name: tier_change_list :one
-- Tier changes of one license or of all, newest first, page by page.  Each
-- branch has its own index: tier_changes_license, tier_changes_newest.
WITH page AS (
	(SELECT c.id, c.created_at
	FROM tier_changes c
	WHERE c.license_id = @license_id::uuid
	AND (c.created_at, c.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY c.created_at DESC, c.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT c.id, c.created_at
	FROM tier_changes c
	WHERE @license_id IS NULL
	AND (c.created_at, c.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY c.created_at DESC, c.id DESC
	LIMIT {{page_size}} + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY g.created_at DESC, g.id DESC) AS n,
	    (extract(epoch FROM g.created_at) * 1000000)::bigint || '_' || g.id
	    AS cursor, json_build_object('id', c.id,
	    'license_id', c.license_id, 'from_policy_id', c.from_policy_id,
	    'from_policy_slug', f.slug, 'to_policy_id', c.to_policy_id,
	    'to_policy_slug', t.slug, 'direction', c.direction,
	    'status', CASE WHEN c.applied_at IS NOT NULL THEN 'applied'
	        WHEN c.cancelled_at IS NOT NULL THEN 'cancelled'
	        WHEN c.invoice_id IS NULL THEN 'scheduled'
	        WHEN i.status = 'pending' THEN 'pending'
	        ELSE 'unpaid' END,
	    'listed_currency', c.listed_currency,
	    'proration_charge_value', c.proration_charge_value,
	    'next_listed_value', c.next_listed_value,
	    'invoice_id', c.invoice_id, 'invoice_status', i.status,
	    'effective_at', rfc3339(c.effective_at), 'actor', c.actor,
	    'reason', c.reason, 'applied_at', rfc3339(c.applied_at),
	    'cancelled_at', rfc3339(c.cancelled_at),
	    'created_at', rfc3339(c.created_at)) AS doc
	FROM page g
	JOIN tier_changes c ON c.id = g.id
	LEFT JOIN policies f ON f.id = c.from_policy_id
	LEFT JOIN policies t ON t.id = c.to_policy_id
	LEFT JOIN invoices i ON i.id = c.invoice_id
)
SELECT json_build_object(
    'tier_changes', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;
