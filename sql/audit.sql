-- fragment: audit_json
-- An audit row (alias e) as the operator sees it.
json_build_object('id', e.id, 'actor_kind', e.actor_kind,
    'actor_hash', e.actor_hash, 'action', e.action,
    'target_kind', e.target_kind, 'target_id', e.target_id,
    'request_ip', e.request_ip, 'user_agent', e.user_agent,
    'details', e.details, 'occurred_at', rfc3339(e.occurred_at))

-- fragment: audit_columns
-- The columns of an audit row (alias e).
e.id, e.occurred_at, e.actor_kind, e.actor_hash, e.action, e.target_kind,
e.target_id, e.request_ip, e.user_agent, e.details

-- fragment: audit_page_size
-- How many rows one page of the audit trail holds.
LEAST(GREATEST(COALESCE(@limit::int, 200), 1), 1000)

-- fragment: audit_page
-- What of a branch can be on the page, newest first.
AND (e.occurred_at, e.id) < ({{cursor_time}}, {{cursor_id}})
ORDER BY e.occurred_at DESC, e.id DESC
LIMIT {{audit_page_size}} + 1

-- fragment: audit_by
-- By whom: what is given.
(@by::text IS NULL OR e.actor_kind = @by)
AND (@by_hash::text IS NULL OR e.actor_hash = @by_hash)

-- name: audit_list :one
-- The audit trail, newest first, page by page; what is given is ANDed.  The most
-- telling of it chooses the branch, and with it the index: events_target,
-- events_actor, events_action, events_actor_kind, events_newest.  A value is asked
-- for as a range of one, and ordered by: so its own index is the one that fits,
-- and no planner walks all of the trail for something rare.
WITH page AS (
	(SELECT {{audit_columns}}
	FROM events e
	WHERE e.target_id = @target_id::text
	AND (@action::text IS NULL OR e.action = @action)
	AND {{audit_by}}
	{{audit_page}})
	UNION ALL
	(SELECT {{audit_columns}}
	FROM events e
	WHERE @target_id IS NULL AND e.actor_hash >= @by_hash
	AND (@action IS NULL OR e.action = @action)
	AND (@by IS NULL OR e.actor_kind = @by)
	AND (e.actor_hash, e.occurred_at, e.id)
	    < (@by_hash, {{cursor_time}}, {{cursor_id}})
	ORDER BY e.actor_hash DESC, e.occurred_at DESC, e.id DESC
	LIMIT {{audit_page_size}} + 1)
	UNION ALL
	(SELECT {{audit_columns}}
	FROM events e
	WHERE @target_id IS NULL AND @by_hash IS NULL
	AND e.action >= @action
	AND (@by IS NULL OR e.actor_kind = @by)
	AND (e.action, e.occurred_at, e.id)
	    < (@action, {{cursor_time}}, {{cursor_id}})
	ORDER BY e.action DESC, e.occurred_at DESC, e.id DESC
	LIMIT {{audit_page_size}} + 1)
	UNION ALL
	(SELECT {{audit_columns}}
	FROM events e
	WHERE @target_id IS NULL AND @by_hash IS NULL
	AND @action IS NULL AND e.actor_kind >= @by
	AND (e.actor_kind, e.occurred_at, e.id)
	    < (@by, {{cursor_time}}, {{cursor_id}})
	ORDER BY e.actor_kind DESC, e.occurred_at DESC, e.id DESC
	LIMIT {{audit_page_size}} + 1)
	UNION ALL
	(SELECT {{audit_columns}}
	FROM events e
	WHERE @target_id IS NULL AND @by_hash IS NULL
	AND @action IS NULL AND @by IS NULL
	{{audit_page}})
), numbered AS (
	SELECT row_number() OVER (ORDER BY e.occurred_at DESC, e.id DESC) AS n,
	    (extract(epoch FROM e.occurred_at) * 1000000)::bigint || '_' || e.id
	    AS cursor,
	    {{audit_json}} AS doc
	FROM page e
)
SELECT json_build_object(
    'entries', COALESCE(json_agg(r.doc ORDER BY r.n)
        FILTER (WHERE r.n <= {{audit_page_size}}), '[]'),
    'next_cursor', CASE WHEN count(*) > {{audit_page_size}}
        THEN max(r.cursor) FILTER (WHERE r.n = {{audit_page_size}}) END) AS body
FROM numbered r;

-- name: audit_get :opt
-- One entry, of the second that it names: there is no index of ids alone.  Leans
-- on events_newest.
SELECT NULL::text AS fault, NULL::text AS message, {{audit_json}} AS body
FROM events e
WHERE e.id = @id::uuid
AND e.occurred_at >= @at::timestamptz
AND e.occurred_at < @at + interval '1 second';
