/*
 * The operator's own license: what lifts the caps of this server.  Its key is
 * signed by the trust root, which is configured; without one there are no caps.
 *
 * Here a key is judged by itself.  Whether its time has passed, and what the
 * license's row says if this server issued it, SQL judges (sql/selflicense.sql).
 */
#ifndef DOMAIN_SELFLICENSE_H
#define DOMAIN_SELFLICENSE_H

#include "base/json.h"

#include <stdint.h>

/* Once, before workers start; NULL: there is no trust root. */
void		 selflicense_trust(const uint8_t public_key[32]);

/* Lower-case hex of the trust root's public key; NULL: there is none. */
const char	*selflicense_root(void);

/*
 * What a key says, as the statements take it:
 * `{fault,product_id,license_id,expires_at,entitlements}'.  fault is null,
 * "bad_format" or "bad_signature" (not the trust root's), and then nothing else
 * is said; expires_at is in seconds since 1970, null for never.  The caller
 * owns it.  Ends the process without memory.
 */
json_t		*selflicense_judge(const char *key);

#endif
