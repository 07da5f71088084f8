/* The time of day and the steady clock, and RFC 3339. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE	40

/* Microseconds since 1970, UTC. */
int64_t		clock_now_us(void);
/* Nanoseconds that only ever grow; for durations. */
uint64_t	clock_steady_ns(void);

/* "2026-01-31T12:00:00Z"; seconds since 1970. */
void		clock_format(int64_t seconds, char out[CLOCK_TEXT_SIZE]);
/* "2026-01-31T12:00:00.123456Z" */
void		clock_format_us(int64_t us, char out[CLOCK_TEXT_SIZE]);
/*
 * RFC 3339 date-time, `T' and `Z' in either case, fractions dropped, offsets
 * applied, years 1970 to 9999 in UTC, so that clock_format() has a text for it.
 * False: not a real date and time.
 */
bool		clock_parse(const char *text, int64_t *seconds);

#endif
