-- An endpoint's secret that was replaced signs beside the new one for a while.
-- Sealed for the row's id like the other; taken away when its time is over.
ALTER TABLE webhook_endpoints
	ADD COLUMN previous_sealed_secret bytea,
	ADD COLUMN previous_until timestamptz;
