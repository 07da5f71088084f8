#include "flow/inner.h"

#include "flow/bind.h"
#include "flow/body.h"
#include "flow/customer.h"
#include "flow/fail.h"
#include "flow/router.h"
#include "flow/session.h"

#include <stdlib.h>
#include <string.h>

/* What of the outer one must be there again afterwards. */
struct inner {
	bool			 running;
	struct inner_answer	 answer;
	const struct endpoint	*endpoint;
	const struct flow_step	*at;
	void			*state;
	json_t			*body;
	struct flow_value	 values[FLOW_VALUES_MAX];
	unsigned int		 nvalues;
};

static void
save(struct flow *f)
{
	struct inner	*in = f->inner;

	if (in == NULL)
		in = f->inner = arena_alloc(&f->arena, sizeof(*in));
	in->running = true;
	memset(&in->answer, 0, sizeof(in->answer));
	in->endpoint = f->endpoint;
	in->at = f->at;
	in->state = f->state;
	in->body = f->body;
	memcpy(in->values, f->values, sizeof(in->values));
	in->nvalues = f->nvalues;
	f->nvalues = 0;
	f->body = NULL;
}

/* Bytes that a client could have sent, so that they are checked like those. */
static bool
read_body(struct flow *f, const json_t *body)
{
	char	*text;
	bool	 ok;

	if (f->endpoint->body == NULL)
		return (true);
	text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	ok = body_read(f, text == NULL ? "" : text,
	    text == NULL ? 0 : strlen(text));
	free(text);
	return (ok);
}

/* A customer's page reaches nothing of an administrator's, whatever it asks. */
static bool
may_run(const struct flow *f, const struct endpoint *ep)
{
	return (f->session == NULL || f->session->customer == NULL ||
	    ep->scope == NULL || !strcmp(ep->scope, CUSTOMER_SCOPE));
}

enum flow_next
inner_run(struct flow *f, enum method method, const char *path,
    const char *query, const json_t *body)
{
	const struct endpoint	*ep;
	char			*copy;

	save(f);
	if ((ep = router_find(method, path)) == NULL || !may_run(f, ep))
		return (flow_fail(f, ERR_NOT_FOUND, "There is no such thing."));
	f->endpoint = ep;
	copy = query == NULL ? NULL : arena_strdup(&f->arena, query);
	if (!router_read_path(f, path) || !body_read_query(f, copy) ||
	    !read_body(f, body))
		return (FLOW_DONE);
	f->state = ep->state == 0 ? NULL :
	    arena_alloc(&f->arena, ep->state);
	return (flow_enter(f, ep->steps != NULL ? ep->steps :
	    flow_plain_steps));
}

const struct inner_answer *
inner_answer(const struct flow *f)
{
	return (&f->inner->answer);
}

bool
inner_keep(struct flow *f, int status, const void *data, size_t len)
{
	struct inner_answer	*a;

	if (f->inner == NULL || !f->inner->running)
		return (false);
	a = &f->inner->answer;
	a->status = status;
	a->body = arena_strndup(&f->arena, data == NULL ? "" : data, len);
	a->len = len;
	return (true);
}

bool
inner_end(struct flow *f)
{
	struct inner		*in = f->inner;
	struct inner_answer	*a;

	if (in == NULL || !in->running)
		return (false);
	in->running = false;
	a = &in->answer;
	if (f->fault == ERR_NONE && a->body == NULL)
		f->fault = ERR_INTERNAL;
	if (f->fault != ERR_NONE) {
		a->fault = f->fault;
		a->status = err_info(f->fault)->status;
		a->message = f->fault_message != NULL ? f->fault_message :
		    err_info(f->fault)->help;
	}
	f->fault = ERR_NONE;
	f->fault_message = NULL;
	json_decref(f->body);
	f->endpoint = in->endpoint;
	f->state = in->state;
	f->body = in->body;
	memcpy(f->values, in->values, sizeof(in->values));
	f->nvalues = in->nvalues;
	f->at = in->at + 1;
	return (true);
}

void
inner_drop(struct flow *f)
{
	if (f->inner != NULL && f->inner->running)
		json_decref(f->inner->body);
}
