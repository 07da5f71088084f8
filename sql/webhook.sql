-- fragment: endpoint_json
-- A webhook endpoint (alias e) as administrators see it, without its secret.
json_build_object('id', e.id, 'url', e.url, 'event_types', e.event_types,
    'product_id', e.product_id, 'active', e.active,
    'description', e.description,
    'consecutive_failures', e.consecutive_failures,
    'open_until', CASE WHEN e.open_until > licet_now()
        AND {{circuit_is_open}} THEN rfc3339(e.open_until) END,
    'previous_secret_until', CASE WHEN e.previous_until > licet_now()
        THEN rfc3339(e.previous_until) END,
    'created_at', rfc3339(e.created_at), 'updated_at', rfc3339(e.updated_at))

-- fragment: endpoint_columns
-- The columns that endpoint_json reads.
e.id, e.url, e.event_types, e.product_id, e.active, e.description,
e.consecutive_failures, e.open_until, e.previous_until, e.created_at,
e.updated_at

-- fragment: delivery_json
-- A delivery (alias d) as administrators see it.
json_build_object('id', d.id, 'endpoint_id', d.endpoint_id,
    'event_type', d.event_type, 'status', CASE
        WHEN d.delivered_at IS NOT NULL THEN 'delivered'
        WHEN d.next_attempt_at IS NOT NULL THEN 'pending'
        WHEN d.attempt_count > 0 THEN 'failed'
        ELSE 'dropped' END, 'payload_json', d.payload,
    'attempt_count', d.attempt_count,
    'next_attempt_at', rfc3339(d.next_attempt_at),
    'last_status_code', d.last_status_code, 'last_error', d.last_error,
    'last_response', d.last_response,
    'delivered_at', rfc3339(d.delivered_at),
    'created_at', rfc3339(d.created_at), 'outbox_id', d.outbox_id)

-- fragment: delivery_columns
-- The columns that delivery_json reads.
d.id, d.endpoint_id, d.event_type, d.payload, d.attempt_count,
d.next_attempt_at, d.last_status_code, d.last_error, d.last_response,
d.delivered_at, d.created_at, d.outbox_id

-- fragment: event_names
-- The names of events that the body has, as an array.
COALESCE(ARRAY(SELECT jsonb_array_elements_text(@event_types::jsonb)), '{}')

-- fragment: event_names_bad
-- Is one of the event_types (alias n) no name of an event, or is there none?
n.event_types = '{}' OR EXISTS (SELECT
    FROM unnest(n.event_types) AS t (name)
    WHERE t.name !~ '^(\*|[a-z_]+(\.[a-z_]+)*)$')

-- fragment: endpoint_fault
-- What is wrong with an endpoint's fields (alias v), in words.
CASE v.fault
    WHEN 'bad_request' THEN 'event_types: names like license.issued, or *'
    WHEN 'not_found' THEN 'no such product' END

-- name: webhook_endpoint_create :one
-- Refuses an unknown product and names of events that can't be any.  The secret
-- comes sealed for the @id; the audit trail never has it.
WITH next AS (
	SELECT {{event_names}} AS event_types
), verdict AS (
	SELECT CASE
	    WHEN {{event_names_bad}} THEN 'bad_request'
	    WHEN @product_id::uuid IS NOT NULL AND NOT EXISTS (
	        SELECT FROM products p WHERE p.id = @product_id)
	    THEN 'not_found' END AS fault
	FROM next n
), made AS (
	INSERT INTO webhook_endpoints AS e (id, url, sealed_secret,
	    event_types, product_id, description)
	SELECT @id::uuid, @url::text, decode(@sealed_secret::text, 'hex'),
	    n.event_types, @product_id, @description::text
	FROM next n
	JOIN verdict v ON v.fault IS NULL
	RETURNING e.id, {{endpoint_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.create', 'webhook_endpoint',
	    m.id::text, jsonb_build_object('endpoint', m.body)
	FROM made m
)
SELECT v.fault, {{endpoint_fault}} AS message, m.body
FROM verdict v
LEFT JOIN made m ON true;

-- name: webhook_endpoint_list :one
-- Endpoints that are not deleted, newest first, page by page.  With
-- @include_secret each has its sealed secret, for the caller to open.  Leans on
-- webhook_endpoints_newest.
WITH page AS (
	SELECT {{endpoint_columns}}, e.sealed_secret
	FROM webhook_endpoints e
	WHERE e.deleted_at IS NULL
	AND (e.created_at, e.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY e.created_at DESC, e.id DESC
	LIMIT {{page_size}} + 1
), numbered AS (
	SELECT row_number() OVER (ORDER BY e.created_at DESC, e.id DESC) AS n,
	    (extract(epoch FROM e.created_at) * 1000000)::bigint || '_' || e.id
	    AS cursor, CASE WHEN @include_secret::boolean
	    THEN ({{endpoint_json}}::jsonb || jsonb_build_object(
	        'sealed_secret', encode(e.sealed_secret, 'hex')))::json
	    ELSE {{endpoint_json}} END AS doc
	FROM page e
)
SELECT json_build_object(
    'endpoints', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: webhook_endpoint_get :opt
-- One endpoint; with @include_secret also its sealed secret, for the caller to
-- open.  No row: unknown or deleted.
SELECT NULL::text AS fault, NULL::text AS message,
    CASE WHEN @include_secret::boolean
    THEN ({{endpoint_json}}::jsonb || jsonb_build_object(
        'sealed_secret', encode(e.sealed_secret, 'hex')))::json
    ELSE {{endpoint_json}} END AS body
FROM webhook_endpoints e
WHERE e.id = @id::uuid AND e.deleted_at IS NULL;

-- name: webhook_endpoint_update :one
-- Changes what the body names; null clears.  What waits goes to the new URL,
-- whose circuit is closed.  Refuses an unknown product and names of events that
-- can't be any.  No row: unknown or deleted.
WITH found AS (
	SELECT e.id, e.url, e.event_types, e.product_id, e.description
	FROM webhook_endpoints e
	WHERE e.id = @id::uuid AND e.deleted_at IS NULL
	FOR NO KEY UPDATE
), next AS (
	SELECT f.id, COALESCE(@url::text, f.url) AS url,
	    CASE WHEN @body::jsonb ? 'event_types'
	        THEN {{event_names}} ELSE f.event_types END AS event_types,
	    CASE WHEN @body ? 'product_id' THEN @product_id::uuid
	        ELSE f.product_id END AS product_id,
	    CASE WHEN @body ? 'description' THEN @description::text
	        ELSE f.description END AS description
	FROM found f
), verdict AS (
	SELECT CASE
	    WHEN {{event_names_bad}} THEN 'bad_request'
	    WHEN @product_id IS NOT NULL AND NOT EXISTS (
	        SELECT FROM products p WHERE p.id = @product_id)
	    THEN 'not_found' END AS fault
	FROM next n
), changed AS (
	UPDATE webhook_endpoints AS e
	SET url = n.url, event_types = n.event_types,
	    product_id = n.product_id, description = n.description,
	    consecutive_failures = CASE WHEN n.url = e.url
	        THEN e.consecutive_failures ELSE 0 END,
	    open_until = CASE WHEN n.url = e.url THEN e.open_until END,
	    updated_at = licet_now()
	FROM next n
	JOIN verdict v ON v.fault IS NULL
	WHERE e.id = n.id
	RETURNING e.id, {{endpoint_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.update', 'webhook_endpoint',
	    c.id::text, jsonb_build_object('changed', @body, 'before',
	    jsonb_build_object('url', f.url, 'event_types', f.event_types,
	        'product_id', f.product_id, 'description', f.description))
	FROM changed c
	JOIN found f ON true
)
SELECT v.fault, {{endpoint_fault}} AS message, c.body
FROM verdict v
LEFT JOIN changed c ON true;

-- name: webhook_endpoint_rotate_secret :one
-- Gives an endpoint another secret; the one before signs, too, for so many
-- @overlap_hours.  One that was replaced before that signs no more.  The secret
-- comes sealed for the @id; the audit trail never has it.  No row: unknown or
-- deleted.
WITH changed AS (
	UPDATE webhook_endpoints AS e
	SET sealed_secret = decode(@sealed_secret::text, 'hex'),
	    previous_sealed_secret = CASE WHEN @overlap_hours::int > 0
	        THEN e.sealed_secret END,
	    previous_until = CASE WHEN @overlap_hours > 0 THEN licet_now()
	        + @overlap_hours * interval '1 hour' END,
	    updated_at = licet_now()
	WHERE e.id = @id::uuid AND e.deleted_at IS NULL
	RETURNING e.id, e.previous_until, {{endpoint_json}} AS body
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.rotate_secret',
	    'webhook_endpoint', c.id::text, jsonb_build_object(
	    'previous_until', rfc3339(c.previous_until))
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message, c.body
FROM changed c;

-- name: webhook_endpoint_set_active :one
-- Switches an endpoint off (what waits for it dies) or on, with its circuit
-- closed.  No row: unknown or deleted.
WITH changed AS (
	UPDATE webhook_endpoints AS e
	SET active = @active::boolean, consecutive_failures = 0,
	    active_since = CASE WHEN e.active THEN e.active_since
	        ELSE licet_now() END,
	    open_until = NULL, updated_at = licet_now()
	WHERE e.id = @id::uuid AND e.deleted_at IS NULL
	RETURNING e.id, e.url
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.set_active',
	    'webhook_endpoint', c.id::text,
	    jsonb_build_object('active', @active, 'url', c.url)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c;

-- name: webhook_endpoint_delete :one
-- Deletes an endpoint: its deliveries stay to be looked at, its secret goes.
WITH changed AS (
	UPDATE webhook_endpoints AS e
	SET active = false, deleted_at = licet_now(), sealed_secret = NULL,
	    previous_sealed_secret = NULL, previous_until = NULL,
	    updated_at = licet_now()
	WHERE e.id = @id::uuid AND e.deleted_at IS NULL
	RETURNING e.id, e.url
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.delete', 'webhook_endpoint',
	    c.id::text, jsonb_build_object('url', c.url)
	FROM changed c
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM changed c;

-- name: webhook_endpoint_test :one
-- A message of no event, to be sent like any other.
WITH made AS (
	INSERT INTO webhook_deliveries AS d (endpoint_id, event_type, payload,
	    next_attempt_at)
	SELECT e.id, 'endpoint.test', '{"event_type":"endpoint.test",'
	    || '"timestamp":"' || rfc3339(licet_now()) || '","data":'
	    || jsonb_build_object('endpoint_id', e.id)::text || '}', licet_now()
	FROM webhook_endpoints e
	WHERE e.id = @id::uuid AND e.active
	RETURNING {{delivery_columns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.test', 'webhook_endpoint',
	    d.endpoint_id::text, jsonb_build_object('delivery_id', d.id)
	FROM made d
)
SELECT CASE WHEN d.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN d.id IS NULL THEN 'the endpoint is off' END AS message,
    CASE WHEN d.id IS NOT NULL THEN {{delivery_json}} END AS body,
    pg_notify('licet_jobs', 'webhooks')::text AS told
FROM webhook_endpoints e
LEFT JOIN made d ON true
WHERE e.id = @id AND e.deleted_at IS NULL;

-- name: webhook_endpoint_replay_lock :many
-- Before webhook_endpoint_replay: one at a time, so that each has a number of
-- its own.
SELECT e.id
FROM webhook_endpoints e
WHERE e.id = @id::uuid
FOR NO KEY UPDATE;

-- name: webhook_endpoint_replay :one
-- Sends past news again, those that the endpoint wants, as new deliveries with
-- ids of their own: they carry the endpoint's count of replays, which is part
-- of what must be unique.  @from and @to are ids of the outbox or times, both
-- included.  At most 10,000 news are looked at; next_from is where to go on.
-- News that were never fanned out come by themselves.  Leans on outbox_pkey and
-- outbox_created.
WITH endpoint AS (
	UPDATE webhook_endpoints AS e
	SET replays = e.replays + 1
	WHERE e.id = @id::uuid AND e.active
	RETURNING e.id, e.replays, e.event_types, e.product_id
), span AS (
	SELECT CASE WHEN @from::text ~ '^[0-9]+$' THEN @from::bigint ELSE (
	        SELECT min(o.id) FROM outbox o
	        WHERE o.created_at >= @from::timestamptz) END AS first,
	    CASE WHEN @to::text IS NULL THEN 9223372036854775807
	    WHEN @to ~ '^[0-9]+$' THEN @to::bigint ELSE (
	        SELECT max(o.id) FROM outbox o
	        WHERE o.created_at <= @to::timestamptz
	        AND o.created_at >= CASE WHEN @from !~ '^[0-9]+$'
	            THEN @from::timestamptz ELSE '-infinity' END) END AS last
), page AS MATERIALIZED (
	SELECT o.id, o.event_type, o.product_id, o.data, o.created_at,
	    o.fanned_out
	FROM outbox o
	WHERE o.id >= (SELECT s.first FROM span s)
	AND o.id <= (SELECT s.last FROM span s)
	AND EXISTS (SELECT FROM endpoint e)
	ORDER BY o.id
	LIMIT 10001
), taken AS (
	SELECT p.id, p.event_type, p.product_id, p.data, p.created_at,
	    p.fanned_out
	FROM page p
	ORDER BY p.id
	LIMIT 10000
), made AS (
	INSERT INTO webhook_deliveries AS d (outbox_id, endpoint_id, replay,
	    event_type, payload, next_attempt_at)
	SELECT f.id, e.id, e.replays, f.event_type, f.payload, licet_now() AS due_at
	FROM (SELECT o.id, o.event_type, o.product_id,
	    {{delivery_payload}} AS payload
	    FROM taken o
	    WHERE o.fanned_out) f
	JOIN endpoint e ON {{endpoint_wants}}
	ORDER BY f.id
	RETURNING d.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_endpoint.replay', 'webhook_endpoint',
	    e.id::text, jsonb_build_object('from', @from, 'to', @to,
	    'replay', e.replays, 'deliveries', (SELECT count(*) FROM made m))
	FROM endpoint e
)
SELECT CASE WHEN e.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN e.id IS NULL THEN 'the endpoint is off' END AS message,
    json_build_object('ok', true, 'replay', e.replays,
    'deliveries', (SELECT count(*) FROM made m),
    'began_at', (SELECT rfc3339(min(t.created_at)) FROM taken t),
    'next_from', (SELECT max(p.id) FROM page p
        HAVING count(*) > 10000)::text) AS body,
    pg_notify('licet_jobs', 'webhooks')::text AS told
FROM webhook_endpoints w
LEFT JOIN endpoint e ON true
WHERE w.id = @id AND w.deleted_at IS NULL;

-- fragment: delivery_page
-- Where a page of deliveries (alias d) begins, and its order.
AND (d.created_at, d.id) < ({{cursor_time}}, {{cursor_id}})
ORDER BY d.created_at DESC, d.id DESC
LIMIT {{page_size}} + 1

-- fragment: delivery_is_failed
-- Undelivered, with nothing scheduled, after tries.
d.delivered_at IS NULL AND d.next_attempt_at IS NULL AND d.attempt_count > 0

-- name: webhook_delivery_list :one
-- A page of deliveries, newest first.  The most telling mark chooses the
-- branch, and with it the index: webhook_deliveries_endpoint,
-- webhook_deliveries_undelivered, webhook_deliveries_newest.
WITH page AS (
	(SELECT {{delivery_columns}}
	FROM webhook_deliveries d
	WHERE d.endpoint_id = @endpoint_id::uuid
	AND CASE COALESCE(@status::text, 'all')
	    WHEN 'pending' THEN d.next_attempt_at IS NOT NULL
	    WHEN 'delivered' THEN d.delivered_at IS NOT NULL
	    WHEN 'failed' THEN {{delivery_is_failed}}
	    ELSE true END
	{{delivery_page}})
	UNION ALL
	(SELECT {{delivery_columns}}
	FROM webhook_deliveries d
	WHERE @endpoint_id IS NULL AND @status IN ('pending', 'failed')
	AND d.delivered_at IS NULL
	AND CASE @status WHEN 'pending' THEN d.next_attempt_at IS NOT NULL
	    ELSE {{delivery_is_failed}} END
	{{delivery_page}})
	UNION ALL
	(SELECT {{delivery_columns}}
	FROM webhook_deliveries d
	WHERE @endpoint_id IS NULL
	AND COALESCE(@status, 'all') IN ('all', 'delivered')
	AND (COALESCE(@status, 'all') = 'all' OR d.delivered_at IS NOT NULL)
	{{delivery_page}})
), numbered AS (
	SELECT row_number() OVER (ORDER BY d.created_at DESC, d.id DESC) AS n,
	    (extract(epoch FROM d.created_at) * 1000000)::bigint || '_' || d.id
	    AS cursor, {{delivery_json}} AS doc
	FROM page d
)
SELECT json_build_object(
    'deliveries', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: webhook_delivery_get :opt
-- One delivery.  Leans on webhook_deliveries_pkey.
SELECT NULL::text AS fault, NULL::text AS message, {{delivery_json}} AS body
FROM webhook_deliveries d
WHERE d.id = @id::uuid;

-- name: webhook_delivery_retry :one
-- Begins a delivery anew, one that arrived too: its tries and its age count
-- from now.  Refused while its endpoint is off.
WITH found AS (
	SELECT d.id, e.active
	FROM webhook_deliveries d
	JOIN webhook_endpoints e ON e.id = d.endpoint_id
	WHERE d.id = @id::uuid
), changed AS (
	UPDATE webhook_deliveries AS d
	SET attempt_count = 0, next_attempt_at = licet_now(),
	    due_since = licet_now(), delivered_at = NULL
	FROM found f
	WHERE d.id = f.id AND f.active
	RETURNING {{delivery_columns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'webhook_delivery.retry', 'webhook_delivery',
	    d.id::text, jsonb_build_object('endpoint_id', d.endpoint_id)
	FROM changed d
)
SELECT CASE WHEN NOT f.active THEN 'conflict' END AS fault,
    CASE WHEN NOT f.active THEN 'the endpoint is off' END AS message,
    CASE WHEN d.id IS NOT NULL THEN {{delivery_json}} END AS body,
    pg_notify('licet_jobs', 'webhooks')::text AS told
FROM found f
LEFT JOIN changed d ON true;
