/*
 * flow/template and tools/tmplc together: what compiled templates put out for
 * friendly and for hostile values.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/template.h"

#include "test_templates.h"

#include <stdlib.h>
#include <string.h>

static char *
render(void (*page)(struct template *), json_t *values)
{
	struct template	 t;
	size_t		 len = 0;
	char		*html;

	template_init(&t, values);
	page(&t);
	html = template_take(&t, &len);
	if (html != NULL)
		assert_int_equal(html[len], '\0');
	json_decref(values);
	return (html);
}

static void
expect(void (*page)(struct template *), const char *json, const char *html)
{
	json_error_t	 error;
	json_t		*values = json_loads(json, 0, &error);
	char		*got;

	assert_non_null(values);
	got = render(page, values);
	assert_non_null(got);
	assert_string_equal(got, html);
	free(got);
}

/* NAME.txt: text is no HTML, and its parts are texts. */
static void
texts_are_not_escaped(void **state)
{
	expect(template_sample_words_txt, "{\"name\":\"<a & 'b'>\"}",
	    "Dear <a & 'b'>,\nyours\n");
	expect(template_sample_words_txt, "{}", "Dear ,\n");
}

static void
values_are_escaped(void **state)
{
	static const struct {
		const char	*value;
		const char	*html;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "<script>alert(1)</script>",
		    "&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ "\" onmouseover=\"x", "&quot; onmouseover=&quot;x" },
		{ "' onfocus='x", "&#39; onfocus=&#39;x" },
		{ "&amp;", "&amp;amp;" },
		{ "{{title}} {{{html}}}", "{{title}} {{{html}}}" },
		{ "%s%n\\0", "%s%n\\0" },
		{ "\xc3\xa9\xe2\x82\xbf", "\xc3\xa9\xe2\x82\xbf" },
		{ "<<<<\">>>>", "&lt;&lt;&lt;&lt;&quot;&gt;&gt;&gt;&gt;" },
	};
	char	 want[512];
	char	*got;
	size_t	 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(want, sizeof(want),
		    "<p title=\"%s\" class='%s'>%s</p>", cases[i].html,
		    cases[i].html, cases[i].html);
		got = render(template_sample_escape,
		    json_pack("{s:s}", "value", cases[i].value));
		assert_non_null(got);
		assert_string_equal(got, want);
		free(got);
	}
}

static void
other_types_have_a_form(void **state)
{
	expect(template_sample_escape, "{\"value\":-9007199254740993}",
	    "<p title=\"-9007199254740993\" class='-9007199254740993'>"
	    "-9007199254740993</p>");
	expect(template_sample_escape, "{\"value\":0.5}",
	    "<p title=\"0.5\" class='0.5'>0.5</p>");
	expect(template_sample_escape, "{\"value\":null}",
	    "<p title=\"\" class=''></p>");
	expect(template_sample_escape, "{\"value\":{\"a\":1}}",
	    "<p title=\"\" class=''></p>");
	expect(template_sample_escape, "{}", "<p title=\"\" class=''></p>");
	expect(template_sample_escape, "[]", "<p title=\"\" class=''></p>");
}

static void
lists_repeat_and_have_an_else(void **state)
{
	expect(template_sample_list,
	    "{\"title\":\"T\",\"rows\":["
	    "{\"name\":\"a\",\"off\":true,\"owner\":{\"name\":\"O\"}},"
	    "{\"name\":\"<b>\",\"off\":false,\"owner\":null}]}",
	    "<h1>T</h1>\n<table>\n"
	    "<tr class=\"off\"><td>a</td><td>O</td></tr>\n"
	    "<tr><td>&lt;b&gt;</td><td></td></tr>\n\n</table>\n");
	expect(template_sample_list, "{\"title\":\"T\",\"rows\":[]}",
	    "<h1>T</h1>\n<table>\n"
	    "<tr><td>None yet \xe2\x80\x93 \"add\\one\"?</td></tr>\n"
	    "</table>\n");
}

/* A dotted name never falls back to an outer value of the same name. */
static void
dotted_names_stay_inside(void **state)
{
	expect(template_sample_list,
	    "{\"name\":\"outer\",\"rows\":[{\"owner\":{}}]}",
	    "<h1></h1>\n<table>\n<tr><td>outer</td><td></td></tr>\n\n"
	    "</table>\n");
}

static void
sections_nest(void **state)
{
	expect(template_sample_nested,
	    "{\"a\":[{\"b\":[1,2]},{\"b\":[]},{\"b\":[\"<\"]}],"
	    "\"html\":\"<hr>\"}", "12;;&lt;;<hr>");
	expect(template_sample_nested, "{\"a\":0,\"b\":\"x\"}", "x;");
	expect(template_sample_nested, "{\"a\":\"\",\"b\":\"x\"}", "");
}

static void
embedded_nul_is_data(void **state)
{
	struct template	 t;
	json_t		*values;
	size_t		 len;
	char		*html;

	values = json_pack("{s:s%}", "value", "a\0<", (size_t)3);
	assert_non_null(values);
	template_init(&t, values);
	template_value(&t, "value");
	html = template_take(&t, &len);
	assert_non_null(html);
	assert_int_equal(len, 6);
	assert_memory_equal(html, "a\0&lt;", 6);
	free(html);
	json_decref(values);
}

/* Every growth step, and the ceiling: nothing is better than half a page. */
static void
output_has_a_ceiling(void **state)
{
	static char	 block[65536];
	struct template	 t;
	size_t		 i, len;
	char		*html;

	memset(block, 'x', sizeof(block));
	template_init(&t, NULL);
	for (i = 1; i < 3000; i++)
		template_text(&t, block, i);
	html = template_take(&t, &len);
	assert_null(html);
	assert_null(t.out);

	template_init(&t, NULL);
	for (i = 0; i < TEMPLATE_OUTPUT_MAX / sizeof(block) - 1; i++)
		template_text(&t, block, sizeof(block));
	html = template_take(&t, &len);
	assert_non_null(html);
	assert_int_equal(len, TEMPLATE_OUTPUT_MAX - sizeof(block));
	assert_int_equal(strlen(html), len);
	free(html);
}

static void
depth_has_a_limit(void **state)
{
	struct template_iter	 it[TEMPLATE_DEPTH + 1];
	struct template		 t;
	json_t			*values = json_pack("{s:{}}", "a");
	size_t			 len;
	int			 i;

	template_init(&t, values);
	for (i = 0; i < TEMPLATE_DEPTH; i++) {
		it[i] = template_begin(&t, "a");
		assert_true(template_next(&t, &it[i]));
	}
	it[i] = template_begin(&t, "a");
	assert_false(template_next(&t, &it[i]));
	for (i = TEMPLATE_DEPTH - 1; i >= 0; i--)
		assert_false(template_next(&t, &it[i]));
	assert_int_equal(t.depth, 0);
	assert_null(template_take(&t, &len));
	json_decref(values);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(texts_are_not_escaped),
		cmocka_unit_test(other_types_have_a_form),
		cmocka_unit_test(lists_repeat_and_have_an_else),
		cmocka_unit_test(dotted_names_stay_inside),
		cmocka_unit_test(sections_nest),
		cmocka_unit_test(embedded_nul_is_data),
		cmocka_unit_test(output_has_a_ceiling),
		cmocka_unit_test(depth_has_a_limit),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
