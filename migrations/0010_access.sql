-- Who may: scoped API keys, and sessions of the web login.

CREATE TABLE scoped_api_keys (
	id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	label        text NOT NULL CHECK (btrim(label) <> ''),
	token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	role         text NOT NULL CHECK (role IN ('read-only', 'license-issuer',
	                 'support', 'merchant-onboard', 'full-admin')),
	extra_scopes text[] NOT NULL DEFAULT '{}',
	created_at   timestamptz NOT NULL DEFAULT licet_now_default(),
	last_used_at timestamptz,
	revoked_at   timestamptz
);
CREATE INDEX scoped_api_keys_newest ON scoped_api_keys (created_at, id);

-- One that has ended has no row; the audit trail remembers it.  Only the hash
-- of the token is kept.
CREATE TABLE sessions (
	id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	created_at   timestamptz NOT NULL DEFAULT licet_now_default(),
	last_seen_at timestamptz NOT NULL DEFAULT licet_now_default(),
	-- When the password was last typed.
	reauthenticated_at timestamptz NOT NULL DEFAULT licet_now_default(),
	ip           text,
	user_agent   text
);
CREATE INDEX sessions_newest ON sessions (created_at, id);

-- Who began to connect a BTCPay server; an earlier release knows master alone.
ALTER TABLE btcpay_authorize_states
	ADD COLUMN initiator_actor_kind text NOT NULL DEFAULT 'admin_api_key';
