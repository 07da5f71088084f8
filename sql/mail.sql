-- fragment: mail_address
-- Whom to write to about a license (alias l), as a blank or a text.
COALESCE(NULLIF(btrim(l.buyer_email), ''), '')

-- fragment: mails_of_news
-- The mails that follow from news (`fresh': ids of the outbox) that is just
-- being told: none unless @mail, whoever asks has a mail server.  Each news is
-- told once, and mails_kind_about_key would see to it besides.
mailed AS (
	INSERT INTO mails (kind, about, license_id, invoice_id, to_address,
	    next_attempt_at)
	SELECT n.kind, CASE n.kind WHEN 'receipt' THEN l.id::text
	    WHEN 'lapsed' THEN b.id || '/' || b.paid_cycle
	    ELSE n.invoice_id::text END, l.id, n.invoice_id,
	    COALESCE(NULLIF({{mail_address}}, ''), btrim(i.buyer_email)),
	    licet_now()
	FROM (SELECT CASE o.event_type
	        WHEN 'license.issued' THEN 'receipt'
	        WHEN 'subscription.renewed' THEN 'renewed'
	        WHEN 'subscription.renewal_pending' THEN 'renewal_due'
	        WHEN 'subscription.lapsed' THEN 'lapsed' END AS kind,
	    (o.data->>'license_id')::uuid AS license_id,
	    (o.data->>'subscription_id')::uuid AS subscription_id,
	    (o.data->>'invoice_id')::uuid AS invoice_id
	    FROM fresh f
	    JOIN outbox o ON o.id = f.id
	    WHERE @mail::boolean AND o.event_type IN ('license.issued',
	        'subscription.renewed', 'subscription.renewal_pending',
	        'subscription.lapsed')) n
	LEFT JOIN subscriptions b ON b.id = n.subscription_id
	JOIN licenses l ON l.id = COALESCE(n.license_id, b.license_id)
	LEFT JOIN invoices i ON i.id = n.invoice_id
	WHERE COALESCE(NULLIF({{mail_address}}, ''), btrim(i.buyer_email)) <> ''
	ON CONFLICT DO NOTHING
	RETURNING mails.id
)

-- fragment: trial_mail_at
-- When the buyer of a trial (alias l) hears that it ends: three days before, or
-- at half of one that is shorter than six.
GREATEST(l.expires_at - interval '72 hours',
    l.issued_at + (l.expires_at - l.issued_at) / 2)

-- name: mail_trials :opt
-- Mails about trials whose end has come near since the last look, by whoever
-- looks first; trials of less than two days need none.  Without @mail the look
-- counts all the same, so that what happened while there was no mail server is
-- not told later.  No row: it was looked a moment ago.  Leans on
-- licenses_trial_end.
WITH last AS MATERIALIZED (
	SELECT j.next_run - j.every AS seen
	FROM jobs j
	WHERE j.name = 'trial_mails' AND j.next_run <= licet_now()
	FOR NO KEY UPDATE SKIP LOCKED
), looked AS (
	UPDATE jobs AS j
	SET next_run = licet_now() + j.every, runs = j.runs + 1
	FROM last
	WHERE j.name = 'trial_mails'
), made AS (
	INSERT INTO mails (kind, about, license_id, invoice_id, to_address,
	    next_attempt_at)
	SELECT 'trial_ending', l.id::text, l.id, l.invoice_id, {{mail_address}},
	    licet_now()
	FROM last k
	JOIN licenses l ON l.is_trial AND l.status = 'active'
	    AND l.buyer_email IS NOT NULL
	    AND l.expires_at > licet_now()
	    AND l.expires_at <= licet_now() + interval '72 hours'
	WHERE @mail::boolean AND {{mail_address}} <> ''
	AND l.expires_at - l.issued_at >= interval '48 hours'
	AND {{trial_mail_at}} > k.seen AND {{trial_mail_at}} <= licet_now()
	ON CONFLICT DO NOTHING
	RETURNING mails.id
)
SELECT (SELECT count(*) FROM made m) AS made
FROM last;

-- name: mail_claim :many
-- Mails to send now, oldest first; each is due again when the lease ends, which
-- is after a call to the mail server and its note.  Leans on mails_due.
WITH due AS MATERIALIZED (
	SELECT m.id
	FROM mails m
	WHERE m.next_attempt_at <= licet_now()
	ORDER BY m.next_attempt_at
	LIMIT @limit::int
	FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE mails AS m
SET next_attempt_at = licet_now() + interval '90 seconds'
FROM due d
WHERE m.id = d.id
RETURNING m.id, m.kind, m.attempts,
    (extract(epoch FROM m.next_attempt_at) * 1000000)::bigint AS lease,
    extract(epoch FROM licet_now() - m.due_since)::bigint AS age_seconds;

-- name: mail_facts :opt
-- All that a mail says, as it is now, and why it need not be sent any more
-- (`moot').  The bill that a lapse is about can still be paid.  Leans on primary
-- keys, subscriptions_license_id_key and subscription_invoices_cycle.
SELECT m.kind, m.to_address,
    extract(epoch FROM m.created_at)::bigint AS written_at,
    CASE
    WHEN l.status = 'revoked' THEN 'the license was revoked'
    WHEN m.kind = 'renewal_due' AND i.status IS DISTINCT FROM 'pending'
    THEN 'the bill is not open any more'
    WHEN m.kind = 'renewal_due' AND b.status IS DISTINCT FROM 'past_due'
    THEN 'the subscription is not past due any more'
    WHEN m.kind = 'lapsed' AND b.status IS DISTINCT FROM 'lapsed'
    THEN 'the subscription is not lapsed any more'
    WHEN m.kind = 'trial_ending' AND (NOT l.is_trial
        OR l.expires_at <= licet_now())
    THEN 'the trial is over' END AS moot,
    {{license_facts}}, l.is_trial, l.max_machines,
    mail_day_1(l.expires_at) AS expires,
    p.name AS product, y.name AS policy,
    i.id AS invoice_id, i.amount_sats, i.listed_currency,
    COALESCE(i.charged_value, i.listed_value) AS charged_value,
    CASE WHEN i.status = 'pending' THEN i.checkout_url END AS checkout_url,
    b.id IS NOT NULL AND b.status <> 'cancelled' AS goes_on, b.period_days,
    b.began_with_trial AND b.paid_cycle = 1 AS is_first_bill,
    b.listed_currency AS renewal_currency, b.listed_value AS renewal_value,
    b.card_provider_id IS NOT NULL AS has_card,
    mail_day_1(b.next_renewal_at) AS renews,
    mail_day_1({{lapse_at}}) AS lapses,
    mail_day_1(b.lapsed_at) AS lapsed,
    v.name AS vendor, v.legal_name, v.support_email, v.support_url,
    v.brand_color
FROM mails m
JOIN licenses l ON l.id = m.license_id
JOIN products p ON p.id = l.product_id
LEFT JOIN policies y ON y.id = l.policy_id
LEFT JOIN subscriptions b ON b.license_id = l.id
LEFT JOIN invoices i ON i.id = CASE WHEN m.kind <> 'lapsed' THEN m.invoice_id
    ELSE (SELECT c.invoice_id
	FROM subscription_invoices c
	WHERE c.subscription_id = b.id AND c.cycle_number = b.paid_cycle + 1
	AND c.superseded_at IS NULL) END
LEFT JOIN merchant_profiles v ON v.id = COALESCE(b.merchant_profile_id,
    p.merchant_profile_id, merchant_profile_default_1())
WHERE m.id = @id::uuid;

-- name: mail_end :opt
-- What came of a try: @status is sent, queued (again, after @wait_seconds), dead
-- or skipped.  That a server took it is true whoever claimed it since; anything
-- else counts only under the claim's @lease.  No row: another has it now.
UPDATE mails AS m
SET status = @status::text, last_error = @error::text,
    attempts = m.attempts + CASE WHEN @status = 'skipped' THEN 0 ELSE 1 END,
    sent_at = CASE WHEN @status = 'sent' THEN licet_now() END,
    next_attempt_at = CASE WHEN @status = 'queued' THEN licet_now()
        + @wait_seconds::int * interval '1 second' END
WHERE m.id = @id::uuid AND m.status <> 'sent'
AND (@status = 'sent' OR m.next_attempt_at = 'epoch'::timestamptz
    + @lease::bigint * interval '1 microsecond')
RETURNING m.id, m.kind;

-- name: mail_depth :one
-- How many mails wait, counted up to a hundred thousand.  Leans on mails_due.
SELECT count(*) AS depth
FROM (SELECT m.next_attempt_at
    FROM mails m
    WHERE m.next_attempt_at IS NOT NULL
    LIMIT 100000) m;

-- fragment: mail_json
-- A mail (alias m) as administrators see it; its text is not kept.
json_build_object('id', m.id, 'kind', m.kind, 'license_id', m.license_id,
    'invoice_id', m.invoice_id, 'to', m.to_address, 'status', m.status,
    'attempts', m.attempts, 'next_attempt_at', rfc3339(m.next_attempt_at),
    'last_error', m.last_error, 'sent_at', rfc3339(m.sent_at),
    'created_at', rfc3339(m.created_at))

-- fragment: mail_columns
-- The columns that mail_json reads.
m.id, m.kind, m.license_id, m.invoice_id, m.to_address, m.status, m.attempts,
m.next_attempt_at, m.last_error, m.sent_at, m.created_at

-- fragment: mail_page
-- Where a page of mails (alias m) begins, and its order.
AND (m.created_at, m.id) < ({{cursor_time}}, {{cursor_id}})
ORDER BY m.created_at DESC, m.id DESC
LIMIT {{page_size}} + 1

-- name: mail_list :one
-- A page of mails, newest first.  Leans on mails_unsent for those that are not
-- sent, else on mails_newest.
WITH page AS (
	(SELECT {{mail_columns}}
	FROM mails m
	WHERE m.status = @status::text AND m.status <> 'sent'
	{{mail_page}})
	UNION ALL
	(SELECT {{mail_columns}}
	FROM mails m
	WHERE (@status IS NULL OR @status = 'sent' AND m.status = 'sent')
	{{mail_page}})
), numbered AS (
	SELECT row_number() OVER (ORDER BY m.created_at DESC, m.id DESC) AS n,
	    (extract(epoch FROM m.created_at) * 1000000)::bigint || '_' || m.id
	    AS cursor, {{mail_json}} AS doc
	FROM page m
)
SELECT json_build_object(
    'mails', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{page_size}}) END) AS body
FROM numbered r;

-- name: mail_get :opt
-- One mail.  Leans on mails_pkey.
SELECT NULL::text AS fault, NULL::text AS message, {{mail_json}} AS body
FROM mails m
WHERE m.id = @id::uuid;

-- name: mail_retry :one
-- Puts a mail that is dead or was skipped back into the queue; its tries and
-- its age count from now.  Another is refused: what was sent is not sent again.
WITH found AS (
	SELECT m.id, m.status
	FROM mails m
	WHERE m.id = @id::uuid
), changed AS (
	UPDATE mails AS m
	SET status = 'queued', attempts = 0, next_attempt_at = licet_now(),
	    due_since = licet_now()
	WHERE m.id = @id AND m.status IN ('dead', 'skipped')
	RETURNING {{mail_columns}}
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'mail.retry', 'mail', m.id::text,
	    jsonb_build_object('kind', m.kind, 'license_id', m.license_id,
	    'last_error', m.last_error)
	FROM changed m
)
SELECT CASE WHEN m.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN m.id IS NULL THEN 'the mail is ' || f.status END AS message,
    CASE WHEN m.id IS NOT NULL THEN {{mail_json}} END AS body,
    CASE WHEN m.id IS NOT NULL
        THEN pg_notify('licet_jobs', 'mails')::text END AS told
FROM found f
LEFT JOIN changed m ON true;
