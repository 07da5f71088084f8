/* licetctl docs: the pages that come from the program's own tables. */
#ifndef CLI_DOCS_H
#define CLI_DOCS_H

struct resource;

/*
 * Writes the page to standard output: "api", "configuration", "env" (the sample
 * conf/licet.env.example), "errors" or "metrics".  1: it could not be written;
 * 2: no such page.
 */
int	cli_docs(const char *page, const struct resource *resources);

#endif
