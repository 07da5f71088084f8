-- The operator's own license, which lifts the caps of this server: one that was
-- stored by an administrator, one that the settings name.  The key is sealed
-- with the key ring; beside it is what it says, once the trust root's signature
-- was found on it.  Whether it is in force is judged when it is asked for.
CREATE TABLE self_licenses (
	source       text PRIMARY KEY CHECK (source IN ('stored', 'environment')),
	sealed_key   bytea NOT NULL,
	-- Whose signature is on it; NULL: not the trust root's, `fault' says why.
	trust_root   bytea CHECK (length(trust_root) = 32),
	fault        text,
	product_id   uuid,
	license_id   uuid,
	expires_at   timestamptz,
	entitlements text[] NOT NULL DEFAULT '{}',
	-- What was last found: `licensed', or why not.
	noted        text NOT NULL,
	verified_at  timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK ((trust_root IS NULL) = (fault IS NOT NULL)),
	CHECK (trust_root IS NULL OR product_id IS NOT NULL AND license_id IS NOT NULL)
);

INSERT INTO jobs (name, every) VALUES ('self_license', '1 hour')
ON CONFLICT (name) DO NOTHING;

-- Codes that are on are counted.
CREATE INDEX IF NOT EXISTS discount_codes_on ON discount_codes (id) WHERE active;
