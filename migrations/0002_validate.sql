-- Seats: which of the machines that ask may have one.  The statements of the
-- hot path call this for strangers only; machines that are known never come
-- here.

-- Gives a seat to each (license, fingerprint) asked for, in the order given, as
-- far as the license's cap allows.  Answers in that order: `place' counts from
-- 1; `reason' is NULL when the machine has a seat, else not_found, revoked,
-- suspended, fingerprint_mismatch (a license for one machine) or
-- too_many_machines.
--
-- Whoever adds a machine holds the license's row until commit, and counts in a
-- later statement, so on a snapshot that sees what the holder before added.
-- Rows are locked in the order of their id: two batches can't wait for each
-- other.  The caller must not hold a row of machines yet.
CREATE FUNCTION seats_take_1(p_license uuid[], p_fingerprint bytea[],
    p_hostname text[], p_platform text[], p_ip text[])
RETURNS TABLE (place bigint, reason text, machine_id uuid)
LANGUAGE plpgsql VOLATILE STRICT ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	PERFORM 1 FROM licenses l
	WHERE l.id = ANY (p_license)
	ORDER BY l.id FOR NO KEY UPDATE;

	RETURN QUERY
	WITH asked AS MATERIALIZED (
		SELECT a.place, a.license_id, a.fingerprint_hash,
		    a.hostname, a.platform, a.ip
		FROM unnest(p_license, p_fingerprint, p_hostname, p_platform,
		    p_ip) WITH ORDINALITY AS a(license_id, fingerprint_hash,
		    hostname, platform, ip, place)
	), stranger AS (
		SELECT DISTINCT ON (a.license_id, a.fingerprint_hash)
		    a.place, a.license_id, a.fingerprint_hash,
		    a.hostname, a.platform, a.ip
		FROM asked a
		WHERE NOT EXISTS (SELECT FROM machines m
		    WHERE m.license_id = a.license_id
		    AND m.fingerprint_hash = a.fingerprint_hash
		    AND m.deactivated_at IS NULL)
		ORDER BY a.license_id, a.fingerprint_hash, a.place
	), queued AS (
		SELECT s.place, s.license_id, s.fingerprint_hash,
		    s.hostname, s.platform, s.ip,
		    row_number() OVER (PARTITION BY s.license_id
			ORDER BY s.place) AS turn
		FROM stranger s
	), seated AS (
		INSERT INTO machines (license_id, fingerprint_hash, hostname,
		    platform, ip_last_seen)
		SELECT q.license_id, q.fingerprint_hash, q.hostname,
		    q.platform, q.ip
		FROM queued q
		JOIN licenses l ON l.id = q.license_id
		WHERE l.status = 'active'
		AND (l.max_machines = 0 OR l.max_machines >= q.turn +
		    (SELECT count(*) FROM machines m
		    WHERE m.license_id = q.license_id
		    AND m.deactivated_at IS NULL))
		ORDER BY q.place
		RETURNING id, license_id, fingerprint_hash
	), told AS (
		INSERT INTO outbox (event_type, product_id, data)
		SELECT 'machine.activated', l.product_id, jsonb_build_object(
		    'license_id', s.license_id, 'machine_id', s.id,
		    'fingerprint_hash', encode(s.fingerprint_hash, 'hex'))
		FROM seated s
		JOIN licenses l ON l.id = s.license_id
	)
	SELECT a.place,
	    CASE
	    WHEN s.id IS NOT NULL THEN NULL
	    WHEN l.id IS NULL THEN 'not_found'
	    WHEN l.status <> 'active' THEN l.status
	    WHEN m.id IS NOT NULL THEN NULL
	    WHEN l.max_machines = 1 THEN 'fingerprint_mismatch'
	    ELSE 'too_many_machines' END,
	    coalesce(s.id, m.id)
	FROM asked a
	LEFT JOIN licenses l ON l.id = a.license_id
	LEFT JOIN seated s ON s.license_id = a.license_id
	    AND s.fingerprint_hash = a.fingerprint_hash
	LEFT JOIN machines m ON m.license_id = a.license_id
	    AND m.fingerprint_hash = a.fingerprint_hash
	    AND m.deactivated_at IS NULL
	ORDER BY a.place;
END $$;
