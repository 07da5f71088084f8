-- name: operator_name_set :one
-- Stores the operator's name, or with a blank one forgets it, so that the
-- environment's counts again.  Refuses what can't be shown.
WITH asked AS (
	SELECT NULLIF(btrim(@name::text, E' \t\r\n'), '') AS name
), verdict AS (
	SELECT CASE WHEN a.name ~ '[[:cntrl:]]' THEN 'bad_request' END AS fault
	FROM asked a
), given AS (
	SELECT a.name
	FROM asked a, verdict v
	WHERE v.fault IS NULL
), before AS (
	SELECT s.value AS name
	FROM settings s
	WHERE s.key = 'operator_name'
), kept AS (
	INSERT INTO settings AS s (key, value, updated_at)
	SELECT 'operator_name', g.name, licet_now()
	FROM given g
	WHERE g.name IS NOT NULL
	ON CONFLICT (key) DO UPDATE SET value = excluded.value,
	    updated_at = excluded.updated_at
), cleared AS (
	DELETE FROM settings AS s
	USING given g
	WHERE s.key = 'operator_name' AND g.name IS NULL
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'settings.set_operator_name', 'setting',
	    'operator_name', jsonb_build_object('from', (SELECT b.name
	        FROM before b), 'to', g.name)
	FROM given g
)
SELECT v.fault, 'name: must be without control characters' AS message,
    json_build_object('ok', true, 'operator_name', a.name) AS body
FROM asked a, verdict v;

-- name: issuer_import_check :one
-- Another key may sign from the first license on, not later: those that are out
-- would have another issuer than the next ones.
SELECT CASE WHEN EXISTS (SELECT FROM licenses l) THEN 'conflict' END AS fault,
    'there are licenses already: add the key with licetctl key import, and '
    'activate it by the steps of a rotation' AS message;
