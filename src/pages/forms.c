#include "pages/forms.h"

#include "base/buf.h"
#include "base/text.h"
#include "flow/inner.h"
#include "flow/request.h"
#include "flow/respond.h"
#include "flow/router.h"
#include "flow/session.h"
#include "pages/chrome.h"
#include "pages/front.h"
#include "pages/input.h"
#include "pages/pick.h"
#include "pages/value.h"

#include <string.h>

#define FORM_MAX	(256u * 1024)

/* ---- bytes to names and texts ---- */

json_t *
forms_read_query(struct arena *a, const char *query)
{
	json_t	*all = json_object();
	char	*copy, *pair, *value;

	copy = arena_strdup(a, query == NULL ? "" : query);
	while ((pair = strsep(&copy, "&")) != NULL) {
		if ((value = strchr(pair, '=')) == NULL)
			continue;
		*value++ = '\0';
		if (text_url_decode(pair, true) && text_url_decode(value, true))
			json_object_set_new(all, pair, json_string(value));
	}
	return (all);
}

const char *
forms_query_with(struct arena *a, const json_t *query, const char *name,
    const char *value)
{
	const char	*key, *all = "?";
	json_t		*changed = json_copy((json_t *)query), *v, *pair;

	if (value == NULL)
		json_object_del(changed, name);
	else
		json_object_set_new(changed, name, json_string(value));
	json_object_foreach(changed, key, v) {
		pair = json_pack("{s:s,s:O}", "k", key, "v", v);
		all = arena_printf(a, "%s%s%s", all, all[1] == '\0' ? "" : "&",
		    value_expand(a, "{k}={v}", pair, NULL, true));
		json_decref(pair);
	}
	json_decref(changed);
	return (all);
}

/* ---- as the template shows it ---- */

static const struct field *
find(const struct field *fd, const char *name)
{
	for (; fd != NULL && fd->name != NULL; fd++) {
		if (!strcmp(fd->name, name))
			return (fd);
	}
	return (NULL);
}

static const struct field *
field_of(const struct endpoint *ep, const char *name)
{
	const struct field	*fd = find(ep->body, name);

	return (fd != NULL ? fd : find(ep->query, name));
}

static json_t *
option(const char *value, const char *label, const char *chosen)
{
	return (json_pack("{s:s,s:s,s:b}", "value", value, "label", label,
	    "selected", !strcmp(value, chosen)));
}

/* "SAT=Satoshis|USD=US dollars" */
static json_t *
choices(struct arena *a, const char *list, const char *chosen)
{
	json_t	*all = json_array();
	size_t	 len, key;

	for (; list != NULL; list += len + 1) {
		len = strcspn(list, "|");
		key = strcspn(list, "=|");
		json_array_append_new(all, option(arena_strndup(a, list, key),
		    arena_strndup(a, list + key + (list[key] == '='),
		    len - key - (list[key] == '=')), chosen));
		if (list[len] == '\0')
			break;
	}
	return (all);
}

/*
 * "products.products slug name": rows, their value, their label.  If they are
 * only some of many, what to type for them.
 */
static json_t *
picks(struct flow *f, const struct input *in, bool is_cut, const char *chosen,
    const char *none)
{
	struct arena	*a = &f->arena;
	char		*copy = arena_strdup(a, in->with), *from, *value;
	char		*label;
	const json_t	*row;
	json_t		*all = json_array();
	size_t		 i;

	from = strsep(&copy, " ");
	value = strsep(&copy, " ");
	label = copy;
	if (none != NULL && !is_cut)
		json_array_append_new(all, option("", none, chosen));
	json_array_foreach(value_find(NULL, f->body, from), i, row)
		json_array_append_new(all, option(is_cut ?
		    pick_word(a, in, row) : value_text(a, value_find(row,
		    NULL, value)), value_text(a, value_find(row, NULL,
		    label)), chosen));
	return (all);
}

static const char *
html_type(enum input_kind kind)
{
	switch (kind) {
	case INPUT_EMAIL:
		return ("email");
	case INPUT_URL:
		return ("url");
	case INPUT_SECRET:
		return ("password");
	case INPUT_TIME:
		return ("datetime-local");
	case INPUT_HIDDEN:
		return ("hidden");
	default:
		return ("text");
	}
}

static const char *
unit_of(const struct input *in, const char *value, const json_t *record)
{
	switch (in->kind) {
	case INPUT_PERCENT:
		return ("%");
	case INPUT_DAYS:	/* what is written with its unit has it */
		return (strpbrk(value, "dhms") == NULL ? "days" : NULL);
	case INPUT_TIME:
		return ("UTC");
	case INPUT_AMOUNT:
		return (value_is_percent(record) ? "%" : record == NULL ?
		    NULL : json_text(record, in->with));
	default:
		return (NULL);
	}
}

/*
 * What the input holds: what was typed, else the record's, else the query's,
 * else a preset.  What a link says neither ticks a form's box nor turns a
 * button into another: it may be anybody's link.
 */
static const char *
current(struct flow *f, const struct input *in, const json_t *record,
    bool is_filter)
{
	struct page_view	*v = flow_state(f);
	const char		*text;

	if (v->typed != NULL) {
		text = in->kind == INPUT_SECRET ? NULL :
		    json_text(v->typed, in->name);
		return (text == NULL ? "" : text);
	}
	if (record != NULL)
		return (input_show(&f->arena, in, record));
	text = (in->kind == INPUT_CHECK && !is_filter) ||
	    (in->kind == INPUT_HIDDEN && in->preset != NULL) ? NULL :
	    json_text2(f->body, "query", in->name);
	return (text != NULL ? text : in->preset != NULL ?
	    value_expand(&f->arena, in->preset, NULL, f->body, false) : "");
}

static const char *
expand(struct flow *f, const char *words)
{
	return (words == NULL ? "" : value_expand(&f->arena, words, NULL,
	    f->body, false));
}

static json_t *
input(struct flow *f, const struct input *in, const struct field *fd,
    const json_t *record)
{
	struct page_view	*v = flow_state(f);
	const char		*value = current(f, in, record, fd == NULL);
	const char		*hint = in->hint;
	bool			 required, select, wrong, area, is_cut;
	json_t			*options = NULL, *j;

	required = fd != NULL && (fd->flags & FIELD_REQUIRED) &&
	    !input_may_be_blank(fd);
	is_cut = in->kind == INPUT_PICK && pick_is_cut(&f->arena, in, f->body);
	select = in->kind == INPUT_CHOICE || (in->kind == INPUT_PICK &&
	    !is_cut);
	if (is_cut) {
		value = pick_shown(f, in, value);
		hint = hint != NULL ? hint : "There are many: type a slug.";
	}
	wrong = v->fault_input != NULL && !strcmp(v->fault_input, in->name);
	if (in->kind == INPUT_CHOICE)
		options = choices(&f->arena, in->with, value);
	else if (in->kind == INPUT_PICK)
		options = picks(f, in, is_cut, value, fd == NULL ? "All" :
		    required ? NULL : "—");
	else if (in->kind == INPUT_CHECKS)
		options = input_checks(&f->arena, in, f->body, record,
		    v->typed);
	area = in->kind == INPUT_AREA || in->kind == INPUT_LINES ||
	    in->kind == INPUT_JSON || (in->kind == INPUT_CHECKS &&
	    json_array_size(options) == 0);
	j = json_pack("{s:s,s:s,s:s,s:s,s:s?,s:s?,s:s?,s:b,s:b,s:b,s:b,s:b,"
	    "s:b,s:b,s:o?}", "name", in->name, "label",
	    expand(f, in->label), "value", value,
	    "type", html_type(in->kind), "hint", hint == NULL ? NULL :
	    expand(f, hint),
	    "wrong", wrong ? v->fault : NULL, "unit", unit_of(in, value, record),
	    "required", required, "is_select", select,
	    "is_area", area, "is_check", in->kind == INPUT_CHECK,
	    "is_hidden", in->kind == INPUT_HIDDEN,
	    "is_number", in->kind == INPUT_NUMBER || in->kind == INPUT_MONEY ||
	    in->kind == INPUT_PERCENT || in->kind == INPUT_AMOUNT,
	    "checked", in->kind == INPUT_CHECK && *value != '\0' &&
	    strcmp(value, "false"), "options", options);
	json_object_set_new(j, "is_cut", json_boolean(is_cut));
	json_object_set_new(j, "is_rows", json_boolean(in->kind ==
	    INPUT_ROWS));
	json_object_set_new(j, "rows", in->kind == INPUT_ROWS ?
	    input_rows(&f->arena, in, record, v->typed) : json_null());
	json_object_set_new(j, "is_checks", json_boolean(in->kind ==
	    INPUT_CHECKS && !area));
	json_object_set_new(j, "is_plain", json_boolean(!select && !area &&
	    in->kind != INPUT_CHECK && in->kind != INPUT_CHECKS &&
	    in->kind != INPUT_ROWS && in->kind != INPUT_HIDDEN));
	return (j);
}

static const struct endpoint *
target(struct flow *f, const struct form *form, enum method *method)
{
	char	*path;
	size_t	 len = strcspn(form->call, " ");

	for (*method = GET; strncmp(method_name(*method), form->call, len) ||
	    method_name(*method)[len] != '\0'; (*method)++)
		;
	path = arena_strdup(&f->arena, value_expand(&f->arena,
	    strchr(form->call, '/'), NULL, f->body, true));
	path[strcspn(path, "?")] = '\0';
	return (router_find(*method, path));
}

json_t *
forms_values(struct flow *f, const struct form *form)
{
	struct page_view	*v = flow_state(f);
	const struct endpoint	*ep;
	const struct input	*in;
	const json_t		*record = NULL;
	enum method		 method;
	json_t			*inputs = json_array();

	ep = target(f, form, &method);
	if (form->from != NULL)
		record = value_find(NULL, f->body, form->from);
	for (in = form->inputs; ep != NULL && in != NULL && in->name != NULL;
	    in++) {
		if (value_holds(in->when, f->body))
			json_array_append_new(inputs, input(f, in,
			    field_of(ep, in->name), record));
	}
	return (json_pack("{s:o,s:s?,s:s,s:b,s:b,s:s?}", "inputs", inputs,
	    "intro", form->intro == NULL ? NULL : value_expand(&f->arena,
	    form->intro, NULL, f->body, false),
	    "submit", form->submit, "danger", form->danger,
	    "line", form->is_line,
	    "fault", v->fault_input == NULL ? v->fault : NULL));
}

json_t *
forms_filters(struct flow *f, const struct input *in)
{
	json_t	*all = json_array();

	for (; in->name != NULL; in++)
		json_array_append_new(all, input(f, in, NULL, NULL));
	return (json_pack("{s:o}", "inputs", all));
}

/* ---- as the endpoint takes it ---- */

/* Everything typed, by its field's place; NULL: what was typed is at fault. */
static json_t *
body_of(struct flow *f, const struct form *form, const struct endpoint *ep,
    enum method method, const char **query)
{
	struct page_view	*v = flow_state(f);
	json_t			*body = json_object(), *value, *asked;
	const struct input	*in;
	const struct field	*fd;

	asked = json_object();
	for (in = form->inputs; in != NULL && in->name != NULL; in++) {
		if ((fd = field_of(ep, in->name)) == NULL)
			continue;
		value = input_read(&f->arena, in, fd, method, v->typed,
		    &v->fault);
		if (v->fault != NULL) {
			v->fault_input = in->name;
			json_decref(asked);
			json_decref(body);
			return (NULL);
		}
		if (value != NULL && find(ep->body, in->name) != NULL)
			json_object_set_new(body, in->name, value);
		else if (value != NULL)
			json_object_set_new(asked, in->name, json_string(
			    value_text(&f->arena, value)));
	}
	*query = json_object_size(asked) == 0 ? NULL :
	    forms_query_with(&f->arena, asked, "", NULL) + 1;
	json_decref(asked);
	return (body);
}

bool
forms_confirmed(struct flow *f, long long seconds)
{
	const struct form	*form = f->endpoint->page->form;
	const struct endpoint	*ep;
	enum method		 method;

	if (form == NULL || f->session->reauthenticated_s <= seconds)
		return (true);
	ep = target(f, form, &method);
	return (ep == NULL || !ep->confirmed);
}

static enum flow_next
form_again(struct flow *f, int status)
{
	struct page_view	*v = flow_state(f);

	v->status = status;
	return (flow_enter(f, page_steps));
}

static enum flow_next
form_read(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	const void		*body;
	char			*text;
	size_t			 len;

	arena_wipe_later(&f->arena);
	body = flow_request_body(f, &len);
	if (len > FORM_MAX)
		return (chrome_fault(f, ERR_BAD_REQUEST,
		    "The form is too large."));
	text = arena_strndup(&f->arena, body, len);
	page_gather_request(f);
	v->typed = forms_read_query(&f->arena, text);
	json_object_set_new(f->body, "typed", v->typed);
	if (!session_form_ok(f))
		return (FLOW_DONE);
	if (!forms_confirmed(f, FORMS_FRESH_SENT))
		return (chrome_confirm(f));
	return (FLOW_NEXT);
}

static enum flow_next
form_do(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	const struct form	*form = f->endpoint->page->form;
	const struct endpoint	*ep;
	const char		*query = NULL;
	enum method		 method;
	enum flow_next		 next;
	json_t			*body;

	if ((ep = target(f, form, &method)) == NULL)
		return (chrome_fault(f, ERR_NOT_FOUND,
		    "There is no such thing."));
	if (v->fault_input != NULL)	/* of pick_got() */
		return (form_again(f, 400));
	if ((body = body_of(f, form, ep, method, &query)) == NULL)
		return (form_again(f, 400));
	next = page_call(f, method, form->call, query, body);
	json_decref(body);
	return (next);
}

/* "slug: must be ...", "slug must be ..." belong beside the input `slug'. */
static void
place_fault(struct flow *f, const char *message)
{
	struct page_view	*v = flow_state(f);
	const struct input	*in = f->endpoint->page->form->inputs;
	size_t			 len;

	v->fault = message;
	for (; in != NULL && in->name != NULL; in++) {
		len = strlen(in->name);
		if (in->kind == INPUT_HIDDEN ||
		    strncmp(in->name, message, len) ||
		    (message[len] != ':' && message[len] != ' '))
			continue;
		v->fault_input = in->name;
		if (message[len] == ':')
			v->fault = message + len + strspn(message + len, ": ");
	}
}

static enum flow_next
form_done(struct flow *f)
{
	struct page_view		*v = flow_state(f);
	const struct form		*form = f->endpoint->page->form;
	const struct inner_answer	*a = inner_answer(f);
	const char			*to;
	char				 why[96];

	if (a->status >= 500 && a->status != 502)
		return (chrome_fault(f, a->fault, a->message));
	if (a->fault != ERR_NONE) {
		place_fault(f, a->message);
		return (form_again(f, a->status));
	}
	json_object_set_new(f->body, "answer", json_read(a->body, a->len, why,
	    sizeof(why)));
	v->is_answer = form->shown != NULL;
	if (v->is_answer || !value_holds(form->then_when, f->body))
		return (flow_enter(f, page_steps));
	to = value_expand(&f->arena, form->then, NULL, f->body, true);
	return (chrome_go(f, to, form->said));
}

/* clang-format off */
#define STEPS								\
	FLOW_STEP(form_read),		/* what was typed, by whom */	\
	PICK_STEPS,							\
	FLOW_STEP(form_do),		/* the API */			\
	FLOW_STEP(form_done),		/* there, or here again */	\
	{ NULL, NULL }

const struct flow_step	form_steps[] = { STEPS };
const struct flow_step	portal_form_steps[] = { FRONT_STEPS, STEPS };
/* clang-format on */
