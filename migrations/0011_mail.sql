-- Mail to buyers, a row each.

-- What one buyer is told of one thing, once: `about' names the thing (a
-- license, an invoice, a subscription's cycle).  The text is made when it is
-- sent, from what is true then; the key in it is never stored.  A mail goes
-- with its license.  next_attempt_at is when it is due, or while it is being
-- sent, when whoever sends it must be dead.
--
-- queued   to be sent
-- sent     a mail server took it
-- dead     refused for good, or not taken for three days
-- skipped  was not true any more when its turn came
CREATE TABLE mails (
	id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	kind            text NOT NULL CHECK (kind IN ('receipt', 'renewed',
	                'renewal_due', 'trial_ending', 'lapsed')),
	about           text NOT NULL,
	license_id      uuid NOT NULL REFERENCES licenses ON DELETE CASCADE,
	invoice_id      uuid,
	to_address      text NOT NULL,
	status          text NOT NULL DEFAULT 'queued'
	    CHECK (status IN ('queued', 'sent', 'dead', 'skipped')),
	attempts        integer NOT NULL DEFAULT 0,
	next_attempt_at timestamptz DEFAULT licet_now_default(),
	last_error      text,
	sent_at         timestamptz,
	due_since       timestamptz NOT NULL DEFAULT licet_now_default(),
	created_at      timestamptz NOT NULL DEFAULT licet_now_default(),
	UNIQUE (kind, about),
	CHECK ((status = 'queued') = (next_attempt_at IS NOT NULL)),
	CHECK ((status = 'sent') = (sent_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX mails_due ON mails (next_attempt_at)
	WHERE next_attempt_at IS NOT NULL;
CREATE INDEX mails_newest ON mails (created_at, id);
-- Most are sent in the end; those are found among all.
CREATE INDEX mails_unsent ON mails (status, created_at, id)
	WHERE status <> 'sent';
CREATE INDEX mails_license ON mails (license_id);

-- Trials by their end.  IF NOT EXISTS: with many licenses it may be made
-- CONCURRENTLY before the upgrade.
CREATE INDEX IF NOT EXISTS licenses_trial_end ON licenses (expires_at)
	WHERE is_trial AND status = 'active' AND buyer_email IS NOT NULL;

-- Who looks for trials that end soon.  What came near its end before its first
-- look is nobody's news.
INSERT INTO jobs (name, every, next_run)
VALUES ('trial_mails', '1 minute', licet_now() + interval '1 minute');

-- A day as people read it: 5 November 2026.
CREATE FUNCTION mail_day_1(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(t AT TIME ZONE 'UTC', 'FMDD FMMonth YYYY')
$$;
