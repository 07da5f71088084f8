-- name: connect_start :one
-- Somebody is sent to BTCPay Server's consent page; what comes back must name
-- this state.  Only its hash is kept, and whether it is a scoped key that
-- began: such a one may connect play money only.  Refused when the profile has
-- a BTCPay server.  Old states go.
WITH profile AS (
	SELECT m.id, EXISTS (SELECT
		FROM payment_providers v
		WHERE v.merchant_profile_id = m.id AND v.kind = 'btcpay'
		AND v.disconnected_at IS NULL) AS is_taken
	FROM merchant_profiles m
	WHERE m.id = COALESCE(@merchant_profile_id::uuid,
	    merchant_profile_default_1())
), old AS (
	DELETE FROM btcpay_authorize_states s
	WHERE s.created_at < licet_now() - interval '30 minutes'
), kept AS (
	INSERT INTO btcpay_authorize_states (state_hash, merchant_profile_id,
	    scoped_initiator, initiator_actor_kind, initiator_actor_hash)
	SELECT decode(@state_hash::text, 'hex'), m.id,
	    @actor_kind::text = 'scoped_api_key', @actor_kind,
	    @actor_hash::text
	FROM profile m
	WHERE NOT m.is_taken
	RETURNING merchant_profile_id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'payment_provider.connect_begin',
	    'merchant_profile', k.merchant_profile_id::text,
	    jsonb_build_object('kind', 'btcpay')
	FROM kept k
)
SELECT CASE WHEN m.is_taken THEN 'conflict' END AS fault,
    CASE WHEN m.is_taken
    THEN 'this profile has a BTCPay server; disconnect it first'
    END AS message, m.id AS merchant_profile_id
FROM profile m;

-- name: connect_claim :opt
-- The state that came back, which nobody can use again.  No row: unknown, used
-- or older than 30 minutes.
DELETE FROM btcpay_authorize_states s
WHERE s.state_hash = decode(@state_hash::text, 'hex')
AND s.created_at > licet_now() - interval '30 minutes'
RETURNING s.merchant_profile_id, s.scoped_initiator, s.initiator_actor_kind,
    s.initiator_actor_hash;

-- name: connect_prepare :one
-- The row of the provider to be, not connected yet: its id is in the address of
-- the webhook.  A store that was connected before has its row, and invoices
-- that refer to it.  A webhook secret in it is that of a try that was not
-- finished; all tries use the same, so it doesn't matter whose registration at
-- BTCPay Server comes last.  The UNIQUE key is the referee.
WITH verdict AS (
	SELECT CASE
	    WHEN EXISTS (SELECT
		FROM payment_providers v
		WHERE v.kind = 'btcpay' AND v.base_url = @base_url::text
		AND v.store_id = @store_id::text AND v.disconnected_at IS NULL
		AND v.merchant_profile_id <> @merchant_profile_id::uuid)
	    THEN 'this store is connected to another profile'
	    WHEN EXISTS (SELECT
		FROM payment_providers v
		WHERE v.merchant_profile_id = @merchant_profile_id
		AND v.kind = 'btcpay' AND v.disconnected_at IS NULL)
	    THEN 'this profile has a BTCPay server; disconnect it first'
	    END AS message
), prepared AS (
	INSERT INTO payment_providers AS v (kind, label, base_url, store_id,
	    merchant_profile_id, disconnected_at)
	SELECT 'btcpay', @label::text, @base_url, @store_id,
	    @merchant_profile_id, licet_now()
	FROM verdict r
	WHERE r.message IS NULL
	ON CONFLICT (kind, base_url, store_id) DO UPDATE
	SET label = excluded.label
	WHERE v.disconnected_at IS NOT NULL
	RETURNING v.id, encode(v.sealed_webhook_secret, 'hex') AS secret
)
SELECT CASE WHEN p.id IS NULL THEN 'conflict' END AS fault,
    COALESCE(r.message, CASE WHEN p.id IS NULL
    THEN 'this store is being connected already' END) AS message,
    p.id AS provider_id, p.secret AS webhook_secret
FROM verdict r
LEFT JOIN prepared p ON true;

-- name: connect_secret :opt
-- The webhook secret of all tries from now on.  No row: another try was first.
UPDATE payment_providers AS v
SET sealed_webhook_secret = decode(@webhook_secret::text, 'hex')
WHERE v.id = @provider_id::uuid AND v.disconnected_at IS NOT NULL
AND v.sealed_webhook_secret IS NOT DISTINCT FROM decode(@seen::text, 'hex')
RETURNING v.id;

-- fragment: resume_subscriptions
-- Two CTEs: subscriptions that gave up for want of a provider try again now
-- that CTE `made' (id, merchant_profile_id) is there to bill for them, and
-- every worker is told.
resumed AS (
	UPDATE subscriptions AS b
	SET consecutive_failures = 0, next_attempt_at = licet_now(),
	    updated_at = licet_now()
	FROM made p
	WHERE COALESCE(b.merchant_profile_id, merchant_profile_default_1())
	    = p.merchant_profile_id
	AND b.status = 'past_due' AND b.consecutive_failures >= 5
	RETURNING b.id
), woken AS (
	SELECT pg_notify('licet_jobs', 'renewals')
	FROM (SELECT 1 FROM resumed LIMIT 1) r
)

-- name: connect_finish :one
-- From here on it is connected, and not a moment earlier.  Refused when another
-- try was first; payment_providers_connected is the referee.
WITH made AS (
	UPDATE payment_providers AS v
	SET merchant_profile_id = m.id, label = @label::text,
	    public_url = COALESCE(@public_url::text, ''),
	    sealed_api_key = decode(@api_key::text, 'hex'),
	    sealed_webhook_secret = decode(@webhook_secret::text, 'hex'),
	    webhook_id = @webhook_id::text, from_environment = false,
	    connected_at = licet_now(), disconnected_at = NULL
	FROM merchant_profiles m
	WHERE v.id = @provider_id::uuid AND v.disconnected_at IS NOT NULL
	AND m.id = @merchant_profile_id::uuid
	AND NOT EXISTS (SELECT
		FROM payment_providers o
		WHERE o.merchant_profile_id = m.id AND o.kind = 'btcpay'
		AND o.disconnected_at IS NULL)
	RETURNING v.id, v.kind, v.label, v.base_url, v.store_id, v.webhook_id,
	    v.merchant_profile_id, m.name AS profile_name
), {{resume_subscriptions}}, event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'payment_provider.connect', 'payment_provider',
	    p.id::text, jsonb_build_object('kind', p.kind,
	    'base_url', p.base_url, 'store_id', p.store_id,
	    'webhook_id', p.webhook_id,
	    'merchant_profile_id', p.merchant_profile_id,
	    'subscriptions_resumed', (SELECT count(*) FROM resumed))
	FROM made p
)
SELECT CASE WHEN p.id IS NULL THEN 'conflict' END AS fault,
    CASE WHEN p.id IS NULL
    THEN 'the profile is gone, or was connected meanwhile' END AS message,
    p.profile_name, (SELECT count(*) FROM woken) AS woken
FROM (SELECT 1) one
LEFT JOIN made p ON true;

-- name: zaprite_connect :one
-- A Zaprite account for a profile, with the id that its key was sealed for.  It
-- has no stores: the id stands for one.
WITH profile AS MATERIALIZED (
	SELECT m.id, m.name, {{zaprite_cap}} AS cap
	FROM merchant_profiles m
	WHERE m.id = COALESCE(@merchant_profile_id::uuid,
	    merchant_profile_default_1())
), made AS (
	INSERT INTO payment_providers AS v (id, kind, label, base_url, store_id,
	    merchant_profile_id, sealed_api_key, connected_at)
	SELECT @provider_id::uuid, 'zaprite', @label::text, @base_url::text,
	    @provider_id, m.id, decode(@sealed_api_key::text, 'hex'), licet_now()
	FROM profile m
	WHERE m.cap IS NULL AND NOT EXISTS (SELECT
		FROM payment_providers o
		WHERE o.merchant_profile_id = m.id AND o.kind = 'zaprite'
		AND o.disconnected_at IS NULL)
	RETURNING v.id, v.kind, v.label, v.base_url, v.merchant_profile_id
), {{resume_subscriptions}}, event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'payment_provider.connect', 'payment_provider',
	    p.id::text, jsonb_build_object('kind', p.kind,
	    'base_url', p.base_url, 'merchant_profile_id', p.merchant_profile_id,
	    'subscriptions_resumed', (SELECT count(*) FROM resumed))
	FROM made p
)
SELECT CASE WHEN m.cap IS NOT NULL THEN 'tier_cap'
    WHEN p.id IS NULL THEN 'conflict' END AS fault,
    COALESCE(m.cap, CASE WHEN p.id IS NULL
    THEN 'this profile has a Zaprite account; disconnect it first' END)
    AS message,
    json_build_object('ok', true, 'provider', 'zaprite',
    'provider_id', p.id, 'merchant_profile_id', m.id,
    'merchant_profile_name', m.name, 'label', p.label,
    'base_url', p.base_url, 'webhook_url', @public_url::text ||
    '/v1/zaprite/webhook/' || p.id) AS body,
    (SELECT count(*) FROM woken) AS woken
FROM profile m
LEFT JOIN made p ON true;

-- name: zaprite_may_connect :one
-- Asked before the key is tried: is this server licensed for it, is there such
-- a profile, and none connected?
SELECT CASE WHEN t.cap IS NOT NULL THEN 'tier_cap'
    WHEN v.id IS NOT NULL THEN 'conflict' END AS fault,
    COALESCE(t.cap, CASE WHEN v.id IS NOT NULL
    THEN 'this profile has a Zaprite account; disconnect it first' END)
    AS message
FROM merchant_profiles m
CROSS JOIN (SELECT {{zaprite_cap}} AS cap) t
LEFT JOIN payment_providers v ON v.merchant_profile_id = m.id
    AND v.kind = 'zaprite' AND v.disconnected_at IS NULL
WHERE m.id = COALESCE(@merchant_profile_id::uuid,
    merchant_profile_default_1());

-- name: provider_disconnect :one
-- No sale goes to it from here on.  Its row stays, since invoices refer to it,
-- and its secrets until what they open at the other side is cleaned up; those
-- of one that has nothing to clean up go at once.  One that was disconnected
-- before but still has its key is cleaned up again.  Without @provider_id: the
-- default profile's.
WITH asked AS (
	SELECT v.id, v.webhook_id, v.from_environment,
	    v.disconnected_at IS NOT NULL AS was_gone, {{provider_facts}},
	    (SELECT count(*)
		FROM invoices i
		WHERE i.provider_id = v.id AND i.status = 'pending'
		AND i.created_at > licet_now() - interval '30 days') AS pending
	FROM payment_providers v
	WHERE v.kind = @kind::text AND CASE WHEN @provider_id::uuid IS NULL
	    THEN v.merchant_profile_id = merchant_profile_default_1()
	    AND v.disconnected_at IS NULL
	    ELSE v.id = @provider_id END
), gone AS (
	UPDATE payment_providers AS v
	SET disconnected_at = licet_now(),
	    sealed_api_key = CASE WHEN v.kind = 'btcpay'
	        THEN v.sealed_api_key END,
	    sealed_webhook_secret = CASE WHEN v.kind = 'btcpay'
	        THEN v.sealed_webhook_secret END
	FROM asked a
	WHERE v.id = a.id AND v.disconnected_at IS NULL
	RETURNING v.id, v.kind, v.base_url, v.store_id, v.merchant_profile_id
), unpreferred AS (
	DELETE FROM merchant_profile_rail_preferences r
	USING gone g
	WHERE r.payment_provider_id = g.id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'payment_provider.disconnect',
	    'payment_provider', g.id::text, jsonb_build_object('kind', g.kind,
	    'base_url', g.base_url, 'store_id', g.store_id,
	    'merchant_profile_id', g.merchant_profile_id)
	FROM gone g
)
SELECT CASE WHEN a.id IS NULL AND @provider_id IS NOT NULL
    THEN 'not_found' END AS fault,
    CASE WHEN a.id IS NULL AND @provider_id IS NOT NULL
    THEN 'no such provider' END AS message,
    a.id IS NULL OR (a.was_gone AND a.provider_api_key IS NULL) AS noop,
    a.webhook_id, a.from_environment, a.pending, a.provider_id,
    a.provider_kind, a.provider_base_url, a.provider_public_url,
    a.provider_store_id, a.provider_api_key, a.provider_webhook_secret
FROM (SELECT 1) one
LEFT JOIN asked a ON true;

-- name: provider_wipe :exec
-- The secrets of a provider that is disconnected, after they were used for the
-- last time; not those of one that was connected again meanwhile.
UPDATE payment_providers AS v
SET sealed_api_key = NULL, sealed_webhook_secret = NULL, webhook_id = NULL
WHERE v.id = @provider_id::uuid AND v.disconnected_at IS NOT NULL;

-- fragment: status_from
-- The profile asked about, else the default one, and its provider of a @kind.
FROM merchant_profiles m
LEFT JOIN payment_providers v ON v.merchant_profile_id = m.id
    AND v.kind = @kind::text AND v.disconnected_at IS NULL
WHERE m.id = COALESCE(@merchant_profile_id::uuid,
    merchant_profile_default_1())

-- name: provider_status :one
-- Is a provider of this kind connected?  Leans on payment_providers_connected.
SELECT CASE WHEN v.id IS NULL THEN json_build_object('connected', false)
    WHEN v.kind = 'zaprite' THEN json_build_object('connected', true,
    'provider_id', v.id, 'base_url', v.base_url, 'label', v.label,
    'webhook_url', @public_url::text || '/v1/zaprite/webhook/' || v.id,
    'merchant_profile_id', m.id, 'merchant_profile_name', m.name)
    ELSE json_build_object('connected', true, 'provider_id', v.id,
    'store_id', v.store_id, 'webhook_id', v.webhook_id,
    'base_url', v.base_url, 'label', v.label,
    'merchant_profile_id', m.id, 'merchant_profile_name', m.name) END AS body
{{status_from}};

-- name: provider_of_profile :one
-- The account itself, to ask it something.  NULLs: none is connected.
SELECT {{provider_facts}}
{{status_from}};

-- name: provider_overview :one
-- What sells for the default profile; a sale that names no rail goes to the one
-- that was connected first.
SELECT json_build_object(
    'btcpay_configured', COALESCE(bool_or(v.kind = 'btcpay'), false),
    'zaprite_configured', COALESCE(bool_or(v.kind = 'zaprite'), false),
    'preferred', (array_agg(v.kind ORDER BY v.connected_at, v.id)
        FILTER (WHERE v.id IS NOT NULL))[1],
    'active', (array_agg(v.kind ORDER BY v.connected_at, v.id)
        FILTER (WHERE v.id IS NOT NULL))[1],
    'merchant_profile_id', m.id, 'merchant_profile_name', m.name,
    'providers', COALESCE(json_agg(json_build_object('id', v.id,
        'kind', v.kind, 'label', v.label, 'base_url', v.base_url,
        'store_id', NULLIF(NULLIF(v.store_id, v.id::text), ''))
        ORDER BY v.connected_at, v.id) FILTER (WHERE v.id IS NOT NULL),
        '[]')) AS body
FROM merchant_profiles m
LEFT JOIN payment_providers v ON v.merchant_profile_id = m.id
    AND v.disconnected_at IS NULL
WHERE m.is_default
GROUP BY m.id;

-- name: connect_prune :exec
-- States that nobody came back with in their 30 minutes.  Leans on
-- btcpay_authorize_states_age.
DELETE FROM btcpay_authorize_states s
WHERE s.created_at < licet_now() - interval '30 minutes';
