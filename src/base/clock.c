#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX	253402300799	/* 9999-12-31T23:59:59Z */

static int64_t	shift_us;	/* of this process */

int64_t
clock_now_us(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

int64_t
clock_time_us(void)
{
	return (clock_now_us() + shift_us);
}

void
clock_shift_us(int64_t us)
{
	shift_us = us;
}

uint64_t
clock_steady_ns(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

void
clock_format(int64_t seconds, char out[CLOCK_TEXT_SIZE])
{
	time_t		t = (time_t)seconds;
	struct tm	tm;

	gmtime_r(&t, &tm);
	if (strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

void
clock_format_us(int64_t us, char out[CLOCK_TEXT_SIZE])
{
	clock_format(us / 1000000, out);
	if (strlen(out) == 20)
		snprintf(out + 19, CLOCK_TEXT_SIZE - 19, ".%06dZ",
		    (int)(us % 1000000));
}

/* `n' digits at *p, which moves on; -1: not digits. */
static int
digits(const char **p, int n)
{
	int	v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return (-1);
		v = v * 10 + (**p - '0');
	}
	return (v);
}

static bool
literal(const char **p, char c)
{
	char	lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);

	if (**p != c && **p != lower)
		return (false);
	(*p)++;
	return (true);
}

/* "Z" or "+hh:mm", in seconds east of UTC. */
static bool
offset(const char **p, int *east)
{
	int	sign, hh, mm;

	*east = 0;
	if (literal(p, 'Z'))
		return (true);
	sign = **p == '+' ? 1 : **p == '-' ? -1 : 0;
	if (sign == 0)
		return (false);
	(*p)++;
	if ((hh = digits(p, 2)) < 0 || hh > 23 || !literal(p, ':') ||
	    (mm = digits(p, 2)) < 0 || mm > 59)
		return (false);
	*east = sign * (hh * 3600 + mm * 60);
	return (true);
}

bool
clock_parse(const char *p, int64_t *seconds)
{
	struct tm	tm = { 0 }, back;
	time_t		t;
	int		east;

	if ((tm.tm_year = digits(&p, 4)) < 1970 || !literal(&p, '-') ||
	    (tm.tm_mon = digits(&p, 2)) < 1 || !literal(&p, '-') ||
	    (tm.tm_mday = digits(&p, 2)) < 1 || !literal(&p, 'T') ||
	    (tm.tm_hour = digits(&p, 2)) < 0 || !literal(&p, ':') ||
	    (tm.tm_min = digits(&p, 2)) < 0 || !literal(&p, ':') ||
	    (tm.tm_sec = digits(&p, 2)) < 0 || tm.tm_sec > 59)
		return (false);
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9')
			return (false);
		while (*p >= '0' && *p <= '9')
			p++;
	}
	if (!offset(&p, &east) || *p != '\0')
		return (false);

	tm.tm_year -= 1900;
	tm.tm_mon--;
	back = tm;
	t = timegm(&back);	/* normalises: 31 February becomes March */
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min)
		return (false);
	*seconds = (int64_t)t - east;
	return (*seconds >= 0 && *seconds <= SECONDS_MAX);
}
