#include "pages/chrome.h"

#include "flow/respond.h"
#include "flow/session.h"
#include "flow/template.h"
#include "pages/value.h"

#include "templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct section	sections[] = {
	{ NULL, "overview", "Overview", "/admin/" },
	{ "Catalogue", "products", "Products", "/admin/products" },
	{ NULL, "codes", "Discount codes", "/admin/codes" },
	{ "Customers", "licenses", "Licenses", "/admin/licenses" },
	{ NULL, "machines", "Machines", "/admin/machines" },
	{ NULL, "subscriptions", "Subscriptions", "/admin/subscriptions" },
	{ "Money", "invoices", "Invoices", "/admin/invoices" },
	{ NULL, "providers", "Payments", "/admin/profiles" },
	{ NULL, "rates", "Exchange rates", "/admin/rates" },
	{ NULL, "tips", "Tips", "/admin/tips" },
	{ "Messages", "webhooks", "Webhooks", "/admin/webhooks" },
	{ NULL, "mail", "Mail", "/admin/mail" },
	{ "Server", "keys", "API keys", "/admin/keys" },
	{ NULL, "audit", "Audit trail", "/admin/audit" },
	{ NULL, "settings", "Settings", "/admin/settings" },
	{ NULL, "system", "System", "/admin/system" },
	{ NULL, NULL, NULL, NULL },
};

/* A word in the address, and what the page says; others say nothing. */
static const char	said[] =
    "saved=Saved.|created=Created.|deleted=Deleted.|issued=Issued.|"
    "revoked=Revoked.|suspended=Suspended.|unsuspended=The suspension is "
    "lifted.|released=The machine is released.|changed=Changed.|"
    "archived=Archived.|restored=Restored.|cancelled=Cancelled.|"
    "resumed=Resumed.|refunded=Refunded.|scheduled=Scheduled.|"
    "sent=Sent.|queued=It is on its way.|replayed=The news is on its way again.|"
    "connected=Connected.|disconnected=Disconnected.|"
    "password=The password is set.|ended=Ended.|fetched=Fetched.|"
    "looked=The mark is cleared.|pinned=Pinned.|unpinned=Unpinned.|signed=You are signed in.";

static const struct frame	dashboard = {
	sections, said, SESSION_CONFIRM_PATH, template_admin, NULL
};

static const struct frame *
frame_of(const struct flow *f)
{
	const struct page	*p = f->endpoint->page;

	return (p == NULL || p->frame == NULL ? &dashboard : p->frame);
}

static json_t *
links(const struct section *s, const char *current)
{
	json_t	*groups = json_array(), *group = NULL;

	for (; s->label != NULL; s++) {
		if (s->group != NULL || group == NULL) {
			group = json_pack("{s:s?,s:[]}", "group", s->group,
			    "links");
			json_array_append_new(groups, group);
		}
		json_array_append_new(json_object_get(group, "links"),
		    json_pack("{s:s,s:s,s:b}", "label", s->label, "href",
		    s->href, "current", current != NULL &&
		    !strcmp(current, s->name)));
	}
	return (groups);
}

static json_t *
common(struct flow *f, const char *title, const char *section)
{
	const struct frame	*frame = frame_of(f);
	json_t			*values;

	values = json_pack("{s:s,s:o,s:s,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,"
	    "s:n}", "page_title", title, "groups",
	    links(frame->sections, section),
	    "csrf", f->session == NULL ? "" : f->session->csrf,
	    "said", "up", "fault", "form", "last_form", "answer", "filters",
	    "instead", "actions", "blocks");
	if (frame->add != NULL)
		frame->add(f, values);
	return (values);
}

json_t *
chrome_values(struct flow *f, const struct page *p)
{
	const char	*word = json_text2(f->body, "query", "said");
	json_t		*values;

	values = common(f, value_expand(&f->arena, p->title, NULL, f->body, false), p->section);
	if (word != NULL && (word = value_choice(&f->arena,
	    frame_of(f)->said, word)) != NULL)
		json_object_set_new(values, "said", json_string(word));
	if (p->up != NULL)
		json_object_set_new(values, "up", json_pack("{s:s,s:s}",
		    "href", value_expand(&f->arena, p->up, NULL, f->body,
		    true), "label", value_expand(&f->arena, p->up_title, NULL,
		    f->body, false)));
	return (values);
}

enum flow_next
chrome_send(struct flow *f, int status, json_t *values)
{
	struct template	 t;
	char		*page;
	size_t		 len;

	template_init(&t, values);
	frame_of(f)->render(&t);
	page = template_take(&t, &len);
	json_decref(values);
	return (flow_html(f, status, page, len));
}

enum flow_next
chrome_fault(struct flow *f, enum err fault, const char *message)
{
	const struct err_info	*e = err_info(fault);
	json_t			*values;

	values = common(f, e->status == 404 ? "Nothing is here" :
	    "That didn’t work", NULL);
	json_object_set_new(values, "fault", json_string(
	    message != NULL && *message != '\0' ? message : e->help));
	return (chrome_send(f, e->status, values));
}

void
chrome_on_fault(struct flow *f)
{
	(void)chrome_fault(f, f->fault, f->fault_message);
}

enum flow_next
chrome_go(struct flow *f, const char *to, const char *word)
{
	flow_header(f, "location", word == NULL ? to :
	    arena_printf(&f->arena, "%s%csaid=%s", to,
	    strchr(to, '?') == NULL ? '?' : '&', word));
	return (flow_send(f, 303, "text/plain", NULL, 0));
}

enum flow_next
chrome_confirm(struct flow *f)
{
	return (chrome_go(f, session_door(f, frame_of(f)->confirm), NULL));
}
