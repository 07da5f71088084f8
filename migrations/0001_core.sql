-- The core: product > policy > invoice > license > machine, the audit trail,
-- the outbox, and what the workers themselves keep.
--
-- Rules that a race could break are constraints here; state changes are single
-- statements in sql/ whose WHERE is the referee.

-- Times leave the database as RFC 3339 in UTC, to the second.
CREATE FUNCTION rfc3339(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

CREATE TABLE settings (
	key        text PRIMARY KEY,
	value      text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- The public halves of the key ring's signing keys; the private halves never
-- come here.  At most one signs new licenses.
CREATE TABLE signing_keys (
	id         integer PRIMARY KEY CHECK (id > 0),
	public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
	active     boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (active) WHERE active;

CREATE TABLE payment_providers (
	id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	kind       text NOT NULL CHECK (kind IN ('sandbox', 'btcpay')),
	label      text NOT NULL,
	base_url   text NOT NULL DEFAULT '',
	store_id   text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (kind, base_url, store_id)
);

CREATE TABLE products (
	id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	slug                 text NOT NULL UNIQUE
	                     CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	name                 text NOT NULL,
	description          text NOT NULL DEFAULT '',
	price_sats           bigint NOT NULL CHECK (price_sats >= 0),
	price_currency       text NOT NULL DEFAULT 'SAT'
	                     CHECK (price_currency IN ('SAT', 'USD', 'EUR')),
	price_value          bigint NOT NULL CHECK (price_value >= 0),
	active               boolean NOT NULL DEFAULT true,
	metadata             jsonb NOT NULL DEFAULT '{}',
	entitlements_catalog jsonb,
	merchant_profile_id  uuid,
	created_at           timestamptz NOT NULL DEFAULT now(),
	updated_at           timestamptz NOT NULL DEFAULT now(),
	CHECK (price_sats = CASE price_currency WHEN 'SAT' THEN price_value ELSE 0 END)
);
CREATE INDEX products_newest ON products (created_at, id);

CREATE TABLE policies (
	id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	product_id          uuid NOT NULL REFERENCES products ON DELETE CASCADE,
	name                text NOT NULL,
	slug                text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	duration_seconds    bigint NOT NULL DEFAULT 0 CHECK (duration_seconds >= 0),
	grace_seconds       bigint NOT NULL DEFAULT 0 CHECK (grace_seconds >= 0),
	max_machines        integer NOT NULL DEFAULT 1 CHECK (max_machines >= 0),
	is_trial            boolean NOT NULL DEFAULT false,
	price_sats_override bigint CHECK (price_sats_override >= 0),
	entitlements        text[] NOT NULL DEFAULT '{}',
	metadata            jsonb NOT NULL DEFAULT '{}',
	active              boolean NOT NULL DEFAULT true,
	public              boolean NOT NULL DEFAULT true,
	tip_recipient       text,
	tip_pct_bps         integer NOT NULL DEFAULT 0
	                    CHECK (tip_pct_bps BETWEEN 0 AND 10000),
	tip_label           text,
	is_recurring        boolean NOT NULL DEFAULT false,
	renewal_period_days integer NOT NULL DEFAULT 0
	                    CHECK (renewal_period_days BETWEEN 0 AND 1830),
	grace_period_days   integer NOT NULL DEFAULT 7
	                    CHECK (grace_period_days BETWEEN 0 AND 90),
	trial_days          integer NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
	tier_rank           integer CHECK (tier_rank BETWEEN 0 AND 1000),
	archived_at         timestamptz,
	created_at          timestamptz NOT NULL DEFAULT now(),
	updated_at          timestamptz NOT NULL DEFAULT now(),
	UNIQUE (product_id, slug),
	CHECK ((tip_recipient IS NULL) = (tip_pct_bps = 0)),
	CHECK (NOT is_recurring OR renewal_period_days >= 1),
	CHECK (NOT is_recurring OR trial_days <= renewal_period_days)
);

-- One row per purchase, written before the provider hears of it.  `id' is the
-- provider's order id, so an invoice whose answer was lost is found again.
-- provider_id is NULL on free invoices.
CREATE TABLE invoices (
	id                     uuid PRIMARY KEY,
	provider_id            uuid REFERENCES payment_providers,
	provider_invoice_id    text,
	product_id             uuid NOT NULL REFERENCES products,
	policy_id              uuid REFERENCES policies ON DELETE SET NULL,
	status                 text NOT NULL DEFAULT 'pending'
	    CHECK (status IN ('pending', 'settled', 'expired', 'invalid')),
	buyer_email            text,
	buyer_note             text,
	amount_sats            bigint NOT NULL CHECK (amount_sats >= 0),
	base_price_sats        bigint NOT NULL CHECK (base_price_sats >= 0),
	discount_applied_sats  bigint NOT NULL DEFAULT 0,
	checkout_url           text NOT NULL DEFAULT '',
	redirect_url           text,
	listed_currency        text,
	listed_value           bigint,
	exchange_rate_centibps bigint,
	exchange_rate_source   text,
	is_trial               boolean NOT NULL DEFAULT false,
	next_check_at          timestamptz,	-- when the reconciler looks next
	settled_at             timestamptz,
	created_at             timestamptz NOT NULL DEFAULT now(),
	updated_at             timestamptz NOT NULL DEFAULT now(),
	UNIQUE (provider_invoice_id, provider_id)
);
CREATE INDEX invoices_due ON invoices (next_check_at)
	WHERE next_check_at IS NOT NULL;
CREATE INDEX invoices_product ON invoices (product_id, created_at);
CREATE INDEX invoices_policy ON invoices (policy_id) WHERE policy_id IS NOT NULL;
-- One trial of a product to an address.
CREATE UNIQUE INDEX invoices_one_trial ON invoices
	(product_id, lower(buyer_email)) WHERE is_trial;

CREATE TABLE licenses (
	id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	product_id        uuid NOT NULL REFERENCES products,
	invoice_id        uuid UNIQUE REFERENCES invoices,
	policy_id         uuid REFERENCES policies ON DELETE SET NULL,
	signing_key_id    integer NOT NULL REFERENCES signing_keys,
	status            text NOT NULL DEFAULT 'active'
	    CHECK (status IN ('active', 'suspended', 'revoked')),
	issued_at         timestamptz NOT NULL
	    CHECK (issued_at = date_trunc('second', issued_at)),
	expires_at        timestamptz
	    CHECK (expires_at = date_trunc('second', expires_at)),
	grace_seconds     bigint NOT NULL DEFAULT 0 CHECK (grace_seconds >= 0),
	max_machines      integer NOT NULL DEFAULT 1 CHECK (max_machines >= 0),
	is_trial          boolean NOT NULL DEFAULT false,
	entitlements      text[] NOT NULL DEFAULT '{}',
	revoked_at        timestamptz,
	revocation_reason text,
	suspended_at      timestamptz,
	suspension_reason text,
	nostr_npub        text,
	buyer_email       text,
	metadata          jsonb NOT NULL DEFAULT '{}',
	created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX licenses_newest ON licenses (created_at, id);
CREATE INDEX licenses_product ON licenses (product_id, created_at, id);
CREATE INDEX licenses_policy ON licenses (policy_id) WHERE policy_id IS NOT NULL;
CREATE INDEX licenses_email ON licenses (buyer_email, created_at, id)
	WHERE buyer_email IS NOT NULL;
CREATE INDEX licenses_npub ON licenses (nostr_npub, created_at, id)
	WHERE nostr_npub IS NOT NULL;

-- The only truth about seats.  A machine is known by the SHA-256 of what the
-- client calls its fingerprint.
-- No index holds last_heartbeat_at or ip_last_seen, so that a heartbeat is a
-- heap-only update.
CREATE TABLE machines (
	id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	license_id          uuid NOT NULL REFERENCES licenses ON DELETE CASCADE,
	fingerprint_hash    bytea NOT NULL CHECK (length(fingerprint_hash) = 32),
	hostname            text,
	platform            text,
	ip_last_seen        text,
	activated_at        timestamptz NOT NULL DEFAULT now(),
	last_heartbeat_at   timestamptz NOT NULL DEFAULT now(),
	deactivated_at      timestamptz,
	deactivation_reason text
) WITH (fillfactor = 80);
-- One active machine of a fingerprint to a license: deactivated_at is NULL in
-- those, and counts as a value here.  The one index by license, too: were there
-- a shorter one, the planner would search a license's machines in it one by one.
CREATE UNIQUE INDEX machines_seat ON machines
	(license_id, fingerprint_hash, deactivated_at) NULLS NOT DISTINCT;

-- Every validation that was answered, by month.  No foreign keys: the log
-- outlives what it tells of.
CREATE TABLE validation_log (
	occurred_at      timestamptz NOT NULL DEFAULT now(),
	license_id       uuid,
	product_id       uuid,
	machine_id       uuid,
	fingerprint_hash bytea,
	result           text NOT NULL,
	reason_detail    text,
	client_ip        text,
	user_agent       text
) PARTITION BY RANGE (occurred_at);
-- A btree by license would cost every validation a leaf at random: a third of
-- its time at five million rows a month, and more with each row.  Instead each
-- half megabyte, when full, gets a Bloom filter of its licenses and its time:
-- next to nothing to write, and a license's lines are found by reading filters,
-- some 2 ms a million rows.  Ask for a span of time where one can.
CREATE INDEX validation_log_license ON validation_log USING brin
	(license_id uuid_bloom_ops (n_distinct_per_range = 4000,
	false_positive_rate = 0.01), occurred_at)
	WITH (pages_per_range = 64, autosummarize = on);
CREATE TABLE validation_log_default PARTITION OF validation_log DEFAULT;

-- The audit trail: who did what to what.  Rows are written by the statement
-- that makes the change and are never touched again.
CREATE TABLE events (
	id          uuid NOT NULL DEFAULT gen_random_uuid(),
	occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor_kind  text NOT NULL,
	actor_hash  text,
	action      text NOT NULL,
	target_kind text,
	target_id   text,
	request_ip  text,
	user_agent  text,
	details     jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (occurred_at);
CREATE INDEX events_newest ON events (occurred_at, id);
CREATE INDEX events_target ON events (target_id, occurred_at);
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE FUNCTION events_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'events is append-only';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
	FOR EACH ROW EXECUTE FUNCTION events_append_only();

-- What the world is to be told, written by the transaction that causes it.
CREATE TABLE outbox (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event_type text NOT NULL,
	product_id uuid,
	data       jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

-- Token buckets of clients that use much of their allowance; see
-- docs/operations.md.
CREATE TABLE rate_buckets (
	bucket_kind       text NOT NULL,
	bucket_key        text NOT NULL,
	tokens_remaining  double precision NOT NULL,
	capacity          double precision NOT NULL,
	refill_per_second double precision NOT NULL,
	last_refill_at    timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (bucket_kind, bucket_key)
) WITH (fillfactor = 70);
CREATE INDEX rate_buckets_recent ON rate_buckets (last_refill_at);

-- Work by the clock: the first worker to ask after next_run gets it.
CREATE TABLE jobs (
	name     text PRIMARY KEY,
	every    interval NOT NULL,
	next_run timestamptz NOT NULL DEFAULT now(),
	runs     bigint NOT NULL DEFAULT 0
);
INSERT INTO jobs (name, every) VALUES ('housekeeping', '1 hour');

-- The sandbox provider's side of its invoices: what a payment server would
-- remember.
CREATE TABLE sandbox_invoices (
	id          text PRIMARY KEY,
	order_id    uuid NOT NULL UNIQUE,
	amount_sats bigint NOT NULL,
	status      text NOT NULL DEFAULT 'pending'
	    CHECK (status IN ('pending', 'settled', 'expired')),
	created_at  timestamptz NOT NULL DEFAULT now()
);

-- Makes the monthly partitions of the growing logs from this month to
-- `ahead' months on.  Harmless to repeat, and under a lock, so that replicas
-- don't collide.
CREATE FUNCTION partitions_make_1(ahead integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	t     text;
	month timestamptz;
	part  text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('partitions', 0));
	FOREACH t IN ARRAY ARRAY['validation_log', 'events'] LOOP
		FOR i IN 0..ahead LOOP
			month := date_trunc('month', now(), 'UTC') + i * interval '1 month';
			part := t || '_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
			CONTINUE WHEN to_regclass(part) IS NOT NULL;
			EXECUTE format('CREATE TABLE %I PARTITION OF %I
			    FOR VALUES FROM (%L) TO (%L)', part, t, month,
			    date_trunc('month', month + interval '32 days', 'UTC'));
		END LOOP;
	END LOOP;
END $$;
SELECT partitions_make_1(3);
