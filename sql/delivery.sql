-- fragment: delivery_lease
-- How long a claimed delivery is its sender's: longer than a call may take and
-- its end be written.  Who dies with it does no harm.
licet_now() + interval '30 seconds'

-- fragment: circuit_is_open
-- Did the endpoint (alias e) fail too often in a row?
e.consecutive_failures >= 5

-- fragment: previous_secret
-- The secret before the present one of the endpoint (alias e), while it signs.
CASE WHEN e.previous_until > licet_now() THEN e.previous_sealed_secret END

-- name: outbox_fan_out :one
-- Makes deliveries of news nobody has made any of, oldest first, for the
-- endpoints that want them, and were on already when they happened.  The text
-- is fixed here.  Due since it happened, so that older ones go first.  Rows that
-- another worker is at are left to him.  The buyers' mails are made of the same
-- rows.  Leans on outbox_fresh and webhook_endpoints_active.
WITH fresh AS MATERIALIZED (
	SELECT o.id, o.event_type, o.product_id, o.created_at,
	    {{delivery_payload}} AS payload
	FROM outbox o
	WHERE NOT o.fanned_out
	ORDER BY o.id
	LIMIT 500
	FOR NO KEY UPDATE SKIP LOCKED
), marked AS (
	UPDATE outbox AS o
	SET fanned_out = true
	FROM fresh f
	WHERE o.id = f.id
), made AS (
	INSERT INTO webhook_deliveries AS d (outbox_id, endpoint_id, event_type,
	    payload, next_attempt_at)
	SELECT f.id, e.id, f.event_type, f.payload,
	    LEAST(f.created_at, licet_now())
	FROM fresh f
	JOIN webhook_endpoints e ON e.active AND {{endpoint_wants}}
	    AND e.active_since <= f.created_at
	ORDER BY f.id
	ON CONFLICT DO NOTHING
	RETURNING d.id
), {{mails_of_news}}
SELECT (SELECT count(*) FROM fresh f) AS fresh,
    (SELECT count(*) FROM made m) AS made,
    (SELECT count(*) FROM mailed m) AS mails;

-- fragment: endpoint_wants
-- Is the event (alias f) for the endpoint (alias e)?
e.event_types && ARRAY['*', f.event_type]
    AND (e.product_id IS NULL OR e.product_id = f.product_id)

-- fragment: delivery_payload
-- The body of the messages about an outbox row (alias o).
'{"event_type":' || to_json(o.event_type)::text || ',"timestamp":"'
    || rfc3339(o.created_at) || '","data":' || o.data::text || '}'

-- name: delivery_claim :many
-- Deliveries to send now.  For each endpoint apart: at most 4 at once, less
-- those that this worker has under way (`busy', an endpoint for each), and in
-- turns, so that a slow endpoint holds up no other.  Of one whose circuit is
-- open a single one, by a single worker.  Claimed, a delivery is due again when
-- its lease ends.  Waits for nobody.  Leans on webhook_endpoints_active and
-- webhook_deliveries_due.
WITH busy AS (
	SELECT b.endpoint_id, count(*) AS n
	FROM unnest(@busy::uuid[]) AS b (endpoint_id)
	GROUP BY b.endpoint_id
), probed AS MATERIALIZED (
	SELECT e.id
	FROM webhook_endpoints e
	WHERE e.active AND {{circuit_is_open}} AND e.open_until <= licet_now()
	AND EXISTS (SELECT FROM webhook_deliveries d
	    WHERE d.endpoint_id = e.id AND d.next_attempt_at <= licet_now())
	FOR NO KEY UPDATE SKIP LOCKED
), ready AS (
	SELECT e.id, 4 - COALESCE(b.n, 0) AS room
	FROM webhook_endpoints e
	LEFT JOIN busy b ON b.endpoint_id = e.id
	WHERE e.active AND NOT {{circuit_is_open}} AND COALESCE(b.n, 0) < 4
	UNION ALL
	SELECT p.id, 1
	FROM probed p
), due AS MATERIALIZED (
	SELECT d.id, d.endpoint_id, d.next_attempt_at
	FROM ready r
	CROSS JOIN LATERAL (
		SELECT d.id, d.endpoint_id, d.next_attempt_at
		FROM webhook_deliveries d
		WHERE d.endpoint_id = r.id
		AND d.next_attempt_at <= licet_now()
		ORDER BY d.next_attempt_at
		LIMIT r.room
		FOR NO KEY UPDATE SKIP LOCKED
	) d
), chosen AS (
	SELECT d.id
	FROM (SELECT d.id, d.next_attempt_at, row_number() OVER (
	        PARTITION BY d.endpoint_id ORDER BY d.next_attempt_at) AS turn
	    FROM due d) d
	ORDER BY d.turn, d.next_attempt_at
	LIMIT @limit::int
), claimed AS (
	UPDATE webhook_deliveries AS d
	SET next_attempt_at = {{delivery_lease}}
	FROM chosen c
	WHERE d.id = c.id
	RETURNING d.id, d.endpoint_id, d.event_type, d.payload,
	    d.attempt_count, d.next_attempt_at, d.due_since, d.created_at
), probing AS (
	UPDATE webhook_endpoints AS e
	SET open_until = {{delivery_lease}}
	FROM probed p
	JOIN claimed c ON c.endpoint_id = p.id
	WHERE e.id = p.id
)
SELECT c.id, c.endpoint_id, c.event_type, c.payload, c.attempt_count,
    (extract(epoch FROM c.next_attempt_at) * 1000000)::bigint AS lease,
    extract(epoch FROM licet_now() - c.due_since)::bigint AS age_seconds,
    e.url, encode(e.sealed_secret, 'hex') AS sealed_secret,
    encode({{previous_secret}}, 'hex') AS previous_sealed_secret,
    e.consecutive_failures
FROM claimed c
JOIN webhook_endpoints e ON e.id = c.endpoint_id;

-- name: delivery_end :opt
-- What came of a try, for the delivery and for its endpoint's circuit: @status
-- is delivered, again (after @wait_seconds), dead, or gone, which also ends the
-- endpoint.  That it arrived is true whoever claimed it since; anything else
-- counts only under the claim's @lease, and for the endpoint only if it still
-- has the @url that was tried.  Circuits are written to when they change only.
-- No row: another has it now.
WITH ended AS (
	UPDATE webhook_deliveries AS d
	SET attempt_count = d.attempt_count + 1,
	    last_status_code = @status_code::int,
	    last_error = @error::text, last_response = @response::text,
	    delivered_at = CASE WHEN @status::text = 'delivered'
	        THEN licet_now() END,
	    next_attempt_at = CASE WHEN @status = 'again' THEN licet_now()
	        + @wait_seconds::int * interval '1 second' END
	WHERE d.id = @id::uuid AND d.delivered_at IS NULL
	AND (@status = 'delivered' OR d.next_attempt_at = 'epoch'::timestamptz
	    + @lease::bigint * interval '1 microsecond')
	RETURNING d.id, d.endpoint_id, d.due_since
), circuit AS (
	UPDATE webhook_endpoints AS e
	SET consecutive_failures = CASE WHEN @status = 'delivered' THEN 0
	        ELSE e.consecutive_failures + 1 END,
	    open_until = CASE WHEN @status <> 'delivered'
	        THEN licet_now() + @probe_seconds::int * interval '1 second' END,
	    active = e.active AND @status <> 'gone',
	    updated_at = CASE WHEN e.active AND @status = 'gone'
	        THEN licet_now() ELSE e.updated_at END
	FROM ended d
	WHERE e.id = d.endpoint_id AND e.url = @url::text
	AND (@status <> 'delivered' OR e.consecutive_failures > 0)
	RETURNING e.id, e.url
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'webhook_endpoint.set_active', 'webhook_endpoint',
	    c.id::text, jsonb_build_object('active', false, 'url', c.url,
	    'reason', '410 Gone', 'delivery_id', @id)
	FROM circuit c
	WHERE @status = 'gone'
)
SELECT d.id, (extract(epoch FROM licet_now() - d.due_since)
    * 1000)::bigint AS delay_ms
FROM ended d;

-- name: delivery_retire :one
-- What nobody will send any more is dead: deliveries to endpoints that are off
-- or deleted, and those that have waited three days behind an open circuit.  A
-- thousand at a time.  Leans on webhook_deliveries_due.
WITH doomed AS MATERIALIZED (
	SELECT d.id
	FROM webhook_endpoints e
	CROSS JOIN LATERAL (
		SELECT d.id
		FROM webhook_deliveries d
		WHERE d.endpoint_id = e.id AND d.next_attempt_at IS NOT NULL
		AND (NOT e.active OR d.next_attempt_at <= licet_now()
		    AND d.due_since <= licet_now() - interval '72 hours')
		ORDER BY d.next_attempt_at
		LIMIT 1000
		FOR NO KEY UPDATE SKIP LOCKED
	) d
	WHERE NOT e.active OR {{circuit_is_open}}
	LIMIT 1000
), retired AS (
	UPDATE webhook_deliveries AS d
	SET next_attempt_at = NULL,
	    last_error = COALESCE(d.last_error, 'the endpoint is off')
	FROM doomed o
	WHERE d.id = o.id
	RETURNING d.id
)
SELECT count(*) AS retired
FROM retired r;

-- name: delivery_depth :one
-- How many deliveries wait, counted up to a hundred thousand.  Leans on
-- webhook_deliveries_due.
SELECT count(*) AS depth
FROM (SELECT d.endpoint_id
    FROM webhook_deliveries d
    WHERE d.next_attempt_at IS NOT NULL
    LIMIT 100000) d;

-- name: delivery_prune :one
-- Deletes deliveries that are older than so many days, oldest first, 2,000 at a
-- time; none that is to be sent yet, and a retry counts as young.  Leans on
-- webhook_deliveries_newest.
WITH doomed AS MATERIALIZED (
	SELECT d.id
	FROM webhook_deliveries d
	WHERE d.created_at < {{days_ago}} AND d.due_since < {{days_ago}}
	AND d.next_attempt_at IS NULL
	ORDER BY d.created_at, d.id
	LIMIT 2000
	FOR UPDATE SKIP LOCKED
), gone AS (
	DELETE FROM webhook_deliveries d
	USING doomed o
	WHERE d.id = o.id
	RETURNING d.id
)
SELECT count(*) AS deleted
FROM gone g;

-- fragment: days_ago
-- The time so many @days ago.
licet_now() - @days::bigint * interval '86400 seconds'

-- name: outbox_prune :one
-- Deletes news that are older than so many days, of the oldest 2,000; none of
-- which no deliveries were made yet.  Ids grow with time, so who finds nothing
-- to delete there need not look further.  Leans on outbox_pkey.
WITH oldest AS MATERIALIZED (
	SELECT o.id, o.created_at, o.fanned_out
	FROM outbox o
	ORDER BY o.id
	LIMIT 2000
), gone AS (
	DELETE FROM outbox o
	USING oldest p
	WHERE o.id = p.id AND p.fanned_out AND p.created_at < {{days_ago}}
	RETURNING o.id
)
SELECT count(*) AS deleted
FROM gone g;

-- name: endpoint_forget_secrets :exec
-- Takes away replaced secrets that sign no more.
UPDATE webhook_endpoints AS e
SET previous_sealed_secret = NULL, previous_until = NULL
WHERE e.previous_until <= licet_now();
