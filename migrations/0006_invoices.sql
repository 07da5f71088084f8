-- What an invoice is for, what was quoted, what the provider saw; exchange
-- rates; refunds; tips.

-- purchase     brings a license
-- renewal      extends license_id by a cycle (subscription_invoices says which)
-- tier_change  moves license_id to another policy (tier_changes says which)
ALTER TABLE invoices
	ADD COLUMN kind text NOT NULL DEFAULT 'purchase'
	    CHECK (kind IN ('purchase', 'renewal', 'tier_change')),
	-- Whose license a renewal or tier change is for; a purchase's license
	-- refers to its invoice instead.
	ADD COLUMN license_id uuid REFERENCES licenses,
	-- listed_value is the price as listed, charged_value what is left of it
	-- after the code, both in listed_currency; base_price_sats and
	-- amount_sats are the same in satoshis at exchange_rate_centibps.
	ADD COLUMN charged_value bigint CHECK (charged_value >= 0),
	-- A trial is also told from another by the machine that asks for it.
	ADD COLUMN trial_fingerprint_hash bytea
	    CHECK (length(trial_fingerprint_hash) = 32),
	-- What the provider reported last: what arrived, and what was odd.
	ADD COLUMN paid_sats bigint CHECK (paid_sats >= 0),
	ADD COLUMN payment_exception text CHECK (payment_exception IN
	    ('partial', 'late', 'over', 'marked')),
	-- Why somebody should look at it: paid but without effect (the cycle was
	-- paid before, the tier change is void), or another amount than asked.
	ADD COLUMN attention text CHECK (attention IN
	    ('surplus', 'void_change', 'amount_mismatch', 'partial', 'over')),
	ADD CONSTRAINT invoices_license CHECK
	    ((kind = 'purchase') = (license_id IS NULL));
CREATE INDEX invoices_newest ON invoices (created_at, id);
CREATE INDEX invoices_license_paid ON invoices (license_id, created_at, id)
	WHERE license_id IS NOT NULL;
-- In the order of pages, unlike the one before it.
CREATE INDEX invoices_product_newest ON invoices (product_id, created_at, id);
DROP INDEX invoices_product;
CREATE INDEX invoices_attention ON invoices (created_at, id)
	WHERE attention IS NOT NULL;
CREATE INDEX invoices_email ON invoices (lower(buyer_email), created_at, id)
	WHERE buyer_email IS NOT NULL;
-- Most are settled purchases in the end; those are found among all.
CREATE INDEX invoices_unsettled ON invoices (status, created_at, id)
	WHERE status <> 'settled';
CREATE INDEX invoices_of_kind ON invoices (kind, created_at, id)
	WHERE kind <> 'purchase';
CREATE UNIQUE INDEX invoices_one_trial_machine ON invoices
	(product_id, trial_fingerprint_hash) WHERE is_trial;

-- No statement, of this release or the one before, can make a license of an
-- invoice that was for something else.
CREATE FUNCTION license_invoice_is_purchase_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM invoices i
	    WHERE i.id = NEW.invoice_id AND i.kind <> 'purchase') THEN
		RAISE EXCEPTION 'invoice % is no purchase', NEW.invoice_id
		    USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER license_invoice_is_purchase BEFORE INSERT ON licenses
	FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL)
	EXECUTE FUNCTION license_invoice_is_purchase_1();

-- The newest rate that some replica fetched, shared by all.  A manual pin is
-- the setting manual_rate_pin_<CUR> and beats it.
CREATE TABLE exchange_rates (
	currency   text PRIMARY KEY CHECK (currency IN ('USD', 'EUR')),
	rate_e4    bigint NOT NULL CHECK (rate_e4 > 0),	-- units per BTC * 10000
	source     text NOT NULL,
	fetched_at timestamptz NOT NULL
);

-- A refund by the vendor: a row before the provider is asked.  `made' has
-- where the buyer claims the money; then the license is revoked.
CREATE TABLE refunds (
	id                 uuid PRIMARY KEY,
	invoice_id         uuid NOT NULL REFERENCES invoices,
	status             text NOT NULL DEFAULT 'asked'
	                   CHECK (status IN ('asked', 'made', 'failed')),
	variant            text NOT NULL,
	reason             text,
	provider_refund_id text,
	claim_url          text,
	detail             text,
	next_check_at      timestamptz,
	created_at         timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at         timestamptz NOT NULL DEFAULT licet_now_default()
);
CREATE UNIQUE INDEX refunds_one ON refunds (invoice_id) WHERE status <> 'failed';
CREATE INDEX refunds_invoice ON refunds (invoice_id);
CREATE INDEX refunds_due ON refunds (next_check_at)
	WHERE next_check_at IS NOT NULL;

-- A tip to a Lightning address for a license that was sold.  The row is
-- written with the license; `paying' has the invoice that may have been paid,
-- so that nobody pays it twice.
CREATE TABLE tip_attempts (
	id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	license_id    uuid NOT NULL UNIQUE REFERENCES licenses ON DELETE CASCADE,
	policy_id     uuid REFERENCES policies ON DELETE SET NULL,
	provider_id   uuid REFERENCES payment_providers,
	recipient     text NOT NULL,
	paid_sats     bigint NOT NULL,	-- what the buyer paid
	amount_sats   bigint,		-- the tip
	pct_bps       integer NOT NULL,
	label         text,
	status        text NOT NULL DEFAULT 'pending' CHECK (status IN
	              ('pending', 'paying', 'sent', 'failed', 'skipped')),
	detail        text,
	bolt11        text,
	payment_hash  text,
	next_check_at timestamptz DEFAULT licet_now_default(),
	created_at    timestamptz NOT NULL DEFAULT licet_now_default()
);
CREATE INDEX tip_attempts_due ON tip_attempts (next_check_at)
	WHERE next_check_at IS NOT NULL;
-- No two rows are made good by one payment.
CREATE UNIQUE INDEX tip_attempts_hash ON tip_attempts (payment_hash)
	WHERE payment_hash IS NOT NULL;
CREATE INDEX tip_attempts_policy ON tip_attempts (policy_id)
	WHERE policy_id IS NOT NULL;
CREATE INDEX tip_attempts_newest ON tip_attempts (created_at, id);
CREATE INDEX tip_attempts_recipient ON tip_attempts (recipient, created_at, id);
