#include "pages/page.h"

#include "flow/inner.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/router.h"
#include "flow/session.h"
#include "flow/template.h"
#include "pages/chrome.h"
#include "pages/forms.h"
#include "pages/pick.h"
#include "pages/front.h"
#include "pages/value.h"

#include "templates.h"

#include <stdio.h>
#include <string.h>

#define NOWHERE	"00000000-0000-4000-8000-000000000000"

static enum flow_next	page_render(struct flow *);

/* ---- what it asks for ---- */

/* The path's values under `at', the query's under `query', room for faults. */
void
page_gather_request(struct flow *f)
{
	json_t		*at = json_object();
	unsigned int	 i;

	for (i = 0; i < f->nvalues; i++)
		json_object_set_new(at, f->values[i].name,
		    json_string(f->values[i].text));
	f->body = json_pack("{s:o,s:o,s:{}}", "at", at, "query",
	    forms_read_query(&f->arena, flow_request_query(f)), "faults");
}

/* "GET /path?query" of a source or a form, with its names filled in. */
enum flow_next
page_call(struct flow *f, enum method method, const char *call,
    const char *more_query, const json_t *body)
{
	char	*path, *query;

	path = arena_strdup(&f->arena, value_expand(&f->arena,
	    strchr(call, '/'), NULL, f->body, true));
	if ((query = strchr(path, '?')) != NULL)
		*query++ = '\0';
	if (more_query != NULL && *more_query != '\0')
		query = query == NULL ? arena_strdup(&f->arena, more_query) :
		    arena_printf(&f->arena, "%s&%s", query, more_query);
	return (inner_run(f, method, path, query, body));
}

static enum flow_next
page_begin(struct flow *f)
{
	if (f->body != NULL)		/* a form that is shown again */
		return (FLOW_NEXT);
	page_gather_request(f);
	if (!forms_confirmed(f, FORMS_FRESH_SHOWN))
		return (chrome_confirm(f));
	return (FLOW_NEXT);
}

/* The page's own query, with the ids that were found for what was typed. */
static const char *
own_query(struct flow *f)
{
	if (json_object_get(f->body, "picked") == NULL)
		return (flow_request_query(f));
	return (forms_query_with(&f->arena, json_object_get(f->body, "query"),
	    "", NULL) + 1);
}

static enum flow_next
page_ask(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	const struct source	*s = f->endpoint->page->sources;

	if (s == NULL || s[v->asked].name == NULL)
		return (flow_skip_to(f, page_render));
	s += v->asked;
	return (page_call(f, GET, s->call, s->filtered ? own_query(f) : NULL,
	    NULL));
}

static enum flow_next
page_got(struct flow *f)
{
	struct page_view		*v = flow_state(f);
	const struct source		*s;
	const struct inner_answer	*a = inner_answer(f);
	json_t				*got;
	char				 why[96];

	s = &f->endpoint->page->sources[v->asked++];
	if (a->fault != ERR_NONE && (!s->optional || a->status == 500))
		return (chrome_fault(f, a->fault, a->message));
	if (a->fault == ERR_NONE) {
		got = json_read(a->body, a->len, why, sizeof(why));
		json_object_set_new(f->body, s->name, got);
	} else {
		json_object_set_new(json_object_get(f->body, "faults"),
		    s->name, json_string(a->message));
	}
	return (flow_back_to(f, page_ask));
}

/* ---- its blocks ---- */

static json_t *
actions(struct flow *f, const struct action *a)
{
	json_t	*all = json_array();

	for (; a != NULL && a->label != NULL; a++) {
		if (!value_holds(a->when, f->body))
			continue;
		json_array_append_new(all, json_pack("{s:s,s:s,s:s?}",
		    "label", a->label, "href", value_expand(&f->arena,
		    a->href, NULL, f->body, true), "kind", a->kind));
	}
	return (all);
}

static json_t *
cells(struct flow *f, const struct column *c, const json_t *row)
{
	json_t	*all = json_array();

	for (; c->label != NULL; c++)
		json_array_append_new(all, value_cell(&f->arena, c, row,
		    f->body));
	return (all);
}

static json_t *
heads(const struct column *c)
{
	json_t	*all = json_array();

	for (; c->label != NULL; c++)
		json_array_append_new(all, json_pack("{s:s,s:b}", "label",
		    c->label, "is_number", c->kind == CELL_NUMBER ||
		    c->kind == CELL_COUNT ||
		    c->kind == CELL_SATS || c->kind == CELL_MONEY ||
		    c->kind == CELL_PERCENT || c->kind == CELL_AMOUNT));
	return (all);
}

/* Where the list goes on: the same page with the cursor of what came. */
static const char *
next_page(struct flow *f, const char *from)
{
	const json_t	*source;
	const char	*cursor;
	char		 name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(from, "."), from);
	source = json_object_get(f->body, name);
	if ((cursor = json_text(source, "next_cursor")) == NULL)
		return (NULL);
	return (forms_query_with(&f->arena, json_object_get(f->body, "query"),
	    "cursor", cursor));
}

static json_t *
list(struct flow *f, const struct block *b)
{
	const json_t	*rows = value_find(NULL, f->body, b->from), *row;
	json_t		*all = json_array(), *query, *more = NULL;
	const char	*first = NULL, *next = next_page(f, b->from);
	size_t		 i;

	json_array_foreach(rows, i, row)
		json_array_append_new(all, json_pack("{s:o}", "cells",
		    cells(f, b->columns, row)));
	query = json_object_get(f->body, "query");
	if (json_text(query, "cursor") != NULL)
		first = forms_query_with(&f->arena, query, "cursor", NULL);
	if (b->more.label != NULL && next != NULL)
		more = json_pack("{s:s,s:s}", "label", b->more.label, "href",
		    value_expand(&f->arena, b->more.href, NULL, f->body,
		    true));
	if (b->more.label != NULL)
		first = next = NULL;
	return (json_pack("{s:o,s:o,s:s?,s:s?,s:b,s:b,s:o?}", "heads",
	    heads(b->columns), "rows", all, "next", next, "first", first,
	    "has_rows", json_array_size(rows) > 0,
	    "paged", next != NULL || first != NULL, "more", more));
}

static json_t *
block(struct flow *f, const struct block *b)
{
	json_t	*j, *first = NULL;

	if (b->first.label != NULL)
		first = json_pack("{s:s,s:s}", "label", b->first.label, "href",
		    value_expand(&f->arena, b->first.href, NULL, f->body,
		    true));
	j = json_pack("{s:s?,s:s?,s:o?,s:n,s:n,s:n,s:n}", "heading", b->title,
	    "empty", b->empty == NULL ? NULL : value_expand(&f->arena,
	    b->empty, NULL, f->body, false), "empty_link", first,
	    "list", "facts", "figures", "text");
	json_object_set_new(j, "has_beside", json_boolean(b->beside != NULL));
	json_object_set_new(j, "beside", actions(f, b->beside));
	if (b->kind == BLOCK_LIST)
		json_object_set_new(j, "list", list(f, b));
	else if (b->kind == BLOCK_FACTS || b->kind == BLOCK_FIGURES)
		json_object_set_new(j, b->kind == BLOCK_FACTS ? "facts" :
		    "figures", json_pack("{s:o}", "cells", cells(f,
		    b->columns, b->from == NULL ? f->body :
		    value_find(NULL, f->body, b->from))));
	else if (b->kind == BLOCK_TEXT)
		json_object_set_new(j, "text", json_true());
	if (b->make != NULL)
		b->make(j, f->body);
	return (j);
}

static json_t *
blocks(struct flow *f, const struct block *b)
{
	json_t	*all = json_array();

	for (; b != NULL && (b->kind != BLOCK_TEXT || b->empty != NULL); b++) {
		if (value_holds(b->when, f->body))
			json_array_append_new(all, block(f, b));
	}
	return (all);
}

/* ---- the page ---- */

static json_t *
answer(struct flow *f, const struct form *form)
{
	json_t	*next = NULL;

	if (form->then != NULL)
		next = json_pack("{s:s}", "href", value_expand(&f->arena,
		    form->then, NULL, f->body, true));
	return (json_pack("{s:s?,s:s,s:o,s:o?}", "heading", form->shown_title,
	    "note", form->shown_note != NULL ? form->shown_note :
	    "Keep this now: it is not shown again.", "cells", cells(f,
	    form->shown, json_object_get(f->body, "answer")), "next", next));
}

static enum flow_next
page_render(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	const struct page	*p = f->endpoint->page;
	const struct form	*form = p->form;
	json_t			*values;

	values = chrome_values(f, p);
	if (v->is_answer)
		json_object_set_new(values, "answer", answer(f, form));
	else if (form != NULL && !value_holds(form->when, f->body))
		json_object_set_new(values, "instead",
		    json_string(form->instead));
	else if (form != NULL)
		json_object_set_new(values, form->is_last ? "last_form" :
		    "form", forms_values(f, form));
	if (p->filters != NULL)
		json_object_set_new(values, "filters", forms_filters(f,
		    p->filters));
	json_object_set_new(values, "actions", actions(f, p->actions));
	json_object_set_new(values, "blocks", blocks(f, p->blocks));
	return (chrome_send(f, v->status == 0 ? 200 : v->status, values));
}

/* clang-format off */
#define STEPS								\
	FLOW_STEP(page_begin),						\
	PICK_STEPS,							\
	FLOW_STEP(page_ask),		/* the API, source by source */	\
	FLOW_STEP(page_got),						\
	FLOW_STEP(page_render),						\
	{ NULL, NULL }

const struct flow_step	page_steps[] = { STEPS };
const struct flow_step	portal_page_steps[] = { FRONT_STEPS, STEPS };
/* clang-format on */

/* ---- at the start ---- */

/* With any value in the names' places there must be such an endpoint. */
static bool
call_is_known(const char *call)
{
	char		path[256];
	size_t		n = 0, len = strcspn(call, " ");
	int		m = GET;

	while (m <= DELETE && (strncmp(call, method_name((enum method)m),
	    len) || method_name((enum method)m)[len] != '\0'))
		m++;
	for (call += len + 1; *call != '\0' && *call != '?' &&
	    n < sizeof(path) - sizeof(NOWHERE); call++) {
		if (*call != '{') {
			path[n++] = *call;
			continue;
		}
		memcpy(path + n, NOWHERE, sizeof(NOWHERE) - 1);
		n += sizeof(NOWHERE) - 1;
		call += strcspn(call, "}");
	}
	path[n] = '\0';
	return (m <= DELETE && router_find((enum method)m, path) != NULL);
}

static const char *
unknown_call(const struct page *p)
{
	const struct source	*s;

	for (s = p->sources; s != NULL && s->name != NULL; s++) {
		if (!call_is_known(s->call))
			return (s->call);
	}
	return (p->form == NULL || call_is_known(p->form->call) ? NULL :
	    p->form->call);
}

const char *
page_unknown_call(const struct resource *r)
{
	const struct endpoint	*ep;
	const char		*call;

	for (; r->name != NULL; r++) {
		for (ep = r->endpoints; ep->path != NULL; ep++) {
			call = ep->page == NULL ? NULL : unknown_call(ep->page);
			if (call != NULL)
				return (call);
		}
	}
	return (NULL);
}
