-- name: clock_shift :one
-- How far the clock that tests move is moved, for what a worker reckons itself.
SELECT (extract(epoch FROM c.moved_by) * 1000000)::bigint AS shift_us
FROM licet_moved.clock c;

-- name: clock_show :one
-- What time it is, and how far that is moved.
SELECT rfc3339(licet_now()) AS time, extract(epoch FROM c.moved_by) AS seconds
FROM licet_moved.clock c;

-- name: clock_move :exec
-- Moves the clock, ahead or back.
SELECT licet_moved.move_1(@seconds::float8);

-- name: clock_set :exec
-- Moves the clock to a time.
SELECT licet_moved.move_1(extract(epoch FROM
    @time::timestamptz - licet_now())::float8);
