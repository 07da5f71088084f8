-- fragment: license_grace
-- How long after its expires_at license l still works: at most some 3,000
-- years, lest the sum leave the calendar.
least(l.grace_seconds, 100000000000) * interval '1 second'

-- fragment: seat_reason
-- The strangers' answers, looked up only for them: the usual batch has none.
CASE WHEN a.reason = 'seat'
    THEN (SELECT s.reason FROM seat s WHERE s.place = a.place)
    ELSE a.reason END

-- fragment: seat_machine
-- The machines that strangers became.
CASE WHEN a.reason = 'seat'
    THEN (SELECT s.machine_id FROM seat s WHERE s.place = a.place)
    ELSE a.machine_id END

-- name: validate_batch :many
-- Judges a batch of keys that the worker has checked (`early' is what it found
-- wrong), in the order of the contract, gives seats, beats hearts, logs.
-- Answers in the order asked; `reason' NULL is yes.  Two index look-ups a row:
-- licenses_pkey and, by license and fingerprint, machines_seat; lateral, lest
-- the planner, who takes every batch for 1,000 rows, read a middling table
-- whole.  That products are joined on `early' too keeps them from being joined
-- to each license by itself.
WITH asked AS (
	SELECT generate_series(1, cardinality(@license::uuid[])) AS place,
	    unnest(@license::uuid[]) AS license_id,
	    unnest(@early::text[]) AS early,
	    unnest(@product::text[]) AS product_slug,
	    unnest(@fingerprint::bytea[]) AS fingerprint_hash,
	    unnest(@bound_ok::boolean[]) AS bound_ok,
	    unnest(@hostname::text[]) AS hostname,
	    unnest(@platform::text[]) AS platform,
	    unnest(@ip::text[]) AS ip,
	    unnest(@agent::text[]) AS agent
), answer AS MATERIALIZED (
	SELECT a.place, a.license_id, a.fingerprint_hash,
	    a.hostname, a.platform, a.ip, a.agent,
	    l.product_id, p.slug AS product_slug, l.issued_at, l.expires_at,
	    CASE WHEN l.grace_seconds > 0
	    THEN l.expires_at + {{license_grace}} END AS grace_until,
	    l.max_machines, l.is_trial,
	    CASE WHEN l.entitlements <> '{}'
	    THEN array_to_json(l.entitlements)::text END AS entitlements,
	    m.id AS machine_id, m.ctid AS machine_row,
	    {{machine_stale}} AS stale,
	    CASE
	    WHEN a.early IS NOT NULL THEN a.early
	    WHEN l.id IS NULL THEN 'not_found'
	    WHEN l.status <> 'active' THEN l.status
	    WHEN a.product_slug <> p.slug THEN 'product_mismatch'
	    WHEN l.expires_at + {{license_grace}} <= licet_now() THEN 'expired'
	    WHEN a.fingerprint_hash IS NULL THEN NULL
	    WHEN NOT a.bound_ok THEN 'fingerprint_mismatch'
	    WHEN m.id IS NOT NULL THEN NULL
	    WHEN l.max_machines = 0 OR l.max_machines > (
		SELECT count(*) FROM machines o
		WHERE o.license_id = l.id AND o.deactivated_at IS NULL)
	    THEN 'seat'
	    WHEN l.max_machines = 1 THEN 'fingerprint_mismatch'
	    ELSE 'too_many_machines' END AS reason
	FROM asked a
	LEFT JOIN LATERAL (
		SELECT k.id, k.product_id, k.status, k.issued_at, k.expires_at,
		    k.grace_seconds, k.max_machines, k.is_trial, k.entitlements
		FROM licenses k
		WHERE k.id = a.license_id AND a.early IS NULL
		LIMIT 1
	) l ON true
	LEFT JOIN products p ON p.id = l.product_id AND a.early IS NULL
	LEFT JOIN LATERAL (
		SELECT k.id, k.ctid, k.last_heartbeat_at, k.ip_last_seen
		FROM machines k
		WHERE k.license_id = l.id
		AND k.fingerprint_hash = a.fingerprint_hash
		AND k.deactivated_at IS NULL
		LIMIT 1
	) m ON true
), stranger AS (
	SELECT array_agg(j.place) AS places,
	    array_agg(j.license_id) AS licenses,
	    array_agg(j.fingerprint_hash) AS fingerprints,
	    array_agg(j.hostname) AS hostnames,
	    array_agg(j.platform) AS platforms,
	    array_agg(j.ip) AS ips
	FROM (SELECT o.place, o.license_id, o.fingerprint_hash, o.hostname,
		o.platform, o.ip
	    FROM answer o WHERE o.reason = 'seat' ORDER BY o.place) j
), seat AS (
	SELECT s.places[t.place] AS place, t.reason, t.machine_id
	FROM stranger s, seats_take_1(s.licenses, s.fingerprints,
	    s.hostnames, s.platforms, s.ips) t
), logged AS (
	INSERT INTO validation_log (license_id, product_id, machine_id,
	    fingerprint_hash, result, client_ip, user_agent)
	SELECT a.license_id, a.product_id, {{seat_machine}}, a.fingerprint_hash,
	    coalesce({{seat_reason}}, 'ok'), a.ip, a.agent
	FROM answer a
), {{machine_beat}}
SELECT {{seat_reason}} AS reason, a.product_id, a.product_slug, a.issued_at, a.expires_at,
    a.grace_until, a.expires_at <= licet_now() AS in_grace, a.max_machines,
    a.is_trial, a.entitlements, {{seat_machine}} AS machine_id
FROM answer a
ORDER BY a.place;
