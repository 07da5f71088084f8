-- The checkout page of our own: what a provider gave to pay an invoice with,
-- and what it has seen of the payment.  One row to an invoice whose page was
-- opened.
CREATE TABLE checkouts (
	invoice_id           uuid PRIMARY KEY REFERENCES invoices
	                     ON DELETE CASCADE,
	bolt11               text,
	address              text,
	due_sats             bigint CHECK (due_sats >= 0), -- still to be paid
	seen_sats            bigint NOT NULL DEFAULT 0 CHECK (seen_sats >= 0),
	confirmations        integer,	-- of the youngest payment; NULL: not told
	confirmations_needed integer,
	expires_at           timestamptz, -- when the provider ends the invoice
	asked_at             timestamptz NOT NULL, -- who asks says so first
	told_at              timestamptz, -- when it last answered
	look_at              timestamptz  -- something may have changed: ask then
) WITH (fillfactor = 70);
CREATE INDEX checkouts_due ON checkouts (look_at) WHERE look_at IS NOT NULL;

-- An invoice that expired unpaid can be followed by another one for the same
-- order, by one at most.
ALTER TABLE invoices
	ADD COLUMN follows_id uuid REFERENCES invoices ON DELETE SET NULL,
	-- The first of those that follow each other; NULL: this one.
	ADD COLUMN order_id uuid REFERENCES invoices ON DELETE SET NULL,
	-- `double': two invoices of one order were paid.
	DROP CONSTRAINT invoices_attention_check,
	ADD CONSTRAINT invoices_attention_check CHECK (attention IN
	    ('surplus', 'void_change', 'amount_mismatch', 'partial', 'over',
	    'double'));
CREATE UNIQUE INDEX invoices_follows ON invoices (follows_id)
	WHERE follows_id IS NOT NULL;
CREATE INDEX invoices_order ON invoices (order_id)
	WHERE order_id IS NOT NULL;

-- The sandbox's side of the same.  What an older release makes never ends by
-- itself, and is paid on the sandbox's own page.
ALTER TABLE sandbox_invoices
	ADD COLUMN paid_sats bigint NOT NULL DEFAULT 0,
	ADD COLUMN confirmations integer NOT NULL DEFAULT 0,
	ADD COLUMN is_late boolean NOT NULL DEFAULT false,
	ADD COLUMN expires_at timestamptz;
