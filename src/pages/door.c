#include "pages/door.h"

#include "flow/request.h"
#include "flow/respond.h"
#include "flow/template.h"
#include "pages/forms.h"

#include "templates.h"

#include <string.h>

#define NEXT_MAX	1024

/* Of this server, and nothing that a header or a browser reads otherwise. */
static bool
is_page_here(const char *s)
{
	size_t	i;

	if (s == NULL || strlen(s) > NEXT_MAX || (strncmp(s, "/admin/", 7) &&
	    strncmp(s, "/v1/admin/export/", 17)))
		return (false);
	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '\\')
			return (false);
	}
	return (true);
}

const char *
door_next(struct flow *f)
{
	json_t		*query;
	const char	*next;

	query = forms_read_query(&f->arena, flow_request_query(f));
	next = json_text(query, "next");
	next = arena_strdup(&f->arena, is_page_here(next) ? next : "/admin/");
	json_decref(query);
	return (next);
}

json_t *
door_input(const char *name, const char *label, const char *type,
    const char *autocomplete, const char *hint, const char *wrong)
{
	return (json_pack("{s:s,s:s,s:s,s:s,s:s?,s:s?,s:s,s:b,s:b}",
	    "name", name, "label", label, "type", type,
	    "autocomplete", autocomplete, "hint", hint, "wrong", wrong,
	    "value", "", "is_plain", 1, "required", 1));
}

enum flow_next
door_send(struct flow *f, int status, json_t *values)
{
	struct template	 t;
	char		*page;
	size_t		 len;

	template_init(&t, values);
	template_admin_door(&t);
	page = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, status, page, len));
}

void
door_on_fault(struct flow *f)
{
	const struct err_info	*e = err_info(f->fault);

	(void)door_send(f, e->status, json_pack("{s:s,s:s,s:{s:s,s:s}}",
	    "page_title", f->fault == ERR_RATE_LIMITED ?
	    "Please wait a little" : "That didn’t work",
	    "fault", f->fault_message != NULL && *f->fault_message != '\0' ?
	    f->fault_message : e->help,
	    "link", "href", flow_request_path(f), "label", "Try again"));
}
