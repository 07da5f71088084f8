-- fragment: customer_owns
-- Is the license (alias l) this customer's?  Never, when both arguments are
-- NULL.  Leans on licenses_address or licenses_pkey.
(lower(l.buyer_email) = @customer_email::text
    OR l.id = @customer_license::uuid)

-- fragment: customer_session_lives
-- A session (alias c) ends 24 hours after it was last used, and 30 days after
-- it began.
c.last_seen_at > licet_now() - interval '86400 seconds'
AND c.created_at > licet_now() - interval '2592000 seconds'

-- fragment: customer_actor
-- Who did it, for the columns (actor_kind, actor_hash, request_ip, user_agent)
-- of events.
'customer', @actor_hash::text, @request_ip::text, @user_agent::text

-- fragment: customer_hash
-- The actor of a customer, of an address or a license (aliases email and
-- license_id): what it is known by in the audit trail.
encode(sha256(convert_to(COALESCE(c.email, c.license_id::text), 'UTF8')), 'hex')

-- name: access_customer :opt
-- The customer's session of this token.  Notes that it is used, once a minute,
-- unless another request is about to.  No row: unknown, over, or by the key of
-- a license that was revoked since.  Leans on
-- customer_sessions_token_hash_key.
WITH found AS (
	SELECT c.id, c.email, c.license_id, c.reauthenticated_at,
	    p.name || ' (' || left(l.id::text, 8) || ')' AS license_hint
	FROM customer_sessions c
	LEFT JOIN licenses l ON l.id = c.license_id
	LEFT JOIN products p ON p.id = l.product_id
	WHERE c.token_hash = decode(@token_hash::text, 'hex')
	AND {{customer_session_lives}}
	AND l.status IS DISTINCT FROM 'revoked'
), due AS (
	SELECT c.id
	FROM customer_sessions c
	JOIN found f ON f.id = c.id
	WHERE c.last_seen_at < licet_now() - interval '60 seconds'
	FOR NO KEY UPDATE OF c SKIP LOCKED
), stamped AS (
	UPDATE customer_sessions AS c
	SET last_seen_at = licet_now()
	FROM due d
	WHERE c.id = d.id
	RETURNING c.id
)
SELECT c.id, c.email, c.license_id, c.license_hint,
    {{customer_hash}} AS actor_hash,
    EXISTS (SELECT FROM stamped) AS is_prolonged,
    extract(epoch FROM licet_now() - c.reauthenticated_at)::bigint
    AS reauthenticated_s
FROM found c;
