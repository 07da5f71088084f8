/* The time of day, the steady clock, a clock that tests move, RFC 3339. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE	40

/* Microseconds since 1970, UTC: the machine's clock, for logs. */
int64_t		clock_now_us(void);
/*
 * What the time is for rules (what is due, what has lapsed): the machine's
 * clock, moved by the last clock_shift_us().  Nothing moves it in production.
 */
int64_t		clock_time_us(void);
void		clock_shift_us(int64_t us);
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
