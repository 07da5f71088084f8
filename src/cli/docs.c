#include "cli/docs.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/stat.h"
#include "flow/router.h"

#include <stdio.h>
#include <string.h>

#define PAGE_MAX	(4 * 1024 * 1024)

struct page {
	const char	*name;
	const char	*head;		/* everything before the tables */
	void		(*body)(const struct resource *, struct buf *);
};

static void	page_api(const struct resource *, struct buf *);
static void	page_configuration(const struct resource *, struct buf *);
static void	page_env(const struct resource *, struct buf *);
static void	page_errors(const struct resource *, struct buf *);
static void	page_metrics(const struct resource *, struct buf *);

#define MADE	"<!-- Made by `make docs` from tables in src/: don't edit. -->\n\n"

static const struct page	pages[] = {
	{ "api", "# The REST API\n\n" MADE
	    "Every endpoint, by resource. The same as an OpenAPI document is "
	    "served at `/v1/openapi.json`; faults are explained in "
	    "[errors](errors.md).\n\n", page_api },
	{ "configuration", "# Settings\n\n" MADE
	    "Settings come from the environment only and are read once, at the "
	    "start. A name that begins with `LICET_` and isn't below stops the "
	    "start, as does a value that isn't allowed; an empty value is as "
	    "good as none. A secret is given as the variable or, better, as a "
	    "file: `NAME_FILE` is its path, the first line its value. "
	    "`licetctl settings check` says what is wrong with them, "
	    "`licetctl doctor` whether what they name is there.\n\n",
	    page_configuration },
	{ "env", "# Settings of Licet.  Made by `make docs' from "
	    "src/base/conf.def: don't edit\n# this sample, copy it.  What is "
	    "commented out shows the default.\n", page_env },
	{ "errors", "# Faults\n\n" MADE
	    "An answer that is no success has the body "
	    "`{\"ok\":false,\"error\":CODE,\"message\":TEXT}`. Programs look "
	    "at the code, which never changes; the message is for people and "
	    "may.\n\n", page_errors },
	{ "metrics", "# Metrics\n\n" MADE
	    "`GET /metrics` has them in Prometheus' text format, summed over "
	    "the workers of one replica.\n\n", page_metrics },
};

#define PAGE_COUNT	(sizeof(pages) / sizeof(pages[0]))

int
cli_docs(const char *name, const struct resource *resources)
{
	struct buf	b;
	size_t		i;
	bool		ok;

	for (i = 0; i < PAGE_COUNT && strcmp(pages[i].name, name); i++)
		continue;
	if (i == PAGE_COUNT) {
		(void)fprintf(stderr, "licetctl: there is no page `%s'\n",
		    name);
		return (2);
	}
	buf_init(&b, PAGE_MAX);
	buf_puts(&b, pages[i].head);
	pages[i].body(resources, &b);
	ok = !b.failed && fwrite(b.data, 1, b.len, stdout) == b.len &&
	    fflush(stdout) == 0;
	buf_free(&b);
	if (!ok)
		(void)fprintf(stderr, "licetctl: the page can't be written\n");
	return (ok ? 0 : 1);
}

static void
page_api(const struct resource *resources, struct buf *b)
{
	openapi_page(resources, b);
}

static void
page_configuration(const struct resource *resources, struct buf *b)
{
	(void)resources;
	conf_document(b);
}

static void
page_env(const struct resource *resources, struct buf *b)
{
	(void)resources;
	conf_example(b);
}

static void
page_errors(const struct resource *resources, struct buf *b)
{
	const struct err_info	*info;
	int			 e;

	(void)resources;
	buf_puts(b, "| code | status | meaning |\n| --- | --- | --- |\n");
	for (e = 1; e < ERR_COUNT; e++) {
		info = err_info((enum err)e);
		buf_printf(b, "| `%s` | %d | %s |\n", info->code, info->status,
		    info->help);
	}
}

static void
page_metrics(const struct resource *resources, struct buf *b)
{
	(void)resources;
	stat_document(b);
}
