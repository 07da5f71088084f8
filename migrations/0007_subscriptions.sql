-- Subscriptions and tier changes.

-- One to a license.  Cycle n ends at cycle_end_at, which is when cycle n+1 is
-- due; that date moves only when a cycle is paid, so nothing drifts.  What was
-- agreed at the purchase is a copy here; edits of the product don't touch it.
CREATE TABLE subscriptions (
	id                       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	license_id               uuid NOT NULL UNIQUE REFERENCES licenses
	                         ON DELETE CASCADE,
	policy_id                uuid REFERENCES policies ON DELETE SET NULL,
	product_id               uuid NOT NULL REFERENCES products,
	period_days              integer NOT NULL CHECK (period_days > 0),
	grace_period_days        integer NOT NULL CHECK (grace_period_days >= 0),
	listed_currency          text NOT NULL
	                         CHECK (listed_currency IN ('SAT', 'USD', 'EUR')),
	listed_value             bigint NOT NULL CHECK (listed_value >= 0),
	status                   text NOT NULL DEFAULT 'active' CHECK (status IN
	                         ('active', 'past_due', 'cancelled', 'lapsed')),
	started_at               timestamptz NOT NULL,
	paid_cycle               integer NOT NULL DEFAULT 1,	-- last one paid
	began_with_trial         boolean NOT NULL DEFAULT false,
	next_renewal_at          timestamptz NOT NULL,	-- end of the paid cycle
	next_attempt_at          timestamptz,	-- when the worker looks; NULL: never
	last_renewal_attempt_at  timestamptz,
	consecutive_failures     integer NOT NULL DEFAULT 0,
	skipped_cycle            integer NOT NULL DEFAULT 0,	-- and said so
	cancelled_at             timestamptz,
	cancellation_reason      text,
	lapsed_at                timestamptz,
	merchant_profile_id      uuid REFERENCES merchant_profiles,
	payment_provider_id      uuid REFERENCES payment_providers,
	-- The buyer's saved card: whose, which one, and who keeps it.
	card_provider_id         uuid REFERENCES payment_providers,
	zaprite_contact_id       text,
	zaprite_payment_profile_id         text,
	zaprite_payment_profile_method     text,
	zaprite_payment_profile_expires_at timestamptz,
	created_at               timestamptz NOT NULL DEFAULT licet_now_default(),
	updated_at               timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK ((status = 'lapsed') = (lapsed_at IS NOT NULL)),
	CHECK (status <> 'cancelled' OR cancelled_at IS NOT NULL)
);
CREATE INDEX subscriptions_due ON subscriptions (next_attempt_at)
	WHERE next_attempt_at IS NOT NULL;
CREATE INDEX subscriptions_newest ON subscriptions (created_at, id);
CREATE INDEX subscriptions_status ON subscriptions (status, created_at, id);
CREATE INDEX subscriptions_policy ON subscriptions (policy_id)
	WHERE policy_id IS NOT NULL;
CREATE INDEX subscriptions_product ON subscriptions (product_id);
CREATE INDEX subscriptions_profile ON subscriptions (merchant_profile_id);

-- Which invoice bills which cycle.  A cycle has one invoice in force; one that
-- the provider let expire while the buyer may still pay is superseded by a new
-- one, and counts all the same if it is paid first.
CREATE TABLE subscription_invoices (
	id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
	invoice_id      uuid NOT NULL UNIQUE REFERENCES invoices,
	cycle_number    integer NOT NULL CHECK (cycle_number >= 1),
	cycle_start_at  timestamptz NOT NULL,
	cycle_end_at    timestamptz NOT NULL,
	superseded_at   timestamptz,
	applied_at      timestamptz,	-- when this one paid for the cycle
	announced_at    timestamptz,	-- subscription.renewal_pending went out
	-- A saved card may pay it: when to see to that (NULL: nothing to do);
	-- when it was charged, written before the call, so that it is one call
	-- to a cycle whatever becomes of it; and when that was found to be in
	-- vain.
	charge_next_at    timestamptz,
	charge_started_at timestamptz,
	charge_failed_at  timestamptz,
	created_at      timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK (cycle_end_at > cycle_start_at)
);
CREATE UNIQUE INDEX subscription_invoices_cycle ON subscription_invoices
	(subscription_id, cycle_number) WHERE superseded_at IS NULL;
-- No cycle is paid for twice.
CREATE UNIQUE INDEX subscription_invoices_paid ON subscription_invoices
	(subscription_id, cycle_number) WHERE applied_at IS NOT NULL;

CREATE INDEX subscription_invoices_charge ON subscription_invoices
	(charge_next_at) WHERE charge_next_at IS NOT NULL;

-- Whose card the provider may have kept when this first cycle was paid: looked
-- for at the contact once it is.
CREATE TABLE card_contacts (
	invoice_id    uuid PRIMARY KEY REFERENCES invoices ON DELETE CASCADE,
	contact_id    text NOT NULL,
	tries         integer NOT NULL DEFAULT 0,
	next_check_at timestamptz,	-- NULL: found, or given up
	created_at    timestamptz NOT NULL DEFAULT licet_now_default()
);
CREATE INDEX card_contacts_due ON card_contacts (next_check_at)
	WHERE next_check_at IS NOT NULL;

-- A move of a license to another policy: at once when its invoice is paid (or
-- when the vendor says so), or at the end of the cycle.
CREATE TABLE tier_changes (
	id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	license_id             uuid NOT NULL REFERENCES licenses ON DELETE CASCADE,
	from_policy_id         uuid REFERENCES policies ON DELETE SET NULL,
	to_policy_id           uuid REFERENCES policies ON DELETE SET NULL,
	direction              text NOT NULL
	                       CHECK (direction IN ('upgrade', 'downgrade')),
	listed_currency        text NOT NULL,
	proration_charge_value bigint NOT NULL CHECK (proration_charge_value >= 0),
	next_listed_value      bigint CHECK (next_listed_value >= 0),
	invoice_id             uuid UNIQUE REFERENCES invoices,
	effective_at           timestamptz NOT NULL,
	-- What is paid for is a cycle of its own, not the rest of a running one.
	starts_cycle           boolean NOT NULL DEFAULT false,
	-- Or it is the rest of this one: paid_cycle when it was quoted.
	for_cycle              integer,
	actor                  text NOT NULL CHECK (actor IN ('buyer', 'admin')),
	reason                 text,
	applied_at             timestamptz,
	cancelled_at           timestamptz,
	created_at             timestamptz NOT NULL DEFAULT licet_now_default(),
	CHECK (applied_at IS NULL OR cancelled_at IS NULL)
);
-- One open change to a license.
CREATE UNIQUE INDEX tier_changes_open ON tier_changes (license_id)
	WHERE applied_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX tier_changes_license ON tier_changes
	(license_id, created_at, id);
CREATE INDEX tier_changes_newest ON tier_changes (created_at, id);
CREATE INDEX tier_changes_policy ON tier_changes (to_policy_id);
CREATE INDEX tier_changes_from ON tier_changes (from_policy_id);

-- All invoices of a subscription, those that are superseded too.
CREATE INDEX subscription_invoices_by_cycle ON subscription_invoices
	(subscription_id, cycle_number, created_at);

-- For the sweep of what was paid and lacks its license.
CREATE INDEX invoices_settled ON invoices (settled_at)
	WHERE settled_at IS NOT NULL;

-- Licenses that an earlier release sold under a recurring policy get the
-- subscription that it did not write.
INSERT INTO subscriptions (license_id, policy_id, product_id, period_days,
    grace_period_days, listed_currency, listed_value, status, started_at,
    began_with_trial, next_renewal_at, next_attempt_at, merchant_profile_id,
    payment_provider_id)
SELECT l.id, y.id, l.product_id, y.renewal_period_days, y.grace_period_days,
    p.price_currency, COALESCE(y.price_sats_override, p.price_value), 'active',
    l.issued_at, i.is_trial, l.expires_at, l.expires_at,
    COALESCE(p.merchant_profile_id, merchant_profile_default_1()), i.provider_id
FROM licenses l
JOIN invoices i ON i.id = l.invoice_id
JOIN policies y ON y.id = l.policy_id AND y.is_recurring
JOIN products p ON p.id = l.product_id
WHERE l.status = 'active' AND l.expires_at IS NOT NULL;
INSERT INTO subscription_invoices (subscription_id, invoice_id, cycle_number,
    cycle_start_at, cycle_end_at, applied_at)
SELECT s.id, l.invoice_id, 1, s.started_at, s.next_renewal_at, s.started_at
FROM subscriptions s
JOIN licenses l ON l.id = s.license_id
WHERE s.next_renewal_at > s.started_at;

INSERT INTO jobs (name, every) VALUES ('sweep', '5 minutes');
