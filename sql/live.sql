-- name: live_states :many
-- How invoices stand, for their event streams: a row for each id, in order,
-- also for one that isn't there.  Leans on invoices_pkey and
-- licenses_invoice_id_key.
SELECT CASE WHEN i.id IS NOT NULL THEN json_build_object('invoice_id', i.id, 'status', i.status,
    'product_id', i.product_id, 'amount_sats', i.amount_sats,
    'license_id', l.id, 'key_ready', COALESCE(l.status = 'active', false),
    'paid_sats', i.paid_sats, 'checkout_url', i.checkout_url) END AS body,
    i.status = 'settled' OR i.status = 'invalid' AND i.paid_sats IS NULL
    AS is_final
FROM unnest(@ids::uuid[]) WITH ORDINALITY AS w (id, n)
LEFT JOIN invoices i ON i.id = w.id
LEFT JOIN licenses l ON l.id = CASE WHEN i.kind = 'purchase'
    THEN (SELECT o.id FROM licenses o WHERE o.invoice_id = i.id)
    WHEN i.status = 'settled' THEN i.license_id END
ORDER BY w.n;
