/* From PostgreSQL's SQLSTATE to what a client may be told. */
#ifndef DB_SQLSTATE_H
#define DB_SQLSTATE_H

#include "base/err.h"

#include <stdbool.h>

struct sqlstate_verdict {
	enum err	 error;
	const char	*message;	/* for people; static */
	bool		 ours;		/* PostgreSQL's message is ours: show it */
	bool		 again;		/* rolled back; the same may work now */
};

/*
 * Is what this connection has prepared of no use any more?  A migration
 * changed what a statement answers with (0A000), or somebody between us and
 * PostgreSQL forgot it (26000).
 */
bool			sqlstate_is_stale(const char *state);

/* `state' may be NULL: the connection broke. */
struct sqlstate_verdict	sqlstate_judge(const char *state);

#endif
