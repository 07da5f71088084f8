/*
 * What compiled templates call.  tools/tmplc turns each assets/templates/
 * NAME.html into template_NAME(struct template *), declared in templates.h:
 *
 *	struct template	t;
 *
 *	template_init(&t, values);
 *	template_thanks(&t);
 *	if ((html = template_take(&t, &len)) == NULL) ...
 *
 * Values come from a stack of JSON values, innermost first; {{name}} is always
 * escaped for HTML text and for quoted attributes.
 */
#ifndef FLOW_TEMPLATE_H
#define FLOW_TEMPLATE_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_DEPTH		24	/* sections open at once, parts included */
#define TEMPLATE_OUTPUT_MAX	(4u * 1024 * 1024)

struct template {
	char		*out;
	size_t		 len;
	size_t		 size;
	bool		 failed;	/* too large, too deep or no memory */
	int		 depth;
	const json_t	*stack[TEMPLATE_DEPTH + 1];
};

struct template_iter {
	const json_t	*value;
	size_t		 at;
	bool		 pushed;
};

/* Borrows values until the page is taken or freed. */
void	template_init(struct template *, const json_t *);

/*
 * The page, NUL-terminated, its length in *len; the caller frees it.  NULL if
 * rendering failed: half a page is never handed out.  The template is as
 * after template_free.
 */
char	*template_take(struct template *, size_t *len);
void	 template_free(struct template *);

/* For compiled templates only. */
void	template_text(struct template *, const char *, size_t);
void	template_value(struct template *, const char *);
void	template_raw(struct template *, const char *);
bool	template_true(const struct template *, const char *);
bool	template_next(struct template *, struct template_iter *);
struct template_iter	template_begin(const struct template *, const char *);

#endif
