-- fragment: passkey_base64url
-- A credential's id (alias k) as browsers write it.
translate(encode(k.credential_id, 'base64'), '+/=' || chr(10), '-_')

-- fragment: passkey_json
-- A passkey (alias k) as the operator sees it.
json_build_object('id', k.id, 'name', k.name,
    'algorithm', CASE k.algorithm WHEN -7 THEN 'ES256' ELSE 'EdDSA' END,
    'alone', k.alone, 'transports', k.transports,
    'sign_count', k.sign_count, 'created_at', rfc3339(k.created_at),
    'last_used_at', rfc3339(k.last_used_at))

-- fragment: passkey_named
-- All passkeys, as WebAuthn lists credentials.
(SELECT COALESCE(json_agg(json_build_object('type', 'public-key',
        'id', {{passkey_base64url}}, 'transports', k.transports)
        ORDER BY k.created_at), '[]')
    FROM passkeys k)

-- fragment: passkey_wanted
-- A password alone doesn't let in: so it is set, and there is a passkey.
(EXISTS (SELECT FROM settings m WHERE m.key = 'web_ui_sign_in'
        AND m.value = 'password_and_passkey')
    AND EXISTS (SELECT FROM passkeys w))

-- fragment: passkey_password
-- Names the password that a login began with (alias p), without its hash.
encode(sha256(convert_to(p.value, 'UTF8')), 'hex')

-- fragment: passkey_counted
-- The passkey @id was used now, and its count went up, unless it has none.
UPDATE passkeys AS k
SET sign_count = @sign_count::bigint, last_used_at = licet_now()
WHERE k.id = @id::uuid
AND (k.sign_count < @sign_count OR (k.sign_count = 0 AND @sign_count = 0))
RETURNING k.id

-- fragment: passkey_went_back
-- Else there may be a copy of it, which the audit trail must say.
INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent, action,
    target_kind, target_id, details)
SELECT 'web_ui', @actor_hash::text, @request_ip::text, @user_agent::text,
    'passkey.count_went_back', 'passkey', k.id::text,
    jsonb_build_object('name', k.name, 'known', k.sign_count,
    'said', @sign_count)
FROM passkeys k
WHERE k.id = @id AND NOT EXISTS (SELECT FROM counted c)

-- name: passkey_share :exec
-- Before whatever lets somebody in: the rule of signing in and the passkeys
-- stay as they are until that is committed.
SELECT pg_advisory_xact_lock_shared(hashtextextended('passkeys', 0));

-- name: passkey_lock :exec
-- Before they change: waits for those who are being let in, so that their
-- sessions are seen, and lets one change be after the other.
SELECT pg_advisory_xact_lock(hashtextextended('passkeys', 0));

-- name: passkey_list :one
-- All of them, oldest first, and what they are good for.  Few rows.
SELECT json_build_object('passkeys', COALESCE(json_agg({{passkey_json}}
        ORDER BY k.created_at, k.id), '[]'),
    'at_most', 20, 'mode', CASE WHEN {{passkey_wanted}}
        THEN 'password_and_passkey' ELSE 'password_or_passkey' END) AS body
FROM passkeys k;

-- name: passkey_get :opt
-- One of them.
SELECT NULL::text AS fault, NULL::text AS message, {{passkey_json}} AS body
FROM passkeys k
WHERE k.id = @id::uuid;

-- name: passkey_ask :one
-- Something new to sign, by its hash, for five minutes; and which passkeys
-- there are.  Refuses to ask without a password where both are wanted, and
-- where there is none to answer or no room for one more.  Sweeps a few that
-- are over: leans on passkey_challenges_over.
WITH old AS (
	DELETE FROM passkey_challenges AS c
	WHERE c.challenge_hash IN (SELECT o.challenge_hash
		FROM passkey_challenges o
		WHERE o.expires_at <= licet_now()
		ORDER BY o.expires_at
		LIMIT 20
		FOR UPDATE SKIP LOCKED)
), verdict AS (
	SELECT CASE
	    WHEN @purpose::text = 'register'
	        AND (SELECT count(*) FROM passkeys k) >= 20 THEN 'conflict'
	    WHEN @purpose <> 'register' AND NOT EXISTS (SELECT FROM passkeys k)
	    THEN 'not_found'
	    WHEN @purpose = 'alone' AND {{passkey_wanted}} THEN 'conflict'
	    END AS fault
), made AS (
	INSERT INTO passkey_challenges AS c (challenge_hash, purpose, bound_to,
	    expires_at)
	SELECT decode(@challenge_hash::text, 'hex'), @purpose,
	    @bound_to::text, licet_now() + interval '300 seconds'
	FROM verdict v
	WHERE v.fault IS NULL
)
SELECT v.fault, CASE
    WHEN v.fault = 'not_found' THEN 'There is no passkey.'
    WHEN @purpose = 'alone'
    THEN 'The password comes first, then the passkey.'
    ELSE 'There are 20 passkeys, and no more can be kept: delete one.'
    END AS message, {{passkey_named}} AS named
FROM verdict v;

-- name: passkey_add :one
-- Keeps one that was made, and uses up what it was asked with.
WITH taken AS (
	DELETE FROM passkey_challenges AS c
	WHERE c.challenge_hash = decode(@challenge_hash::text, 'hex')
	AND c.purpose = 'register' AND c.bound_to = @actor_hash::text
	AND c.expires_at > licet_now()
	RETURNING c.purpose
), made AS (
	INSERT INTO passkeys AS k (credential_id, algorithm, public_key,
	    sign_count, name, transports, alone)
	SELECT decode(@credential_id::text, 'hex'), @algorithm::int,
	    decode(@public_key::text, 'hex'), @sign_count::bigint,
	    @name::text, ARRAY(SELECT jsonb_array_elements_text(
	    @transports::jsonb)), @alone::boolean
	FROM taken t
	WHERE (SELECT count(*) FROM passkeys k) < 20
	ON CONFLICT DO NOTHING
	RETURNING k.id, k.name, k.algorithm, k.alone, k.transports,
	    k.sign_count, k.created_at, k.last_used_at
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'passkey.create', 'passkey', k.id::text,
	    jsonb_build_object('name', k.name, 'alone', k.alone)
	FROM made k
)
SELECT CASE WHEN t.purpose IS NULL THEN 'bad_request'
    WHEN k.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN t.purpose IS NULL
    THEN 'This answers no request of the last five minutes; try again.'
    ELSE 'This passkey is here already, or there are 20 of them.' END
    AS message, {{passkey_json}} AS body
FROM (VALUES (1)) AS one (row)
LEFT JOIN taken t ON true
LEFT JOIN made k ON true;

-- name: passkey_rename :opt
-- Another name.
WITH before AS (
	SELECT b.id, b.name
	FROM passkeys b
	WHERE b.id = @id::uuid
	FOR NO KEY UPDATE
), changed AS (
	UPDATE passkeys AS k
	SET name = @name::text
	FROM before b
	WHERE k.id = b.id
	RETURNING k.id, k.name, k.algorithm, k.alone, k.transports,
	    k.sign_count, k.created_at, k.last_used_at
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'passkey.rename', 'passkey', k.id::text,
	    jsonb_build_object('from', b.name, 'to', k.name)
	FROM changed k
	JOIN before b ON b.id = k.id
)
SELECT NULL::text AS fault, NULL::text AS message, {{passkey_json}} AS body
FROM changed k;

-- name: passkey_delete :opt
-- It opens nothing from the commit on.  With the last one goes the rule that
-- wants both, so that another doesn't bring it back unasked.  To be sent after
-- passkey_lock.
WITH gone AS (
	DELETE FROM passkeys AS k
	WHERE k.id = @id::uuid
	RETURNING k.id, k.name
), was_last AS (
	SELECT g.id
	FROM gone g
	WHERE (SELECT count(*) FROM passkeys k) = 1
), freed AS (
	DELETE FROM settings AS m
	USING was_last w
	WHERE m.key = 'web_ui_sign_in'
	RETURNING m.key
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'passkey.delete', 'passkey', g.id::text,
	    jsonb_build_object('name', g.name, 'password_is_enough',
	    EXISTS (SELECT FROM freed f))
	FROM gone g
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM gone g;

-- name: passkey_mode_set :one
-- What signing in takes.  Where it takes both from now on, sessions end that
-- began with less, but the one that asks.  To be sent after passkey_lock.
WITH verdict AS (
	SELECT CASE
	    WHEN @mode::text <> 'password_and_passkey' THEN NULL
	    WHEN NOT EXISTS (SELECT FROM passkeys k)
	    THEN 'mode: there is no passkey; add one first'
	    WHEN NOT EXISTS (SELECT FROM settings p
		WHERE p.key = 'web_ui_password_hash')
	    THEN 'mode: there is no password; set one first' END AS message
), kept AS (
	INSERT INTO settings AS m (key, value, updated_at)
	SELECT 'web_ui_sign_in', @mode, licet_now()
	FROM verdict v
	WHERE v.message IS NULL
	ON CONFLICT (key) DO UPDATE SET value = excluded.value,
	    updated_at = excluded.updated_at
), ended AS (
	DELETE FROM sessions AS s
	USING verdict v
	WHERE v.message IS NULL AND @mode = 'password_and_passkey'
	AND NOT {{passkey_wanted}}
	AND encode(s.token_hash, 'hex') IS DISTINCT FROM @actor_hash::text
	RETURNING s.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'web_ui.set_sign_in', 'setting',
	    'web_ui_sign_in', jsonb_build_object('mode', @mode,
	    'sessions_ended', (SELECT count(*) FROM ended e))
	FROM verdict v
	WHERE v.message IS NULL
)
SELECT CASE WHEN v.message IS NOT NULL THEN 'conflict' END AS fault,
    v.message, json_build_object('ok', true, 'mode', @mode) AS body
FROM verdict v;

-- name: passkey_use :opt
-- Uses up what was to be signed, whatever then comes of it: of two who send
-- the same only one finds it.  No row: it was used, is over, or was for
-- something or somebody else.  Of the passkey there may be none.
WITH taken AS (
	DELETE FROM passkey_challenges AS c
	WHERE c.challenge_hash = decode(@challenge_hash::text, 'hex')
	AND c.expires_at > licet_now()
	AND CASE WHEN @confirms::boolean
	    THEN c.purpose = 'confirm' AND c.bound_to = @actor_hash::text
	    ELSE c.purpose IN ('alone', 'second') END
	RETURNING c.purpose, c.bound_to
)
SELECT t.purpose, t.bound_to, k.id, k.algorithm,
    encode(k.public_key, 'hex') AS public_key
FROM taken t
LEFT JOIN passkeys k
    ON k.credential_id = decode(@credential_id::text, 'hex');

-- name: passkey_begin :one
-- Somebody signed with the passkey @id: alone, where that is enough, or after
-- the password that @bound_to names, which must still be it.  No session: its
-- count went back, or the rule or the password is another meanwhile.  To be
-- sent after passkey_share.
WITH counted AS (
	{{passkey_counted}}
), password AS (
	SELECT {{passkey_password}} AS name
	FROM settings p
	WHERE p.key = 'web_ui_password_hash'
	FOR SHARE
), made AS (
	INSERT INTO sessions AS s (token_hash, ip, user_agent)
	SELECT decode(@token_hash::text, 'hex'), @request_ip, @user_agent
	FROM counted c
	LEFT JOIN password p ON true
	WHERE CASE WHEN @bound_to::text IS NULL THEN NOT {{passkey_wanted}}
	    ELSE p.name = @bound_to END
	RETURNING s.id
), back AS (
	{{passkey_went_back}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT 'web_ui', @token_hash, @request_ip, @user_agent,
	    'web_ui.login', 'session', m.id::text,
	    jsonb_build_object('passkey', @id)
	FROM made m
)
SELECT EXISTS (SELECT FROM counted c) AS is_counted,
    EXISTS (SELECT FROM made m) AS is_in;

-- name: passkey_confirm :one
-- Who has a session signed with the passkey @id.
WITH counted AS (
	{{passkey_counted}}
), changed AS (
	UPDATE sessions AS s
	SET reauthenticated_at = licet_now()
	FROM counted c
	WHERE s.token_hash = decode(@actor_hash, 'hex')
	AND {{session_lives}}
	RETURNING s.id
), back AS (
	{{passkey_went_back}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT 'web_ui', @actor_hash, @request_ip, @user_agent,
	    'web_ui.confirm', 'session', c.id::text,
	    jsonb_build_object('passkey', @id)
	FROM changed c
)
SELECT EXISTS (SELECT FROM counted c) AS is_counted,
    EXISTS (SELECT FROM changed c) AS is_in;

-- name: passkey_refuse :exec
-- What is wrong with a passkey is worth a line in the audit trail.
INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent, action,
    target_kind, details)
VALUES ('web_ui', @actor_hash::text, @request_ip::text, @user_agent::text,
    'web_ui.login_failed', 'session',
    jsonb_build_object('passkey', @why::text));
