/*
 * This server's own license, looked at again: what its keys say by the trust
 * root, entered beside them.  For the start, the endpoint that is asked to, and
 * the hourly job.
 */
#ifndef FLOW_SELFLICENSE_H
#define FLOW_SELFLICENSE_H

#include "flow/flow.h"

/* The key, sealed for the row of that source; in the arena. */
const char	*selflicense_seal(struct arena *, const struct keyring *,
		    const char *source, const char *key);
/*
 * The key that was sealed so, in an arena that is wiped from now on.  NULL:
 * another ring sealed it, or there is none.
 */
const char	*selflicense_open(struct arena *, const struct keyring *,
		    const char *source, const char *sealed);

/*
 * From the rows of self_license_keys, the @verdicts of self_license_note; in
 * the arena.  A key that the ring doesn't open is logged and left out.
 */
const char	*selflicense_verdicts(struct arena *, const struct keyring *,
		    const struct db_rows *);
/* From the rows of self_license_note: a license that changed is logged. */
void		 selflicense_tell(const struct db_rows *);

/* Steps that do it all.  Without a trust root they go on at once. */
enum flow_next	 selflicense_load(struct flow *);
enum flow_next	 selflicense_note(struct flow *);
enum flow_next	 selflicense_noted(struct flow *);

/* clang-format off */
#define SELFLICENSE_STEPS						\
	FLOW_STEP(selflicense_load),	/* sql  self_license_keys */	\
	FLOW_STEP(selflicense_note),	/* sql  self_license_note */	\
	FLOW_STEP(selflicense_noted)
/* clang-format on */

#endif
