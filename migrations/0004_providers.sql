-- Merchant profiles, and the payment providers connected to them.

CREATE TABLE merchant_profiles (
	id                         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name                       text NOT NULL CHECK (btrim(name) <> ''),
	legal_name                 text,
	support_url                text,
	support_email              text,
	brand_color                text,
	post_purchase_redirect_url text,
	is_default                 boolean NOT NULL DEFAULT false,
	smtp_host                  text,
	smtp_port                  integer CHECK (smtp_port BETWEEN 1 AND 65535),
	smtp_username              text,
	sealed_smtp_password       bytea,
	smtp_from                  text,
	created_at                 timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at                 timestamptz NOT NULL DEFAULT licet_now_default(),
	-- One default.  Judged when a statement ends, so that one statement can
	-- move it, which a unique index would not allow.
	CONSTRAINT merchant_profiles_default EXCLUDE USING btree
	    (is_default WITH =) WHERE (is_default) DEFERRABLE
);
INSERT INTO merchant_profiles (name, is_default) VALUES ('Licet', true);

-- The profile of whoever names none; also of rows that a release writes that
-- knows no profiles.
CREATE FUNCTION merchant_profile_default_1() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT p.id FROM merchant_profiles p WHERE p.is_default
$$;

ALTER TABLE products ADD CONSTRAINT products_merchant_profile
	FOREIGN KEY (merchant_profile_id) REFERENCES merchant_profiles;
CREATE INDEX products_profile ON products (merchant_profile_id);

-- A provider that was disconnected stays: invoices refer to it.  Secrets are
-- sealed with the key ring, with the row's id as associated data.
-- An earlier release wants UNIQUE (kind, base_url, store_id); a provider
-- without stores writes its own id as store_id.
ALTER TABLE payment_providers
	DROP CONSTRAINT payment_providers_kind_check,
	ADD CONSTRAINT payment_providers_kind_check
	    CHECK (kind IN ('sandbox', 'btcpay', 'zaprite')),
	ADD COLUMN merchant_profile_id uuid NOT NULL
	    DEFAULT merchant_profile_default_1() REFERENCES merchant_profiles,
	ADD COLUMN public_url text NOT NULL DEFAULT '',
	ADD COLUMN sealed_api_key bytea,
	ADD COLUMN webhook_id text,
	ADD COLUMN sealed_webhook_secret bytea,
	ADD COLUMN from_environment boolean NOT NULL DEFAULT false,
	ADD COLUMN connected_at timestamptz NOT NULL DEFAULT licet_now_default(),
	ADD COLUMN disconnected_at timestamptz;
-- Rows of an earlier release: the start of a replica connects what its
-- settings name.
UPDATE payment_providers SET disconnected_at = licet_now();
CREATE UNIQUE INDEX payment_providers_connected
	ON payment_providers (merchant_profile_id, kind)
	WHERE disconnected_at IS NULL;

CREATE TABLE merchant_profile_rail_preferences (
	merchant_profile_id uuid NOT NULL REFERENCES merchant_profiles
	                    ON DELETE CASCADE,
	rail                text NOT NULL
	                    CHECK (rail IN ('lightning', 'onchain', 'card')),
	payment_provider_id uuid NOT NULL REFERENCES payment_providers
	                    ON DELETE CASCADE,
	PRIMARY KEY (merchant_profile_id, rail)
);

-- BTCPay Server's consent page comes back with this; single use, 30 minutes.
-- Only the hash of the state is kept.
CREATE TABLE btcpay_authorize_states (
	state_hash           bytea PRIMARY KEY CHECK (length(state_hash) = 32),
	merchant_profile_id  uuid NOT NULL REFERENCES merchant_profiles
	                     ON DELETE CASCADE,
	scoped_initiator     boolean NOT NULL DEFAULT false,
	initiator_actor_hash text,
	created_at           timestamptz NOT NULL DEFAULT licet_now_default()
);
CREATE INDEX btcpay_authorize_states_age ON btcpay_authorize_states (created_at);
