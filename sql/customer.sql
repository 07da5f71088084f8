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

-- name: customer_code_lock :many
-- Before customer_code_ask: one at a time for an address, so that letters are
-- counted right.
SELECT pg_advisory_xact_lock(hashtextextended('customer_code '
    || lower(btrim(@email::text, E' \t\r\n')), 0))::text AS locked;

-- name: customer_code_ask :one
-- A new code for an address, three an hour at most.  Who isn't a customer gets
-- the same row at the same cost, and no letter: that is for customer_letters to
-- see, later.  Leans on customer_codes_email.
WITH asked AS (
	SELECT lower(btrim(@email::text, E' \t\r\n')) AS email
), recent AS (
	SELECT count(*) AS n, ceil(extract(epoch FROM min(c.created_at)
	    + interval '3600 seconds' - licet_now()))::bigint AS wait
	FROM asked a
	JOIN customer_codes c ON c.email = a.email
	AND c.created_at > licet_now() - interval '3600 seconds'
), made AS (
	INSERT INTO customer_codes AS c (id, email, code_hash, token_hash,
	    sealed, expires_at)
	SELECT @id::uuid, a.email, decode(@code_hash::text, 'hex'),
	    decode(@token_hash::text, 'hex'), decode(@sealed::text, 'hex'),
	    licet_now() + interval '900 seconds'
	FROM asked a
	JOIN recent r ON r.n < 3
	WHERE a.email <> ''
	RETURNING c.id
)
SELECT CASE WHEN a.email = '' THEN 'bad_request'
    WHEN m.id IS NULL THEN 'rate_limited' END AS fault,
    CASE WHEN a.email = '' THEN 'email: must not be blank'
    ELSE 'Three letters an hour go to an address: look for those, or wait.'
    END AS message,
    CASE WHEN m.id IS NULL THEN r.wait END AS wait,
    CASE WHEN m.id IS NOT NULL
        THEN pg_notify('licet_jobs', 'mails')::text END AS told
FROM asked a
CROSS JOIN recent r
LEFT JOIN made m ON true;

-- fragment: customer_begin
-- A session (`made') of whoever comes from `came' (email, license_id), and its
-- line in the audit trail.
made AS (
	INSERT INTO customer_sessions AS c (token_hash, email, license_id, ip,
	    user_agent)
	SELECT decode(@token_hash::text, 'hex'), k.email, k.license_id,
	    @request_ip::text, @user_agent::text
	FROM came k
	RETURNING c.id, c.email, c.license_id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id)
	SELECT 'customer', {{customer_hash}}, @request_ip, @user_agent,
	    'customer.sign_in', 'customer_session', c.id::text
	FROM made c
)
SELECT c.email, c.license_id
FROM made c

-- fragment: customer_code_try
-- A wrong code costs its letter one of five tries, the right one is the only use
-- there is, by whoever's update is first.  Both hashes are keyed, so how long the
-- comparison takes tells nothing.
UPDATE customer_codes AS c
	SET attempts = c.attempts + 1,
	    used_at = CASE WHEN c.code_hash = decode(@code_hash::text, 'hex')
	        THEN licet_now() END,
	    sealed = CASE WHEN c.code_hash <> decode(@code_hash, 'hex')
	        THEN c.sealed END
	WHERE c.id = @challenge::uuid AND c.used_at IS NULL
	AND c.attempts < 5 AND c.expires_at > licet_now()

-- name: customer_code_enter :opt
-- In, by the code of that letter.  No row: it isn't, or is over.  Leans on
-- customer_codes_pkey.
WITH tried AS (
	{{customer_code_try}}
	RETURNING c.email, c.used_at
), came AS (
	SELECT t.email, NULL::uuid AS license_id
	FROM tried t
	WHERE t.used_at IS NOT NULL
), {{customer_begin}};

-- name: customer_link_enter :opt
-- The same by the letter's link.  Leans on customer_codes_token_hash_key.
WITH came AS (
	UPDATE customer_codes AS c
	SET used_at = licet_now(), sealed = NULL
	WHERE c.token_hash = decode(@link_hash::text, 'hex')
	AND c.used_at IS NULL AND c.expires_at > licet_now()
	RETURNING c.email, NULL::uuid AS license_id
), {{customer_begin}};

-- name: customer_key_enter :opt
-- In, by a key whose signature was checked: to that license alone.  No row:
-- there is none, or it was revoked.
WITH came AS (
	SELECT NULL::text AS email, l.id AS license_id
	FROM licenses l
	WHERE l.id = @license_id::uuid AND l.status <> 'revoked'
), {{customer_begin}};

-- fragment: customer_confirm
-- The session, of whoever `came', is fresh again.
changed AS (
	UPDATE customer_sessions AS c
	SET reauthenticated_at = licet_now()
	FROM came k
	WHERE c.id = @session_id::uuid AND {{customer_session_lives}}
	RETURNING c.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id)
	SELECT {{customer_actor}}, 'customer.confirm', 'customer_session',
	    c.id::text
	FROM changed c
)
SELECT c.id
FROM changed c

-- name: customer_code_confirm :opt
-- Who is in by mail typed another code, of a letter to the same address.
WITH tried AS (
	{{customer_code_try}} AND c.email = @email::text
	RETURNING c.used_at
), came AS (
	SELECT t.used_at
	FROM tried t
	WHERE t.used_at IS NOT NULL
), {{customer_confirm}};

-- name: customer_key_confirm :opt
-- Who is in by a key pasted it again.
WITH came AS (
	SELECT l.id
	FROM licenses l
	WHERE l.id = @license_id::uuid AND l.status <> 'revoked'
), {{customer_confirm}};

-- name: customer_leave :exec
-- Whoever leaves by themselves.
WITH ended AS (
	DELETE FROM customer_sessions AS c
	WHERE c.token_hash = decode(@token_hash::text, 'hex')
	RETURNING c.id, c.email, c.license_id
)
INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent, action,
    target_kind, target_id)
SELECT 'customer', {{customer_hash}}, @request_ip::text, @user_agent::text,
    'customer.sign_out', 'customer_session', c.id::text
FROM ended c;

-- name: customer_me :one
-- Who one is in the portal.  Leans on customer_sessions_pkey.
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('email', c.email, 'license_id', c.license_id,
    'signed_in_at', rfc3339(c.created_at),
    'confirmed_at', rfc3339(c.reauthenticated_at),
    'sessions', (SELECT count(*)
        FROM customer_sessions o
        WHERE o.email = @customer_email::text
        OR o.license_id = @customer_license::uuid)) AS body
FROM customer_sessions c
WHERE c.id = @customer_session::uuid;

-- name: customer_end_others :one
-- Ends a customer's sessions but the one that asks.  Leans on
-- customer_sessions_email and customer_sessions_license.
WITH ended AS (
	DELETE FROM customer_sessions AS c
	WHERE (c.email = @customer_email::text
	    OR c.license_id = @customer_license::uuid)
	AND c.id <> @customer_session::uuid
	RETURNING c.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, details)
	SELECT {{customer_actor}}, 'customer.end_sessions', 'customer_session',
	    jsonb_build_object('ended', (SELECT count(*) FROM ended e))
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true, 'ended', (SELECT count(*) FROM ended e))
    AS body;

-- name: customer_letters :opt
-- Takes codes that were asked for: a letter to those whose address is a
-- customer's, as it is written there; what the others' would have said is
-- forgotten.  An invoice that nobody paid may name anybody.  Leans on customer_codes_due, licenses_address, invoices_email.
WITH due AS MATERIALIZED (
	SELECT c.id, c.email
	FROM customer_codes c
	WHERE c.letter_due
	ORDER BY c.created_at
	LIMIT 200
	FOR NO KEY UPDATE SKIP LOCKED
), known AS MATERIALIZED (
	SELECT d.id, COALESCE((SELECT btrim(l.buyer_email)
	    FROM licenses l
	    WHERE lower(l.buyer_email) = d.email
	    ORDER BY l.created_at DESC, l.id DESC
	    LIMIT 1), (SELECT btrim(i.buyer_email)
	    FROM invoices i
	    WHERE lower(i.buyer_email) = d.email AND i.status = 'settled'
	    ORDER BY i.created_at DESC, i.id DESC
	    LIMIT 1)) AS address
	FROM due d
), taken AS (
	UPDATE customer_codes AS c
	SET letter_due = false,
	    sealed = CASE WHEN k.address IS NOT NULL THEN c.sealed END
	FROM known k
	WHERE c.id = k.id
), made AS (
	INSERT INTO mails (kind, about, to_address, next_attempt_at)
	SELECT 'sign_in', k.id::text, k.address, licet_now()
	FROM known k
	WHERE k.address <> ''
	ON CONFLICT DO NOTHING
	RETURNING mails.id
)
SELECT (SELECT count(*) FROM made m) AS made;

-- name: customer_letter_facts :opt
-- What the letter with a code says, and why it need not be sent any more.
SELECT m.kind, m.to_address,
    extract(epoch FROM m.created_at)::bigint AS written_at,
    CASE WHEN c.id IS NULL OR c.expires_at <= licet_now()
    THEN 'the code is over'
    WHEN c.used_at IS NOT NULL OR c.sealed IS NULL
    THEN 'the code was used' END AS moot,
    c.id AS code_id, encode(c.sealed, 'hex') AS sealed,
    ceil(extract(epoch FROM c.expires_at - licet_now()) / 60)::bigint
    AS minutes,
    v.name AS vendor, v.legal_name, v.support_email, v.support_url,
    v.brand_color
FROM mails m
LEFT JOIN customer_codes c ON c.id = m.about::uuid
LEFT JOIN merchant_profiles v ON v.id = merchant_profile_default_1()
WHERE m.id = @id::uuid AND m.kind = 'sign_in';

-- name: customer_prune :exec
-- Codes that count for nothing any more, and sessions that are over.  Few rows:
-- it reads them all.
WITH codes AS (
	DELETE FROM customer_codes AS c
	WHERE c.created_at < licet_now() - interval '3600 seconds'
)
DELETE FROM customer_sessions AS c
WHERE NOT ({{customer_session_lives}});
