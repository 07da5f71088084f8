-- name: replica_seen :exec
-- Notes that a replica is there, unless another of its workers just did.  What a
-- replica at the same place left behind goes when it is silent, and everything
-- after a day.  Few rows: it reads them all.
WITH gone AS (
	DELETE FROM replicas AS r
	WHERE r.run <> @run::uuid
	AND (r.seen_at < licet_now() - interval '86400 seconds'
	    OR r.host = @host::text AND r.listen = @listen::text
	    AND r.seen_at < licet_now() - interval '90 seconds')
)
INSERT INTO replicas AS r (run, host, listen, version, migration, workers)
VALUES (@run, @host, @listen, @version::text, @migration::int, @workers::int)
ON CONFLICT (run) DO UPDATE SET seen_at = licet_now()
WHERE r.seen_at NOT BETWEEN licet_now() - interval '45 seconds' AND licet_now();

-- name: replica_leave :exec
-- A replica that stops in good order is not missed.
DELETE FROM replicas AS r
WHERE r.run = @run::uuid;

-- fragment: replica_shown
-- Replicas (alias r) of the last ten minutes.
r.seen_at > licet_now() - interval '600 seconds'

-- fragment: schema_number
-- The newest migration that the database has; NULL: there is no telling.
(SELECT max(m.number) FROM schema_migrations m)

-- fragment: queue_json
-- A queue (alias q): what waits, what of it is due, and for how long; GREATEST
-- ignores that there is no oldest.
json_build_object('name', q.name, 'waiting', q.waiting, 'due', q.due,
    'late_seconds', GREATEST(extract(epoch FROM licet_now()
        - q.oldest)::bigint, 0))

-- name: system_get :one
-- Replicas, queues and the database as they are now.  Queues are counted up to
-- ten thousand; leans on outbox_fresh, webhook_deliveries_due, mails_due,
-- invoices_due, refunds_due and tip_attempts_due.
WITH queues AS (
	SELECT 1 AS n, 'events' AS name, count(*) AS waiting, count(*) AS due,
	    min(t.at) AS oldest
	FROM (SELECT o.created_at AS at
	    FROM outbox o
	    WHERE NOT o.fanned_out
	    LIMIT 10000) t
	UNION ALL
	SELECT 2, 'webhooks', count(*),
	    count(*) FILTER (WHERE t.at <= licet_now()), min(t.at)
	FROM (SELECT d.next_attempt_at AS at
	    FROM webhook_deliveries d
	    WHERE d.next_attempt_at IS NOT NULL
	    LIMIT 10000) t
	UNION ALL
	SELECT 3, 'mails', count(*),
	    count(*) FILTER (WHERE t.at <= licet_now()), min(t.at)
	FROM (SELECT m.next_attempt_at AS at
	    FROM mails m
	    WHERE m.next_attempt_at IS NOT NULL
	    LIMIT 10000) t
	UNION ALL
	SELECT 4, 'invoices', count(*),
	    count(*) FILTER (WHERE t.at <= licet_now()), min(t.at)
	FROM (SELECT i.next_check_at AS at
	    FROM invoices i
	    WHERE i.next_check_at IS NOT NULL
	    LIMIT 10000) t
	UNION ALL
	SELECT 5, 'refunds', count(*),
	    count(*) FILTER (WHERE t.at <= licet_now()), min(t.at)
	FROM (SELECT r.next_check_at AS at
	    FROM refunds r
	    WHERE r.next_check_at IS NOT NULL
	    LIMIT 10000) t
	UNION ALL
	SELECT 6, 'tips', count(*),
	    count(*) FILTER (WHERE t.at <= licet_now()), min(t.at)
	FROM (SELECT a.next_check_at AS at
	    FROM tip_attempts a
	    WHERE a.next_check_at IS NOT NULL
	    LIMIT 10000) t
)
SELECT json_build_object(
    'database', json_build_object('name', current_database(),
        'size_bytes', pg_database_size(current_database()),
        'server_version', current_setting('server_version'),
        'migration', {{schema_number}},
        'connections', (SELECT sum(s.numbackends)::int FROM pg_stat_database s),
        'max_connections', current_setting('max_connections')::int),
    'replicas', (SELECT COALESCE(json_agg(json_build_object(
        'id', r.run, 'host', r.host, 'listen', r.listen,
        'version', r.version, 'migration', r.migration,
        'behind', r.migration < {{schema_number}}, 'workers', r.workers,
        'silent', r.seen_at < licet_now() - interval '150 seconds',
        'started_at', rfc3339(r.started_at), 'seen_at', rfc3339(r.seen_at))
        ORDER BY r.started_at, r.run), '[]')
        FROM replicas r
        WHERE {{replica_shown}}),
    'queues', (SELECT json_agg({{queue_json}} ORDER BY q.n) FROM queues q))
    AS body;
