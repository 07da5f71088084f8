-- Customers in the portal: their sessions, and the codes that begin them.

-- A customer is whoever reads an address's mail, or holds a license's key: one
-- of both is set.  An address is in lower case.  Only the token's hash is kept;
-- a session that has ended has no row.
CREATE TABLE customer_sessions (
	id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	email        text,
	license_id   uuid REFERENCES licenses ON DELETE CASCADE,
	created_at   timestamptz NOT NULL DEFAULT licet_now_default(),
	last_seen_at timestamptz NOT NULL DEFAULT licet_now_default(),
	-- When it was last proven by code or key.
	reauthenticated_at timestamptz NOT NULL DEFAULT licet_now_default(),
	ip           text,
	user_agent   text,
	CHECK (num_nonnulls(email, license_id) = 1)
);
CREATE INDEX customer_sessions_email ON customer_sessions (email)
	WHERE email IS NOT NULL;
CREATE INDEX customer_sessions_license ON customer_sessions (license_id)
	WHERE license_id IS NOT NULL;

-- A code that somebody asked for, whether the address is a customer's or not:
-- its letter is made later, by whoever takes it (`letter_due').  The hash of
-- the code is keyed by the ring, since eight digits can be guessed; `sealed' is
-- what the letter says, code and link's token.  One use, by either.
CREATE TABLE customer_codes (
	id         uuid PRIMARY KEY,
	email      text NOT NULL,
	code_hash  bytea NOT NULL CHECK (length(code_hash) = 32),
	token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	sealed     bytea,
	attempts   integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 5),
	letter_due boolean NOT NULL DEFAULT true,
	used_at    timestamptz,
	created_at timestamptz NOT NULL DEFAULT licet_now_default(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX customer_codes_email ON customer_codes (email, created_at);
CREATE INDEX customer_codes_due ON customer_codes (created_at)
	WHERE letter_due;

-- The letter with a code is about an address, not about a license.
ALTER TABLE mails ALTER COLUMN license_id DROP NOT NULL;
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check CHECK (kind IN ('receipt',
	'renewed', 'renewal_due', 'trial_ending', 'lapsed', 'sign_in'));
ALTER TABLE mails ADD CONSTRAINT mails_license_check
	CHECK (license_id IS NOT NULL OR kind = 'sign_in');
-- What was written to an address.
CREATE INDEX IF NOT EXISTS mails_address ON mails (lower(to_address));

-- Of a customer whose data was deleted: what is taken out of the logs
-- afterwards, a batch at a time.  The address is here as its SHA-256 alone.
CREATE TABLE erasures (
	id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	email_hash text NOT NULL,	-- in hexadecimal, as in events
	targets    text[] NOT NULL,	-- ids of licenses and invoices
	licenses   uuid[] NOT NULL,	-- whose validations are still to be seen
	traces     boolean NOT NULL DEFAULT true,	-- so is the audit trail
	news       bigint,		-- and the outbox from this row down
	asked_at   timestamptz NOT NULL DEFAULT licet_now_default()
);

-- The audit trail is appended to, and loses addresses and user agents of
-- customers who want theirs deleted; nothing else of a row ever changes.
CREATE FUNCTION events_append_only_2() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.request_ip IS NULL
	    AND NEW.user_agent IS NULL
	    AND OLD.actor_kind IN ('customer', 'buyer_self_service',
	        'buyer_license_key')
	    AND to_jsonb(NEW) - ARRAY['request_ip', 'user_agent']
	      = to_jsonb(OLD) - ARRAY['request_ip', 'user_agent'] THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'events is append-only';
END $$;
DROP TRIGGER events_append_only ON events;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
	FOR EACH ROW EXECUTE FUNCTION events_append_only_2();
