/* What a mail to a buyer says: the templates of assets/mail, filled. */
#ifndef JOBS_LETTER_H
#define JOBS_LETTER_H

#include "flow/flow.h"

#include <stdbool.h>

struct letter {
	const char	*subject;	/* in the flow's arena */
	const char	*text;
	const char	*html;
};

/*
 * The letter of the row that mail_facts answered, the key in it where one
 * belongs.  False: there is no such kind, no key could be made, or no memory.
 */
bool	letter_write(struct flow *, const struct db_rows *, struct letter *);

#endif
