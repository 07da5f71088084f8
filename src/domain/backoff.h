/* When a message that did not arrive is sent again, and when no more. */
#ifndef DOMAIN_BACKOFF_H
#define DOMAIN_BACKOFF_H

#include <stdint.h>

#define BACKOFF_DEAD		(-1)
#define BACKOFF_CIRCUIT		5	/* failures in a row that open it */

/*
 * Seconds to wait after the `attempts'th failure (1 is the first) of a message
 * that has been due for `age_seconds': 5, 10, 30 s, 1, 5, 15, 30 min, 1, 2 h
 * (Keysat 5); then every hour up to 24 hours, every six up to three days.
 * BACKOFF_DEAD: it is given up.
 */
int	backoff_seconds(unsigned int attempts, int64_t age_seconds);

/*
 * Seconds until an endpoint whose circuit is open is tried again, after so
 * many failures in a row: 5, doubled with each, at most 300.
 */
int	backoff_probe_seconds(unsigned int failures);

#endif
