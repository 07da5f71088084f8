-- Figures, the audit trail by action, and how long logs are kept.

-- Few licenses are not active; they are counted without the others.
CREATE INDEX IF NOT EXISTS licenses_halted ON licenses (status) WHERE status <> 'active';
-- What settled invoices brought is summed in the index alone.
CREATE INDEX IF NOT EXISTS invoices_paid ON invoices (settled_at) INCLUDE (amount_sats)
	WHERE status = 'settled' AND amount_sats > 0;
CREATE INDEX IF NOT EXISTS events_action ON events (action, occurred_at, id);

-- Drops the partitions of a log that lie wholly before a time, and answers with
-- how many; what the default partition has from then goes row by row.  Harmless
-- to repeat.  Whoever reads the log must not wait behind a drop that waits for a
-- long query: after two seconds it is given up, until the next hour.
CREATE FUNCTION partitions_drop_1(log text, before timestamptz)
RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
	part    record;
	dropped integer := 0;
BEGIN
	IF log NOT IN ('validation_log', 'events') THEN
		RAISE EXCEPTION '% is no log', log;
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('partitions', 0));
	FOR part IN
		SELECT c.oid::regclass AS name
		FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = log::regclass
		AND substring(pg_get_expr(c.relpartbound, c.oid)
		    FROM 'TO \(''([^'']+)''\)')::timestamptz <= before
	LOOP
		EXECUTE format('DROP TABLE %s', part.name);
		dropped := dropped + 1;
	END LOOP;
	IF log = 'validation_log' THEN
		DELETE FROM validation_log_default d
		WHERE d.occurred_at < before;
	END IF;
	RETURN dropped;
EXCEPTION WHEN lock_not_available THEN
	RETURN 0;
END $$;
