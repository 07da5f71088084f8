/*
 * An endpoint is data: method, path, who may, what it takes, what it does.
 * From these tables come the router, access control, the checks of bodies,
 * the OpenAPI document, docs/api.md and the negative tests.
 *
 * A plain endpoint is a row and a statement: the statement's named arguments
 * are filled from the path, the query, the body and the context (see
 * flow/bind.h), and its row has the columns `fault', `message' and `body'.
 */
#ifndef FLOW_ENDPOINT_H
#define FLOW_ENDPOINT_H

#include "db/statement.h"
#include "flow/limit.h"

#include <stdbool.h>
#include <stddef.h>

struct flow;
struct page;

enum flow_next {
	FLOW_NEXT,	/* go on with the next step */
	FLOW_WAIT,	/* the next step runs when what it waits for is here */
	FLOW_JUMP,	/* go on with another step, which is set */
	FLOW_DONE	/* answered */
};

struct flow_step {
	const char	*name;
	enum flow_next	(*run)(struct flow *);
};

#define FLOW_STEP(fn)	{ #fn, fn }
#define FLOW_STEPS(...)	(const struct flow_step []){ __VA_ARGS__, { NULL, NULL } }

enum method {
	GET,
	POST,
	PUT,
	PATCH,
	DELETE
};

enum field_type {
	FIELD_TEXT,	/* min..max bytes */
	FIELD_NAME,	/* the same, neither blank nor with control characters */
	FIELD_SLUG,
	FIELD_UUID,
	FIELD_CURSOR,	/* of lists: microseconds since 1970, `_', a UUID */
	FIELD_EMAIL,
	FIELD_URL,
	FIELD_TIME,	/* RFC 3339 */
	FIELD_INTEGER,	/* min..max */
	FIELD_BOOLEAN,
	FIELD_CHOICE,	/* one of `choices' */
	FIELD_TEXTS,	/* array of texts, min..max bytes each */
	FIELD_OBJECT,
	FIELD_OBJECTS	/* array of objects */
};

#define FIELD_REQUIRED	0x01
#define FIELD_NULLABLE	0x02	/* null is a value: it clears */

struct field {
	const char	*name;
	enum field_type	 type;
	unsigned int	 flags;
	long long	 min, max;
	const char	*choices;	/* "a|b|c" */
	const char	*help;
};

/* A table of fields, ended by a zero name. */
#define FIELDS(...)	(const struct field []){ __VA_ARGS__, { 0 } }

struct endpoint {
	enum method			 method;
	const char			*path;		/* "/v1/products/:slug" */
	const char			*scope;		/* NULL: public; also
							   "customer" */
	enum limit_kind			 limit;		/* by client address */
	bool				 limit_verdict;	/* 200 ok:false, not 429 */
	bool				 raw_body;	/* any bytes, unread */
	bool				 plain_body;	/* texts, never @body */
	bool				 hidden;	/* no part of the API */
	bool				 for_html;	/* beside the same path's
							   other row: whose
							   Accept says so */
	bool				 is_page;	/* scope by session alone */
	bool				 confirmed;	/* of a session: its
							   password typed lately */
	bool				 is_empty;	/* 204, not 200 */
	bool				 repeatable;	/* heeds no Idempotency-Key */
	const struct field		*query;
	const struct field		*body;		/* NULL: none is read */
	const struct sql_stmt		*sql;		/* plain */
	const struct sql_stmt		*lock;		/* before a plain sql */
	const struct flow_step		*steps;		/* or its own steps */
	size_t				 state;		/* bytes, zeroed, for steps */
	const struct page		*page;		/* pages/page.h */
	void			       (*on_fault)(struct flow *); /* or JSON */
	const char			*errors;	/* "400 404": of its own */
	const char			*summary;
	const char			*answer;	/* what 200 holds, in words */
};

#define ENDPOINT_END	{ .path = NULL }

/* A resource file's table. */
struct resource {
	const char		*name;		/* heading in the docs */
	const struct endpoint	*endpoints;
};

#endif
