-- name: access_key :opt
-- Whose scoped key this is, and whether it holds the scope: by its role, when
-- that is one of @roles, or by itself.  Stamps one that does, once a minute,
-- unless another request is about to.  No row: unknown or revoked.  Leans on
-- scoped_api_keys_token_hash_key.
WITH found AS (
	SELECT k.id, k.role, k.extra_scopes,
	    k.role = ANY (string_to_array(@roles::text, ' '))
	    OR @scope::text = ANY (k.extra_scopes) AS allowed
	FROM scoped_api_keys k
	WHERE k.token_hash = decode(@token_hash::text, 'hex')
	AND k.revoked_at IS NULL
), due AS (
	SELECT k.id
	FROM scoped_api_keys k
	JOIN found f ON f.id = k.id AND f.allowed
	WHERE k.last_used_at IS NULL
	OR k.last_used_at < licet_now() - interval '60 seconds'
	FOR NO KEY UPDATE OF k SKIP LOCKED
), stamped AS (
	UPDATE scoped_api_keys AS k
	SET last_used_at = licet_now()
	FROM due d
	WHERE k.id = d.id
)
SELECT f.allowed, f.role, array_to_string(f.extra_scopes, ' ') AS scopes
FROM found f;

-- fragment: session_lives
-- A session (alias s) ends 24 hours after it was last used, and 7 days after
-- it began.
s.last_seen_at > licet_now() - interval '86400 seconds'
AND s.created_at > licet_now() - interval '604800 seconds'

-- name: access_session :opt
-- The session of this token.  Notes that it is used, once a minute, unless
-- another request is about to.  No row: unknown or over.  Leans on
-- sessions_token_hash_key.
WITH found AS (
	SELECT s.id, s.reauthenticated_at
	FROM sessions s
	WHERE s.token_hash = decode(@token_hash::text, 'hex')
	AND {{session_lives}}
), due AS (
	SELECT s.id
	FROM sessions s
	JOIN found f ON f.id = s.id
	WHERE s.last_seen_at < licet_now() - interval '60 seconds'
	FOR NO KEY UPDATE OF s SKIP LOCKED
), stamped AS (
	UPDATE sessions AS s
	SET last_seen_at = licet_now()
	FROM due d
	WHERE s.id = d.id
	RETURNING s.id
)
SELECT f.id, EXISTS (SELECT FROM stamped) AS is_prolonged,
    extract(epoch FROM licet_now() - f.reauthenticated_at)::bigint
    AS reauthenticated_s
FROM found f;

-- name: web_password_get :opt
-- The password's hash.  No row: none is set.
SELECT p.value AS hash
FROM settings p
WHERE p.key = 'web_ui_password_hash';

-- name: web_password_lock :many
-- Before web_password_set: waits for logins by the password there was, so that
-- their sessions are seen, and end.
SELECT p.key
FROM settings p
WHERE p.key = 'web_ui_password_hash'
FOR UPDATE;

-- name: web_password_set :one
-- Another password; all sessions end.
WITH kept AS (
	INSERT INTO settings AS p (key, value, updated_at)
	VALUES ('web_ui_password_hash', @hash::text, licet_now())
	ON CONFLICT (key) DO UPDATE SET value = excluded.value,
	    updated_at = excluded.updated_at
), ended AS (
	DELETE FROM sessions AS s
	RETURNING s.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'web_ui.set_password', 'setting',
	    'web_ui_password_hash', jsonb_build_object('sessions_ended',
	    (SELECT count(*) FROM ended e))
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body;

-- name: session_begin :opt
-- Somebody typed the password whose hash is @hash.  Where a passkey is wanted,
-- too, they are asked for it instead.  No row: the password was changed
-- meanwhile.  The lock keeps it from being changed until this is committed.
-- To be sent after passkey_share.
WITH password AS (
	SELECT p.key, {{passkey_password}} AS name
	FROM settings p
	WHERE p.key = 'web_ui_password_hash' AND p.value = @hash::text
	FOR SHARE
), made AS (
	INSERT INTO sessions AS s (token_hash, ip, user_agent)
	SELECT decode(@token_hash::text, 'hex'), @request_ip::text,
	    @user_agent::text
	FROM password p
	WHERE NOT {{passkey_wanted}}
	RETURNING s.id
), asked AS (
	INSERT INTO passkey_challenges AS c (challenge_hash, purpose, bound_to,
	    expires_at)
	SELECT decode(@challenge_hash::text, 'hex'), 'second', p.name,
	    licet_now() + interval '300 seconds'
	FROM password p
	WHERE {{passkey_wanted}}
	RETURNING c.purpose
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id)
	SELECT 'web_ui', @token_hash, @request_ip, @user_agent,
	    'web_ui.login', 'session', m.id::text
	FROM made m
	UNION ALL
	SELECT 'web_ui', NULL, @request_ip, @user_agent,
	    'web_ui.login_password', 'session', NULL
	FROM asked a
)
SELECT m.id, CASE WHEN m.id IS NULL THEN {{passkey_named}} END AS named
FROM password p
LEFT JOIN made m ON true;

-- name: session_confirm :opt
-- Who has a session typed the password again.  No row: session or password is
-- another meanwhile.
WITH changed AS (
	UPDATE sessions AS s
	SET reauthenticated_at = licet_now()
	FROM settings p
	WHERE s.token_hash = decode(@token_hash::text, 'hex')
	AND {{session_lives}}
	AND p.key = 'web_ui_password_hash' AND p.value = @hash::text
	RETURNING s.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id)
	SELECT 'web_ui', @token_hash, @request_ip::text, @user_agent::text,
	    'web_ui.confirm', 'session', c.id::text
	FROM changed c
)
SELECT c.id
FROM changed c;

-- name: session_refuse :exec
-- A wrong password is worth a line in the audit trail.
INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent, action,
    target_kind)
VALUES ('web_ui', @token_hash::text, @request_ip::text, @user_agent::text,
    'web_ui.login_failed', 'session');

-- name: session_end :exec
-- Whoever leaves by themselves.
WITH ended AS (
	DELETE FROM sessions AS s
	WHERE s.token_hash = decode(@token_hash::text, 'hex')
	RETURNING s.id
)
INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent, action,
    target_kind, target_id)
SELECT 'web_ui', @token_hash, @request_ip::text, @user_agent::text,
    'web_ui.logout', 'session', e.id::text
FROM ended e;

-- name: session_status :one
-- Can one log in, by a passkey alone, too, and is one?
SELECT EXISTS (SELECT FROM settings p
	WHERE p.key = 'web_ui_password_hash') AS has_password,
    EXISTS (SELECT FROM passkeys k) AS has_passkey,
    {{passkey_wanted}} AS wants_both,
    EXISTS (SELECT FROM sessions s
	WHERE s.token_hash = decode(@token_hash::text, 'hex')
	AND {{session_lives}}) AS logged_in;

-- name: session_list :one
-- A page of the sessions that live, newest first.  Leans on sessions_newest.
WITH page AS (
	SELECT s.id, s.token_hash, s.created_at, s.last_seen_at,
	    s.reauthenticated_at, s.ip, s.user_agent
	FROM sessions s
	WHERE (s.created_at, s.id) < ({{cursor_time}}, {{cursor_id}})
	AND {{session_lives}}
	ORDER BY s.created_at DESC, s.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY s.created_at DESC, s.id DESC) AS n,
	    (extract(epoch FROM s.created_at) * 1000000)::bigint || '_' || s.id
	    AS cursor, json_build_object('id', s.id,
	    'created_at', rfc3339(s.created_at),
	    'last_seen_at', rfc3339(s.last_seen_at),
	    'reauthenticated_at', rfc3339(s.reauthenticated_at),
	    'ip', s.ip, 'user_agent', s.user_agent,
	    'current', encode(s.token_hash, 'hex')
	        IS NOT DISTINCT FROM @actor_hash::text) AS doc
	FROM page s
)
SELECT json_build_object(
    'sessions', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: session_end_one :one
-- Ends a session by its id; no row: there is none.
WITH ended AS (
	DELETE FROM sessions AS s
	WHERE s.id = @id::uuid
	RETURNING s.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id)
	SELECT {{admin_actor}}, 'web_ui.end_session', 'session', e.id::text
	FROM ended e
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM ended e;

-- name: session_end_others :one
-- Ends all sessions but the one that asks; asked by a key, all.
WITH ended AS (
	DELETE FROM sessions AS s
	WHERE encode(s.token_hash, 'hex') IS DISTINCT FROM @actor_hash::text
	RETURNING s.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, details)
	SELECT {{admin_actor}}, 'web_ui.end_sessions', 'session',
	    jsonb_build_object('ended', (SELECT count(*) FROM ended e))
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true, 'ended', (SELECT count(*) FROM ended e))
    AS body;

-- name: session_prune :exec
-- Sessions that are over go.  Few rows: it reads them all.
DELETE FROM sessions AS s
WHERE NOT ({{session_lives}});

-- fragment: api_key_json
-- A scoped key (alias k) as the operator sees it.
json_build_object('id', k.id, 'label', k.label, 'role', k.role,
    'scopes', k.extra_scopes, 'created_at', rfc3339(k.created_at),
    'last_used_at', rfc3339(k.last_used_at),
    'revoked_at', rfc3339(k.revoked_at))

-- name: api_key_create :one
-- A new key, by the hash of its token.  Refuses scopes that can't be given by
-- themselves.
WITH asked AS (
	SELECT ARRAY(SELECT DISTINCT jsonb_array_elements_text(
	    @scopes::jsonb)) AS scopes
), verdict AS (
	SELECT CASE
	    WHEN NOT a.scopes <@ ARRAY[@extra_scope::text]
	    THEN 'scopes: a key can be given ' || @extra_scope || ' only; '
	        'others come with its role'
	    WHEN char_length(@label::text) > 80
	    THEN 'label: must have at most 80 characters' END AS message
	FROM asked a
), made AS (
	INSERT INTO scoped_api_keys AS k (label, token_hash, role, extra_scopes)
	SELECT @label, decode(@token_hash::text, 'hex'), @role::text, a.scopes
	FROM asked a
	JOIN verdict v ON v.message IS NULL
	RETURNING k.id, k.label, k.role, k.extra_scopes, k.created_at,
	    k.last_used_at, k.revoked_at
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'api_key.create', 'api_key', k.id::text,
	    jsonb_build_object('label', k.label, 'role', k.role,
	    'scopes', k.extra_scopes, 'token_hash', @token_hash)
	FROM made k
)
SELECT CASE WHEN v.message IS NOT NULL THEN 'bad_request' END AS fault,
    v.message, k.id, rfc3339(k.created_at) AS created_at,
    array_to_json(k.extra_scopes) AS scopes
FROM verdict v
LEFT JOIN made k ON true;

-- name: api_key_list :one
-- A page of keys, revoked ones too, newest first.  Leans on
-- scoped_api_keys_newest.
WITH page AS (
	SELECT k.id, k.label, k.role, k.extra_scopes, k.created_at,
	    k.last_used_at, k.revoked_at
	FROM scoped_api_keys k
	WHERE (k.created_at, k.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY k.created_at DESC, k.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY k.created_at DESC, k.id DESC) AS n,
	    (extract(epoch FROM k.created_at) * 1000000)::bigint || '_' || k.id
	    AS cursor, {{api_key_json}} AS doc
	FROM page k
)
SELECT json_build_object(
    'api_keys', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: api_key_get :opt
-- A key, with the hash under which the audit trail has what it did.
SELECT NULL::text AS fault, NULL::text AS message,
    ({{api_key_json}}::jsonb || jsonb_build_object('actor_hash',
        encode(k.token_hash, 'hex')))::json AS body
FROM scoped_api_keys k
WHERE k.id = @id::uuid;

-- name: api_key_revoke :one
-- A key that opens nothing from the commit on.  Again: says so.
WITH changed AS (
	UPDATE scoped_api_keys AS k
	SET revoked_at = licet_now()
	WHERE k.id = @id::uuid AND k.revoked_at IS NULL
	RETURNING k.id, k.label, k.revoked_at
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'api_key.revoke', 'api_key', c.id::text,
	    jsonb_build_object('label', c.label)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    CASE WHEN c.id IS NULL
    THEN json_build_object('ok', true, 'already_revoked', true)
    ELSE json_build_object('ok', true, 'revoked_at', rfc3339(c.revoked_at))
    END AS body
FROM scoped_api_keys k
LEFT JOIN changed c ON true
WHERE k.id = @id;
