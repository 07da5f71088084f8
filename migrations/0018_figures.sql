-- What the dashboard's front page shows in figures.

-- What happened so often on a day (UTC): `validation.' and its result, or
-- machine.new.  The tables themselves are far too long, or too restless, to be
-- counted whenever somebody looks.
CREATE TABLE figure_days (
	day    date NOT NULL,
	figure text NOT NULL,
	n      bigint NOT NULL,
	PRIMARY KEY (day, figure)
) WITH (fillfactor = 70);

-- One row: until when figure_days is right (NULL: not begun), and how many
-- licenses and machines in use there were when they were last counted.
CREATE TABLE figure_marks (
	one             boolean PRIMARY KEY DEFAULT true CHECK (one),
	upto            timestamptz,
	licenses_total  bigint,
	machines_active bigint,
	counted_at      timestamptz
);
INSERT INTO figure_marks DEFAULT VALUES;

INSERT INTO jobs (name, every) VALUES ('figures', '1 minute');

-- What was paid for at a price in a currency, by when.  IF NOT EXISTS: with
-- many invoices it may be made CONCURRENTLY before the upgrade.
CREATE INDEX IF NOT EXISTS invoices_paid_listed ON invoices (settled_at)
	INCLUDE (listed_currency, charged_value, listed_value)
	WHERE status = 'settled' AND amount_sats > 0
	AND listed_currency IN ('USD', 'EUR');
