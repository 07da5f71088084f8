#include "flow/bind.h"

#include "base/conf.h"
#include "crypto/keyring.h"
#include "domain/selflicense.h"
#include "flow/customer.h"
#include "flow/respond.h"
#include "flow/session.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

static const struct keyring	*keyring;

static const char	*actor_kind(struct flow *);
static const char	*actor_hash(struct flow *);
static const char	*request_ip(struct flow *);
static const char	*user_agent(struct flow *);
static const char	*public_url(struct flow *);
static const char	*body(struct flow *);
static const char	*trust_root(struct flow *);
static const char	*upgrade_url(struct flow *);
static const char	*customer_email(struct flow *);
static const char	*customer_license(struct flow *);
static const char	*customer_session(struct flow *);

static const struct {
	const char	 *name;
	const char	*(*get)(struct flow *);
} context[] = {
	{ "actor_kind", actor_kind },
	{ "actor_hash", actor_hash },
	{ "request_ip", request_ip },
	{ "user_agent", user_agent },
	{ "public_url", public_url },
	{ "body", body },
	{ "signing_key_id", bind_signing_key },
	{ "trust_root", trust_root },
	{ "upgrade_url", upgrade_url },
	{ "customer_email", customer_email },
	{ "customer_license", customer_license },
	{ "customer_session", customer_session },
};

#define NCONTEXT	(sizeof(context) / sizeof(context[0]))

void
bind_use_keyring(const struct keyring *k)
{
	keyring = k;
}

const struct keyring *
bind_keyring(void)
{
	return (keyring);
}

static const char *
actor_kind(struct flow *f)
{
	return (f->actor_kind);
}

static const char *
actor_hash(struct flow *f)
{
	return (f->actor_hash[0] == '\0' ? NULL : f->actor_hash);
}

static const char *
request_ip(struct flow *f)
{
	return (f->client[0] == '\0' ? NULL : f->client);
}

static const char *
user_agent(struct flow *f)
{
	return (f->user_agent);
}

static const char *
public_url(struct flow *f)
{
	(void)f;
	return (conf.public_url);
}

static const char *
trust_root(struct flow *f)
{
	(void)f;
	return (selflicense_root());
}

static const char *
upgrade_url(struct flow *f)
{
	(void)f;
	return (conf.upgrade_url);
}

static const struct customer *
customer(const struct flow *f)
{
	return (f->session == NULL ? NULL : f->session->customer);
}

static const char *
customer_email(struct flow *f)
{
	return (customer(f) == NULL ? NULL : customer(f)->email);
}

static const char *
customer_license(struct flow *f)
{
	return (customer(f) == NULL ? NULL : customer(f)->license_id);
}

static const char *
customer_session(struct flow *f)
{
	return (customer(f) == NULL ? NULL : customer(f)->session_id);
}

const char *
bind_signing_key(struct flow *f)
{
	return (arena_printf(&f->arena, "%u", keyring_active(keyring, NULL)));
}

/* Unknown fields are ignored, so they are not handed on either. */
static const char *
body(struct flow *f)
{
	const struct field	*fd;
	json_t			*known = json_object(), *v;
	char			*text;
	const char		*copy;

	for (fd = f->endpoint->body; fd != NULL && fd->name != NULL; fd++) {
		if ((v = json_object_get(f->body, fd->name)) != NULL)
			json_object_set(known, fd->name, v);
	}
	if ((text = json_dumps(known, JSON_COMPACT)) == NULL)
		fatal("no memory");
	copy = arena_strdup(&f->arena, text);
	free(text);
	json_decref(known);
	return (copy);
}

const char *const *
flow_bind(struct flow *f, const struct sql_stmt *s)
{
	const char	**params;
	unsigned int	  i, c;

	params = arena_alloc(&f->arena, (s->nargs + 1) * sizeof(*params));
	for (i = 0; i < s->nargs; i++) {
		params[i] = flow_text(f, s->args[i]);
		for (c = 0; params[i] == NULL && c < NCONTEXT; c++) {
			if (!strcmp(context[c].name, s->args[i]))
				params[i] = context[c].get(f);
		}
	}
	return (params);
}

enum flow_next
flow_query_bound(struct flow *f, const struct sql_stmt *s)
{
	struct db_query	q = { .stmt = s, .params = flow_bind(f, s) };

	return (flow_query(f, &q));
}

static enum flow_next
plain_ask(struct flow *f)
{
	const struct endpoint	*ep = f->endpoint;
	struct db_query		 q = { .stmt = ep->sql };

	flow_last(f);
	q.params = flow_bind(f, ep->sql);
	if (ep->lock != NULL) {
		q.lock = ep->lock;
		q.lock_params = flow_bind(f, ep->lock);
	}
	return (flow_query(f, &q));
}

static enum flow_next
plain_answer(struct flow *f)
{
	const char	*text;

	if (flow_refused(f))
		return (FLOW_DONE);
	if ((text = db_text(f->rows, 0, "body")) == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The answer is lost."));
	return (flow_json_text(f, 200, text));
}

const struct flow_step	flow_plain_steps[] = {
	FLOW_STEP(plain_ask),
	FLOW_STEP(plain_answer),
	{ NULL, NULL }
};

static bool
in_fields(const struct field *fd, const char *name)
{
	for (; fd != NULL && fd->name != NULL; fd++) {
		if (!strcmp(fd->name, name))
			return (true);
	}
	return (false);
}

static bool
in_path(const char *path, const char *name)
{
	size_t		 n = strlen(name);
	const char	*p;

	for (p = path; (p = strchr(p, ':')) != NULL; p++) {
		if (!strncmp(p + 1, name, n) &&
		    (p[n + 1] == '/' || p[n + 1] == '\0'))
			return (true);
	}
	return (false);
}

static bool
in_context(const char *name)
{
	size_t	c;

	for (c = 0; c < NCONTEXT; c++) {
		if (!strcmp(context[c].name, name))
			return (true);
	}
	return (false);
}

const char *
bind_missing(const struct endpoint *ep)
{
	unsigned int	i;

	for (i = 0; ep->sql != NULL && i < ep->sql->nargs; i++) {
		if (!in_fields(ep->query, ep->sql->args[i]) &&
		    !in_fields(ep->body, ep->sql->args[i]) &&
		    !in_path(ep->path, ep->sql->args[i]) &&
		    !in_context(ep->sql->args[i]))
			return (ep->sql->args[i]);
	}
	return (NULL);
}
