/*
 * The first row whose prefix fits decides.  Our own statements raise LCnnn,
 * nnn being the HTTP status, or LC40R: 409, it runs elsewhere.  Only those
 * messages reach a client.
 * Codes: PostgreSQL 15, appendix A.
 */
#include "db/sqlstate.h"

#include <string.h>

static const char	busy[] = "The database is busy; try again.";
static const char	away[] = "The database is away; try again.";

static const struct {
	const char			*prefix;
	struct sqlstate_verdict		 verdict;
} table[] = {
	{ "LC400", { ERR_BAD_REQUEST, "", true, false } },
	{ "LC403", { ERR_FORBIDDEN, "", true, false } },
	{ "LC404", { ERR_NOT_FOUND, "", true, false } },
	{ "LC409", { ERR_CONFLICT, "", true, false } },
	{ "LC40R", { ERR_KEY_RUNNING, "", true, false } },
	{ "40001", { ERR_UNAVAILABLE, busy, false, true } },	/* serialization */
	{ "40P01", { ERR_UNAVAILABLE, busy, false, true } },	/* deadlock */
	{ "55P03", { ERR_UNAVAILABLE, busy, false, true } },	/* lock timeout */
	{ "0A000", { ERR_UNAVAILABLE, busy, false, true } },	/* stale plan */
	{ "26000", { ERR_UNAVAILABLE, busy, false, true } },	/* the same */
	{ "57014", { ERR_UNAVAILABLE, busy, false, false } },	/* statement timeout */
	{ "57P", { ERR_UNAVAILABLE, away, false, false } },	/* shutdown */
	{ "53", { ERR_UNAVAILABLE, busy, false, false } },	/* resources */
	{ "08", { ERR_UNAVAILABLE, away, false, false } },	/* connection */
	{ "25006", { ERR_UNAVAILABLE, away, false, false } },	/* read-only standby */
	{ "22", { ERR_BAD_REQUEST,
	    "A value has the wrong form or is out of range.", false, false } },
	{ "23505", { ERR_CONFLICT, "It exists already.", false, false } },
	{ "23503", { ERR_CONFLICT,
	    "Other rows refer to this, or it refers to one that is gone.",
	    false, false } },
	{ "23", { ERR_BAD_REQUEST,
	    "A value breaks a rule of the data model.", false, false } },
};

bool
sqlstate_is_stale(const char *state)
{
	return (state != NULL && (!strcmp(state, "0A000") ||
	    !strcmp(state, "26000")));
}

struct sqlstate_verdict
sqlstate_judge(const char *state)
{
	static const struct sqlstate_verdict	lost = { ERR_UNAVAILABLE, away,
	    false, false };
	static const struct sqlstate_verdict	bug = { ERR_INTERNAL,
	    "Something went wrong here; it is in the log.", false, false };
	size_t					i;

	if (state == NULL)
		return (lost);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strncmp(state, table[i].prefix, strlen(table[i].prefix)))
			return (table[i].verdict);
	}
	return (bug);
}
