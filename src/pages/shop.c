/*
 * GET / for browsers: what the vendor sells to anybody, page by page.  Programs
 * get the JSON of api/service.c from the same path.
 */
#include "pages/pages.h"

#include "base/json.h"
#include "flow/respond.h"
#include "pages/front.h"
#include "pages/price.h"
#include "pages/value.h"

#include "sql.h"
#include "templates.h"

#include <string.h>

#define PAGE_SIZE	"24"

static enum flow_next
shop_ask(struct flow *f)
{
	return (FLOW_QUERY(f, shop_list, .after = flow_text(f, "after"),
	    .limit = PAGE_SIZE));
}

static long long
number(const json_t *o, const char *name)
{
	return (json_integer_value(json_object_get(o, name)));
}

static json_t *
product(struct flow *f, const json_t *p)
{
	struct price_words	w = {
		.currency = json_text(p, "price_currency"),
		.value = number(p, "price_value"),
		.left = number(p, "price_value"),
	};
	const char		*about = json_text(p, "description");
	long long		 trial = number(p, "trial_days");

	if (json_is_true(json_object_get(p, "is_recurring")))
		w.period_days = number(p, "renewal_period_days");
	return (json_pack("{s:s,s:s,s:s?,s:o,s:b,s:s?}",
	    "href", value_expand(&f->arena, "/buy/{slug}", p, NULL, true),
	    "name", json_text(p, "name"),
	    "about", about == NULL || *about == '\0' ? NULL : about,
	    "price", price_values(&f->arena, &w),
	    "from", json_is_true(json_object_get(p, "has_dearer")),
	    "trial_days", trial > 0 ? price_days(&f->arena, trial) : NULL));
}

static enum flow_next
shop_page(struct flow *f)
{
	const char	*text = db_text(flow_rows(f), 0, "body");
	json_t		*body, *all = json_array(), *p, *next, *values;
	char		 why[96];
	size_t		 i;

	body = json_read(text, strlen(text), why, sizeof(why));
	json_array_foreach(json_object_get(body, "products"), i, p)
		json_array_append_new(all, product(f, p));
	next = json_object_get(body, "next");
	values = json_pack("{s:s,s:b,s:b,s:o,s:s?}",
	    "page_title", "Products",
	    "has_products", json_array_size(all) > 0,
	    "is_first", flow_text(f, "after") == NULL,
	    "products", all,
	    "next", json_is_string(next) ? value_expand(&f->arena,
	    "/?after={next}", body, NULL, true) : NULL);
	json_decref(body);
	flow_header(f, "vary", "accept");
	return (front_send(f, 200, template_shop, values));
}

/* clang-format off */
const struct endpoint	pages_shop[] = {
	{ .method = GET, .path = "/", .for_html = true,
	    .limit = LIMIT_CATALOGUE,
	    .query = FIELDS(
		{ "after", FIELD_TEXT, 0, 1, 200,
		    .help = "The last product of the page before." }),
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(shop_ask),		/* sql  shop_list */
		FLOW_STEP(shop_page)),
	    FRONT_PAGE, .summary = "The shop's front." },
	ENDPOINT_END
};
/* clang-format on */
