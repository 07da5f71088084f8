-- How long a machine may be silent before its seat is given back: as the policy
-- of its license says now, so that a vendor can change it for all that are out.
-- 0: for ever, as for what an earlier release makes.
ALTER TABLE policies ADD COLUMN heartbeat_timeout_seconds integer NOT NULL
	DEFAULT 0 CHECK (heartbeat_timeout_seconds = 0
	OR heartbeat_timeout_seconds BETWEEN 3600 AND 315360000);

-- The sweep begins with those that say so; most installations have none.
CREATE INDEX IF NOT EXISTS policies_heartbeat ON policies (id)
	WHERE heartbeat_timeout_seconds > 0;
