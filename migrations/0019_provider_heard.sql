-- When a payment provider last answered, and when it last did not: told by
-- the calls that are made anyway.
CREATE TABLE provider_heard (
	provider_id   uuid PRIMARY KEY REFERENCES payment_providers
	              ON DELETE CASCADE,
	ok_at         timestamptz,
	failed_at     timestamptz,
	failing_since timestamptz,	-- the first failure after it was well
	error         text		-- of the last failure
) WITH (fillfactor = 50);
