-- name: limit_settle :many
-- What this worker's clients spent since it last asked goes off their buckets,
-- in the order of the key so that two workers can't wait for each other.  What
-- several workers let through at once is owed: a bucket may go below nothing,
-- by an eighth of its capacity, so that in the long run its rate is kept and
-- yet nobody is shut out for long.
-- Answers those buckets, and the nearly empty ones that others changed since
-- @since (rate_buckets_recent).  There is always a row, with the next @since
-- as `clock'; `bucket_kind' is NULL if there was nothing else to say.
WITH asked AS MATERIALIZED (
	SELECT a.bucket_kind, a.bucket_key, sum(a.spent) AS spent,
	    max(a.capacity) AS capacity,
	    max(a.refill_per_second) AS refill_per_second
	FROM unnest(@kinds::text[], @keys::text[], @spent::float8[],
	    @caps::float8[], @refills::float8[]) AS a(bucket_kind, bucket_key,
	    spent, capacity, refill_per_second)
	GROUP BY a.bucket_kind, a.bucket_key
), settled AS (
	INSERT INTO rate_buckets AS b (bucket_kind, bucket_key,
	    tokens_remaining, capacity, refill_per_second, last_refill_at)
	SELECT a.bucket_kind, a.bucket_key,
	    greatest(a.capacity - a.spent, -a.capacity / 8), a.capacity,
	    a.refill_per_second, licet_now()
	FROM asked a
	ORDER BY a.bucket_kind, a.bucket_key
	ON CONFLICT (bucket_kind, bucket_key) DO UPDATE SET
	    tokens_remaining = greatest(-excluded.capacity / 8, least(excluded.capacity,
		b.tokens_remaining + excluded.refill_per_second * greatest(0,
		extract(epoch FROM licet_now() - b.last_refill_at)::float8))
		- (excluded.capacity - excluded.tokens_remaining)),
	    capacity = excluded.capacity,
	    refill_per_second = excluded.refill_per_second,
	    last_refill_at = greatest(b.last_refill_at, licet_now())
	RETURNING b.bucket_kind, b.bucket_key, b.tokens_remaining
), heard AS (
	SELECT s.bucket_kind, s.bucket_key, s.tokens_remaining,
	    0::float8 AS seconds_ago
	FROM settled s
	UNION ALL
	(SELECT b.bucket_kind, b.bucket_key, b.tokens_remaining,
	    greatest(0, extract(epoch FROM licet_now() - b.last_refill_at)::float8)
	FROM rate_buckets b
	WHERE b.last_refill_at > coalesce(@since::timestamptz, '-infinity')
	AND b.tokens_remaining < b.capacity * 0.25
	AND NOT EXISTS (SELECT FROM asked a WHERE a.bucket_kind = b.bucket_kind
	    AND a.bucket_key = b.bucket_key)
	ORDER BY b.last_refill_at DESC
	LIMIT 10000)
)
SELECT h.bucket_kind, h.bucket_key, h.tokens_remaining, h.seconds_ago,
    {{limit_clock}} AS clock
FROM (VALUES (1)) AS always(row)
LEFT JOIN heard h ON true;

-- fragment: limit_clock
-- Two seconds back, since what commits after us may have begun before us.
licet_now() - interval '2 seconds'

-- name: limit_prune :exec
-- Buckets that are full again say nothing.  One that a worker holds is left
-- for the next time.
DELETE FROM rate_buckets d
USING (
	SELECT b.ctid AS bucket_row
	FROM rate_buckets b
	WHERE b.tokens_remaining + b.refill_per_second * extract(epoch
	    FROM licet_now() - b.last_refill_at)::float8 >= b.capacity
	FOR UPDATE SKIP LOCKED
) full_again
WHERE d.ctid = full_again.bucket_row;
