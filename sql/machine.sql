-- fragment: machine_stale
-- Is a heartbeat worth a write?  m is the machine, a what the client sent.
-- Heartbeats are kept to the minute, a new address at once.
(m.last_heartbeat_at <= licet_now() - interval '1 minute'
OR a.ip IS NOT NULL AND m.ip_last_seen IS DISTINCT FROM a.ip)

-- fragment: machine_beat
-- Beats the stale machines among `answer', which found their rows.  A row that
-- somebody else holds is left alone: he is beating it or ending it, and nobody
-- waits here, so nobody deadlocks.  The count sees to it that every seat was
-- taken, and so every license locked, before the first machine is.  No indexed
-- column changes.
held AS (
	SELECT m.ctid AS machine_row, a.ip, a.hostname, a.platform
	FROM answer a
	JOIN machines m ON m.ctid = a.machine_row
	WHERE (SELECT count(*) FROM seat) >= 0
	AND a.stale AND a.reason IS NULL AND m.deactivated_at IS NULL
	FOR NO KEY UPDATE OF m SKIP LOCKED
), beaten AS (
	UPDATE machines m SET last_heartbeat_at = licet_now(),
	    ip_last_seen = coalesce(h.ip, m.ip_last_seen),
	    hostname = coalesce(h.hostname, m.hostname),
	    platform = coalesce(h.platform, m.platform)
	FROM held h
	WHERE m.ctid = h.machine_row
)

-- name: heartbeat_batch :many
-- Beats the hearts of a batch of machines (machines_seat); answers in the
-- order asked, `reason' NULL is yes.
WITH asked AS (
	SELECT generate_series(1, cardinality(@license::uuid[])) AS place,
	    unnest(@license::uuid[]) AS license_id,
	    unnest(@fingerprint::bytea[]) AS fingerprint_hash,
	    unnest(@ip::text[]) AS ip
), seat AS (
	SELECT 1 WHERE false
), answer AS MATERIALIZED (
	SELECT a.place, a.ip, NULL::text AS hostname, NULL::text AS platform,
	    CASE WHEN m.id IS NULL THEN 'not_activated' END AS reason,
	    m.id AS machine_id, m.ctid AS machine_row,
	    {{machine_stale}} AS stale
	FROM asked a
	LEFT JOIN LATERAL (
		SELECT k.id, k.ctid, k.last_heartbeat_at, k.ip_last_seen
		FROM machines k
		WHERE k.license_id = a.license_id
		AND k.fingerprint_hash = a.fingerprint_hash
		AND k.deactivated_at IS NULL
		LIMIT 1
	) m ON true
), {{machine_beat}}
SELECT a.reason, a.machine_id
FROM answer a
ORDER BY a.place;

-- name: machine_activate_lock :many
-- Before machine_activate, so that it counts what earlier holders committed.
SELECT l.id FROM licenses l WHERE l.id = @license_id::uuid
FOR NO KEY UPDATE;

-- fragment: machine_asked
-- A machine that wants a seat of a license, and how both stand.  A condition on
-- the license (alias l) may follow.
SELECT l.id AS license_id, l.max_machines, m.id AS machine_id,
    m.ctid AS machine_row, {{machine_stale}} AS stale,
    a.fingerprint_hash, a.hostname, a.platform, a.ip,
    CASE WHEN l.status <> 'active' THEN l.status
    WHEN l.expires_at + {{license_grace}} <= licet_now() THEN 'expired'
    WHEN NOT @bound_ok::boolean THEN 'fingerprint_mismatch'
    END AS refused,
    (SELECT count(*) FROM machines o WHERE o.license_id = l.id
    AND o.deactivated_at IS NULL) AS active_count
FROM licenses l
CROSS JOIN (SELECT decode(@fingerprint_hash::text, 'hex'),
    @hostname::text, @platform::text, @request_ip::text
) AS a(fingerprint_hash, hostname, platform, ip)
LEFT JOIN machines m ON m.license_id = l.id
    AND m.fingerprint_hash = a.fingerprint_hash
    AND m.deactivated_at IS NULL
WHERE l.id = @license_id::uuid

-- fragment: machine_seat
-- May the machine in `asked' have a seat?  A known one has; a stranger gets one
-- below the cap.  The seat itself is seats_take_1's, as for validations; it may
-- be one that was given back after our count, hence least().  Wants
-- machine_activate_lock before.
seat AS (
	SELECT t.reason, t.machine_id
	FROM asked a, seats_take_1(ARRAY[a.license_id],
	    ARRAY[a.fingerprint_hash], ARRAY[a.hostname], ARRAY[a.platform],
	    ARRAY[a.ip]) t
	WHERE a.refused IS NULL AND a.machine_id IS NULL
), answer AS MATERIALIZED (
	SELECT a.machine_row, a.stale, a.ip, a.hostname, a.platform,
	    a.max_machines,
	    CASE WHEN a.refused IS NULL
	    THEN coalesce(s.machine_id, a.machine_id) END AS machine_id,
	    CASE WHEN a.refused IS NOT NULL THEN 0
	    WHEN s.machine_id IS NULL THEN a.active_count
	    ELSE least(a.active_count + 1, nullif(a.max_machines, 0))
	    END AS active_count,
	    CASE WHEN a.refused IS NOT NULL THEN a.refused
	    WHEN s.reason = 'fingerprint_mismatch' THEN 'too_many_machines'
	    ELSE s.reason END AS reason
	FROM asked a
	LEFT JOIN seat s ON true
), {{machine_beat}}

-- name: machine_activate :one
-- Takes a seat for a machine, by whoever holds the key.
WITH asked AS (
	{{machine_asked}}
), {{machine_seat}}
SELECT NULL AS fault, NULL AS message,
    json_build_object('ok', a.reason IS NULL, 'machine_id', a.machine_id,
    'active_count', a.active_count, 'max_machines', a.max_machines,
    'reason', a.reason) AS body
FROM answer a;

-- name: machine_deactivate_own :one
-- The client gives its seat back (machines_seat).  Unknown licenses, unknown
-- machines and those already gone are all not_found.
WITH gone AS (
	UPDATE machines m SET deactivated_at = licet_now(), deactivation_reason =
	    coalesce(@reason::text, 'client_requested')
	WHERE m.license_id = @license_id::uuid
	AND m.fingerprint_hash = decode(@fingerprint_hash::text, 'hex')
	AND m.deactivated_at IS NULL
	RETURNING {{machine_gone}}
), {{machine_gone_told}}
SELECT NULL AS fault, NULL AS message,
    CASE WHEN EXISTS (SELECT FROM gone) THEN json_build_object('ok', true)
    ELSE json_build_object('ok', false, 'reason', 'not_found') END AS body;

-- name: machine_deactivate :one
-- An admin frees a seat, with a line in the audit trail.  No row: unknown, or
-- not active any more.
WITH gone AS (
	UPDATE machines m SET deactivated_at = licet_now(), deactivation_reason =
	    coalesce(@reason::text, 'admin deactivate')
	WHERE m.id = @id::uuid AND m.deactivated_at IS NULL
	RETURNING {{machine_gone}}
), {{machine_gone_told}}, audited AS (
	INSERT INTO events (actor_kind, actor_hash, action, target_kind,
	    target_id, request_ip, user_agent, details)
	SELECT @actor_kind::text, @actor_hash::text, 'machine.deactivate',
	    'machine', g.machine_id::text, @request_ip::text,
	    @user_agent::text, jsonb_build_object('license_id', g.license_id,
	    'reason', g.reason)
	FROM gone g
)
SELECT NULL AS fault, NULL AS message, json_build_object('ok', true) AS body
FROM gone;

-- name: machine_release_silent :many
-- Gives back the seats of machines that were silent for longer than the policy
-- of their license allows (policies_heartbeat, licenses_policy, machines_seat).
-- A row that somebody holds is beating or ending, and is left alone; one that
-- has beaten meanwhile is looked at anew.
WITH silent AS MATERIALIZED (
	SELECT m.id
	FROM policies y
	JOIN licenses l ON l.policy_id = y.id
	JOIN machines m ON m.license_id = l.id
	WHERE y.heartbeat_timeout_seconds > 0 AND m.deactivated_at IS NULL
	AND m.last_heartbeat_at < licet_now()
	    - y.heartbeat_timeout_seconds * interval '1 second'
	LIMIT 5000
	FOR UPDATE OF m SKIP LOCKED
), gone AS (
	UPDATE machines m SET deactivated_at = licet_now(),
	    deactivation_reason = 'heartbeat_timeout'
	FROM silent s
	WHERE m.id = s.id
	RETURNING {{machine_gone}}
), {{machine_gone_told}}, audited AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'machine.deactivate', 'machine', g.machine_id::text,
	    jsonb_build_object('license_id', g.license_id, 'reason', g.reason)
	FROM gone g
)
SELECT g.machine_id
FROM gone g;

-- fragment: machine_gone
-- What is told of a machine (alias m) that gives up its seat.
m.id AS machine_id, m.license_id, m.fingerprint_hash,
    m.deactivation_reason AS reason

-- fragment: machine_gone_told
-- The news of it, for the machines in `gone'.
told AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'machine.deactivated', l.product_id, jsonb_build_object(
	    'license_id', g.license_id, 'machine_id', g.machine_id,
	    'fingerprint_hash', encode(g.fingerprint_hash, 'hex'),
	    'reason', g.reason)
	FROM gone g
	JOIN licenses l ON l.id = g.license_id
)

-- fragment: machine_row
-- The columns of a machine (alias m) that the list shows or sorts by.
m.id, m.license_id, m.hostname, m.platform, m.ip_last_seen, m.activated_at,
    m.last_heartbeat_at, m.deactivated_at, m.deactivation_reason

-- fragment: machine_json
-- A machine as administrators see it: the columns of machine_row, its license's
-- and its product's, all of alias m.
json_build_object(
    'id', m.id, 'license_id', m.license_id, 'hostname', m.hostname,
    'platform', m.platform, 'ip_last_seen', m.ip_last_seen,
    'activated_at', rfc3339(m.activated_at),
    'last_heartbeat_at', rfc3339(m.last_heartbeat_at),
    'deactivated_at', rfc3339(m.deactivated_at),
    'deactivation_reason', m.deactivation_reason,
    'product_id', m.product_id, 'product_slug', m.slug,
    'product_name', m.name, 'buyer_email', m.buyer_email,
    'license_status', m.status, 'active', m.deactivated_at IS NULL)

-- name: machine_list :one
-- Machines by last heartbeat, newest first; or, with @order `activated', by that.
-- Of one license by machines_seat, of a product through licenses_product; all by
-- machines_newest, or else the top of a full scan, since an index on heartbeats
-- would make every one of them dearer.
WITH mark AS (
	SELECT timestamptz 'epoch' + split_part(@cursor::text, '_', 1)::bigint
	    * interval '1 microsecond' AS at,
	    split_part(@cursor::text, '_', 2)::uuid AS id,
	    COALESCE(@order::text = 'activated', false) AS by_activation
), found AS (
	SELECT {{machine_row}}
	FROM machines m
	WHERE m.license_id = @license_id::uuid
	AND (m.deactivated_at IS NULL OR @include_inactive::boolean)
	AND EXISTS (SELECT
	    FROM licenses l
	    JOIN products p ON p.id = l.product_id
	    WHERE l.id = @license_id
	    AND l.product_id = coalesce(@product_id::uuid, l.product_id)
	    AND p.slug = coalesce(@product_slug::text, p.slug))
	UNION ALL
	SELECT {{machine_row}}
	FROM products p
	JOIN licenses l ON l.product_id = p.id
	JOIN machines m ON m.license_id = l.id
	WHERE @license_id::uuid IS NULL
	AND (p.id = @product_id::uuid OR p.slug = @product_slug::text)
	AND p.id = coalesce(@product_id, p.id)
	AND p.slug = coalesce(@product_slug, p.slug)
	AND (m.deactivated_at IS NULL OR @include_inactive::boolean)
	UNION ALL
	SELECT {{machine_row}}
	FROM machines m
	WHERE @license_id::uuid IS NULL AND @product_id::uuid IS NULL
	AND @product_slug::text IS NULL AND @order IS DISTINCT FROM 'activated'
	AND (m.deactivated_at IS NULL OR @include_inactive::boolean)
	UNION ALL
	(SELECT {{machine_row}}
	FROM machines m
	WHERE @license_id::uuid IS NULL AND @product_id::uuid IS NULL
	AND @product_slug::text IS NULL AND @order = 'activated'
	AND (m.deactivated_at IS NULL OR @include_inactive::boolean)
	AND (m.activated_at, m.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY m.activated_at DESC, m.id DESC
	LIMIT coalesce(@limit::int, 500))
), placed AS (
	SELECT {{machine_row}}, k.at AS mark_at, k.id AS mark_id,
	    CASE WHEN k.by_activation THEN m.activated_at
	    ELSE m.last_heartbeat_at END AS at
	FROM found m
	CROSS JOIN mark k
), page AS (
	SELECT {{machine_row}}, m.at, row_number() OVER (
	    ORDER BY m.at DESC, m.id DESC) AS place
	FROM placed m
	WHERE (m.mark_id IS NULL OR (m.at, m.id) < (m.mark_at, m.mark_id))
	ORDER BY m.at DESC, m.id DESC
	LIMIT coalesce(@limit::int, 500)
), told AS (
	SELECT {{machine_row}}, m.at, m.place, l.product_id, l.slug, l.name,
	    l.buyer_email, l.status
	FROM page m
	CROSS JOIN LATERAL (SELECT l.product_id, p.slug, p.name,
	        l.buyer_email, l.status
	    FROM licenses l
	    JOIN products p ON p.id = l.product_id
	    WHERE l.id = m.license_id
	    LIMIT 1) l
)
SELECT NULL AS fault, NULL AS message, json_build_object('machines',
    coalesce(json_agg({{machine_json}}
    ORDER BY m.place), '[]'),
    'next_cursor', max(
	(extract(epoch FROM m.at) * 1000000)::bigint
	|| '_' || m.id) FILTER (WHERE m.place = coalesce(@limit::int, 500))
    ) AS body
FROM told m;

-- name: machine_get :opt
-- One machine.  Leans on primary keys.
SELECT NULL AS fault, NULL AS message, {{machine_json}} AS body
FROM (SELECT {{machine_row}}, l.product_id, p.slug, p.name, l.buyer_email,
        l.status
    FROM machines m
    JOIN licenses l ON l.id = m.license_id
    JOIN products p ON p.id = l.product_id
    WHERE m.id = @id::uuid) m;
