-- fragment: fulfil
-- What a settled invoice brings about: one license, the audit's lines and the
-- news.  Works on the rows of `sale'; those that aren't `fresh' were settled
-- before and only lack the license.  licenses_invoice_id_key sees to it that
-- there is one license to an invoice.  A recurring license ends with its cycle;
-- a trial with its days, or with the policy's duration.
terms AS (
	SELECT s.invoice_id, s.product_id, y.id AS policy_id, s.buyer_email,
	    s.provider_invoice_id, date_trunc('second', licet_now()) AS issued_at,
	    CASE WHEN y.is_recurring AND s.is_trial
	        THEN y.trial_days * 86400::bigint
	        WHEN y.is_recurring THEN y.renewal_period_days * 86400::bigint
	        ELSE NULLIF(y.duration_seconds, 0) END AS duration,
	    CASE WHEN y.is_recurring THEN GREATEST(y.grace_seconds,
	            y.grace_period_days * 86400::bigint)
	        ELSE COALESCE(y.grace_seconds, 0) END AS grace_seconds,
	    COALESCE(y.max_machines, 1) AS max_machines,
	    s.is_trial OR COALESCE(y.is_trial, false) AS is_trial,
	    COALESCE(y.entitlements, '{}') AS entitlements
	FROM sale s
	LEFT JOIN policies y
	    ON y.id = COALESCE(s.policy_id, {{effective_policy}})
), issued AS (
	INSERT INTO licenses AS l (product_id, invoice_id, policy_id,
	    signing_key_id, issued_at, expires_at, grace_seconds, max_machines,
	    is_trial, entitlements, buyer_email, metadata)
	SELECT t.product_id, t.invoice_id, t.policy_id, @signing_key_id::int,
	    t.issued_at, t.issued_at + make_interval(secs => t.duration),
	    t.grace_seconds, t.max_machines, t.is_trial, t.entitlements,
	    t.buyer_email, jsonb_build_object('source', 'purchase',
	        'btcpay_invoice_id', t.provider_invoice_id)
	FROM terms t
	ON CONFLICT (invoice_id) DO NOTHING
	RETURNING {{license_columns}}
), events_of_sale AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'invoice.settle', 'invoice', s.invoice_id::text,
	    s.details
	FROM sale s
	WHERE s.fresh
	UNION ALL
	SELECT 'system', 'license.issue', 'license', l.id::text,
	    jsonb_build_object('invoice_id', l.invoice_id,
	    'product_id', l.product_id, 'policy_id', l.policy_id,
	    'expires_at', rfc3339(l.expires_at))
	FROM issued l
), news_of_sale AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'invoice.settled', s.product_id, jsonb_build_object(
	    'invoice_id', s.invoice_id, 'product_id', s.product_id,
	    'amount_sats', s.amount_sats, 'provider_kind', s.provider_kind)
	FROM sale s
	WHERE s.fresh
	UNION ALL
	SELECT 'license.issued', l.product_id, jsonb_build_object(
	    'license_id', l.id, 'product_id', l.product_id,
	    'is_trial', l.is_trial, 'expires_at', rfc3339(l.expires_at),
	    'entitlements', l.entitlements, 'source', 'purchase',
	    'invoice_id', l.invoice_id, 'policy_id', l.policy_id)
	FROM issued l
)
