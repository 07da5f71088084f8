-- name: figures_claim :opt
-- A row for the first worker to ask once the counting is due, none for the
-- others.
UPDATE jobs AS j
SET next_run = licet_now() + j.every, runs = j.runs + 1
WHERE j.name = (SELECT d.name
	FROM jobs d
	WHERE d.name = 'figures' AND d.next_run <= licet_now()
	FOR UPDATE SKIP LOCKED)
RETURNING j.name, j.runs;

-- fragment: figures_happened
-- Validations and new machines in [@since, @until): see figure_days.
SELECT (v.occurred_at AT TIME ZONE 'UTC')::date AS day,
    'validation.' || v.result AS figure, count(*) AS n
FROM validation_log v
WHERE v.occurred_at >= (SELECT w.since FROM wanted w)
AND v.occurred_at < (SELECT w.until FROM wanted w)
GROUP BY 1, v.result
UNION ALL
SELECT (m.activated_at AT TIME ZONE 'UTC')::date, 'machine.new', count(*)
FROM machines m
WHERE m.activated_at >= (SELECT w.since FROM wanted w)
AND m.activated_at < (SELECT w.until FROM wanted w)
GROUP BY 1

-- fragment: figures_log_begin
-- The month of the log's oldest partition, by its name.
(SELECT min(to_date(right(c.relname, 6), 'YYYYMM'))::timestamp
    AT TIME ZONE 'UTC'
FROM pg_inherits h
JOIN pg_class c ON c.oid = h.inhrelid
WHERE h.inhparent = 'validation_log'::regclass
AND c.relname ~ '_[0-9]{6}$')

-- name: figures_count :one
-- Counts on, a day at most, up to half a minute ago: what is older has been
-- committed.  Says whether there is more.  Leans on validation_log_license,
-- which has the times of each half megabyte, and on machines_newest.
WITH mark AS (
	SELECT f.upto
	FROM figure_marks f
	FOR NO KEY UPDATE
), begun AS (
	SELECT COALESCE(m.upto, LEAST({{figures_log_begin}},
	    (SELECT min(l.created_at) FROM licenses l),
	    (SELECT min(m.activated_at) FROM machines m),
	    licet_now() - interval '30 seconds')) AS since
	FROM mark m
), wanted AS (
	SELECT b.since, LEAST(b.since + interval '86400 seconds',
	    licet_now() - interval '30 seconds') AS until
	FROM begun b
), happened AS (
	{{figures_happened}}
), kept AS (
	INSERT INTO figure_days AS d (day, figure, n)
	SELECT h.day, h.figure, h.n
	FROM happened h
	ON CONFLICT (day, figure) DO UPDATE SET n = d.n + excluded.n
), moved AS (
	UPDATE figure_marks AS f
	SET upto = w.until
	FROM wanted w
	WHERE w.until > w.since
)
SELECT w.until > w.since
    AND w.until < licet_now() - interval '60 seconds' AS is_behind
FROM wanted w;

-- name: figures_count_anew :exec
-- Another log than there was: all is counted again, from the first license on.
WITH forgotten AS (
	DELETE FROM figure_days AS d
)
UPDATE figure_marks AS f
SET upto = NULL, counted_at = NULL;

-- name: figures_count_all :exec
-- Counts licenses, and machines in use, every five minutes: they are many, and
-- heartbeats keep machines from being counted by an index alone.
UPDATE figure_marks AS f
SET licenses_total = (SELECT count(*) FROM licenses l),
    machines_active = (SELECT count(*) FROM machines m
        WHERE m.deactivated_at IS NULL),
    counted_at = licet_now()
WHERE f.counted_at IS NULL
OR f.counted_at < licet_now() - interval '300 seconds'
OR f.counted_at > licet_now();

-- fragment: figures_are_many
-- Is the table t too large to be counted now?
(SELECT c.reltuples > 10000 FROM pg_class c WHERE c.oid = t.oid)

-- fragment: figures_span
-- The last @days days, today among them, UTC; each of `steps' parts has `step'
-- days.  What was before is as long, and ends at the same time of its day.
SELECT a.days, a.step, a.days / a.step AS steps,
    a.today - (a.days - 1) * interval '86400 seconds' AS since,
    a.days * interval '86400 seconds' AS back
FROM (SELECT COALESCE(@days::int, 30) AS days,
	CASE WHEN @days::int > 90 THEN 5 ELSE 1 END AS step,
	date_trunc('day', licet_now(), 'UTC') AS today) a

-- fragment: figures_parts
-- Each part of the span: s.
SELECT n.n, s.back,
    s.since + n.n * s.step * interval '86400 seconds' AS since,
    LEAST(s.since + (n.n + 1) * s.step * interval '86400 seconds',
    licet_now()) AS until
FROM span s, generate_series(0, s.steps - 1) AS n(n)

-- name: figures_revenue :one
-- What settled invoices brought, part by part, and what was listed in another
-- currency.  Leans on invoices_paid and invoices_paid_listed.
WITH span AS (
	{{figures_span}}
), part AS (
	{{figures_parts}}
), paid AS (
	SELECT p.n, p.since, r.sats, r.payments, b.sats AS sats_before,
	    b.payments AS payments_before
	FROM part p
	CROSS JOIN LATERAL (SELECT COALESCE(sum(i.amount_sats), 0) AS sats,
	        count(*) AS payments
	    FROM invoices i
	    WHERE i.status = 'settled' AND i.amount_sats > 0
	    AND i.settled_at >= p.since AND i.settled_at < p.until) r
	CROSS JOIN LATERAL (SELECT COALESCE(sum(i.amount_sats), 0) AS sats,
	        count(*) AS payments
	    FROM invoices i
	    WHERE i.status = 'settled' AND i.amount_sats > 0
	    AND i.settled_at >= p.since - p.back
	    AND i.settled_at < p.until - p.back) b
), listed AS (
	SELECT i.listed_currency AS currency,
	    COALESCE(sum(COALESCE(i.charged_value, i.listed_value)) FILTER
	        (WHERE i.settled_at >= s.since), 0) AS value,
	    COALESCE(sum(COALESCE(i.charged_value, i.listed_value)) FILTER
	        (WHERE i.settled_at < licet_now() - s.back), 0) AS value_before
	FROM span s
	JOIN invoices i ON i.settled_at >= s.since - s.back
	AND i.settled_at < licet_now()
	WHERE i.status = 'settled' AND i.amount_sats > 0
	AND i.listed_currency IN ('USD', 'EUR')
	GROUP BY i.listed_currency
)
SELECT json_build_object('sats', sum(p.sats), 'sats_before',
    sum(p.sats_before), 'payments', sum(p.payments), 'payments_before',
    sum(p.payments_before), 'by_currency', (SELECT COALESCE(json_agg(
        json_build_object('currency', l.currency, 'value', l.value,
        'value_before', l.value_before) ORDER BY l.currency), '[]')
        FROM listed l),
    'series', json_agg(json_build_object('since', rfc3339(p.since),
        'sats', p.sats, 'sats_before', p.sats_before) ORDER BY p.n)) AS body
FROM paid p;

-- name: figures_licenses :one
-- How many licenses there are, and how many are new, part by part.  Unless they
-- are few, those of the last count and what came since.  Leans on
-- licenses_newest, licenses_status and licenses_expiry.
WITH span AS (
	{{figures_span}}
), part AS (
	{{figures_parts}}
), new AS (
	SELECT p.n, p.since, l.n AS licenses, b.n AS licenses_before
	FROM part p
	CROSS JOIN LATERAL (SELECT count(*) AS n
	    FROM licenses l
	    WHERE l.created_at >= p.since AND l.created_at < p.until) l
	CROSS JOIN LATERAL (SELECT count(*) AS n
	    FROM licenses l
	    WHERE l.created_at >= p.since - p.back
	    AND l.created_at < p.until - p.back) b
), every AS (
	SELECT COALESCE((SELECT f.licenses_total + (SELECT count(*)
	        FROM licenses l
	        WHERE l.created_at > f.counted_at)
	    FROM figure_marks f, (VALUES ('licenses'::regclass)) AS t(oid)
	    WHERE {{figures_are_many}}),
	    (SELECT count(*) FROM licenses l)) AS total,
	    (SELECT count(*) FROM licenses l
	        WHERE l.status <> 'active') AS halted,
	    (SELECT count(*) FROM licenses l
	        WHERE l.status = 'active' AND l.expires_at <= licet_now())
	    AS expired
)
SELECT json_build_object('total', e.total,
    'active', e.total - e.halted - e.expired, 'expired', e.expired,
    'halted', e.halted, 'new', sum(n.licenses),
    'new_before', sum(n.licenses_before),
    'series', json_agg(json_build_object('since', rfc3339(n.since),
        'new', n.licenses, 'new_before', n.licenses_before)
        ORDER BY n.n)) AS body
FROM every e, new n
GROUP BY e.total, e.halted, e.expired;

-- name: figures_used :one
-- Answered validations by result, and machines: what was counted by day, and
-- what happened since.  Machines in use are those of the last count, unless
-- they are few.  Leans on figure_days_pkey, validation_log_license and
-- machines_newest.
WITH span AS (
	{{figures_span}}
), part AS (
	{{figures_parts}}
), wanted AS (
	SELECT GREATEST(f.upto, s.since - s.back) AS since,
	    licet_now() + interval '60 seconds' AS until
	FROM figure_marks f, span s
), every AS (
	SELECT (d.day - (s.since AT TIME ZONE 'UTC')::date) AS at, d.figure, d.n
	FROM span s
	JOIN figure_days d
	ON d.day >= ((s.since - s.back) AT TIME ZONE 'UTC')::date
	UNION ALL
	SELECT h.day - (s.since AT TIME ZONE 'UTC')::date, h.figure, h.n
	FROM span s, ({{figures_happened}}) h
), by_part AS (
	SELECT p.n, p.since, COALESCE(c.ok, 0) AS ok,
	    COALESCE(c.refused, 0) AS refused,
	    COALESCE(c.machines, 0) AS machines
	FROM part p
	LEFT JOIN (SELECT e.at / s.step AS n,
	        sum(e.n) FILTER (WHERE e.figure = 'validation.ok') AS ok,
	        sum(e.n) FILTER (WHERE e.figure LIKE 'validation.%'
	            AND e.figure <> 'validation.ok') AS refused,
	        sum(e.n) FILTER (WHERE e.figure = 'machine.new') AS machines
	    FROM every e, span s
	    WHERE e.at >= 0
	    GROUP BY 1) c ON c.n = p.n
), by_figure AS (
	SELECT e.figure, COALESCE(sum(e.n) FILTER (WHERE e.at >= 0), 0) AS n,
	    COALESCE(sum(e.n) FILTER (WHERE e.at < 0), 0) AS n_before
	FROM every e
	GROUP BY e.figure
)
SELECT json_build_object(
    'validations', json_build_object(
        'total', sum(p.ok + p.refused), 'ok', sum(p.ok),
        'refused', sum(p.refused),
        'by_result', (SELECT COALESCE(json_agg(json_build_object('result',
            substr(r.figure, 12), 'n', r.n, 'n_before', r.n_before)
            ORDER BY r.n DESC, r.figure), '[]')
            FROM by_figure r
            WHERE r.figure LIKE 'validation.%'),
        'series', json_agg(json_build_object('since', rfc3339(p.since),
            'ok', p.ok, 'refused', p.refused) ORDER BY p.n)),
    'machines', json_build_object(
        'active', COALESCE((SELECT f.machines_active
            FROM figure_marks f, (VALUES ('machines'::regclass)) AS t(oid)
            WHERE {{figures_are_many}}),
            (SELECT count(*) FROM machines m
            WHERE m.deactivated_at IS NULL)),
        'new', sum(p.machines),
        'new_before', COALESCE((SELECT r.n_before
            FROM by_figure r
            WHERE r.figure = 'machine.new'), 0),
        'series', json_agg(json_build_object('since', rfc3339(p.since),
            'new', p.machines) ORDER BY p.n))) AS body
FROM by_part p;
