-- fragment: tip_json
-- A tip (alias t) as administrators see it.
json_build_object('id', t.id, 'license_id', t.license_id,
    'policy_id', t.policy_id, 'payment_provider_id', t.provider_id,
    'recipient', t.recipient, 'paid_sats', t.paid_sats,
    'amount_sats', t.amount_sats, 'pct_bps', t.pct_bps, 'label', t.label,
    'status', t.status, 'detail', t.detail, 'payment_hash', t.payment_hash,
    'next_check_at', rfc3339(t.next_check_at),
    'created_at', rfc3339(t.created_at))

-- fragment: tip_columns
-- The columns of a tip (alias t) that tip_json reads.
t.id, t.license_id, t.policy_id, t.provider_id, t.recipient, t.paid_sats,
t.amount_sats, t.pct_bps, t.label, t.status, t.detail, t.payment_hash,
t.next_check_at, t.created_at

-- name: tip_list :one
-- A page of tips, newest first, that match all that is given.  The most telling
-- mark chooses the branch, and with it the index: tip_attempts_license_id_key,
-- tip_attempts_recipient, tip_attempts_newest.
WITH page AS (
	(SELECT {{tip_columns}}
	FROM tip_attempts t
	WHERE t.license_id = @license_id::uuid
	AND (@recipient::text IS NULL OR t.recipient = @recipient)
	AND (t.created_at, t.id) < ({{cursor_time}}, {{cursor_id}}))
	UNION ALL
	(SELECT {{tip_columns}}
	FROM tip_attempts t
	WHERE @license_id IS NULL AND @recipient IS NOT NULL
	AND t.recipient = @recipient
	AND (t.created_at, t.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY t.created_at DESC, t.id DESC
	LIMIT {{page_size}} + 1)
	UNION ALL
	(SELECT {{tip_columns}}
	FROM tip_attempts t
	WHERE @license_id IS NULL AND @recipient IS NULL
	AND (t.created_at, t.id) < ({{cursor_time}}, {{cursor_id}})
	ORDER BY t.created_at DESC, t.id DESC
	LIMIT {{page_size}} + 1)
), numbered AS (
	SELECT row_number() OVER (ORDER BY t.created_at DESC, t.id DESC) AS n,
	    (extract(epoch FROM t.created_at) * 1000000)::bigint || '_' || t.id
	    AS cursor, {{tip_json}} AS doc
	FROM page t
)
SELECT json_build_object(
    'tips', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: tip_claim :many
-- Tips to be made, or to be looked for, longest overdue first.  The next look
-- is set at once, and later than any job lives: who dies with them does no
-- harm.  No tip for a sale that is given back.  No provider: it was
-- disconnected.  Leans on tip_attempts_due.
WITH due AS MATERIALIZED (
	SELECT t.id
	FROM tip_attempts t
	WHERE t.next_check_at <= licet_now()
	ORDER BY t.next_check_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
	UPDATE tip_attempts AS t
	SET next_check_at = licet_now() + interval '5 minutes'
	WHERE t.id = ANY (ARRAY(SELECT d.id FROM due d))
	RETURNING t.id, t.license_id, t.provider_id, t.recipient, t.paid_sats,
	    t.pct_bps, t.status, t.bolt11, t.payment_hash,
	    extract(epoch FROM licet_now() - t.created_at)::bigint
	    AS age_seconds
)
SELECT c.id, c.recipient, c.paid_sats, c.pct_bps, c.status, c.bolt11,
    c.payment_hash, c.age_seconds, EXISTS (
	SELECT
	FROM licenses l
	JOIN refunds r ON r.invoice_id = l.invoice_id
	WHERE l.id = c.license_id AND r.status <> 'failed'
	AND r.variant <> 'OverpaidAmount') AS is_refunded, {{provider_facts}}
FROM claimed c
LEFT JOIN payment_providers v ON v.id = c.provider_id
    AND v.disconnected_at IS NULL;

-- name: tip_paying :opt
-- Notes which invoice is about to be paid.  From now on it is only ever looked
-- for: whoever dies after this may have paid it.  `is_paying' is false when the
-- row is another's already; `is_known' when the host gave this invoice before,
-- and so may have its money.  Leans on tip_attempts_hash, which also sees to it
-- that two rows can't have one payment.
WITH known AS MATERIALIZED (
	SELECT EXISTS (SELECT
	    FROM tip_attempts o
	    WHERE o.payment_hash = @payment_hash::text) AS yes
), noted AS (
	UPDATE tip_attempts AS t
	SET status = 'paying', amount_sats = @amount_sats::bigint,
	    bolt11 = @bolt11::text, payment_hash = @payment_hash,
	    detail = NULL, next_check_at = licet_now() + interval '2 minutes'
	FROM known k
	WHERE t.id = @id::uuid AND t.status = 'pending' AND NOT k.yes
	RETURNING t.id, t.license_id, t.recipient, t.amount_sats, t.payment_hash
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'tip.pay', 'license', n.license_id::text,
	    jsonb_build_object('tip_id', n.id, 'recipient', n.recipient,
	    'amount_sats', n.amount_sats, 'payment_hash', n.payment_hash)
	FROM noted n
)
SELECT n.id IS NOT NULL AS is_paying, k.yes AS is_known
FROM known k
LEFT JOIN noted n ON true;

-- name: tip_later :exec
-- Nothing is certain yet: looked at again after as long as it has waited so
-- far, at most six hours, for 40 days.  Only as long as it is what it @was.
UPDATE tip_attempts AS t
SET detail = @detail::text,
    next_check_at = CASE WHEN t.created_at > licet_now() - interval '960 hours'
        THEN licet_now() + LEAST(GREATEST(licet_now() - t.created_at,
            interval '15 seconds'), interval '6 hours') END
WHERE t.id = @id::uuid AND t.status = @was::text;

-- name: tip_end :opt
-- What became of a tip, for good; only if it still is what it @was.  That it
-- was sent is true whoever thought otherwise.  No row: nothing changed.
WITH changed AS (
	UPDATE tip_attempts AS t
	SET status = @status::text, detail = @detail::text,
	    amount_sats = COALESCE(@amount_sats::bigint, t.amount_sats),
	    next_check_at = NULL
	WHERE t.id = @id::uuid AND (t.status = @was::text
	    OR @status = 'sent' AND @was = 'paying' AND t.status = 'failed')
	RETURNING t.id, t.license_id, t.recipient, t.amount_sats, t.payment_hash
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'tip.' || @status, 'license', c.license_id::text,
	    jsonb_strip_nulls(jsonb_build_object('tip_id', c.id,
	    'recipient', c.recipient, 'amount_sats', c.amount_sats,
	    'payment_hash', c.payment_hash, 'detail', @detail))
	FROM changed c
)
SELECT c.id
FROM changed c;
