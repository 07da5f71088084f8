-- Discount codes, and who used them for what.

CREATE TABLE discount_codes (
	id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	code                   text NOT NULL UNIQUE
	                       CHECK (code ~ '^[A-Z0-9_-]{1,64}$'),
	kind                   text NOT NULL CHECK (kind IN
	                       ('percent', 'fixed_sats', 'set_price', 'free_license')),
	amount                 bigint NOT NULL CHECK (amount >= 0),
	discount_currency      text NOT NULL DEFAULT 'SAT'
	                       CHECK (discount_currency IN ('SAT', 'USD', 'EUR')),
	max_uses               bigint CHECK (max_uses > 0),
	used_count             bigint NOT NULL DEFAULT 0 CHECK (used_count >= 0),
	expires_at             timestamptz,
	applies_to_product_id  uuid REFERENCES products ON DELETE CASCADE,
	applies_to_policy_id   uuid REFERENCES policies ON DELETE CASCADE,
	applies_to_policy_ids  uuid[] NOT NULL DEFAULT '{}',
	referrer_label         text,
	description            text,
	active                 boolean NOT NULL DEFAULT true,
	featured               boolean NOT NULL DEFAULT false,
	created_at             timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at             timestamptz NOT NULL DEFAULT licet_now_default(),
	-- The cap, whatever the statements do.
	CHECK (used_count <= max_uses),
	CHECK (kind <> 'percent' OR amount <= 10000),
	CHECK (kind NOT IN ('fixed_sats', 'set_price') OR amount > 0),
	CHECK (applies_to_product_id IS NOT NULL
	    OR applies_to_policy_id IS NULL AND applies_to_policy_ids = '{}')
);
CREATE INDEX discount_codes_newest ON discount_codes (created_at, id);
CREATE INDEX discount_codes_featured ON discount_codes
	(applies_to_product_id, created_at) WHERE featured AND active;
CREATE INDEX discount_codes_product ON discount_codes (applies_to_product_id)
	WHERE applies_to_product_id IS NOT NULL;
CREATE INDEX discount_codes_policy ON discount_codes (applies_to_policy_id)
	WHERE applies_to_policy_id IS NOT NULL;

-- One use of a code.  `pending' and `redeemed' rows hold a use of the code
-- (they are what used_count counts); `cancelled' ones have given it back.  A
-- cancelled one with a license was paid late, when the code had no use left:
-- the buyer got what was bought, the cap stayed.
CREATE TABLE discount_redemptions (
	id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	code_id               uuid NOT NULL REFERENCES discount_codes,
	invoice_id            uuid NOT NULL UNIQUE REFERENCES invoices,
	license_id            uuid REFERENCES licenses ON DELETE SET NULL,
	status                text NOT NULL DEFAULT 'pending'
	                      CHECK (status IN ('pending', 'redeemed', 'cancelled')),
	discount_applied_sats bigint NOT NULL CHECK (discount_applied_sats >= 0),
	base_price_sats       bigint NOT NULL CHECK (base_price_sats >= 0),
	final_price_sats      bigint NOT NULL CHECK (final_price_sats >= 0),
	created_at            timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at            timestamptz NOT NULL DEFAULT licet_now_default()
);
CREATE INDEX discount_redemptions_code ON discount_redemptions
	(code_id, created_at, id);
-- Those whose invoice may still go either way.
CREATE INDEX discount_redemptions_pending ON discount_redemptions (invoice_id)
	WHERE status = 'pending';
CREATE INDEX discount_redemptions_license ON discount_redemptions (license_id)
	WHERE license_id IS NOT NULL;
