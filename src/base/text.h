/* Small text work: hex, URL decoding, formats of the fields we accept. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case; `out' holds 2 * len + 1. */
void	text_hex(const void *bytes, size_t len, char *out);

/* 0 to 15 of a hexadecimal digit of either case, or -1. */
int	text_hex_value(char c);

/*
 * Undoes %XX (and `+' for a space when `form') in place and ends it with a
 * NUL.  False: a bad escape, a NUL or bytes that are no UTF-8.
 */
bool	text_url_decode(char *s, bool form);

/* A decimal integer, all of `s', in [min, max]. */
bool	text_integer(const char *s, long long min, long long max,
	    long long *out);

/* [a-z0-9][a-z0-9-]{0,62} */
bool	text_is_slug(const char *s);
/* One @, no spaces or controls, something on both sides, 254 bytes at most. */
bool	text_is_email(const char *s);
/* http:// or https:// with a host, no spaces or controls, 2,048 at most. */
bool	text_is_url(const char *s);

#endif
