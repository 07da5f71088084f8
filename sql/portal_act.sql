-- What customers do in the portal.  That a license is theirs is asked by the
-- statement that acts, so that nothing comes between.

-- name: portal_show_key :opt
-- What the key is made from; that it was shown is in the audit trail.  Leans on
-- licenses_pkey.
WITH found AS (
	SELECT {{license_columns}}
	FROM licenses l
	WHERE l.id = @id::uuid AND {{customer_owns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'license.key_shown', 'license', l.id::text, '{}'
	FROM found l
	WHERE l.status <> 'revoked'
)
SELECT CASE WHEN l.status = 'revoked' THEN 'conflict' END AS fault,
    'This license was revoked.' AS message, {{license_facts}},
    json_build_object('license_id', l.id, 'license_key', NULL,
    'file_name', p.slug || '-license.txt') AS body
FROM found l
JOIN products p ON p.id = l.product_id;

-- name: portal_release :opt
-- A machine's seat is free at once.  Of two who release it, one does.  No row:
-- it isn't the customer's, or has no seat any more.
WITH gone AS (
	UPDATE machines m
	SET deactivated_at = licet_now(),
	    deactivation_reason = 'released by the customer'
	FROM licenses l
	WHERE m.id = @id::uuid AND m.deactivated_at IS NULL
	AND l.id = m.license_id AND {{customer_owns}}
	RETURNING {{machine_gone}}
), {{machine_gone_told}}, audited AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'machine.deactivate', 'machine',
	    g.machine_id::text, jsonb_build_object('license_id', g.license_id,
	    'reason', g.reason)
	FROM gone g
)
SELECT NULL AS fault, NULL AS message, json_build_object('ok', true,
    'license_id', g.license_id) AS body
FROM gone g;

-- name: portal_cancel :opt
-- The customer ends a subscription.  After license_hold.
WITH license AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.id = @id::uuid AND {{customer_owns}}
	FOR NO KEY UPDATE
), ending AS MATERIALIZED (
	SELECT b.id, b.status, 'buyer' AS actor
	FROM subscriptions b
	WHERE b.license_id = (SELECT l.id FROM license l)
	FOR NO KEY UPDATE
), {{subscription_end}}
SELECT CASE WHEN e.id IS NULL THEN 'conflict' END AS fault,
    'The license has no subscription.' AS message,
    CASE WHEN e.id IS NOT NULL THEN {{subscription_ended}} END AS body
FROM license l
LEFT JOIN ending e ON true
LEFT JOIN ended d ON true;

-- name: portal_bill :opt
-- A renewal that could not be billed is tried again now, but not more often than
-- once in two minutes.  After license_hold; leans on
-- subscriptions_license_id_key.
WITH license AS MATERIALIZED (
	SELECT l.id
	FROM licenses l
	WHERE l.id = @id::uuid AND {{customer_owns}}
	FOR NO KEY UPDATE
), held AS MATERIALIZED (
	SELECT b.id, b.status = 'past_due' AND b.consecutive_failures > 0
	    AS gave_up, COALESCE(b.last_renewal_attempt_at
	        > licet_now() - interval '2 minutes', false) AS is_early
	FROM subscriptions b
	WHERE b.license_id = (SELECT l.id FROM license l)
	FOR NO KEY UPDATE
), resumed AS (
	UPDATE subscriptions AS b
	SET {{subscription_anew}}
	FROM held h
	WHERE b.id = h.id AND h.gave_up AND NOT h.is_early
	RETURNING b.id
), {{subscription_resumed}}
SELECT CASE WHEN r.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN h.is_early THEN 'It was tried a moment ago; wait two minutes.'
    ELSE 'There is no bill that failed.' END AS message,
    CASE WHEN r.id IS NOT NULL THEN json_build_object('ok', true) END AS body,
    (SELECT count(*) FROM woken) AS woken
FROM license l
LEFT JOIN held h ON true
LEFT JOIN resumed r ON true;

-- fragment: portal_reissues
-- When a license (alias l) was issued anew by its customer within 30 days; it is
-- handed on from license to license.
ARRAY(SELECT t.at
    FROM jsonb_array_elements_text(CASE
        WHEN jsonb_typeof(l.metadata -> 'customer_reissues') = 'array'
        THEN l.metadata -> 'customer_reissues' ELSE '[]' END) AS t (at)
    WHERE t.at::timestamptz > licet_now() - interval '2592000 seconds')

-- name: portal_reissue :opt
-- The customer has a key that leaked: its license is revoked, another is issued
-- in its place, and its key goes to the license's address, nowhere else: the old
-- key may have opened the session.  So there must be one, and a mail server
-- (@mail).  Three times in 30 days.  After license_hold; who comes second finds
-- the license revoked.
WITH {{reissue_held}}, verdict AS MATERIALIZED (
	SELECT l.id, {{portal_reissues}} AS lately, CASE
	    WHEN l.status <> 'active'
	    THEN 'Only an active license can be issued anew.'
	    WHEN {{mail_address}} = ''
	    THEN 'The license has no e-mail address to send the new key to; '
	    'ask the vendor.'
	    WHEN NOT @mail::boolean
	    THEN 'This server sends no mail; ask the vendor.'
	    WHEN cardinality({{portal_reissues}}) >= 3
	    THEN 'It was issued anew three times in 30 days; ask the vendor.'
	    END AS wrong
	FROM held l
	WHERE {{customer_owns}}
), fresh AS MATERIALIZED (
	SELECT {{reissue_fresh}}, h.metadata || jsonb_build_object(
	    'customer_reissues', to_jsonb(v.lately || rfc3339(licet_now())))
	    AS metadata
	FROM held h
	JOIN verdict v ON v.id = h.id AND v.wrong IS NULL
), {{reissue_make}}
SELECT CASE WHEN v.wrong IS NOT NULL THEN 'conflict' END AS fault,
    v.wrong AS message,
    CASE WHEN l.id IS NOT NULL THEN json_build_object('license_id', l.id,
        'reissued_from', v.id, 'mailed_to', left({{mail_address}}, 1) || '…'
        || substring({{mail_address}} FROM '@.*$')) END AS body
FROM verdict v
LEFT JOIN issued l ON true;

-- name: portal_activate_lock :many
-- Before portal_activate, so that it counts what earlier holders committed.
SELECT l.id
FROM licenses l
WHERE l.id = @license_id::uuid AND {{customer_owns}}
FOR NO KEY UPDATE;

-- name: portal_activate :opt
-- A machine without a network gets a seat as any other does, and what the
-- activation says of it: until the license ends, @offline_days are over (0:
-- any time), or its silence would cost it the seat, whichever comes first.
WITH asked AS (
	{{machine_asked}} AND {{customer_owns}}
), {{machine_seat}}, event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{customer_actor}}, 'machine.activate_offline', 'machine',
	    a.machine_id::text, jsonb_build_object('license_id', @license_id)
	FROM answer a
	WHERE a.reason IS NULL
), terms AS (
	SELECT l.id, l.product_id, l.is_trial, l.entitlements,
	    l.signing_key_id, p.slug, date_trunc('second', licet_now()) AS issued_at,
	    date_trunc('second', LEAST(l.expires_at + {{license_grace}},
	        licet_now() + NULLIF(@offline_days::int, 0)
	            * interval '86400 seconds',
	        licet_now() + NULLIF(y.heartbeat_timeout_seconds, 0)
	            * interval '1 second')) AS expires_at
	FROM licenses l
	JOIN products p ON p.id = l.product_id
	LEFT JOIN policies y ON y.id = l.policy_id
	WHERE l.id = @license_id
)
SELECT CASE WHEN a.reason IS NOT NULL THEN 'conflict' END AS fault,
    CASE a.reason WHEN 'too_many_machines'
    THEN 'All seats are in use: release a device first.'
    WHEN 'expired' THEN 'The license has ended.'
    ELSE 'The license is ' || a.reason || '.' END AS message,
    {{license_facts}},
    json_build_object('activation', NULL, 'machine_id', a.machine_id,
    'active_count', a.active_count, 'max_machines', a.max_machines,
    'expires_at', rfc3339(l.expires_at),
    'file_name', l.slug || '-activation.txt') AS body
FROM answer a
CROSS JOIN terms l;
