-- fragment: community_settings
-- What is stored of the figures, as a row of its own.
SELECT COALESCE(bool_or(s.value = 'true')
        FILTER (WHERE s.key = 'community_analytics_enabled'), false) AS enabled,
    max(s.value) FILTER (WHERE s.key = 'community_collector_url')
    AS collector_url,
    max(s.value) FILTER (WHERE s.key = 'community_install_uuid')
    AS install_uuid
FROM settings s
WHERE s.key IN ('community_analytics_enabled', 'community_collector_url',
    'community_install_uuid')

-- fragment: community_beat
-- What is sent for an installation (k.install_uuid): nothing that names anybody,
-- and counts that are rounded down.
json_build_object('install_uuid', k.install_uuid,
    'daemon_version', @version::text,
    'tier', (SELECT {{tier_label}}
	FROM (SELECT CASE WHEN @trust_root::text IS NOT NULL
	    THEN {{tier_grants}} ELSE '{}' END AS grants) h),
    'counts', json_build_object(
	'products', (SELECT count(*) FROM products p) / 5 * 5,
	'active_licenses', ((SELECT count(*) FROM licenses l)
	    - (SELECT count(*) FROM licenses l WHERE l.status <> 'active'))
	    / 5 * 5,
	'settled_invoices', (SELECT count(*)
	    FROM invoices i
	    WHERE i.status = 'settled' AND i.settled_at IS NOT NULL) / 5 * 5),
    'uptime_bucket', @uptime::text, 'schema_version', 1)

-- name: community_get :one
-- Whether figures are sent, where to, and which they would be now.
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('enabled', k.enabled, 'collector_url', k.collector_url,
    'install_uuid', k.install_uuid, 'preview_heartbeat', {{community_beat}})
    AS body
FROM ({{community_settings}}) k;

-- name: community_set :one
-- Switches the figures on or off; a URL that is named is kept, null forgets it.
-- Whoever switches them on gets an id, and five minutes to think again.
WITH before AS MATERIALIZED (
	{{community_settings}}
), kept AS (
	INSERT INTO settings (key, value, updated_at)
	SELECT v.key, v.value, licet_now()
	FROM (VALUES ('community_analytics_enabled', @enabled::boolean::text),
	    ('community_collector_url', @collector_url::text)) AS v (key, value)
	WHERE v.value IS NOT NULL
	ON CONFLICT (key) DO UPDATE SET value = excluded.value,
	    updated_at = excluded.updated_at
), named AS (
	INSERT INTO settings (key, value, updated_at)
	SELECT 'community_install_uuid', gen_random_uuid()::text, licet_now()
	WHERE @enabled
	ON CONFLICT (key) DO NOTHING
), cleared AS (
	DELETE FROM settings s
	WHERE s.key = 'community_collector_url' AND @collector_url IS NULL
	AND @body::jsonb ? 'collector_url'
), begun AS (
	UPDATE jobs AS j
	SET next_run = GREATEST(j.next_run, licet_now() + interval '5 minutes')
	FROM before b
	WHERE j.name = 'community' AND @enabled AND NOT b.enabled
), after AS (
	SELECT CASE WHEN @body ? 'collector_url' THEN @collector_url
	    ELSE b.collector_url END AS collector_url
	FROM before b
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'settings.set_community_analytics', 'setting',
	    'community_analytics', jsonb_build_object('enabled', @enabled,
	    'collector_url', a.collector_url)
	FROM after a
)
SELECT NULL::text AS fault, NULL::text AS message, json_build_object(
    'enabled', @enabled, 'collector_url', a.collector_url) AS body
FROM after a;

-- name: community_reset :one
-- Forgets the installation's id; the next figures come from another one.
WITH gone AS (
	DELETE FROM settings s
	WHERE s.key = 'community_install_uuid'
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'settings.reset_community_install', 'setting',
	    'community_analytics', '{}'::jsonb
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body;

-- name: community_claim :opt
-- A row for the first worker to ask once figures are due and there is somewhere
-- to send them, none for the others.
UPDATE jobs AS j
SET next_run = licet_now() + j.every, runs = j.runs + 1
WHERE j.name = (SELECT d.name
	FROM jobs d
	WHERE d.name = 'community' AND d.next_run <= licet_now()
	FOR UPDATE SKIP LOCKED)
AND EXISTS (SELECT
	FROM ({{community_settings}}) k
	WHERE k.enabled AND k.collector_url IS NOT NULL)
RETURNING j.name, j.runs;

-- name: community_beat :opt
-- The figures and where they go; no row: they were switched off meanwhile.
WITH kept AS MATERIALIZED (
	{{community_settings}}
), named AS (
	INSERT INTO settings (key, value, updated_at)
	SELECT 'community_install_uuid', gen_random_uuid()::text, licet_now()
	FROM kept t
	WHERE t.enabled AND t.install_uuid IS NULL
	ON CONFLICT (key) DO NOTHING
	RETURNING value
), ready AS (
	SELECT t.collector_url, COALESCE(t.install_uuid,
	    (SELECT n.value FROM named n)) AS install_uuid
	FROM kept t
	WHERE t.enabled AND t.collector_url IS NOT NULL
)
SELECT k.collector_url, {{community_beat}} AS beat
FROM ready k
WHERE k.install_uuid IS NOT NULL;
