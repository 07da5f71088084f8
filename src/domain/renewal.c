#include "domain/renewal.h"

#define MINUTE_US	INT64_C(60000000)
#define MINUTES_MIN	60
#define MINUTES_MAX	(30 * 24 * 60)

int
renewal_retry_seconds(unsigned int failures)
{
	static const int	waits[RENEWAL_FAILURES_MAX] = { 0, 5 * 60,
	    30 * 60, 2 * 3600, 6 * 3600 };

	return (failures < RENEWAL_FAILURES_MAX ? waits[failures] : -1);
}

int
renewal_expiration_minutes(int64_t now_us, int64_t lapse_us)
{
	int64_t	left;

	if (lapse_us <= now_us || __builtin_sub_overflow(lapse_us, now_us,
	    &left))
		return (lapse_us <= now_us ? MINUTES_MIN : MINUTES_MAX);
	left /= MINUTE_US;
	if (left < MINUTES_MIN)
		return (MINUTES_MIN);
	return (left < MINUTES_MAX ? (int)left : MINUTES_MAX);
}
