-- fragment: rate_facts
-- What is known of the price of a bitcoin in the currency of s.price_currency:
-- the operator's pin, which beats all, and what some replica fetched within
-- the last minute.  An older rate is none.
(SELECT t.value
	FROM settings t
	WHERE t.key = 'manual_rate_pin_' || s.price_currency) AS rate_pin,
(SELECT e.rate_e4
	FROM exchange_rates e
	WHERE e.currency = s.price_currency
	AND e.fetched_at BETWEEN licet_now() - interval '1 minute'
	    AND licet_now() + interval '1 minute') AS rate_e4,
(SELECT e.source
	FROM exchange_rates e
	WHERE e.currency = s.price_currency) AS rate_source

-- name: rate_get :one
-- The rate as far as it is known; leans on the primary keys.
SELECT {{rate_facts}}
FROM (SELECT @currency::text AS price_currency) s;

-- name: rate_keep :exec
-- Shares a rate that was fetched just now.  Of two that were fetched at once
-- the one that arrives last stays; both are fresh.
INSERT INTO exchange_rates AS e (currency, rate_e4, source, fetched_at)
VALUES (@currency::text, @rate_e4::bigint, @source::text, licet_now())
ON CONFLICT (currency) DO UPDATE
SET rate_e4 = excluded.rate_e4, source = excluded.source,
    fetched_at = excluded.fetched_at;

-- fragment: pinned_units
-- A pin (alias t) as a number; NULL when somebody wrote nonsense by hand.
CASE WHEN t.value ~ '^[0-9]{1,13}(\.[0-9]{1,4})?$'
THEN trim_scale(t.value::numeric) END

-- name: rate_list :one
-- What each currency goes by: its pin, else the last rate that was fetched,
-- however old that is; a purchase takes it for a minute only.
SELECT NULL AS fault, NULL AS message, json_build_object('rates',
    COALESCE(json_agg(json_build_object('currency', r.currency,
        'units_per_btc', r.units, 'source', r.source,
        'fetched_at_secs_ago', GREATEST(0, extract(epoch FROM
            licet_now() - r.fetched_at)::bigint))
        ORDER BY r.currency), '[]')) AS body
FROM (SELECT c.currency,
	    CASE WHEN t.key IS NOT NULL THEN {{pinned_units}}
	    ELSE trim_scale(e.rate_e4 / 10000.0) END AS units,
	    CASE WHEN t.key IS NOT NULL THEN 'manual_pin'
	    ELSE e.source END AS source,
	    CASE WHEN t.key IS NOT NULL THEN t.updated_at
	    ELSE e.fetched_at END AS fetched_at
	FROM (VALUES ('EUR'), ('USD')) AS c (currency)
	LEFT JOIN settings t ON t.key = 'manual_rate_pin_' || c.currency
	LEFT JOIN exchange_rates e ON e.currency = c.currency
	WHERE t.key IS NOT NULL OR e.currency IS NOT NULL) r;

-- name: rate_look :opt
-- One currency: what it goes by now, and beneath a pin what was fetched last.
-- No row: there are no rates of it.
SELECT NULL AS fault, NULL AS message, json_build_object(
    'currency', c.currency, 'pinned', t.key IS NOT NULL,
    'units_per_btc', CASE WHEN t.key IS NOT NULL THEN {{pinned_units}}
        ELSE trim_scale(e.rate_e4 / 10000.0) END,
    'source', CASE WHEN t.key IS NOT NULL THEN 'manual_pin'
        ELSE e.source END,
    'pinned_at', rfc3339(t.updated_at), 'fetched', CASE
        WHEN e.currency IS NOT NULL THEN json_build_object(
            'units_per_btc', trim_scale(e.rate_e4 / 10000.0),
            'source', e.source, 'fetched_at', rfc3339(e.fetched_at)) END) AS body
FROM (VALUES ('EUR'), ('USD')) AS c (currency)
LEFT JOIN settings t ON t.key = 'manual_rate_pin_' || c.currency
LEFT JOIN exchange_rates e ON e.currency = c.currency
WHERE c.currency = @currency::text;

-- name: rate_refreshed :one
-- Notes that an operator asked for a rate, and answers with it.
WITH event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'rate.refresh', 'rate', @currency::text,
	    jsonb_build_object('rate_e4', @rate_e4::bigint,
	    'source', @source::text)
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'currency', @currency, 'units_per_btc', trim_scale(@rate_e4 / 10000.0),
    'source', @source) AS body;

-- name: rate_pin_set :one
-- Nails a currency's rate until the pin is taken away.  @units is a decimal
-- that domain/money has read.
WITH old AS (
	SELECT t.value
	FROM settings t
	WHERE t.key = 'manual_rate_pin_' || @currency::text
), kept AS (
	INSERT INTO settings AS t (key, value, updated_at)
	VALUES ('manual_rate_pin_' || @currency, @units::text, licet_now())
	ON CONFLICT (key) DO UPDATE
	SET value = excluded.value, updated_at = excluded.updated_at
	RETURNING t.value
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'rate.pin', 'rate', @currency,
	    jsonb_build_object('units_per_btc', k.value,
	    'before', (SELECT o.value FROM old o))
	FROM kept k
)
SELECT NULL AS fault, NULL AS message, json_build_object(
    'currency', @currency, 'units_per_btc', trim_scale(k.value::numeric),
    'source', 'manual_pin') AS body
FROM kept k;

-- name: rate_pin_clear :opt
-- Takes a pin away; no row when there is none.
WITH gone AS (
	DELETE FROM settings AS t
	WHERE t.key = 'manual_rate_pin_' || @currency::text
	AND @currency IN ('USD', 'EUR')
	RETURNING t.value
), event AS (
	INSERT INTO events (actor_kind, actor_hash, request_ip, user_agent,
	    action, target_kind, target_id, details)
	SELECT {{admin_actor}}, 'rate.unpin', 'rate', @currency,
	    jsonb_build_object('before', g.value)
	FROM gone g
)
SELECT NULL AS fault, NULL AS message, json_build_object('ok', true) AS body
FROM gone g;
