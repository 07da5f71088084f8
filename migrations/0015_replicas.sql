-- Replicas that were seen lately.

-- A row for each start of a replica, written anew about once a minute by one of
-- its workers.  `run' is made up at the start: two replicas may well have the
-- same name for their machine.
CREATE TABLE replicas (
	run        uuid PRIMARY KEY,
	host       text NOT NULL,
	listen     text NOT NULL,
	version    text NOT NULL,
	migration  integer NOT NULL,	-- the newest that its release knows
	workers    integer NOT NULL,
	started_at timestamptz NOT NULL DEFAULT licet_now_default(),
	seen_at    timestamptz NOT NULL DEFAULT licet_now_default()
) WITH (fillfactor = 50);

-- Written by the migrations themselves; here for whoever applies them by hand,
-- since there are statements that ask it.
CREATE TABLE IF NOT EXISTS schema_migrations (
	number     integer PRIMARY KEY,
	name       text NOT NULL,
	sha256     text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT licet_now_default()
);

-- What one credential did, and what came by one way in.  Most rows are by
-- nobody: they have no hash.  IF NOT EXISTS: with a long trail these may be made
-- before the upgrade.
CREATE INDEX IF NOT EXISTS events_actor ON events (actor_hash, occurred_at, id)
	WHERE actor_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_actor_kind ON events
	(actor_kind, occurred_at, id);
