#include "pages/pick.h"

#include "base/uuid.h"
#include "flow/inner.h"
#include "pages/value.h"

#include <string.h>

#define PRODUCT_IDS	"products.products id "
#define PICK_NOTHING	"00000000-0000-4000-8000-000000000000"

/* "products.products id name": the rows, what is sent, what is read */
static const char *
part(struct arena *a, const struct input *in, int n)
{
	const char	*s = in->with;

	for (; n > 0 && *s != '\0'; n--)
		s += strcspn(s, " ") + (strchr(s, ' ') != NULL);
	return (arena_strndup(a, s, strcspn(s, " ")));
}

bool
pick_is_cut(struct arena *a, const struct input *in, const json_t *gathered)
{
	char	*from;

	from = arena_strdup(a, part(a, in, 0));
	from[strcspn(from, ".")] = '\0';
	return (json_text2(gathered, from, "next_cursor") != NULL);
}

const char *
pick_word(struct arena *a, const struct input *in, const json_t *row)
{
	const char	*slug = json_text(row, "slug");

	return (slug != NULL ? slug : value_text(a, value_find(row, NULL,
	    part(a, in, 1))));
}

const char *
pick_shown(struct flow *f, const struct input *in, const char *value)
{
	struct arena	*a = &f->arena;
	const json_t	*row;
	const char	*word;
	size_t		 i;

	if ((word = json_text2(f->body, "picked", in->name)) != NULL)
		return (word);
	json_array_foreach(value_find(NULL, f->body, part(a, in, 0)), i, row) {
		if (!strcmp(value, value_text(a, value_find(row, NULL,
		    part(a, in, 1)))))
			return (pick_word(a, in, row));
	}
	return (value);
}

/* ---- slugs to ids ---- */

/* Where the values are: what was typed, else the query. */
static json_t *
values_of(struct flow *f)
{
	struct page_view	*v = flow_state(f);

	return (v->typed != NULL ? v->typed : json_object_get(f->body,
	    "query"));
}

static const struct input *
inputs_of(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	const struct page	*p = f->endpoint->page;

	if (v->typed == NULL)
		return (p->filters);
	return (p->form == NULL ? NULL : p->form->inputs);
}

/* The next input with a slug where an id of a product belongs. */
static const struct input *
slug_at(struct flow *f)
{
	const struct input	*in;
	const char		*text;
	uint8_t			 id[16];

	for (in = inputs_of(f); in != NULL && in->name != NULL; in++) {
		if (in->kind != INPUT_PICK || strncmp(in->with, PRODUCT_IDS,
		    strlen(PRODUCT_IDS)) ||
		    json_text2(f->body, "picked", in->name) != NULL)
			continue;
		text = json_text(values_of(f), in->name);
		if (text != NULL && *text != '\0' &&
		    !uuid_parse(text, strlen(text), id))
			return (in);
	}
	return (NULL);
}

enum flow_next
pick_ask(struct flow *f)
{
	struct page_view	*v = flow_state(f);
	json_t			*picked = json_object_get(f->body, "picked");
	const char		*slug;

	if ((v->picking = slug_at(f)) == NULL)
		return (FLOW_NEXT);
	if (picked == NULL) {
		picked = json_object();
		json_object_set_new(f->body, "picked", picked);
	}
	slug = json_text(values_of(f), v->picking->name);
	json_object_set_new(picked, v->picking->name, json_string(slug));
	return (page_call(f, GET, arena_printf(&f->arena,
	    "GET /v1/products/{picked.%s}", v->picking->name), NULL, NULL));
}

enum flow_next
pick_got(struct flow *f)
{
	struct page_view		*v = flow_state(f);
	const struct inner_answer	*a;
	json_t				*product = NULL;
	const char			*id;
	char				 why[96];

	if (v->picking == NULL)
		return (FLOW_NEXT);
	a = inner_answer(f);
	if (a->fault == ERR_NONE)
		product = json_read(a->body, a->len, why, sizeof(why));
	if ((id = json_text(product, "id")) == NULL) {
		id = PICK_NOTHING;
		v->fault_input = v->picking->name;
		v->fault = "No product has this slug.";
	}
	json_object_set_new(values_of(f), v->picking->name, json_string(id));
	json_decref(product);
	return (flow_back_to(f, pick_ask));
}
