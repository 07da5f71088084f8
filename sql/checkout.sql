-- fragment: checkout_from
-- An invoice i as its buyer's page sees it: c what the provider said, o and l
-- the license, s the invoice that follows, p another one of the same order that
-- is paid, a what has arrived and what is left, z the word for all that.  By
-- keys only: invoices_pkey, checkouts_pkey, licenses_invoice_id_key,
-- licenses_pkey, invoices_follows, invoices_order.
LEFT JOIN checkouts c ON c.invoice_id = i.id
LEFT JOIN licenses o ON o.invoice_id = i.id
LEFT JOIN licenses l ON l.id = COALESCE(o.id, CASE
    WHEN i.status = 'settled' THEN i.license_id END)
LEFT JOIN invoices s ON s.follows_id = i.id
LEFT JOIN LATERAL (SELECT x.id, x.redirect_url
	FROM invoices x
	WHERE i.status <> 'settled'
	AND (i.order_id IS NOT NULL OR s.id IS NOT NULL)
	AND (x.id = COALESCE(i.order_id, i.id)
	    OR x.order_id = COALESCE(i.order_id, i.id))
	AND x.status = 'settled'
	ORDER BY x.settled_at
	LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT c.told_at >= i.updated_at AS is_fresh,
    CASE WHEN c.told_at >= i.updated_at THEN c.seen_sats
    ELSE GREATEST(c.seen_sats, i.paid_sats, 0) END AS seen_sats) q ON true
LEFT JOIN LATERAL (SELECT q.seen_sats,
    CASE WHEN q.is_fresh AND c.due_sats IS NOT NULL THEN c.due_sats
    ELSE GREATEST(i.amount_sats - q.seen_sats, 0) END AS due_sats) a ON true
LEFT JOIN LATERAL (SELECT CASE
    WHEN i.status = 'settled' OR p.id IS NOT NULL THEN 'paid'
    WHEN s.id IS NOT NULL AND a.seen_sats = 0 THEN 'renewed'
    WHEN i.status <> 'pending' THEN CASE
        WHEN a.seen_sats = 0 THEN 'expired'
        WHEN a.due_sats > 0 THEN 'short_expired' ELSE 'late' END
    WHEN a.seen_sats > 0 AND a.due_sats > 0 THEN 'short'
    WHEN a.seen_sats > 0 AND c.confirmations > 0 THEN 'confirming'
    WHEN a.seen_sats > 0 THEN 'seen'
    WHEN COALESCE(c.bolt11, c.address) IS NULL THEN 'preparing'
    ELSE 'waiting' END AS state) z ON true

-- fragment: checkout_next
-- Where the page goes by itself.
CASE z.state WHEN 'paid' THEN COALESCE(
    CASE WHEN p.id IS NULL THEN i.redirect_url ELSE p.redirect_url END,
    '/thank-you?invoice_id=' || COALESCE(p.id, i.id))
    WHEN 'renewed' THEN '/checkout/' || s.id END

-- fragment: checkout_json
-- How a checkout stands, for the page's script: nothing in it moves by the
-- clock alone.
json_build_object('invoice_id', i.id, 'status', i.status,
    'product_id', i.product_id, 'amount_sats', i.amount_sats,
    'license_id', l.id, 'key_ready', COALESCE(l.status = 'active', false),
    'state', z.state, 'paid_sats', a.seen_sats, 'due_sats', a.due_sats,
    'confirmations', c.confirmations,
    'confirmations_needed', c.confirmations_needed,
    'expires_at', rfc3339(c.expires_at),
    'checkout_url', NULLIF(i.checkout_url, ''), 'next_url', {{checkout_next}})

-- name: checkout_states :many
-- How these checkouts stand, a row for each, in their order; `body' is NULL
-- where there is none.  `is_final': a buyer has nothing more to wait for; one
-- that was replaced may still be paid late.
SELECT CASE WHEN i.id IS NOT NULL THEN {{checkout_json}} END AS body,
    COALESCE(z.state = 'paid' AND (l.id IS NOT NULL OR p.id IS NOT NULL
        OR i.kind <> 'purchase'), false) AS is_final
FROM unnest(@ids::uuid[]) WITH ORDINALITY AS w (id, n)
LEFT JOIN invoices i ON i.id = w.id
{{checkout_from}}
ORDER BY w.n;

-- name: checkout_get :opt
-- All that the page shows, and the provider to be asked.  A Lightning invoice
-- is shown only while it asks for what is left.  `can_renew': nobody has paid,
-- and nobody can any more, or the provider never heard of it.
SELECT i.id, i.kind, i.status, i.amount_sats, i.created_at < licet_now()
    - interval '60 seconds' AS is_old, i.provider_invoice_id, i.checkout_url,
    i.listed_currency, COALESCE(i.charged_value, i.listed_value)
    AS charged_value, i.listed_value, i.exchange_rate_centibps AS rate_e4,
    i.exchange_rate_source AS rate_source, rfc3339(i.created_at) AS created_at,
    t.name AS product_name, t.slug AS product_slug, y.name AS policy_name,
    z.state, a.seen_sats, a.due_sats,
    CASE WHEN a.due_sats = c.due_sats THEN c.bolt11 END AS bolt11, c.address, c.confirmations,
    c.confirmations_needed, rfc3339(c.expires_at) AS expires_at,
    ceil(extract(epoch FROM c.expires_at - licet_now()))::bigint
    AS seconds_left, c.told_at IS NOT NULL AS is_told,
    c.told_at IS NULL AND c.asked_at IS NOT NULL AS is_asked,
    {{checkout_next}} AS next_url, rfc3339(i.settled_at) AS settled_at,
    {{checkout_can_renew}} AS can_renew,
    v.disconnected_at IS NULL AS is_connected, {{provider_facts}}
FROM invoices i
JOIN products t ON t.id = i.product_id
LEFT JOIN policies y ON y.id = i.policy_id
LEFT JOIN payment_providers v ON v.id = i.provider_id
{{checkout_from}}
WHERE i.id = @id::uuid;

-- fragment: checkout_can_renew
-- May a new invoice follow this one (i)?
(i.kind = 'purchase' AND a.seen_sats = 0 AND s.id IS NULL AND p.id IS NULL
    AND (i.status IN ('expired', 'invalid')
    OR i.status = 'pending' AND i.provider_invoice_id IS NULL
    AND i.created_at < licet_now() - interval '60 seconds'))

-- name: checkout_begin :opt
-- The first look at what an invoice can be paid with: a row for whoever is to
-- ask the provider, one asker at a time on all replicas.  Leans on
-- checkouts_pkey.
INSERT INTO checkouts AS c (invoice_id, asked_at)
SELECT i.id, licet_now()
FROM invoices i
WHERE i.id = @id::uuid AND i.status <> 'settled'
AND i.provider_invoice_id IS NOT NULL
ON CONFLICT (invoice_id) DO UPDATE
SET asked_at = licet_now()
WHERE c.told_at IS NULL AND c.asked_at NOT BETWEEN
    licet_now() - interval '5 seconds' AND licet_now() + interval '5 seconds'
RETURNING c.invoice_id;

-- name: checkout_claim :many
-- Checkouts to ask about because something may have changed.  The next look is
-- set at once, for when who claims dies or gets no answer; one that nobody can
-- pay any more is let go.  Leans on checkouts_due.
WITH due AS MATERIALIZED (
	SELECT c.invoice_id, i.provider_invoice_id, i.status = 'pending'
	    OR i.status <> 'settled'
	    AND i.created_at > licet_now() - interval '72 hours' AS is_open,
	    v.disconnected_at IS NULL AS is_connected, {{provider_facts}}
	FROM checkouts c
	JOIN invoices i ON i.id = c.invoice_id
	JOIN payment_providers v ON v.id = i.provider_id
	WHERE c.look_at <= licet_now()
	ORDER BY c.look_at
	LIMIT @limit::int
	FOR NO KEY UPDATE OF c SKIP LOCKED
), claimed AS (
	UPDATE checkouts AS c
	SET asked_at = licet_now(), look_at = CASE
	    WHEN d.is_open AND d.is_connected
	    THEN licet_now() + interval '30 seconds' END
	FROM due d
	WHERE c.invoice_id = d.invoice_id
	RETURNING c.invoice_id
)
SELECT d.invoice_id AS id, d.provider_invoice_id, d.provider_id,
    d.provider_kind, d.provider_base_url, d.provider_public_url,
    d.provider_store_id, d.provider_api_key, d.provider_webhook_secret
FROM due d
JOIN claimed l ON l.invoice_id = d.invoice_id
WHERE d.is_open AND d.is_connected;

-- name: checkout_look :exec
-- Something may have changed at the provider: whoever is free asks, but not
-- sooner than three seconds after the last time.  No row for invoices whose page
-- nobody opened.
WITH hurried AS (
	UPDATE checkouts AS c
	SET look_at = GREATEST(licet_now(), c.asked_at + interval '3 seconds')
	FROM invoices i
	WHERE i.provider_invoice_id = @provider_invoice_id::text
	AND i.provider_id = @provider_id::uuid AND i.status <> 'settled'
	AND c.invoice_id = i.id
	RETURNING c.invoice_id
)
SELECT pg_notify('licet_jobs', 'checkouts') FROM hurried;

-- name: checkout_watch :exec
-- Somebody has the page open: it is looked at again when the provider's last
-- answer is older than fifteen seconds.
UPDATE checkouts AS c
SET look_at = licet_now()
FROM invoices i
WHERE c.invoice_id = @id::uuid AND i.id = c.invoice_id
AND i.status <> 'settled' AND c.look_at IS NULL
AND c.asked_at < licet_now() - interval '15 seconds';

-- name: checkout_note :exec
-- What the provider said.  An address, once given, may be paid for ever, so it
-- stays when another answer has none.
UPDATE checkouts AS c
SET bolt11 = @bolt11::text, address = COALESCE(@address::text, c.address),
    due_sats = @due_sats::bigint, seen_sats = @seen_sats::bigint,
    confirmations = @confirmations::int,
    confirmations_needed = @needed::int,
    expires_at = COALESCE(to_timestamp(@expires_at::bigint), c.expires_at),
    told_at = licet_now(),
    look_at = CASE WHEN c.look_at <> c.asked_at + interval '30 seconds'
        THEN c.look_at END
WHERE c.invoice_id = @id::uuid;
