/*
 * When a renewal that could not be billed is tried again, and how long its
 * invoice can be paid.
 */
#ifndef DOMAIN_RENEWAL_H
#define DOMAIN_RENEWAL_H

#include <stdint.h>

/* Failures in a row after which the worker leaves a subscription alone. */
#define RENEWAL_FAILURES_MAX	5

/*
 * Seconds to wait after so many failures in a row, the one just now included:
 * 300, 1,800, 7,200, 21,600; from the fifth on -1, stop.  0 failures: 0.
 */
int	renewal_retry_seconds(unsigned int failures);

/*
 * How many minutes a renewal's invoice at the provider is to stay payable:
 * whole minutes to the lapse, so that there is no paying for what is over, and
 * a buyer who is late within the grace period has no dead link.  At least 60,
 * lapse or not: a person has to find the mail, a transaction to be seen, and
 * what settles after the lapse is honoured as a late payment.  At most 30
 * days: for a price in fiat the satoshis are fixed on the day of the invoice,
 * and the provider watches its address all that time.  Grace may be longer
 * (90 days); then the invoice expires before the lapse and the cycle needs
 * another.  Times are microseconds since 1970.
 */
int	renewal_expiration_minutes(int64_t now_us, int64_t lapse_us);

#endif
