-- name: ready_probe :one
-- Whether the database answers.
SELECT 1 AS ready;

-- name: signing_keys_list :many
-- The public keys that the database knows, to be compared with the key ring's.
SELECT k.id, encode(k.public_key, 'hex') AS public_key, k.active
FROM signing_keys k
ORDER BY k.id;

-- name: signing_key_ensure :one
-- Makes a key known.  Answers with what the database has under this id, which
-- is another key when the ring isn't this database's.
INSERT INTO signing_keys AS k (id, public_key)
VALUES (@id::int, decode(@public_key::text, 'hex'))
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING k.id, encode(k.public_key, 'hex') AS public_key, k.active;

-- name: signing_key_activate :opt
-- Makes a known key the one that signs.  The key before it steps down first:
-- signing_keys_active allows one at any moment.  No row: unknown key.
WITH retired AS (
	UPDATE signing_keys AS k
	SET active = false
	WHERE k.active AND k.id <> @id::int
	AND EXISTS (SELECT FROM signing_keys e WHERE e.id = @id)
	RETURNING k.id
)
UPDATE signing_keys AS k
SET active = true
WHERE k.id = @id AND (SELECT count(*) FROM retired) >= 0
RETURNING k.id, (SELECT max(r.id) FROM retired r) AS retired_id;

-- name: operator_name_get :opt
-- The operator's name as stored; no row when the environment's is to be used.
SELECT s.value AS operator_name
FROM settings s
WHERE s.key = 'operator_name';

-- name: housekeeping_claim :opt
-- A row for the first worker to ask once the hourly work is due, none for the
-- others.
UPDATE jobs AS j
SET next_run = licet_now() + j.every, runs = j.runs + 1
WHERE j.name = (SELECT d.name
	FROM jobs d
	WHERE d.name = 'housekeeping' AND d.next_run <= licet_now()
	FOR UPDATE SKIP LOCKED)
RETURNING j.name, j.runs;

-- name: partitions_make :exec
-- Partitions of the logs from this month to three months on.
SELECT partitions_make_2(3);

-- name: partitions_drop :one
-- Drops what is older than so many days of one log, month by month.
SELECT partitions_drop_1(@log::text,
    licet_now() - @days::bigint * interval '86400 seconds') AS dropped;
