/*
 * Values of pages: found by dotted names, told in the words and digits that
 * people read.
 */
#ifndef PAGES_VALUE_H
#define PAGES_VALUE_H

#include "pages/page.h"

/*
 * "license.policy_id" in a row or, failing that, in what was gathered.  Either
 * may be NULL.  Borrowed; NULL: there is none.
 */
const json_t	*value_find(const json_t *row, const json_t *gathered,
		    const char *name);

/* As text, a number too; "" when missing, null or a tree.  In the arena. */
const char	*value_text(struct arena *, const json_t *);

/* Does `when' of struct action hold? */
bool		 value_holds(const char *when, const json_t *gathered);

/*
 * {name} for names, percent-encoded when `link'; a link that is {name} alone
 * may be an address with http or https, as it is.
 */
const char	*value_expand(struct arena *, const char *pattern,
		    const json_t *row, const json_t *gathered, bool link);

/* 1234567 to "1,234,567". */
const char	*value_grouped(struct arena *, long long);

/*
 * Smallest units as people write them: 4900 USD is "49.00", 4900 SAT "4900";
 * grouped for reading, not for inputs.
 */
const char	*value_money(struct arena *, long long, const char *currency,
		    bool grouped);

/* Is the amount of this code a percentage?  Else it is money. */
bool		 value_is_percent(const json_t *row);

/* Seconds in the largest unit that divides them: "30 days", "90 minutes". */
const char	*value_duration(struct arena *, long long seconds);

/*
 * The part of "a=b=c|d=e" that begins with `key', without it: "b=c".  NULL:
 * none.
 */
const char	*value_choice(struct arena *, const char *list,
		    const char *key);

/* How the template shows a column of a row: a new object. */
json_t		*value_cell(struct arena *, const struct column *,
		    const json_t *row, const json_t *gathered);

#endif
