-- fragment: license_json
-- A license (alias l) as administrators see it; the key is never in it.  The
-- fingerprint is that of the one machine a single-seat license is bound to.
json_build_object('id', l.id, 'product_id', l.product_id,
    'invoice_id', l.invoice_id, 'policy_id', l.policy_id,
    'status', l.status,
    'fingerprint', CASE l.max_machines WHEN 1 THEN (
        SELECT encode(m.fingerprint_hash, 'hex')
        FROM machines m
        WHERE m.license_id = l.id AND m.deactivated_at IS NULL
        ORDER BY m.activated_at
        LIMIT 1) END,
    'bound_identity', NULL, 'issued_at', rfc3339(l.issued_at),
    'expires_at', rfc3339(l.expires_at), 'grace_seconds', l.grace_seconds,
    'max_machines', l.max_machines, 'is_trial', l.is_trial,
    'entitlements', l.entitlements,
    'revoked_at', rfc3339(l.revoked_at),
    'revocation_reason', l.revocation_reason,
    'suspended_at', rfc3339(l.suspended_at),
    'suspension_reason', l.suspension_reason, 'nostr_npub', l.nostr_npub,
    'buyer_email', l.buyer_email, 'metadata', l.metadata)

-- fragment: license_state
-- How a license (alias l) stands: its status, or that it ran out.
CASE WHEN l.status <> 'active' THEN l.status
    WHEN l.expires_at + {{license_grace}} <= licet_now() THEN 'expired'
    WHEN l.expires_at <= licet_now() THEN 'in_grace'
    ELSE 'active' END

-- fragment: license_facts
-- What the key of a license (alias l) is made from.
l.id AS key_license_id, l.product_id AS key_product_id,
extract(epoch FROM l.issued_at)::bigint AS key_issued_at,
COALESCE(extract(epoch FROM l.expires_at)::bigint, 0) AS key_expires_at,
l.is_trial AS key_trial, array_to_json(l.entitlements) AS key_entitlements,
l.signing_key_id AS key_signing_key_id

-- fragment: license_columns
-- The columns that license_json and license_facts read.
l.id, l.product_id, l.invoice_id, l.policy_id, l.signing_key_id, l.status,
l.issued_at, l.expires_at, l.grace_seconds, l.max_machines, l.is_trial,
l.entitlements, l.revoked_at, l.revocation_reason, l.suspended_at,
l.suspension_reason, l.nostr_npub, l.buyer_email, l.metadata, l.created_at

-- name: license_issue :one
-- Issues a license by hand: a given field beats the policy, which beats the
-- default.  Refuses unknown product or policy, and what a key can't hold.  The
-- product's and the policy's rows are held, so that they can't go meanwhile.
WITH product AS MATERIALIZED (
	SELECT p.id
	FROM products p
	WHERE p.slug = @product_slug::text
	FOR KEY SHARE
), policy AS MATERIALIZED (
	SELECT y.id, y.duration_seconds, y.grace_seconds, y.max_machines,
	    y.is_trial, y.entitlements, y.is_recurring, y.renewal_period_days,
	    y.grace_period_days, y.trial_days
	FROM policies y
	WHERE y.slug = @policy_slug::text
	AND y.product_id = (SELECT p.id FROM product p)
	FOR KEY SHARE
), given AS (
	SELECT date_trunc('second', licet_now()) AS issued_at,
	    date_trunc('second', @expires_at::timestamptz) AS expires_at,
	    CASE WHEN @entitlements::jsonb IS NOT NULL
	    THEN ARRAY(SELECT jsonb_array_elements_text(@entitlements)) END
	    AS entitlements
), terms AS (
	SELECT p.id AS product_id, y.id AS policy_id, g.issued_at,
	    COALESCE(g.expires_at, g.issued_at + make_interval(secs => CASE
	        WHEN y.is_recurring AND y.trial_days > 0
	        THEN y.trial_days * 86400::bigint
	        WHEN y.is_recurring THEN y.renewal_period_days * 86400::bigint
	        ELSE NULLIF(y.duration_seconds, 0) END)) AS expires_at,
	    COALESCE(@grace_seconds::bigint, CASE WHEN y.is_recurring
	        THEN GREATEST(y.grace_seconds,
	            y.grace_period_days * 86400::bigint)
	        ELSE y.grace_seconds END, 0) AS grace_seconds,
	    COALESCE(@max_machines::int, y.max_machines, 1) AS max_machines,
	    COALESCE(@is_trial::boolean, y.is_trial
	        OR y.is_recurring AND y.trial_days > 0, false) AS is_trial,
	    COALESCE(g.entitlements, y.entitlements, '{}') AS entitlements
	FROM product p
	CROSS JOIN given g
	LEFT JOIN policy y ON true
), verdict AS (
	SELECT CASE WHEN r.missing IS NOT NULL THEN 'not_found'
	    WHEN r.wrong IS NOT NULL THEN 'bad_request' END AS fault,
	    COALESCE(r.missing, r.wrong) AS message
	FROM (SELECT CASE
	        WHEN t.product_id IS NULL THEN 'no such product'
	        WHEN t.policy_id IS NULL AND @policy_slug <> ''
	        THEN 'no such policy of this product' END AS missing,
	    CASE
	        WHEN cardinality(t.entitlements) > 255
	        THEN 'at most 255 entitlements'
	        WHEN EXISTS (SELECT FROM unnest(t.entitlements) AS e (slug)
	            WHERE octet_length(e.slug) NOT BETWEEN 1 AND 255)
	        THEN 'entitlements have 1 to 255 bytes'
	        WHEN t.expires_at <= 'epoch' OR t.expires_at >= '10000-01-01Z'
	        THEN 'expires_at must be between the years 1970 and 10000'
	        WHEN t.grace_seconds NOT BETWEEN 0 AND 31557600000
	        THEN 'grace_seconds must be 0 to 31557600000'
	        WHEN t.max_machines < 0
	        THEN 'max_machines must not be negative' END AS wrong
	    FROM (VALUES (1)) AS one (row)
	    LEFT JOIN terms t ON true) r
), made AS (
	INSERT INTO licenses AS l (product_id, policy_id, signing_key_id,
	    issued_at, expires_at, grace_seconds, max_machines, is_trial,
	    entitlements, nostr_npub, buyer_email, metadata)
	SELECT t.product_id, t.policy_id, @signing_key_id::int, t.issued_at,
	    t.expires_at, t.grace_seconds, t.max_machines, t.is_trial,
	    t.entitlements, @nostr_npub::text, @buyer_email::text,
	    jsonb_strip_nulls(jsonb_build_object('source', 'admin_issue',
	        'note', @note::text))
	FROM terms t
	JOIN verdict v ON v.fault IS NULL
	RETURNING {{license_columns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'license.issue_manual', 'license', l.id::text,
	    jsonb_build_object('product_id', l.product_id,
	    'policy_id', l.policy_id, 'expires_at', rfc3339(l.expires_at),
	    'max_machines', l.max_machines, 'entitlements', l.entitlements,
	    'is_trial', l.is_trial, 'note', @note)
	FROM made l
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'license.issued', l.product_id, jsonb_build_object(
	    'license_id', l.id, 'product_id', l.product_id,
	    'is_trial', l.is_trial, 'expires_at', rfc3339(l.expires_at),
	    'entitlements', l.entitlements, 'source', 'admin_issue')
	FROM made l
)
SELECT v.fault, v.message, {{license_facts}},
    CASE WHEN v.fault IS NULL THEN json_build_object('license_id', l.id,
    'product_id', l.product_id, 'issued_at', rfc3339(l.issued_at),
    'expires_at', rfc3339(l.expires_at), 'entitlements', l.entitlements,
    'is_trial', l.is_trial, 'max_machines', l.max_machines) END AS body
FROM verdict v
LEFT JOIN made l ON true;

-- name: license_get :one
-- One license with all that hangs on it.  Its history is also that of its
-- subscription, changes of tier and invoices.  Leans on the primary key,
-- subscriptions_license_id_key, tier_changes_license, invoices_license_paid,
-- machines_seat and events_target.  The log's index by license is a coarse one,
-- for the log is written all day and read by few: its lines are left out on
-- request.
SELECT json_build_object('license', {{license_json}},
    'state', {{license_state}}, 'product_slug', p.slug,
    'product_name', p.name, 'policy_slug', y.slug, 'policy_name', y.name,
    'active_machines', (
        SELECT count(*)
        FROM machines m
        WHERE m.license_id = l.id AND m.deactivated_at IS NULL),
    'subscription', CASE WHEN b.id IS NOT NULL THEN {{subscription_json}} END,
    'tier_changes', COALESCE((
        SELECT json_agg({{tier_change_json}} ORDER BY c.created_at DESC, c.id)
        FROM tier_changes c
        WHERE c.license_id = l.id), '[]'),
    'machines', COALESCE((
        SELECT json_agg(json_build_object('id', m.id,
            'license_id', m.license_id, 'hostname', m.hostname,
            'platform', m.platform, 'ip_last_seen', m.ip_last_seen,
            'activated_at', rfc3339(m.activated_at),
            'last_heartbeat_at', rfc3339(m.last_heartbeat_at),
            'deactivated_at', rfc3339(m.deactivated_at),
            'deactivation_reason', m.deactivation_reason,
            'active', m.deactivated_at IS NULL)
            ORDER BY m.last_heartbeat_at DESC, m.id)
        FROM machines m
        WHERE m.license_id = l.id), '[]'),
    'history', COALESCE((
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
                SELECT l.id::text
                UNION ALL SELECT l.invoice_id::text
                UNION ALL SELECT b.id::text
                UNION ALL SELECT c.id::text FROM tier_changes c
                    WHERE c.license_id = l.id
                UNION ALL SELECT i.id::text FROM invoices i
                    WHERE i.license_id = l.id))
            ORDER BY n.occurred_at DESC
            LIMIT 200) e), '[]'),
    'validations', CASE WHEN @validations::boolean IS NOT FALSE
        THEN COALESCE((
        SELECT json_agg(json_build_object('result', v.result,
            'reason_detail', v.reason_detail, 'machine_id', v.machine_id,
            'client_ip', v.client_ip, 'user_agent', v.user_agent,
            'occurred_at', rfc3339(v.occurred_at))
            ORDER BY v.occurred_at DESC)
        FROM (SELECT n.result, n.reason_detail, n.machine_id, n.client_ip,
                n.user_agent, n.occurred_at
            FROM validation_log n
            WHERE n.license_id = l.id
            AND n.occurred_at >= LEAST(l.issued_at, l.created_at)
                - interval '86400 seconds'
            ORDER BY n.occurred_at DESC
            LIMIT 50) v), '[]') END) AS body
FROM licenses l
JOIN products p ON p.id = l.product_id
LEFT JOIN policies y ON y.id = l.policy_id
LEFT JOIN subscriptions b ON b.license_id = l.id
WHERE l.id = @id::uuid;

-- fragment: license_running
-- All licenses, or all that run.  Nothing is read when others were asked for.
AND COALESCE(@status::text, 'active') = 'active'
AND (@status IS NULL OR l.status = 'active'
    AND (l.expires_at IS NULL OR l.expires_at > licet_now()))

-- fragment: license_listed
-- A license (l, with its product p and policy y) in a list.
{{license_json}}::jsonb || jsonb_build_object(
    'state', {{license_state}}, 'product_slug', p.slug,
    'product_name', p.name, 'policy_slug', y.slug, 'policy_name', y.name)

-- name: license_list :one
-- Licenses of one product or of all, of one state or of all, newest first, those
-- that ran out by their end, page by page.  Each branch has its own index:
-- licenses_product and licenses_status (a range of one product or state has no
-- order but theirs), licenses_newest, licenses_expiry.
WITH page AS (
	(SELECT {{license_columns}}, l.created_at AS place
	FROM licenses l
	WHERE @product_id::uuid IS NOT NULL {{license_running}}
	AND l.product_id >= @product_id
	AND (l.product_id, l.created_at, l.id)
	< (@product_id, {{cursor_time}}, {{cursor_id}})
	ORDER BY l.product_id DESC, l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{license_columns}}, l.created_at
	FROM licenses l
	WHERE @product_id IS NULL {{license_running}}
	AND (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{license_columns}}, l.created_at
	FROM licenses l
	WHERE @status IN ('suspended', 'revoked') AND l.status <> 'active'
	AND l.status >= @status
	AND (l.status, l.created_at, l.id)
	< (@status, {{cursor_time}}, {{cursor_id}})
	AND (@product_id IS NULL OR l.product_id = @product_id)
	ORDER BY l.status DESC, l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{license_columns}}, l.expires_at
	FROM licenses l
	WHERE @status = 'expired' AND l.status = 'active'
	AND l.expires_at <= licet_now()
	AND (@product_id IS NULL OR l.product_id = @product_id)
	AND (l.expires_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.expires_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY l.place DESC, l.id DESC) AS n,
	    (extract(epoch FROM l.place) * 1000000)::bigint || '_' || l.id
	    AS cursor,
	    {{license_listed}} AS doc
	FROM page l
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
)
SELECT json_build_object(
    'licenses', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: license_ending :one
-- Licenses that end within so many days and that nothing renews, the first to
-- do so first, page by page: those that `attention' counts.  Of many that are
-- renewed 5,000 are passed over for a page, which may be short, or empty, and
-- have a next one.  Leans on licenses_expiry and subscriptions_license_id_key.
WITH near AS MATERIALIZED (
	SELECT {{license_columns}}
	FROM licenses l
	WHERE l.status = 'active' AND l.expires_at > licet_now()
	AND l.expires_at <= licet_now()
	    + COALESCE(@days::int, 7) * interval '86400 seconds'
	AND (@cursor::text IS NULL
	    OR (l.expires_at, l.id) > ({{cursor_time}}, {{cursor_id}}))
	ORDER BY l.expires_at, l.id
	LIMIT 5000
), page AS (
	SELECT {{license_columns}}
	FROM near l
	WHERE (@product_id::uuid IS NULL OR l.product_id = @product_id)
	AND NOT COALESCE((SELECT b.status IN ('active', 'past_due')
	    FROM subscriptions b
	    WHERE b.license_id = l.id), false)
	ORDER BY l.expires_at, l.id
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY l.expires_at, l.id) AS n,
	    (extract(epoch FROM l.expires_at) * 1000000)::bigint || '_' || l.id
	    AS cursor, {{license_listed}} AS doc
	FROM page l
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
), passed AS (
	SELECT (extract(epoch FROM l.expires_at) * 1000000)::bigint || '_'
	    || l.id AS cursor
	FROM near l
	WHERE (SELECT count(*) FROM near n) = 5000
	ORDER BY l.expires_at DESC, l.id DESC
	LIMIT 1
)
SELECT json_build_object(
    'licenses', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}})
        ELSE (SELECT d.cursor FROM passed d) END) AS body
FROM numbered r;

-- name: license_search :one
-- Licenses that match all that is given, newest first, page by page.  The
-- most telling of the given marks chooses the branch, and with it the index:
-- licenses_pkey, licenses_invoice_id_key, licenses_email, licenses_npub,
-- licenses_newest.  An invoice goes by our id or by the provider's.
WITH asked AS (
	SELECT NULLIF(@buyer_email::text, '') AS email,
	    NULLIF(@nostr_npub::text, '') AS npub,
	    NULLIF(@invoice_id::text, '') AS invoice,
	    @license_id::uuid AS license
), page AS (
	(SELECT {{license_columns}}
	FROM licenses l
	WHERE l.id = @license_id)
	UNION ALL
	(SELECT {{license_columns}}
	FROM licenses l
	WHERE @license_id IS NULL
	AND l.invoice_id IN (
	    SELECT i.id FROM invoices i WHERE i.id = CASE
	    WHEN @invoice_id ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){4}[0-9a-fA-F]{8}$'
	    THEN @invoice_id::text::uuid END
	    UNION ALL
	    SELECT i.id FROM invoices i WHERE i.provider_invoice_id = @invoice_id))
	UNION ALL
	(SELECT {{license_columns}}
	FROM licenses l
	WHERE @license_id IS NULL AND NULLIF(@invoice_id, '') IS NULL
	AND l.buyer_email = NULLIF(@buyer_email, '')
	AND (l.nostr_npub = @nostr_npub OR NULLIF(@nostr_npub, '') IS NULL)
	AND (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{license_columns}}
	FROM licenses l
	WHERE @license_id IS NULL AND NULLIF(@invoice_id, '') IS NULL
	AND NULLIF(@buyer_email, '') IS NULL
	AND l.nostr_npub = NULLIF(@nostr_npub, '')
	AND (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{license_columns}}
	FROM licenses l
	WHERE @license_id IS NULL AND NULLIF(@invoice_id, '') IS NULL
	AND NULLIF(@buyer_email, '') IS NULL AND NULLIF(@nostr_npub, '') IS NULL
	AND (l.created_at, l.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY l.created_at DESC, l.id DESC
	LIMIT {{page_size}} + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY l.created_at DESC, l.id DESC) AS n,
	    (extract(epoch FROM l.created_at) * 1000000)::bigint || '_' || l.id
	    AS cursor,
	    {{license_json}}::jsonb || jsonb_build_object(
	        'policy_slug', y.slug, 'policy_name', y.name,
	        'product_slug', p.slug) AS doc
	FROM page l
	CROSS JOIN asked a
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
	WHERE (a.email IS NULL OR l.buyer_email = a.email)
	AND (a.npub IS NULL OR l.nostr_npub = a.npub)
	AND (a.license IS NULL OR a.invoice IS NULL
	    OR l.invoice_id::text = lower(a.invoice)
	    OR EXISTS (SELECT FROM invoices i WHERE i.id = l.invoice_id
	        AND i.provider_invoice_id = a.invoice))
)
SELECT json_build_object(
    'licenses', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- fragment: license_change_told
-- The audit's line and the news of a license in `changed', which says under
-- which action and event; without a reason the news has none.
event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, c.action, 'license', c.id::text,
	    jsonb_build_object('reason', COALESCE(c.reason, @reason::text))
	FROM changed c
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT c.event_type, c.product_id, jsonb_strip_nulls(
	    jsonb_build_object('license_id', c.id, 'reason', c.reason))
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c

-- name: license_revoke :one
-- For good, from any state but revoked; no row otherwise.
WITH changed AS (
	UPDATE licenses AS l
	SET status = 'revoked', revoked_at = licet_now(),
	    revocation_reason = COALESCE(NULLIF(@reason::text, ''),
	        'admin revoke')
	WHERE l.id = @id::uuid AND l.status <> 'revoked'
	RETURNING l.id, l.product_id, 'license.revoke' AS action,
	    'license.revoked' AS event_type, l.revocation_reason AS reason
), {{license_change_told}};

-- name: license_suspend :one
-- From active only; no row otherwise.
WITH changed AS (
	UPDATE licenses AS l
	SET status = 'suspended', suspended_at = licet_now(),
	    suspension_reason = COALESCE(NULLIF(@reason::text, ''),
	        'admin suspend')
	WHERE l.id = @id::uuid AND l.status = 'active'
	RETURNING l.id, l.product_id, 'license.suspend' AS action,
	    'license.suspended' AS event_type, l.suspension_reason AS reason
), {{license_change_told}};

-- name: license_unsuspend :one
-- From suspended only; no row otherwise.
WITH changed AS (
	UPDATE licenses AS l
	SET status = 'active', suspended_at = NULL, suspension_reason = NULL
	WHERE l.id = @id::uuid AND l.status = 'suspended'
	RETURNING l.id, l.product_id, 'license.unsuspend' AS action,
	    'license.unsuspended' AS event_type, NULL::text AS reason
), {{license_change_told}};
