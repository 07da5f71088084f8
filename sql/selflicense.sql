-- fragment: self_license_row
-- The license's row (alias l), if this server issued the operator's license
-- (alias o): if the trust root is one of its own signing keys.
LEFT JOIN licenses l ON l.id = o.license_id
    AND EXISTS (SELECT FROM signing_keys k WHERE k.public_key = o.trust_root)

-- fragment: self_license_state
-- How the operator's license (aliases o, l) stands under @trust_root: licensed,
-- or why not.  The row's word counts where there is one, as for validations;
-- else the key's own time.
CASE WHEN o.fault IS NOT NULL THEN o.fault
WHEN o.trust_root IS DISTINCT FROM decode(@trust_root::text, 'hex')
THEN 'bad_signature'
WHEN l.id IS NULL
THEN CASE WHEN o.expires_at <= licet_now() THEN 'expired' ELSE 'licensed' END
WHEN l.status <> 'active' THEN l.status
WHEN l.expires_at + {{license_grace}} <= licet_now() THEN 'expired'
ELSE 'licensed' END

-- fragment: self_license_grants
-- What the operator's license (aliases o, l) grants: what its key says, and of
-- that what its row still says.
CASE WHEN l.id IS NULL THEN o.entitlements
ELSE ARRAY(SELECT e.slug
	FROM unnest(o.entitlements) WITH ORDINALITY AS e (slug, place)
	WHERE e.slug = ANY (l.entitlements)
	ORDER BY e.place) END

-- fragment: tier_grants
-- What this server is licensed for at this moment; the stored license counts,
-- the environment's where none is stored or it is not in force.  To be asked
-- only where there is a trust root.
COALESCE((SELECT {{self_license_grants}}
	FROM self_licenses o
	{{self_license_row}}
	WHERE {{self_license_state}} = 'licensed'
	ORDER BY o.source DESC
	LIMIT 1), '{}')

-- fragment: most_products
-- The caps without a license.
5

-- fragment: most_policies
-- Of one product.
5

-- fragment: most_codes
-- That are switched on.
10

-- fragment: most_profiles
-- The default one.
1

-- fragment: products_cap
-- Why there may be no further product; NULL: there may.  This and the others
-- are right under races only after tier_lock.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{unlimited_products}'
    AND EXISTS (SELECT FROM products d OFFSET {{most_products}} - 1)
THEN 'this server may have ' || {{most_products}} || ' products; a license with '
    'unlimited_products lifts that' END

-- fragment: policies_cap
-- Why the product (alias p) may have no further policy.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{unlimited_policies}'
    AND EXISTS (SELECT
	FROM policies d
	WHERE d.product_id = p.id
	OFFSET {{most_policies}} - 1)
THEN 'a product of this server may have ' || {{most_policies}} || ' policies; a '
    'license with unlimited_policies lifts that' END

-- fragment: codes_cap
-- Why no further discount code may be on.  Leans on discount_codes_on.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{unlimited_codes}'
    AND EXISTS (SELECT
	FROM discount_codes d
	WHERE d.active
	OFFSET {{most_codes}} - 1)
THEN 'this server may have ' || {{most_codes}} || ' active codes; a license with '
    'unlimited_codes lifts that' END

-- fragment: profiles_cap
-- Why there may be no further merchant profile.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{unlimited_merchant_profiles}'
    AND EXISTS (SELECT FROM merchant_profiles d OFFSET {{most_profiles}} - 1)
THEN 'this server may have ' || {{most_profiles}} || ' merchant profile; a license '
    'with unlimited_merchant_profiles lifts that' END

-- fragment: recurring_cap
-- Why no policy may become a subscription.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{recurring_billing}'
THEN 'recurring policies need a license with recurring_billing' END

-- fragment: zaprite_cap
-- Why no Zaprite account may be connected.
CASE WHEN @trust_root::text IS NOT NULL
    AND NOT {{tier_grants}} @> '{zaprite_payments}'
THEN 'Zaprite needs a license with zaprite_payments' END

-- name: tier_lock :exec
-- To be sent before a statement that asks for a cap: what is counted there is
-- made by one at a time.  Without a trust root nobody waits.
SELECT pg_advisory_xact_lock(hashtextextended('tier', 0))
WHERE @trust_root::text IS NOT NULL;

-- name: tier_get :one
-- What this server is licensed for, and how much of it is used.
WITH held AS MATERIALIZED (
	SELECT CASE WHEN @trust_root::text IS NOT NULL THEN {{tier_grants}}
	    ELSE '{}' END AS grants, @trust_root IS NULL AS is_free
), named AS (
	SELECT h.grants, h.is_free,
	    CASE WHEN h.grants @> '{patron}' THEN 'patron'
	    WHEN h.grants @> '{unlimited_products}' THEN 'pro'
	    ELSE 'creator' END AS tier
	FROM held h
), next AS (
	SELECT n.grants, n.is_free, n.tier, CASE WHEN NOT n.is_free
	    THEN CASE n.tier WHEN 'creator' THEN 'pro' WHEN 'pro' THEN 'patron'
	    END END AS next_tier
	FROM named n
)
SELECT NULL::text AS fault, NULL::text AS message, json_build_object(
    'tier', n.tier, 'tier_name', initcap(n.tier),
    'sandbox', EXISTS (SELECT
	FROM payment_providers v
	WHERE v.kind = 'sandbox' AND v.disconnected_at IS NULL),
    'entitlements', to_json(n.grants),
    'usage', json_build_object(
	'products', (SELECT count(*) FROM products c),
	'active_codes', (SELECT count(*) FROM discount_codes c WHERE c.active)),
    'caps', json_build_object(
	'products', CASE WHEN NOT n.is_free
	    AND NOT n.grants @> '{unlimited_products}'
	    THEN {{most_products}} END,
	'policies_per_product', CASE WHEN NOT n.is_free
	    AND NOT n.grants @> '{unlimited_policies}'
	    THEN {{most_policies}} END,
	'active_codes', CASE WHEN NOT n.is_free
	    AND NOT n.grants @> '{unlimited_codes}' THEN {{most_codes}} END),
    'next_tier', n.next_tier,
    'upgrade_url', CASE WHEN n.next_tier IS NOT NULL
	THEN NULLIF(@upgrade_url::text, '') END) AS body
FROM next n;

-- fragment: self_license_why
-- A state (alias j) for people.
CASE j.state WHEN 'licensed' THEN 'this server is licensed'
WHEN 'bad_format' THEN 'this is no license key'
WHEN 'bad_signature' THEN 'the key was not signed by the trust root'
WHEN 'expired' THEN 'the license has expired'
WHEN 'no_trust_root' THEN 'no trust root is set: nothing is capped, and no key '
    'can be checked'
WHEN 'no_license' THEN 'no license is set'
ELSE 'the license is ' || j.state END

-- name: self_license_get :one
-- The license that counts, as it stands now (body), and the same for people
-- (told).
WITH standing AS (
	SELECT o.source, o.license_id, o.product_id,
	    CASE WHEN l.id IS NULL THEN o.expires_at ELSE l.expires_at END
	    AS expires_at, {{self_license_state}} AS state,
	    {{self_license_grants}} AS grants
	FROM self_licenses o
	{{self_license_row}}
), first AS (
	SELECT s.source, s.license_id, s.product_id, s.expires_at, s.grants,
	    s.state
	FROM standing s
	WHERE @trust_root IS NOT NULL
	ORDER BY s.state = 'licensed' DESC, s.source DESC
	LIMIT 1
), judged AS (
	SELECT f.source, f.license_id, f.product_id, f.expires_at, f.grants,
	    CASE WHEN @trust_root IS NULL THEN 'no_trust_root'
	    ELSE COALESCE(f.state, 'no_license') END AS state
	FROM (VALUES (1)) AS one (row)
	LEFT JOIN first f ON true
)
SELECT NULL::text AS fault, NULL::text AS message,
    CASE j.state WHEN 'licensed' THEN json_build_object('tier', 'licensed',
    'license_id', j.license_id, 'product_id', j.product_id,
    'expires_at', COALESCE(floor(extract(epoch FROM j.expires_at))::bigint, 0),
    'entitlements', to_json(j.grants), 'source', j.source)
    ELSE json_build_object('tier', 'unlicensed', 'reason', j.state) END AS body,
    json_build_object('ok', true, 'tier', CASE j.state WHEN 'licensed'
    THEN 'licensed' ELSE 'unlicensed' END, 'message', {{self_license_why}})
    AS told
FROM judged j;

-- fragment: self_license_said
-- What a key says, from the verdict (alias v) of domain/selflicense.h, as the
-- columns of self_licenses.
CASE WHEN v.doc ->> 'fault' IS NULL THEN decode(@trust_root::text, 'hex') END
AS trust_root, v.doc ->> 'fault' AS fault,
(v.doc ->> 'product_id')::uuid AS product_id,
(v.doc ->> 'license_id')::uuid AS license_id,
to_timestamp((v.doc ->> 'expires_at')::bigint) AS expires_at,
ARRAY(SELECT jsonb_array_elements_text(v.doc -> 'entitlements')) AS entitlements

-- name: self_license_store :one
-- Stores a license that is in force, sealed; refuses others.
WITH given AS MATERIALIZED (
	SELECT {{self_license_said}}
	FROM (SELECT @verdict::jsonb AS doc) v
), judged AS MATERIALIZED (
	SELECT o.trust_root, o.fault, o.product_id, o.license_id, o.expires_at,
	    o.entitlements, CASE WHEN @trust_root IS NULL THEN 'no_trust_root'
	    ELSE {{self_license_state}} END AS state
	FROM given o
	{{self_license_row}}
), kept AS (
	INSERT INTO self_licenses (source, sealed_key, trust_root, product_id,
	    license_id, expires_at, entitlements, noted, verified_at)
	SELECT 'stored', decode(@sealed_key::text, 'hex'), j.trust_root,
	    j.product_id, j.license_id, j.expires_at, j.entitlements, j.state,
	    licet_now()
	FROM judged j
	WHERE j.state = 'licensed'
	ON CONFLICT (source) DO UPDATE
	SET sealed_key = excluded.sealed_key, trust_root = excluded.trust_root,
	    fault = NULL, product_id = excluded.product_id,
	    license_id = excluded.license_id, expires_at = excluded.expires_at,
	    entitlements = excluded.entitlements, noted = excluded.noted,
	    verified_at = excluded.verified_at
	RETURNING license_id, entitlements
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'self_license.set', 'self_license', 'stored',
	    jsonb_build_object('license_id', k.license_id,
	    'entitlements', k.entitlements)
	FROM kept k
)
SELECT CASE WHEN j.state <> 'licensed' THEN 'license_invalid' END AS fault,
    {{self_license_why}} AS message,
    CASE WHEN j.state = 'licensed' THEN json_build_object('ok', true,
    'tier', 'licensed', 'message', {{self_license_why}}) END AS body
FROM judged j;

-- name: self_license_remove :one
-- Forgets the stored license; the environment's counts from then on.  None is
-- stored: no row.
WITH gone AS (
	DELETE FROM self_licenses s
	WHERE s.source = 'stored'
	RETURNING s.license_id
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'self_license.remove', 'self_license', 'stored',
	    jsonb_build_object('license_id', g.license_id)
	FROM gone g
)
SELECT NULL::text AS fault, NULL::text AS message,
    json_build_object('ok', true) AS body
FROM gone g;

-- name: self_license_enter :exec
-- The license that the settings name, good or not; NULL: they name none.  What
-- it says comes with self_license_note.
WITH gone AS (
	DELETE FROM self_licenses s
	WHERE s.source = 'environment' AND @sealed_key::text IS NULL
	RETURNING s.source
), kept AS (
	INSERT INTO self_licenses AS s (source, sealed_key, fault, noted)
	SELECT 'environment', decode(@sealed_key, 'hex'), 'bad_format', 'unread'
	WHERE @sealed_key IS NOT NULL
	ON CONFLICT (source) DO UPDATE
	SET sealed_key = excluded.sealed_key
	RETURNING s.source
)
INSERT INTO events (actor_kind, action, target_kind, target_id, details)
SELECT 'system', 'self_license.remove', 'self_license', g.source, '{}'::jsonb
FROM gone g
UNION ALL
SELECT 'system', 'self_license.set', 'self_license', k.source, '{}'::jsonb
FROM kept k;

-- name: self_license_keys :many
-- The keys, sealed.
SELECT s.source, encode(s.sealed_key, 'hex') AS sealed_key
FROM self_licenses s;

-- name: self_license_note :many
-- What was found on the keys (@verdicts: source, sealed_key, verdict), unless
-- another has come in its place meanwhile; and how each license stands by it.
-- A change of that is told to the audit trail.
WITH seen AS MATERIALIZED (
	SELECT s.source, s.noted, {{self_license_said}}
	FROM jsonb_array_elements(@verdicts::jsonb) AS e (item)
	CROSS JOIN LATERAL (SELECT e.item -> 'verdict' AS doc) v
	JOIN self_licenses s ON s.source = e.item ->> 'source'
	    AND s.sealed_key = decode(e.item ->> 'sealed_key', 'hex')
	FOR UPDATE OF s
), judged AS MATERIALIZED (
	SELECT o.source, o.noted AS before, o.trust_root, o.fault, o.product_id,
	    o.license_id, o.expires_at, o.entitlements,
	    {{self_license_state}} AS state
	FROM seen o
	{{self_license_row}}
), noted AS (
	UPDATE self_licenses AS s
	SET trust_root = j.trust_root, fault = j.fault,
	    product_id = j.product_id, license_id = j.license_id,
	    expires_at = j.expires_at, entitlements = j.entitlements,
	    noted = j.state, verified_at = licet_now()
	FROM judged j
	WHERE s.source = j.source
	RETURNING s.source, j.before, j.state
), event AS (
	INSERT INTO events (actor_kind, action, target_kind, target_id, details)
	SELECT 'system', 'self_license.change', 'self_license', n.source,
	    jsonb_build_object('from', n.before, 'to', n.state)
	FROM noted n
	WHERE n.before <> n.state
)
SELECT n.source, n.before, n.state
FROM noted n;

-- name: self_license_claim :opt
-- A row for the first worker to ask once the hourly look is due, none for the
-- others.
UPDATE jobs AS j
SET next_run = licet_now() + j.every, runs = j.runs + 1
WHERE j.name = (SELECT d.name
	FROM jobs d
	WHERE d.name = 'self_license' AND d.next_run <= licet_now()
	FOR UPDATE SKIP LOCKED)
RETURNING j.name, j.runs;
