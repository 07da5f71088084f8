/* The endpoint tables, told as OpenAPI 3.1 and as a page for people. */
#include "flow/router.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "domain/role.h"
#include "flow/customer.h"
#include "flow/idempotency.h"

#include <kore/kore.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
choices(const char *list)
{
	json_t	*all = json_array();
	size_t	 len;

	for (;; list += len + 1) {
		len = strcspn(list, "|");
		json_array_append_new(all, json_stringn(list, len));
		if (list[len] == '\0')
			return (all);
	}
}

static json_t *
text_schema(const struct field *fd, long long max)
{
	json_t	*s = json_pack("{s:s}", "type", "string");

	if (fd->min > 0)
		json_object_set_new(s, "minLength", json_integer(fd->min));
	if (max > 0)
		json_object_set_new(s, "maxLength", json_integer(max));
	return (s);
}

static json_t *
plain_schema(const struct field *fd)
{
	switch (fd->type) {
	case FIELD_SLUG:
		return (json_pack("{s:s,s:s}", "type", "string", "pattern",
		    "^[a-z0-9][a-z0-9-]{0,62}$"));
	case FIELD_UUID:
		return (json_pack("{s:s,s:s}", "type", "string", "format",
		    "uuid"));
	case FIELD_CURSOR:
		return (json_pack("{s:s,s:s}", "type", "string", "pattern",
		    "^[0-9]{1,17}_[0-9a-fA-F-]{36}$"));
	case FIELD_EMAIL:
		return (json_pack("{s:s,s:s}", "type", "string", "format",
		    "email"));
	case FIELD_URL:
		return (json_pack("{s:s,s:s}", "type", "string", "format",
		    "uri"));
	case FIELD_TIME:
		return (json_pack("{s:s,s:s}", "type", "string", "format",
		    "date-time"));
	case FIELD_INTEGER:
		return (json_pack("{s:s,s:I,s:I}", "type", "integer",
		    "minimum", (json_int_t)fd->min, "maximum",
		    (json_int_t)fd->max));
	case FIELD_BOOLEAN:
		return (json_pack("{s:s}", "type", "boolean"));
	case FIELD_CHOICE:
		return (json_pack("{s:s,s:o}", "type", "string", "enum",
		    choices(fd->choices)));
	case FIELD_TEXTS:
		return (json_pack("{s:s,s:o}", "type", "array", "items",
		    text_schema(fd, fd->max)));
	case FIELD_OBJECT:
		return (json_pack("{s:s}", "type", "object"));
	case FIELD_OBJECTS:
		return (json_pack("{s:s,s:{s:s}}", "type", "array", "items",
		    "type", "object"));
	default:
		return (text_schema(fd, fd->max));
	}
}

static json_t *
field_schema(const struct field *fd)
{
	json_t	*s = plain_schema(fd), *type;

	if (fd->help != NULL)
		json_object_set_new(s, "description", json_string(fd->help));
	if (fd->flags & FIELD_NULLABLE) {
		type = json_pack("[O,s]", json_object_get(s, "type"), "null");
		json_object_set_new(s, "type", type);
	}
	return (s);
}

static json_t *
body_schema(const struct field *fd)
{
	json_t	*properties = json_object(), *required = json_array();

	for (; fd->name != NULL; fd++) {
		json_object_set_new(properties, fd->name, field_schema(fd));
		if (fd->flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(fd->name));
	}
	return (json_pack("{s:s,s:o,s:o}", "type", "object", "properties",
	    properties, "required", required));
}

static json_t *
parameter(const char *name, size_t len, const char *where, bool required,
    json_t *schema)
{
	return (json_pack("{s:s%,s:s,s:b,s:o}", "name", name, len, "in",
	    where, "required", required, "schema", schema));
}

/* "/v1/x/:id" to "/v1/x/{id}", and its parameters. */
static void
read_path(const char *path, struct buf *out, json_t *parameters)
{
	size_t	len;
	bool	id;

	for (; *path != '\0'; path += len) {
		if (*path != ':') {
			len = strcspn(path, ":");
			buf_put(out, path, len);
			continue;
		}
		len = strcspn(path, "/");
		buf_printf(out, "{%.*s}", (int)len - 1, path + 1);
		id = len == 3 || (len > 4 && !strncmp(path + len - 3, "_id", 3));
		json_array_append_new(parameters, parameter(path + 1, len - 1,
		    "path", true, id ? json_pack("{s:s,s:s}", "type", "string",
		    "format", "uuid") : json_pack("{s:s}", "type", "string")));
	}
}

static void
add_fault(json_t *responses, int status)
{
	char	code[8];
	int	e;

	snprintf(code, sizeof(code), "%d", status);
	for (e = 1; e < ERR_COUNT; e++) {
		if (err_info((enum err)e)->status == status)
			break;
	}
	json_object_set_new(responses, code, json_pack(
	    "{s:s,s:{s:{s:{s:s}}}}", "description",
	    e < ERR_COUNT ? err_info((enum err)e)->help : "", "content",
	    "application/json", "schema", "$ref",
	    "#/components/schemas/Fault"));
}

/* What a good answer is: 200 with JSON, or 204 with nothing. */
static json_t *
good_response(const struct endpoint *ep)
{
	const char	*help = ep->answer == NULL ? "Done." : ep->answer;

	if (ep->is_empty)
		return (json_pack("{s:{s:s}}", "204", "description", help));
	return (json_pack("{s:{s:s,s:{s:{s:{}}}}}", "200", "description", help,
	    "content", "application/json", "schema"));
}

static json_t *
responses(const struct endpoint *ep)
{
	json_t		*all;
	const char	*p;
	char		*end;
	long		 status;

	all = good_response(ep);
	add_fault(all, 503);
	if (ep->scope != NULL) {
		add_fault(all, 401);
		add_fault(all, 403);
	}
	if (ep->scope != NULL ||
	    (ep->limit != LIMIT_NONE && !ep->limit_verdict))
		add_fault(all, 429);
	if (ep->body != NULL || ep->query != NULL || ep->raw_body)
		add_fault(all, 400);
	if (ep->body != NULL || ep->raw_body)
		add_fault(all, 413);
	if (strchr(ep->path, ':') != NULL)
		add_fault(all, 404);
	if (idempotency_takes_key(ep)) {
		add_fault(all, 409);
		add_fault(all, 422);
	}
	for (p = ep->errors; p != NULL && *p != '\0'; p = end) {
		status = strtol(p, &end, 10);
		if (end == p)
			break;
		add_fault(all, (int)status);
	}
	return (all);
}

static json_t *
key_parameter(const struct endpoint *ep)
{
	return (parameter("Idempotency-Key", strlen("Idempotency-Key"),
	    "header", false, json_pack("{s:s,s:i,s:i,s:s,s:s}",
	    "type", "string", "minLength", ep->scope == NULL ? 16 : 1,
	    "maxLength", 255, "pattern", "^[!-~]*$", "description",
	    "The same request under the same key has its effect once; the "
	    "answer is repeated for 24 hours.")));
}

static bool
is_customers(const struct endpoint *ep)
{
	return (ep->scope != NULL && !strcmp(ep->scope, CUSTOMER_SCOPE));
}

static json_t *
operation(const struct resource *r, const struct endpoint *ep,
    json_t *parameters)
{
	const struct field	*fd;
	json_t			*op;

	for (fd = ep->query; fd != NULL && fd->name != NULL; fd++)
		json_array_append_new(parameters, parameter(fd->name,
		    strlen(fd->name), "query", fd->flags & FIELD_REQUIRED,
		    field_schema(fd)));
	if (idempotency_takes_key(ep))
		json_array_append_new(parameters, key_parameter(ep));
	op = json_pack("{s:[s],s:s,s:O,s:o}", "tags", r->name, "summary",
	    ep->summary, "parameters", parameters, "responses", responses(ep));
	if (ep->body != NULL)
		json_object_set_new(op, "requestBody", json_pack(
		    "{s:b,s:{s:{s:o}}}", "required", 1, "content",
		    "application/json", "schema", body_schema(ep->body)));
	if (ep->scope != NULL) {
		json_object_set_new(op, "security", is_customers(ep) ?
		    json_pack("[{s:[]}]", "customer") :
		    json_pack("[{s:[]},{s:[]}]", "admin", "session"));
		json_object_set_new(op, "x-scope", json_string(ep->scope));
		json_object_set_new(op, "x-confirmed",
		    json_boolean(ep->confirmed));
	}
	return (op);
}

static void
add_endpoint(json_t *paths, const struct resource *r,
    const struct endpoint *ep)
{
	json_t		*parameters = json_array(), *item;
	struct buf	 path;
	char		 method[8];
	size_t		 i;

	buf_init(&path, 512);
	read_path(ep->path, &path, parameters);
	for (i = 0; i < sizeof(method) - 1 &&
	    method_name(ep->method)[i] != '\0'; i++)
		method[i] = (char)tolower(method_name(ep->method)[i]);
	method[i] = '\0';
	if ((item = json_object_get(paths, path.data)) == NULL) {
		item = json_object();
		json_object_set_new(paths, path.data, item);
	}
	json_object_set_new(item, method, operation(r, ep, parameters));
	json_decref(parameters);
	buf_free(&path);
}

const char *
openapi_document(const struct resource *r)
{
	static char		*text;
	const struct endpoint	*ep;
	json_t			*all, *paths;

	if (text != NULL)
		return (text);
	paths = json_object();
	for (; r->name != NULL; r++) {
		for (ep = r->endpoints; ep->path != NULL; ep++) {
			if (!ep->hidden)
				add_endpoint(paths, r, ep);
		}
	}
	all = json_pack("{s:s,s:{s:s,s:s,s:s},s:o,"
	    "s:{s:{s:{s:s,s:s},s:{s:s,s:s,s:s},s:{s:s,s:s,s:s}},"
	    "s:{s:{s:s,s:[s,s,s],"
	    "s:{s:{s:b},s:{s:s},s:{s:s}}}}}}", "openapi", "3.1.0", "info", "title", "Licet",
	    "version", "1", "description", "Sell, issue, check and revoke "
	    "software licenses.", "paths", paths,
	    "components", "securitySchemes", "admin", "type", "http",
	    "scheme", "bearer", "session", "type", "apiKey", "in", "cookie",
	    "name", "keysat_session", "customer", "type", "apiKey", "in",
	    "cookie", "name", CUSTOMER_COOKIE, "schemas", "Fault", "type", "object",
	    "required", "ok", "error", "message", "properties", "ok", "const",
	    0, "error", "type", "string", "message", "type", "string");
	text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (text == NULL)
		fatal("openapi: cannot make the document");
	return (text);
}

/* ---- docs/api.md ---- */

static const char *
type_name(const struct field *fd)
{
	static const char *const	names[] = {
		[FIELD_TEXT] = "text", [FIELD_NAME] = "text",
		[FIELD_SLUG] = "slug", [FIELD_UUID] = "UUID",
		[FIELD_CURSOR] = "cursor",
		[FIELD_EMAIL] = "e-mail", [FIELD_URL] = "URL",
		[FIELD_TIME] = "time", [FIELD_INTEGER] = "integer",
		[FIELD_BOOLEAN] = "boolean", [FIELD_CHOICE] = "choice",
		[FIELD_TEXTS] = "texts", [FIELD_OBJECT] = "object",
		[FIELD_OBJECTS] = "objects"
	};

	return (names[fd->type]);
}

static void
page_choices(struct buf *b, const char *list)
{
	size_t	len;

	for (;; list += len + 1) {
		len = strcspn(list, "|");
		buf_printf(b, " `%.*s`", (int)len, list);
		if (list[len] == '\0')
			return;
	}
}

static void
page_fields(struct buf *b, const char *where, const struct field *fd)
{
	for (; fd != NULL && fd->name != NULL; fd++) {
		buf_printf(b, "| `%s` | %s | %s", fd->name, where,
		    type_name(fd));
		if (fd->type == FIELD_INTEGER)
			buf_printf(b, " %lld–%lld", fd->min, fd->max);
		if (fd->type == FIELD_CHOICE)
			page_choices(b, fd->choices);
		if (fd->flags & FIELD_REQUIRED)
			buf_puts(b, ", required");
		if (fd->flags & FIELD_NULLABLE)
			buf_puts(b, ", null clears");
		buf_printf(b, " | %s |\n", fd->help == NULL ? "" : fd->help);
	}
}

static void
page_endpoint(struct buf *b, const struct endpoint *ep)
{
	buf_printf(b, "### `%s %s`\n\n%s\n\n", method_name(ep->method),
	    ep->path, ep->summary);
	if (is_customers(ep))
		buf_printf(b, "A customer's session%s.\n\n", ep->confirmed ?
		    ", its code or key given within ten minutes" : "");
	else if (ep->scope != NULL)
		buf_printf(b, "Admin, scope `%s`%s.\n\n", ep->scope,
		    ep->confirmed ? "; a session's password typed within "
		    "ten minutes" : "");
	if (ep->body != NULL || ep->query != NULL) {
		buf_puts(b, "| field | in | type | meaning |\n"
		    "| --- | --- | --- | --- |\n");
		page_fields(b, "query", ep->query);
		page_fields(b, "body", ep->body);
		buf_puts(b, "\n");
	}
	if (ep->answer != NULL)
		buf_printf(b, "Answer: %s\n\n", ep->answer);
	if (ep->errors != NULL)
		buf_printf(b, "Also answers: %s.\n\n", ep->errors);
}

/* Does the page show anything of it? */
static bool
is_shown(const struct resource *r)
{
	const struct endpoint	*ep;

	for (ep = r->endpoints; ep->path != NULL; ep++) {
		if (!ep->hidden)
			return (true);
	}
	return (false);
}

/* What answers are made of, said once. */
static const char	shapes[] =
    "## Shapes\n\n"
    "**Product** `{id,slug,name,description,price_sats,price_currency,"
    "price_value,active,metadata,entitlements_catalog|null,"
    "merchant_profile_id|null,created_at,updated_at}`.\n\n"
    "**Policy** `{id,product_id,name,slug,duration_seconds,grace_seconds,"
    "max_machines,is_trial,price_sats_override|null,price_currency,"
    "entitlements,metadata,active,public,tip_recipient|null,tip_pct_bps,tip_label|null,"
    "is_recurring,renewal_period_days,grace_period_days,trial_days,"
    "tier_rank|null,heartbeat_timeout_seconds,archived_at|null,created_at,updated_at}`.\n\n"
    "**License** `{id,product_id,invoice_id|null,policy_id|null,status,"
    "fingerprint|null,issued_at,expires_at|null,grace_seconds,max_machines,"
    "is_trial,entitlements,revoked_at|null,revocation_reason|null,"
    "suspended_at|null,suspension_reason|null,nostr_npub|null,"
    "buyer_email|null,metadata}`; never the key.\n\n"
    "Faults are `{ok:false,error,message}` ([errors.md](errors.md)); times "
    "are RFC 3339 in UTC, ids UUIDs, money integers in the smallest unit.\n\n"
    "What is sent twice under one `Idempotency-Key` happens once, and is "
    "answered twice ([idempotency.md](idempotency.md)).\n\n";

/* The roles of scoped keys, from their own table. */
static void
page_roles(struct buf *b)
{
	const struct role	*r;

	buf_puts(b, "## Roles\n\nThe master key, and a session of the web "
	    "login, may everything. A scoped key may what its role's scopes "
	    "allow; scope `master` is no role's.\n\n"
	    "| role | scopes | for |\n| --- | --- | --- |\n");
	for (r = roles; r->name != NULL; r++) {
		buf_printf(b, "| `%s` | all `:read`", r->name);
		if (!strcmp(r->writes, "*"))
			buf_puts(b, " and `:write` but `" ROLE_EXTRA_SCOPE "`");
		else if (*r->writes != '\0')
			buf_printf(b, "; `:write` of %s", r->writes);
		buf_printf(b, " | %s |\n", r->help);
	}
	buf_puts(b, "\n`" ROLE_EXTRA_SCOPE "` can be given to a key beside "
	    "its role, by `scopes`.\n\n");
}

void
openapi_page(const struct resource *r, struct buf *b)
{
	const struct endpoint	*ep;

	buf_puts(b, shapes);
	page_roles(b);
	for (; r->name != NULL; r++) {
		if (!is_shown(r))
			continue;
		buf_printf(b, "## %s\n\n", r->name);
		for (ep = r->endpoints; ep->path != NULL; ep++) {
			if (!ep->hidden)
				page_endpoint(b, ep);
		}
	}
}
