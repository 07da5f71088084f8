-- Passkeys of the web login: WebAuthn credentials, and what they are to sign.

CREATE TABLE passkeys (
	id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	credential_id bytea NOT NULL UNIQUE
	                  CHECK (length(credential_id) BETWEEN 16 AND 1023),
	-- COSE: -7 is ES256, x and y of a point of P-256; -8 is Ed25519.
	algorithm     integer NOT NULL CHECK (algorithm IN (-7, -8)),
	public_key    bytea NOT NULL CHECK (length(public_key) =
	                  CASE algorithm WHEN -7 THEN 64 ELSE 32 END),
	-- As the authenticator last said; 0: it doesn't count.
	sign_count    bigint NOT NULL CHECK (sign_count >= 0),
	name          text NOT NULL CHECK (btrim(name) <> ''),
	transports    text[] NOT NULL DEFAULT '{}',
	-- Can it be used without the password: it is found without being
	-- named, and asks who is there.
	alone         boolean NOT NULL,
	created_at    timestamptz NOT NULL DEFAULT licet_now_default(),
	last_used_at  timestamptz
);
CREATE INDEX passkeys_newest ON passkeys (created_at, id);

-- Of what was asked to be signed there is the hash; who uses it deletes it.
CREATE TABLE passkey_challenges (
	challenge_hash bytea PRIMARY KEY CHECK (length(challenge_hash) = 32),
	purpose        text NOT NULL CHECK (purpose IN ('register', 'alone',
	                   'second', 'confirm')),
	-- Whose it is: hash of who registers or confirms, or of the hash of
	-- the password that came before.
	bound_to       text CHECK ((bound_to IS NULL) = (purpose = 'alone')),
	expires_at     timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_over ON passkey_challenges (expires_at);
