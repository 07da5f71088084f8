-- What time it is, in one place.  Every statement asks licet_now(), which is
-- now() and inlined, so it costs nothing.  A replica whose clock tests may move
-- (LICET_CLOCK=movable, refused in production) puts the schema licet_moved in
-- front of its search path and finds another licet_now() there.
--
-- Bodies are text, so that names in them are looked up when a session plans
-- them, on its own search path.  A column's default or a view would be bound
-- to one clock for ever: defaults say licet_now_default().

-- The time at which the transaction began.
CREATE FUNCTION licet_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()';

-- The same, for the default of a column.
CREATE FUNCTION licet_now_default() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT licet_now()';

-- Grows within a transaction, even within a statement.
CREATE FUNCTION licet_clock_timestamp() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS
    'SELECT licet_now() + (clock_timestamp() - now())';

ALTER TABLE settings ALTER updated_at SET DEFAULT licet_now_default();
ALTER TABLE signing_keys ALTER created_at SET DEFAULT licet_now_default();
ALTER TABLE payment_providers ALTER created_at SET DEFAULT licet_now_default();
ALTER TABLE products ALTER created_at SET DEFAULT licet_now_default(),
	ALTER updated_at SET DEFAULT licet_now_default();
ALTER TABLE policies ALTER created_at SET DEFAULT licet_now_default(),
	ALTER updated_at SET DEFAULT licet_now_default();
ALTER TABLE invoices ALTER created_at SET DEFAULT licet_now_default(),
	ALTER updated_at SET DEFAULT licet_now_default();
ALTER TABLE licenses ALTER created_at SET DEFAULT licet_now_default();
ALTER TABLE machines ALTER activated_at SET DEFAULT licet_now_default(),
	ALTER last_heartbeat_at SET DEFAULT licet_now_default();
ALTER TABLE validation_log ALTER occurred_at SET DEFAULT licet_now_default();
ALTER TABLE events ALTER occurred_at SET DEFAULT licet_clock_timestamp();
ALTER TABLE outbox ALTER created_at SET DEFAULT licet_now_default();
ALTER TABLE rate_buckets ALTER last_refill_at SET DEFAULT licet_now_default();
ALTER TABLE jobs ALTER next_run SET DEFAULT licet_now_default();
ALTER TABLE sandbox_invoices ALTER created_at SET DEFAULT licet_now_default();

-- partitions_make_1 by licet_now(), in any session's time zone, and beside
-- their table whatever stands first in the search path.
CREATE FUNCTION partitions_make_2(ahead integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	home  text;
	t     text;
	month timestamp;
	part  text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('partitions', 0));
	FOR home, t IN
		SELECT c.relnamespace::regnamespace::text, c.relname
		FROM pg_class c
		WHERE c.oid IN ('validation_log'::regclass, 'events'::regclass)
	LOOP
		FOR i IN 0..ahead LOOP
			month := date_trunc('month', licet_now() AT TIME ZONE 'UTC') +
			    i * interval '1 month';
			part := format('%s.%s_%s', home, t, to_char(month, 'YYYYMM'));
			CONTINUE WHEN to_regclass(part) IS NOT NULL;
			EXECUTE format('CREATE TABLE %s PARTITION OF %s.%s
			    FOR VALUES FROM (%L) TO (%L)', part, home, t,
			    month AT TIME ZONE 'UTC',
			    (month + interval '1 month') AT TIME ZONE 'UTC');
		END LOOP;
	END LOOP;
END $$;

-- The clock that tests move.  moved_by holds seconds only, no days, which can
-- be 23 hours long.
CREATE SCHEMA licet_moved;

CREATE TABLE licet_moved.clock (
	one      boolean PRIMARY KEY DEFAULT true CHECK (one),
	moved_by interval NOT NULL DEFAULT '0'
	         CHECK (abs(extract(epoch FROM moved_by)) <= 3155760000)
);
INSERT INTO licet_moved.clock DEFAULT VALUES;

CREATE FUNCTION licet_moved.licet_now() RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN now() + (SELECT moved_by FROM licet_moved.clock);
END $$;

-- Moves it by seconds, back too, and answers with how far it is moved in all.
-- The new month has its partitions before anybody writes there; token buckets
-- and hourly work don't wait until an hour that was left comes again; all that
-- runs by the clock is told to look.
CREATE FUNCTION licet_moved.move_1(seconds double precision) RETURNS interval
LANGUAGE plpgsql AS $$
DECLARE
	step  interval := make_interval(secs => seconds);
	total interval;
BEGIN
	IF to_regprocedure('licet_now()') <> 'licet_moved.licet_now()'::regprocedure
	THEN
		RAISE EXCEPTION 'this session doesn''t follow the moved clock'
		    USING HINT = 'SET search_path = licet_moved, public';
	END IF;
	LOCK TABLE rate_buckets IN EXCLUSIVE MODE;
	UPDATE licet_moved.clock SET moved_by = moved_by + step
	RETURNING moved_by INTO total;
	DELETE FROM rate_buckets;
	UPDATE jobs SET next_run = least(next_run, licet_now() + every);
	PERFORM partitions_make_2(3);
	PERFORM pg_notify('licet_clock',
	    (extract(epoch FROM total) * 1000000)::bigint::text);
	PERFORM pg_notify('licet_jobs', 'clock');
	RETURN total;
END $$;
