/* License keys in requests and answers. */
#ifndef FLOW_KEY_H
#define FLOW_KEY_H

#include "crypto/license_key.h"
#include "flow/flow.h"

enum key_verdict {
	KEY_GOOD,
	KEY_BAD_FORMAT,
	KEY_BAD_SIGNATURE
};

/* In a worker, after the fork. */
void		 key_open(void);
void		 key_close(void);

/* Reads and verifies; the key's parts live in the flow's arena. */
enum key_verdict key_read(struct flow *, const char *text,
		    struct license_key *out);

/*
 * The field `key' of endpoints that the key itself opens: false after
 * flow_fail() with 400.
 */
bool		 key_authorize(struct flow *, struct license_key *out);

/*
 * The field `license_key' of endpoints where the key stands for the buyer:
 * false after flow_fail() with 401.  That the license is there and active is
 * for the statement to say, as the fault `unauthorized'.
 */
bool		 key_authorize_owner(struct flow *, struct license_key *out);

/* UUID text of the license that a key names, in the arena. */
const char	*key_license_id(struct flow *, const struct license_key *);

/* Is the key itself bound, and to another machine than this one? */
bool		 key_is_bound_elsewhere(const struct license_key *,
		    const char *fingerprint);

/* Lower-case hex of a fingerprint's hash, in the arena. */
const char	*key_fingerprint_hex(struct flow *, const char *fingerprint);

/*
 * The key of the license in row 0, made from the columns of the fragment
 * license_facts; in the arena.  NULL: there is no license in the row.
 */
const char	*key_render(struct flow *, const struct db_rows *);

/*
 * The same for one machine, of whose fingerprint this is the hash: an
 * activation, which is no key.
 */
const char	*key_render_activation(struct flow *, const struct db_rows *,
		    const uint8_t *hash);

/*
 * The statement's `body' with license_key set to the key of row 0, or left
 * as it is when there is none.  The caller's to give to flow_json().
 */
json_t		*key_render_body(struct flow *, const struct db_rows *);

#endif
