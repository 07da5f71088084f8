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

-- partitions_make_1 by licet_now(), and beside their table whatever stands
-- first in the search path.
CREATE FUNCTION partitions_make_2(ahead integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	t     regclass;
	home  text;
	month timestamptz;
	part  text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('partitions', 0));
	FOREACH t IN ARRAY ARRAY['validation_log', 'events']::regclass[] LOOP
		SELECT relnamespace::regnamespace INTO home
		FROM pg_class WHERE oid = t;
		FOR i IN 0..ahead LOOP
			month := date_trunc('month', licet_now(), 'UTC') +
			    i * interval '1 month';
			part := format('%s.%I', home, (SELECT relname
			    FROM pg_class WHERE oid = t) || '_' ||
			    to_char(month AT TIME ZONE 'UTC', 'YYYYMM'));
			CONTINUE WHEN to_regclass(part) IS NOT NULL;
			EXECUTE format('CREATE TABLE %s PARTITION OF %s
			    FOR VALUES FROM (%L) TO (%L)', part, t, month,
			    date_trunc('month', month + interval '32 days', 'UTC'));
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
-- The new month has its partitions before anybody writes there; all that runs
-- by the clock is told to look; what must not wait until an hour that was left
-- comes again (token buckets, hourly work) moves along.  Only on a search path
-- that begins with licet_moved.
CREATE FUNCTION licet_moved.move_1(seconds double precision) RETURNS interval
LANGUAGE plpgsql AS $$
DECLARE
	step  interval := make_interval(secs => seconds);
	total interval;
BEGIN
	UPDATE licet_moved.clock SET moved_by = moved_by + step
	RETURNING moved_by INTO total;
	PERFORM partitions_make_2(3);
	UPDATE rate_buckets SET last_refill_at = last_refill_at + step;
	UPDATE jobs SET next_run = least(next_run, licet_now() + every);
	PERFORM pg_notify('licet_clock',
	    (extract(epoch FROM total) * 1000000)::bigint::text);
	PERFORM pg_notify('licet_jobs', 'clock');
	RETURN total;
END $$;
