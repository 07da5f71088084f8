-- fragment: license_lock
-- To be sent before every statement that changes what was paid for a license:
-- one at a time, on any replica.
SELECT pg_advisory_xact_lock(
    hashtextextended('license ' || @license_id::uuid::text, 0))

-- fragment: order_lock
-- The order of an invoice (i), alone: who replaces one that expired, and who
-- settles one of them, take turns.
pg_advisory_xact_lock(hashtextextended(
    'order ' || COALESCE(i.order_id, i.id)::text, 0))

-- name: license_lock :exec
-- The lock alone.
{{license_lock}};

-- name: invoice_settle_lock :exec
-- To be sent before invoice_settle: one at a time for an invoice, for the
-- license that it is for, and for invoices of one order, so that each sees what
-- the one before it has done.
WITH invoice AS MATERIALIZED (
	SELECT pg_advisory_xact_lock(hashtextextended(
	    @provider_id::uuid::text || ' ' || @provider_invoice_id::text, 0))
	    AS held
)
SELECT v.held,
    pg_advisory_xact_lock(hashtextextended('license ' || i.license_id::text,
        0)), {{order_lock}}
FROM invoice v
LEFT JOIN invoices i ON i.id = {{invoice_match}};

-- name: invoice_settle :one
-- Takes in what the provider says of an invoice: one pipeline for purchases,
-- renewals and tier changes.  Settled is final; expired and invalid may still
-- become settled.  A repeat changes nothing: what `judged' says of the locked
-- row is the referee.  Product and policy are held first, then the invoice,
-- then the license, then its subscription: everywhere in this order.
WITH found AS MATERIALIZED (
	SELECT i.id, i.policy_id
	FROM invoices i
	JOIN products p ON p.id = i.product_id
	WHERE i.id = {{invoice_match}}
	FOR KEY SHARE OF p
), policy_held AS MATERIALIZED (
	SELECT y.id
	FROM policies y
	WHERE y.id = (SELECT f.policy_id FROM found f)
	FOR KEY SHARE
), {{settle_judged}}, {{renewal_due}}, {{change_due}}, {{settle_moved}}, sale AS (
	SELECT i.id AS invoice_id, i.product_id, i.policy_id, i.buyer_email,
	    i.provider_id, COALESCE(i.provider_invoice_id, @provider_invoice_id)
	    AS provider_invoice_id, v.kind AS provider_kind, i.amount_sats,
	    i.base_price_sats, i.discount_applied_sats, i.listed_currency,
	    i.listed_value, i.is_trial, d.code_id, d.id AS redemption_id,
	    j.moves AS fresh, n.details
	FROM judged j
	JOIN invoices i ON i.id = j.id
	LEFT JOIN payment_providers v ON v.id = i.provider_id
	LEFT JOIN discount_redemptions d ON d.invoice_id = i.id
	LEFT JOIN noted n ON n.id = i.id
	WHERE j.kind = 'purchase' AND j.is_paid
	AND (j.moves OR NOT EXISTS (
	    SELECT FROM licenses o WHERE o.invoice_id = i.id))
), {{fulfil}}, {{renew}}, {{tier_make}}, {{change_void}}, unpaid AS (
	SELECT m.id AS invoice_id
	FROM noted m
	WHERE m.moves AND m.status <> 'settled'
), {{give_back}}, {{renewal_unpaid}}, {{settle_events}}
SELECT CASE WHEN f.id IS NULL THEN 'unknown' WHEN m.moves THEN m.status
    WHEN l.id IS NOT NULL THEN 'settled'
    WHEN m.id IS NOT NULL THEN 'noted' ELSE 'unchanged' END AS outcome,
    f.id AS invoice_id, COALESCE(l.id, j.license_id, (SELECT o.id
        FROM licenses o
        WHERE o.invoice_id = f.id)) AS license_id,
    EXISTS (SELECT FROM renewed) AS renewed
FROM (VALUES (1)) AS one (row)
LEFT JOIN found f ON true
LEFT JOIN judged j ON true
LEFT JOIN noted m ON true
LEFT JOIN issued l ON true;

-- fragment: settle_judged
-- What the provider's word does to the invoice: whether its status moves,
-- whether it is now paid, and whether what arrived, or how, is news.
held AS MATERIALIZED (
	SELECT i.id, i.kind, i.status, i.license_id, i.amount_sats, i.paid_sats,
	    i.payment_exception, COALESCE(i.order_id, i.id) AS order_id
	FROM invoices i
	WHERE i.id = (SELECT f.id FROM found f)
	AND (SELECT count(*) FROM policy_held) >= 0
	FOR NO KEY UPDATE
), judged AS MATERIALIZED (
	SELECT h.id, h.kind, h.status, h.license_id, h.amount_sats, h.order_id,
	    h.status = 'pending' AND @status::text IN ('settled', 'expired',
	        'invalid')
	    OR h.status IN ('expired', 'invalid') AND @status = 'settled' AS moves,
	    @status = 'settled' AS is_paid,
	    COALESCE(@paid_sats::bigint, h.paid_sats) AS paid_sats,
	    COALESCE(@exception::text, h.payment_exception) AS exception,
	    @paid_sats <> COALESCE(h.paid_sats, 0) AS more_paid,
	    @exception IS NOT NULL
	    AND @exception IS DISTINCT FROM h.payment_exception AS newly_odd
	FROM held h
)

-- fragment: settle_moved
-- The invoice's row, in one update.  Money that has no effect, or is not what
-- was asked, is marked for the vendor's attention; a partial payment only once
-- the rest can't come any more.
settle_odd AS (
	SELECT j.id, CASE
	    WHEN r.applies = false THEN 'surplus'
	    WHEN j.kind = 'tier_change' AND j.is_paid AND j.moves
	        AND NOT EXISTS (SELECT FROM change_fit) THEN 'void_change'
	    WHEN j.is_paid AND j.moves AND EXISTS (SELECT
	        FROM invoices x
	        WHERE (x.id = j.order_id OR x.order_id = j.order_id)
	        AND x.id <> j.id AND x.status = 'settled') THEN 'double'
	    WHEN NOT j.is_paid AND j.paid_sats > 0
	        AND (j.moves OR j.status IN ('expired', 'invalid'))
	    THEN 'partial'
	    WHEN j.exception = 'over' AND j.is_paid THEN 'over'
	    WHEN @reported_sats::bigint <> j.amount_sats AND j.moves
	    THEN 'amount_mismatch' END AS word
	FROM judged j
	LEFT JOIN renewal r ON true
), noted AS (
	UPDATE invoices AS i
	SET status = CASE WHEN j.moves THEN @status ELSE i.status END,
	    provider_invoice_id = COALESCE(i.provider_invoice_id,
	        @provider_invoice_id, 'free-' || i.id),
	    settled_at = CASE WHEN j.moves AND j.is_paid THEN licet_now()
	        ELSE i.settled_at END,
	    next_check_at = CASE WHEN NOT j.moves THEN i.next_check_at
	        WHEN NOT j.is_paid THEN licet_now() + interval '6 hours' END,
	    paid_sats = j.paid_sats, payment_exception = j.exception,
	    attention = CASE WHEN o.word IS NOT NULL THEN o.word
	        WHEN NOT j.moves THEN i.attention END,
	    updated_at = licet_now()
	FROM judged j
	JOIN settle_odd o ON o.id = j.id
	WHERE i.id = j.id AND (j.moves OR (j.more_paid OR j.newly_odd)
	    AND (j.is_paid OR j.status <> 'settled'))
	RETURNING i.id, i.kind, i.product_id, i.provider_id, i.license_id,
	    i.amount_sats, i.status, j.moves, j.newly_odd, o.word,
	    jsonb_build_object('from', j.status, 'amount_sats', i.amount_sats,
	        'reported_sats', @reported_sats, 'paid_sats', i.paid_sats,
	        'exception', i.payment_exception,
	        'detail', @provider_detail::text) AS details
)

-- fragment: settle_events
-- What is told of the invoice itself; `fulfil' tells it for purchases.
settle_events AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', a.action, 'invoice', m.id::text, m.details
	FROM noted m
	CROSS JOIN LATERAL (
	    SELECT CASE m.status WHEN 'expired' THEN 'invoice.expire'
	        WHEN 'invalid' THEN 'invoice.invalid'
	        ELSE 'invoice.settle' END AS action
	    WHERE m.moves AND (m.status <> 'settled' OR m.kind <> 'purchase')
	    UNION ALL
	    SELECT 'invoice.amount_mismatch'
	    WHERE m.moves AND @reported_sats <> m.amount_sats
	    UNION ALL
	    SELECT 'invoice.' || @exception
	    WHERE m.newly_odd
	    UNION ALL
	    SELECT 'invoice.' || m.word
	    WHERE m.word IN ('surplus', 'void_change', 'double')
	    OR m.word = 'partial' AND @exception IS DISTINCT FROM 'partial'
	) AS a
), settle_news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'invoice.settled', m.product_id, jsonb_build_object(
	    'invoice_id', m.id, 'product_id', m.product_id,
	    'amount_sats', m.amount_sats, 'provider_kind', v.kind)
	FROM noted m
	LEFT JOIN payment_providers v ON v.id = m.provider_id
	WHERE m.moves AND m.status = 'settled' AND m.kind <> 'purchase'
)

-- fragment: change_due
-- The tier change that was just paid for; sql/tier.sql judges and makes it.
due_change AS MATERIALIZED (
	SELECT c.id AS tier_change_id, c.license_id, c.invoice_id,
	    'invoice' AS via
	FROM judged j
	JOIN tier_changes c ON c.invoice_id = j.id
	WHERE j.kind = 'tier_change' AND j.is_paid AND j.moves
), {{tier_judge}}

-- fragment: change_void
-- A tier change that was paid for and can't be made is closed: its money waits
-- for the vendor, not it for money.
change_void AS (
	UPDATE tier_changes AS c
	SET cancelled_at = licet_now()
	FROM judged j
	WHERE c.invoice_id = j.id AND j.kind = 'tier_change'
	AND j.is_paid AND j.moves
	AND c.applied_at IS NULL AND c.cancelled_at IS NULL
	AND NOT EXISTS (SELECT FROM change_fit)
)
