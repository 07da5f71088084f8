-- fragment: idempotency_is_over
-- A key (k) of more than a day ago says nothing any more.
(k.created_at <= licet_now() - interval '86400 seconds'
    AND k.running_until <= licet_now())

-- name: idempotency_begin :one
-- Who may run a request with this key?  `mine': who asks, with what attempts
-- before it may have left; it was never asked, or they ended without an answer.
-- Else it is answered (`replay'), or another runs it (`running'), or it was
-- another request (`mismatch').  One INSERT is the referee.  Whoever loses
-- against one that isn't in its snapshot yet sees no row, or an older state of
-- it, and is told `running'.  Its commit isn't waited for: should PostgreSQL
-- crash and forget it, whatever came after it is forgotten too.  Leans on the
-- primary key.
WITH mine AS (
	INSERT INTO idempotency_keys AS k (id, request, attempt, running_until,
	    resources)
	VALUES (decode(@id::text, 'hex'), decode(@request::text, 'hex'),
	    @attempt::uuid,
	    licet_now() + @lease_ms::bigint * interval '1 millisecond',
	    ARRAY[@resource::uuid])
	ON CONFLICT (id) DO UPDATE
	SET request = excluded.request, attempt = excluded.attempt,
	    running_until = excluded.running_until,
	    resources = CASE WHEN {{idempotency_is_over}}
	        THEN excluded.resources
	        ELSE k.resources || excluded.resources END,
	    created_at = CASE WHEN {{idempotency_is_over}}
	        THEN excluded.created_at ELSE k.created_at END,
	    status = NULL, answer_type = NULL, answer = NULL
	WHERE {{idempotency_is_over}} OR k.status IS NULL
	AND k.running_until <= licet_now() AND k.request = excluded.request
	RETURNING k.resources
)
SELECT CASE WHEN m.resources IS NOT NULL THEN 'mine'
    WHEN k.request <> decode(@request, 'hex') THEN 'mismatch'
    WHEN k.status IS NOT NULL THEN 'replay'
    ELSE 'running' END AS verdict,
    array_to_json(trim_array(m.resources, 1)) AS left_over,
    k.status, k.answer_type, encode(k.answer, 'hex') AS answer,
    q.synchronous_commit
FROM (SELECT set_config('synchronous_commit', 'off', true)
    AS synchronous_commit) q
LEFT JOIN mine m ON true
LEFT JOIN idempotency_keys k ON k.id = decode(@id, 'hex')
    AND m.resources IS NULL;

-- name: idempotency_forget :exec
-- What attempts before had left is tidied up: the next one need not look again.
UPDATE idempotency_keys AS k
SET resources = k.resources[cardinality(k.resources):]
WHERE k.id = decode(@id::text, 'hex') AND k.attempt = @attempt::uuid;

-- name: idempotency_store :one
-- Keeps the answer of an attempt, once; an error when it isn't this attempt's
-- to give any more.  Sent in the transaction of what the request did.
SELECT idempotency_store_1(decode(@id::text, 'hex'), @attempt::uuid,
    @status::integer, @answer_type::text, decode(@answer::text, 'hex'));

-- name: idempotency_release :exec
-- An attempt gives up: the next one need not wait.
UPDATE idempotency_keys AS k
SET running_until = licet_now()
WHERE k.id = decode(@id::text, 'hex') AND k.attempt = @attempt::uuid
AND k.status IS NULL;

-- name: idempotency_prune :one
-- Forgets keys of more than a day ago, some at a time; how many.  Leans on
-- idempotency_keys_created_at.
WITH gone AS (
	DELETE FROM idempotency_keys AS k
	WHERE k.id IN (
	    SELECT o.id
	    FROM idempotency_keys o
	    WHERE o.created_at <= licet_now() - interval '86400 seconds'
	    AND o.running_until <= licet_now()
	    ORDER BY o.created_at
	    LIMIT 5000
	    FOR UPDATE SKIP LOCKED)
	RETURNING k.id
)
SELECT count(*) AS gone
FROM gone;
