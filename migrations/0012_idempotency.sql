-- Answers to writes that may be repeated.

-- One row is a key that a client gave, for one endpoint and by one credential:
-- the id is a hash of all three.  `request' is a keyed hash of what was asked,
-- so that the key is good for no other request.  Who runs it bears `attempt',
-- until `running_until'; whoever comes afterwards and finds no answer takes
-- over, with an attempt of its own.  `resources' are the ids that the attempts
-- were given for what they make, the newest last.  The answer is sealed for
-- this row: it may hold a license key or a secret.
CREATE TABLE idempotency_keys (
	id            bytea PRIMARY KEY CHECK (length(id) = 32),
	request       bytea NOT NULL,
	attempt       uuid NOT NULL,
	running_until timestamptz NOT NULL,
	resources     uuid[] NOT NULL,
	status        integer,
	answer_type   text,
	answer        bytea,
	created_at    timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK ((status IS NULL) = (answer IS NULL)
	    AND (status IS NULL) = (answer_type IS NULL))
) WITH (fillfactor = 70);
ALTER TABLE idempotency_keys ALTER COLUMN answer SET STORAGE EXTERNAL;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Keeps an attempt's answer, in the transaction of what it did.  Raises when
-- another attempt has taken over, or a crash forgot this one, so that all of
-- that is undone.
CREATE FUNCTION idempotency_store_1(key bytea, its_attempt uuid,
    its_status integer, its_type text, its_answer bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE idempotency_keys AS k
	SET status = its_status, answer_type = its_type, answer = its_answer
	WHERE k.id = key AND k.attempt = its_attempt AND k.status IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'This attempt was overtaken; send it again.'
		    USING ERRCODE = 'LC40R';
	END IF;
END
$$;
