#include "base/text.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
text_hex(const void *bytes, size_t len, char *out)
{
	static const char	digits[] = "0123456789abcdef";
	const uint8_t		*p = bytes;

	for (; len > 0; len--, p++) {
		*out++ = digits[*p >> 4];
		*out++ = digits[*p & 15];
	}
	*out = '\0';
}

int
text_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

bool
text_url_decode(char *s, bool form)
{
	char	*in = s, *out = s;
	int	hi, lo;

	for (; *in != '\0'; in++, out++) {
		if (*in == '+' && form) {
			*out = ' ';
		} else if (*in != '%') {
			*out = *in;
		} else {
			if ((hi = text_hex_value(in[1])) < 0 ||
			    (lo = text_hex_value(in[2])) < 0 || (hi | lo) == 0)
				return (false);
			*out = (char)(hi << 4 | lo);
			in += 2;
		}
	}
	*out = '\0';
	return (utf8_valid(s, (size_t)(out - s)));
}

bool
text_integer(const char *s, long long min, long long max, long long *out)
{
	char	*end;

	if (!(*s >= '0' && *s <= '9') &&
	    !(*s == '-' && s[1] >= '0' && s[1] <= '9'))
		return (false);
	errno = 0;
	*out = strtoll(s, &end, 10);
	return (errno == 0 && *end == '\0' && *out >= min && *out <= max);
}

bool
text_is_slug(const char *s)
{
	static const char	chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t			n = strlen(s);

	return (n >= 1 && n <= 63 && *s != '-' && strspn(s, chars) == n);
}

static bool
is_graphic(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s <= ' ' || *s == 127)
			return (false);
	}
	return (true);
}

bool
text_is_email(const char *s)
{
	const char	*at = strchr(s, '@');

	return (at != NULL && at > s && at[1] != '\0' &&
	    strchr(at + 1, '@') == NULL && is_graphic(s) && strlen(s) <= 254);
}

bool
text_is_url(const char *s)
{
	size_t	scheme;

	if (!strncasecmp(s, "https://", 8))
		scheme = 8;
	else if (!strncasecmp(s, "http://", 7))
		scheme = 7;
	else
		return (false);
	return (s[scheme] != '\0' && strchr("/?#:@", s[scheme]) == NULL &&
	    is_graphic(s) && strlen(s) <= 2048);
}
