#include "domain/backoff.h"

#include <stddef.h>

#define HOUR		3600
#define DAY		(24 * HOUR)
#define PROBE_FIRST	5
#define PROBE_MAX	300

static const int	first[] = { 5, 10, 30, 60, 300, 900, 1800, HOUR,
			    2 * HOUR };

#define FIRST_COUNT	(sizeof(first) / sizeof(first[0]))

int
backoff_seconds(unsigned int attempts, int64_t age_seconds)
{
	if (attempts == 0)
		return (0);
	if (attempts <= FIRST_COUNT)
		return (first[attempts - 1]);
	if (age_seconds < DAY)
		return (HOUR);
	return (age_seconds < 3 * DAY ? 6 * HOUR : BACKOFF_DEAD);
}

int
backoff_probe_seconds(unsigned int failures)
{
	int	seconds = PROBE_FIRST;

	for (; failures > BACKOFF_CIRCUIT && seconds < PROBE_MAX; failures--)
		seconds *= 2;
	return (seconds < PROBE_MAX ? seconds : PROBE_MAX);
}
