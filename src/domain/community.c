/* The buckets of an uptime; each begins with the second that ends the last. */
#include "domain/community.h"

#include "base/clock.h"

#define DAY	86400u

static uint64_t	begun_ns;

void
community_begin(void)
{
	begun_ns = clock_steady_ns();
}

const char *
community_uptime(void)
{
	return (community_bucket((clock_steady_ns() - begun_ns) / 1000000000u));
}

const char *
community_bucket(uint64_t seconds)
{
	if (seconds < DAY)
		return ("<1d");
	if (seconds < 7 * DAY)
		return ("1-7d");
	return (seconds < 28 * DAY ? "1-4w" : ">4w");
}
