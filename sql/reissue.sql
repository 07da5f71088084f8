-- What an administrator does to a license's key and its end.

-- name: license_hold :exec
-- license_lock, for the license of a path.
SELECT pg_advisory_xact_lock(
    hashtextextended('license ' || @id::uuid::text, 0));

-- name: license_show_key :opt
-- What the key is made from; that it was shown is in the audit trail.  Leans on
-- licenses_pkey.
WITH found AS (
	SELECT {{license_columns}}
	FROM licenses l
	WHERE l.id = @id::uuid
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'license.key_shown', 'license', l.id::text, '{}'
	FROM found l
)
SELECT NULL AS fault, NULL AS message, {{license_facts}},
    json_build_object('license_id', l.id, 'license_key', NULL) AS body
FROM found l;

-- name: license_extend :opt
-- Moves the end of a license, or takes it away: never into the past, and not
-- before the end of a cycle that was paid.  What renews goes on to have an end,
-- or the next payment would be without effect.  After license_hold; leans on
-- licenses_pkey and subscriptions_license_id_key.
WITH held AS MATERIALIZED (
	SELECT l.id, l.product_id, l.status, l.expires_at,
	    date_trunc('second', @expires_at::timestamptz) AS wanted
	FROM licenses l
	WHERE l.id = @id::uuid
	FOR NO KEY UPDATE
), verdict AS MATERIALIZED (
	SELECT h.id, h.product_id, h.expires_at AS was, h.wanted,
	    CASE WHEN @body::jsonb ? 'expires_at' AND (h.status = 'revoked'
	        OR b.id IS NOT NULL AND (h.wanted IS NULL
	            OR h.wanted < b.next_renewal_at)) THEN 'conflict'
	    WHEN NOT @body ? 'expires_at' OR h.wanted <= licet_now()
	        OR h.wanted >= '10000-01-01Z' THEN 'bad_request' END AS fault,
	    CASE WHEN NOT @body ? 'expires_at' THEN 'expires_at: is required'
	    WHEN h.status = 'revoked' THEN 'The license is revoked.'
	    WHEN b.id IS NOT NULL AND h.wanted IS NULL
	        THEN 'expires_at: what renews has an end; cancel the '
	        'subscription first'
	    WHEN b.id IS NOT NULL AND h.wanted < b.next_renewal_at
	        THEN 'expires_at: it was paid for until '
	        || rfc3339(b.next_renewal_at)
	    ELSE 'expires_at: must be later than now, and before the year 10000'
	    END AS message
	FROM held h
	LEFT JOIN subscriptions b ON b.license_id = h.id
	    AND b.status IN ('active', 'past_due')
), changed AS (
	UPDATE licenses AS l
	SET expires_at = v.wanted
	FROM verdict v
	WHERE l.id = v.id AND v.fault IS NULL
	RETURNING l.id, l.product_id, v.was, l.expires_at
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'license.extend', 'license', c.id::text,
	    jsonb_build_object('from', rfc3339(c.was),
	    'to', rfc3339(c.expires_at), 'reason', @reason::text)
	FROM changed c
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT 'license.extended', c.product_id, jsonb_build_object(
	    'license_id', c.id, 'product_id', c.product_id,
	    'expires_at', rfc3339(c.expires_at))
	FROM changed c
)
SELECT v.fault, v.message, CASE WHEN v.fault IS NULL THEN
    json_build_object('ok', true, 'license_id', v.id,
    'expires_at', rfc3339(v.wanted)) END AS body
FROM verdict v;

-- fragment: reissue_held
-- The license that is to be issued anew, and what was billed for it: invoices are
-- held before licenses, as everywhere.  Wants license_hold before; leans on
-- licenses_pkey, licenses_invoice_id_key and invoices_license_paid.
bill AS MATERIALIZED (
	SELECT i.id
	FROM invoices i
	WHERE i.id = ANY (ARRAY(
	    SELECT l.invoice_id FROM licenses l WHERE l.id = @id::uuid
	    UNION ALL
	    SELECT b.id FROM invoices b WHERE b.license_id = @id))
	ORDER BY i.id
	FOR NO KEY UPDATE
), held AS MATERIALIZED (
	SELECT {{license_columns}}
	FROM licenses l
	WHERE l.id = @id AND (SELECT count(*) FROM bill) >= 0
	FOR UPDATE
)

-- fragment: reissue_fresh
-- What the new license has from the old one (alias h).
gen_random_uuid() AS id, h.id AS old_id, h.product_id, h.invoice_id, h.policy_id,
h.expires_at, h.grace_seconds, h.max_machines, h.is_trial, h.entitlements,
h.nostr_npub, h.buyer_email

-- fragment: reissue_make
-- Revokes the license of `fresh' and issues another on the same terms, in its
-- place: what was bought, is billed and waits to be mailed for the old one is
-- the new one's from then on.  Seats are not taken over.  Leans on
-- subscriptions_license_id_key, tier_changes_license,
-- discount_redemptions_license and mails_license.
gone AS (
	UPDATE licenses AS l
	SET status = 'revoked', revoked_at = licet_now(), invoice_id = NULL,
	    revocation_reason = COALESCE(NULLIF(@reason::text, ''), 'reissued'),
	    metadata = l.metadata || jsonb_build_object('reissued_as', f.id)
	FROM fresh f
	WHERE l.id = f.old_id
	RETURNING l.id, l.product_id, f.id AS new_id,
	    l.revocation_reason AS reason
), issued AS (
	INSERT INTO licenses AS l (id, product_id, invoice_id, policy_id,
	    signing_key_id, issued_at, expires_at, grace_seconds, max_machines,
	    is_trial, entitlements, nostr_npub, buyer_email, metadata)
	SELECT f.id, f.product_id, f.invoice_id, f.policy_id,
	    @signing_key_id::int, date_trunc('second', licet_now()),
	    f.expires_at, f.grace_seconds, f.max_machines, f.is_trial,
	    f.entitlements, f.nostr_npub, f.buyer_email,
	    f.metadata || jsonb_build_object('reissued_from', f.old_id)
	FROM gone g
	JOIN fresh f ON f.old_id = g.id
	RETURNING {{license_columns}}
), moved_invoices AS (
	UPDATE invoices AS i
	SET license_id = l.id, updated_at = licet_now()
	FROM issued l
	WHERE i.license_id = @id
), moved_subscription AS (
	UPDATE subscriptions AS b
	SET license_id = l.id, updated_at = licet_now()
	FROM issued l
	WHERE b.license_id = @id
), moved_changes AS (
	UPDATE tier_changes AS c
	SET license_id = l.id
	FROM issued l
	WHERE c.license_id = @id
), moved_redemptions AS (
	UPDATE discount_redemptions AS d
	SET license_id = l.id, updated_at = licet_now()
	FROM issued l
	WHERE d.license_id = @id
), moved_mails AS (
	UPDATE mails AS m
	SET license_id = l.id
	FROM issued l
	WHERE m.license_id = @id AND m.next_attempt_at IS NOT NULL
	AND m.kind <> 'receipt'
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, t.action, 'license', t.id::text, t.details
	FROM gone g
	CROSS JOIN LATERAL (VALUES ('license.revoke', g.id,
	        jsonb_build_object('reason', g.reason, 'reissued_as', g.new_id)),
	    ('license.reissue', g.new_id,
	        jsonb_build_object('reason', g.reason, 'reissued_from', g.id))
	    ) AS t (action, id, details)
), news AS (
	INSERT INTO outbox (event_type, product_id, data)
	SELECT t.event_type, l.product_id, t.data
	FROM gone g
	JOIN issued l ON l.id = g.new_id
	CROSS JOIN LATERAL (VALUES ('license.revoked',
	        jsonb_build_object('license_id', g.id, 'reason', g.reason)),
	    ('license.issued', jsonb_build_object('license_id', l.id,
	        'product_id', l.product_id, 'is_trial', l.is_trial,
	        'expires_at', rfc3339(l.expires_at),
	        'entitlements', l.entitlements, 'source', 'reissue',
	        'reissued_from', g.id))) AS t (event_type, data)
)

-- fragment: reissue_json
-- The new license (alias l) in place of the old one (alias h).
json_build_object('license_id', l.id, 'reissued_from', h.id,
    'license_key', NULL, 'product_id', l.product_id,
    'issued_at', rfc3339(l.issued_at), 'expires_at', rfc3339(l.expires_at),
    'entitlements', l.entitlements, 'is_trial', l.is_trial,
    'max_machines', l.max_machines)

-- name: license_reissue :opt
-- An administrator issues an active license anew.  After license_hold.
WITH {{reissue_held}}, fresh AS MATERIALIZED (
	SELECT {{reissue_fresh}}, h.metadata
	FROM held h
	WHERE h.status = 'active'
), {{reissue_make}}
SELECT CASE WHEN h.status <> 'active' THEN 'conflict' END AS fault,
    'Only an active license can be issued anew.' AS message,
    {{license_facts}},
    CASE WHEN l.id IS NOT NULL THEN {{reissue_json}} END AS body
FROM held h
LEFT JOIN issued l ON true;
