-- name: renewal_claim :many
-- Subscriptions to bill, longest overdue first.  Who dies with them does no
-- harm: after five minutes they are due again, for any worker.  What should have
-- lapsed is left to subscription_lapse, unless nobody ever billed it.  Leans on
-- subscriptions_due, and on the array: joined to rows of which the planner does
-- not know how few they are, all subscriptions would be read.
WITH due AS MATERIALIZED (
	SELECT b.id
	FROM subscriptions b
	WHERE b.next_attempt_at <= licet_now()
	AND b.status IN ('active', 'past_due')
	AND (b.status = 'active' OR {{lapse_at}} > licet_now())
	ORDER BY b.next_attempt_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE subscriptions AS b
SET next_attempt_at = GREATEST(b.next_renewal_at,
    licet_now() + interval '5 minutes')
WHERE b.id = ANY (ARRAY(SELECT d.id FROM due d))
RETURNING b.id, b.license_id;

-- name: renewal_facts :opt
-- What there is to bill, after a scheduled change of tier: no row when nothing
-- is due any more.  `todo' is skip (the policy is archived), stop (the license
-- was revoked), wait (an invoice is out already), find (one was begun, perhaps
-- at the provider too), settle (one is there and costs nothing), or open.  The
-- provider is that of an invoice begun, else the subscription's while it is
-- connected, else the one that serves the profile.  The contact is named where
-- it was made, and not again once that failed.  Leans on primary keys and
-- subscription_invoices_cycle.
SELECT CASE WHEN l.status = 'revoked' THEN 'stop'
    WHEN y.archived_at IS NOT NULL THEN 'skip'
    WHEN i.status IS DISTINCT FROM 'pending'
        OR i.checkout_url = '' AND o.disconnected_at IS NOT NULL THEN 'open'
    WHEN i.amount_sats = 0 THEN 'settle'
    WHEN i.checkout_url <> '' THEN 'wait'
    ELSE 'find' END AS todo, b.id, b.license_id, b.paid_cycle + 1 AS cycle_number,
    b.listed_currency, b.listed_value, b.consecutive_failures,
    i.id AS invoice_id, i.amount_sats, i.redirect_url,
    rfc3339(b.next_renewal_at) AS cycle_start_at, p.id AS product_id,
    p.name AS product_name, l.buyer_email, CASE WHEN v.id = b.card_provider_id
    AND b.consecutive_failures = 0 THEN b.zaprite_contact_id END
    AS zaprite_contact_id,
    (extract(epoch FROM {{lapse_at}}) * 1000000)::bigint AS lapse_us,
    (extract(epoch FROM licet_now()) * 1000000)::bigint AS now_us,
    {{provider_facts}}
FROM (SELECT b.id, b.license_id, b.policy_id, b.product_id, b.status,
	    b.paid_cycle, b.next_renewal_at, b.grace_period_days,
	    b.listed_currency, b.listed_value, b.consecutive_failures,
	    b.merchant_profile_id AS profile_id, b.payment_provider_id,
	    b.card_provider_id, b.zaprite_contact_id
	FROM subscriptions b
	WHERE b.id = @id::uuid AND b.status IN ('active', 'past_due')
	AND b.next_renewal_at <= licet_now()) b
JOIN products p ON p.id = b.product_id
JOIN licenses l ON l.id = b.license_id
LEFT JOIN policies y ON y.id = b.policy_id
LEFT JOIN subscription_invoices c ON c.subscription_id = b.id
    AND c.cycle_number = b.paid_cycle + 1 AND c.superseded_at IS NULL
LEFT JOIN invoices i ON i.id = c.invoice_id
LEFT JOIN payment_providers o ON o.id = i.provider_id
CROSS JOIN LATERAL (SELECT b.profile_id) x
LEFT JOIN payment_providers v ON v.id = COALESCE(CASE
    WHEN i.status = 'pending' AND o.disconnected_at IS NULL THEN o.id END,
    (SELECT v.id
	FROM payment_providers v
	WHERE v.id = b.payment_provider_id AND v.disconnected_at IS NULL),
    {{provider_for}});

-- name: renewal_open :opt
-- Writes the invoice of the next cycle before the provider hears of it, and
-- says that the subscription is past due.  One invoice in force to a cycle: an
-- older one that ended unpaid, or whose provider is gone, is superseded; it
-- counts all the same if it is paid first.  No row: the cycle was paid
-- meanwhile, or another has billed it.  After license_lock.
WITH subscription AS MATERIALIZED (
	SELECT b.id, b.license_id, b.policy_id, b.product_id, b.period_days,
	    b.listed_currency, b.listed_value, b.next_renewal_at,
	    b.paid_cycle + 1 AS cycle_number, l.buyer_email
	FROM subscriptions b
	JOIN licenses l ON l.id = b.license_id
	WHERE b.id = @subscription_id::uuid AND b.license_id = @license_id::uuid
	AND b.status IN ('active', 'past_due')
	AND b.next_renewal_at <= licet_now()
	AND b.paid_cycle + 1 = @cycle_number::int
	AND b.listed_currency = @listed_currency::text
	AND b.listed_value = @listed_value::bigint
	AND NOT EXISTS (
	    SELECT FROM subscription_invoices c
	    JOIN invoices i ON i.id = c.invoice_id
	    LEFT JOIN payment_providers v ON v.id = i.provider_id
	    WHERE c.subscription_id = b.id
	    AND c.cycle_number = b.paid_cycle + 1 AND c.superseded_at IS NULL
	    AND (i.id IS DISTINCT FROM @superseded_id::uuid
	        OR i.status = 'settled' OR i.status = 'pending'
	        AND (i.checkout_url <> '' OR v.disconnected_at IS NULL)))
	FOR NO KEY UPDATE OF b
), superseded AS (
	UPDATE subscription_invoices AS c
	SET superseded_at = licet_now()
	FROM subscription b
	WHERE c.subscription_id = b.id AND c.invoice_id = @superseded_id
	AND c.superseded_at IS NULL AND c.applied_at IS NULL
	RETURNING c.id
), opened AS (
	INSERT INTO invoices AS i (id, kind, license_id, provider_id, product_id,
	    policy_id, buyer_email, amount_sats, base_price_sats, redirect_url,
	    listed_currency, listed_value, charged_value,
	    exchange_rate_centibps, exchange_rate_source, next_check_at)
	SELECT @invoice_id::uuid, 'renewal', b.license_id, @provider_id::uuid,
	    b.product_id, b.policy_id, b.buyer_email, @amount_sats::bigint,
	    @amount_sats, @public_url::text || '/thank-you?invoice_id='
	    || @invoice_id, b.listed_currency, b.listed_value, b.listed_value,
	    @rate_e4::bigint, @rate_source::text,
	    CASE WHEN @amount_sats > 0 THEN licet_now() + interval '1 minute' END
	FROM subscription b
	WHERE (SELECT count(*) FROM superseded) >= 0
	RETURNING i.id, i.redirect_url
), cycle AS (
	INSERT INTO subscription_invoices (subscription_id, invoice_id,
	    cycle_number, cycle_start_at, cycle_end_at)
	SELECT b.id, i.id, b.cycle_number, b.next_renewal_at,
	    b.next_renewal_at + make_interval(secs => b.period_days * 86400.0)
	FROM subscription b
	CROSS JOIN opened i
), past_due AS (
	UPDATE subscriptions AS s
	SET status = 'past_due', last_renewal_attempt_at = licet_now(),
	    updated_at = licet_now()
	FROM subscription b
	WHERE s.id = b.id
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.bill', 'subscription', b.id::text,
	    jsonb_build_object('license_id', b.license_id, 'invoice_id', i.id,
	    'cycle_number', b.cycle_number, 'amount_sats', @amount_sats)
	FROM subscription b
	CROSS JOIN opened i
)
SELECT i.id AS invoice_id, i.redirect_url
FROM opened i;

-- name: renewal_failed :opt
-- A cycle could not be billed.  @retry_seconds after this the worker tries
-- again; none means never, and then all that comes is the lapse.  No row:
-- somebody else counted, or it was paid.  After license_lock.
WITH failed AS (
	UPDATE subscriptions AS b
	SET status = 'past_due',
	    consecutive_failures = b.consecutive_failures + 1,
	    last_renewal_attempt_at = licet_now(),
	    next_attempt_at = LEAST({{lapse_at}}, licet_now()
	        + make_interval(secs => @retry_seconds::int)),
	    updated_at = licet_now()
	WHERE b.id = @subscription_id::uuid AND b.license_id = @license_id::uuid
	AND b.status IN ('active', 'past_due')
	AND b.next_renewal_at <= licet_now()
	AND b.consecutive_failures = @failures::int
	AND b.paid_cycle + 1 = @cycle_number::int
	RETURNING b.id, b.license_id, b.consecutive_failures, b.next_attempt_at
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.bill_failed', 'subscription',
	    b.id::text, jsonb_build_object('license_id', b.license_id,
	    'failures', b.consecutive_failures, 'reason', @reason::text,
	    'next_attempt_at', rfc3339(b.next_attempt_at))
	FROM failed b
)
SELECT b.id, b.consecutive_failures
FROM failed b;

-- name: renewal_skip :exec
-- The policy is archived: no invoice, which is told once a cycle.  Looked at
-- daily, lest it is taken out of the archive; past due, so that it lapses.
-- After license_lock.
WITH subscription AS MATERIALIZED (
	SELECT b.id, b.skipped_cycle
	FROM subscriptions b
	WHERE b.id = @subscription_id::uuid AND b.license_id = @license_id::uuid
	AND b.status IN ('active', 'past_due')
	AND b.next_renewal_at <= licet_now()
	FOR NO KEY UPDATE
), skipped AS (
	UPDATE subscriptions AS b
	SET status = 'past_due', skipped_cycle = b.paid_cycle + 1,
	    next_attempt_at = LEAST({{lapse_at}},
	        licet_now() + interval '1 day'),
	    updated_at = licet_now()
	FROM subscription s
	WHERE b.id = s.id
	RETURNING b.id, b.license_id, b.product_id, b.policy_id,
	    b.skipped_cycle, s.skipped_cycle AS told
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'renewal_worker', 'subscription.renewal_skipped', 'subscription',
	    b.id::text, jsonb_build_object('license_id', b.license_id,
	    'cycle_number', b.skipped_cycle, 'reason', 'policy_archived')
	FROM skipped b
	WHERE b.told < b.skipped_cycle
)
INSERT INTO outbox (event_type, product_id, data)
SELECT 'subscription.renewal_skipped', b.product_id, jsonb_build_object(
    'subscription_id', b.id, 'license_id', b.license_id,
    'product_id', b.product_id, 'policy_id', b.policy_id,
    'policy_slug', y.slug, 'reason', 'policy_archived')
FROM skipped b
LEFT JOIN policies y ON y.id = b.policy_id
WHERE b.told < b.skipped_cycle;

-- name: renewal_wait :exec
-- An invoice is out: until the lapse there is nothing to do.  After
-- license_lock.
UPDATE subscriptions AS b
SET next_attempt_at = {{lapse_at}}
WHERE b.id = @subscription_id::uuid AND b.license_id = @license_id::uuid
AND b.status IS NOT DISTINCT FROM 'past_due';

-- name: renewal_stop :exec
-- The license was revoked: its subscription ends.  After license_lock.
WITH ending AS MATERIALIZED (
	SELECT b.id, b.status, 'system' AS actor
	FROM subscriptions b
	JOIN licenses l ON l.id = b.license_id
	WHERE b.license_id = @license_id::uuid AND l.status = 'revoked'
	FOR NO KEY UPDATE OF l, b
), {{subscription_end}}
SELECT d.id
FROM ended d;
