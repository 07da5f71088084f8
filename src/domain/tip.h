/* How much of a sale is passed on to the policy's tip recipient. */
#ifndef DOMAIN_TIP_H
#define DOMAIN_TIP_H

#include <stdbool.h>
#include <stdint.h>

#define TIP_SATS_MAX	INT64_C(5000000)

/*
 * paid * bps div 10,000, of what was paid, in satoshis.  0 for arguments
 * below 0; more than all (above 10,000 bps) is all.
 */
int64_t	tip_sats(int64_t paid_sats, int bps);

/* Is it sent?  0 and more than TIP_SATS_MAX are recorded as `skipped'. */
bool	tip_is_sent(int64_t tip);

#endif
