-- News for the vendor's own servers: who wants them, and what was sent.

-- An endpoint that was deleted stays, without its secret: deliveries refer to
-- it.  product_id has no foreign key: when a product is deleted, its last news
-- still go out, and an endpoint of a product that is gone hears nothing, rather
-- than everything.
CREATE TABLE webhook_endpoints (
	id                   uuid PRIMARY KEY,
	url                  text NOT NULL,
	sealed_secret        bytea,	-- sealed for this row's id
	event_types          text[] NOT NULL CHECK (cardinality(event_types) > 0),
	product_id           uuid,
	description          text,
	active               boolean NOT NULL DEFAULT true,
	active_since         timestamptz NOT NULL DEFAULT licet_now_default(),
	deleted_at           timestamptz,
	replays              integer NOT NULL DEFAULT 0,
	-- The circuit: from the fifth failure in a row it is open, and one
	-- delivery at a time is tried, once open_until has passed.
	consecutive_failures integer NOT NULL DEFAULT 0,
	open_until           timestamptz,
	created_at           timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at           timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK (deleted_at IS NULL OR NOT active),
	CHECK (deleted_at IS NOT NULL OR sealed_secret IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX webhook_endpoints_newest ON webhook_endpoints (created_at, id)
	WHERE deleted_at IS NULL;
-- Holds no column of the circuit, so that failures are heap-only updates.
CREATE INDEX webhook_endpoints_active ON webhook_endpoints (id) WHERE active;

-- One message to one endpoint, its text fixed when it was made; the id stays
-- over all tries.  next_attempt_at is when it is due, or while it is being
-- sent, when whoever sends it must be dead; NULL: delivered, or dead.
-- outbox_id is NULL for a test message.  A replay makes new rows, told apart by
-- the endpoint's count of replays; 0 is the first time round.
CREATE TABLE webhook_deliveries (
	id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	outbox_id        bigint,
	endpoint_id      uuid NOT NULL REFERENCES webhook_endpoints,
	replay           integer NOT NULL DEFAULT 0,
	event_type       text NOT NULL,
	payload          text NOT NULL,
	attempt_count    integer NOT NULL DEFAULT 0,
	next_attempt_at  timestamptz,
	last_status_code integer,
	last_error       text,
	last_response    text,
	delivered_at     timestamptz,
	due_since        timestamptz NOT NULL DEFAULT licet_now_default(),
	created_at       timestamptz NOT NULL DEFAULT licet_now_default(),
	UNIQUE (outbox_id, endpoint_id, replay),
	CHECK (delivered_at IS NULL OR next_attempt_at IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries
	(endpoint_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (created_at, id);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries
	(endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries
	(created_at, id) WHERE delivered_at IS NULL;

-- Whether deliveries were made of it.  What is there already has nobody who
-- waits for it, and gets no new row version; what any release writes from now
-- on is to be fanned out.
ALTER TABLE outbox ADD COLUMN fanned_out boolean NOT NULL DEFAULT true;
ALTER TABLE outbox ALTER COLUMN fanned_out SET DEFAULT false;
CREATE INDEX outbox_fresh ON outbox (id) WHERE NOT fanned_out;
-- Where a replay begins that names a time.
CREATE INDEX outbox_created ON outbox USING brin (created_at)
	WITH (pages_per_range = 16, autosummarize = on);

-- Wakes the workers for news that somebody wants.  Once a statement, not once
-- a row; a NOTIFY makes commits wait for each other, so there is none without
-- need.
CREATE FUNCTION outbox_notify_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM written) AND
	    EXISTS (SELECT FROM webhook_endpoints e WHERE e.active) THEN
		PERFORM pg_notify('licet_jobs', 'webhooks');
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
	REFERENCING NEW TABLE AS written
	FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify_1();
