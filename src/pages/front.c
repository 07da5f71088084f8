#include "pages/front.h"

#include "base/conf.h"
#include "base/text.h"
#include "flow/operator.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/session.h"

#include "sql.h"
#include "templates.h"

#include <string.h>

enum flow_next
front_ask(struct flow *f)
{
	return (FLOW_QUERY(f, operator_name_get, .none = NULL));
}

enum flow_next
front_named(struct flow *f)
{
	const char	*name = operator_name(flow_rows(f));

	if (f->nvalues == FLOW_VALUES_MAX)
		return (flow_fail(f, ERR_INTERNAL, "Too many values."));
	f->values[f->nvalues++] = (struct flow_value){ "operator",
	    name == NULL ? NULL : arena_strdup(&f->arena, name) };
	return (FLOW_NEXT);
}

enum flow_next
front_send(struct flow *f, int status, void (*render)(struct template *),
    json_t *values)
{
	const char	*name = flow_text(f, "operator");
	struct template	 t;
	char		*page;
	size_t		 len;

	json_object_set_new(values, "operator", name == NULL ? json_null() :
	    json_string(name));
	json_object_set_new(values, "csrf", json_string(f->session == NULL ?
	    "" : f->session->csrf));
	template_init(&t, values);
	render(&t);
	page = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, status, page, len));
}

static bool
is_here(const char *to)
{
	size_t	len = strlen(conf.public_url);

	return (*to == '/' || (!strncmp(to, conf.public_url, len) &&
	    (to[len] == '/' || to[len] == '\0')));
}

/*
 * "form-action 'self'" holds for all that a form's answer leads to: a browser
 * that came by one follows no redirect to another site, but a page does.
 */
static enum flow_next
go_away(struct flow *f, const char *to)
{
	const char	*host = strstr(to, "://");

	if (!text_is_url(to) || host == NULL)
		return (flow_fail(f, ERR_INTERNAL, "There is no way on."));
	host = arena_strndup(&f->arena, host + 3, strcspn(host + 3, "/?#"));
	return (front_send(f, 200, template_front_away,
	    json_pack("{s:s,s:s,s:s,s:s}", "page_title", "One moment",
	    "to", to, "host", host, "away",
	    arena_printf(&f->arena, "0;url=%s", to))));
}

enum flow_next
front_go(struct flow *f, const char *to)
{
	if (!is_here(to) && flow_wants_html(f))
		return (go_away(f, to));
	return (flow_send(f, 303, "text/plain", to, strlen(to)));
}

void
front_on_fault(struct flow *f)
{
	const struct err_info	*e = err_info(f->fault);

	if (f->fault == ERR_RATE_LIMITED)
		f->fault_message = "That was a lot at once from where you are."
		    " Nothing is lost: wait a minute, then try it again.";
	(void)front_send(f, e->status, template_front_fault,
	    json_pack("{s:s,s:s}", "page_title",
	    e->status == 404 ? "Nothing is here" :
	    f->fault == ERR_RATE_LIMITED ? "Please wait a little" :
	    "That didn’t work", "fault",
	    f->fault_message != NULL && *f->fault_message != '\0' ?
	    f->fault_message : e->help));
}
