#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Room for n more and a NUL. */
static bool
reserve(struct buf *b, size_t n)
{
	size_t	size;
	char	*p;

	if (b->failed || n > b->max || b->len > b->max - n) {
		b->failed = true;
		return (false);
	}
	if (b->len + n < b->size)
		return (true);
	size = (b->len + n + 1) * 2;
	if (size < 256)
		size = 256;
	if ((p = realloc(b->data, size)) == NULL) {
		b->failed = true;
		return (false);
	}
	b->data = p;
	b->size = size;
	return (true);
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_put_json(struct buf *b, const char *s, size_t n)
{
	const char	*start = s, *end = s + n;

	buf_put(b, "\"", 1);
	for (; s < end; s++) {
		if ((unsigned char)*s >= 32 && *s != '"' && *s != '\\')
			continue;
		buf_put(b, start, (size_t)(s - start));
		if ((unsigned char)*s < 32)
			buf_printf(b, "\\u%04x", (unsigned char)*s);
		else
			buf_printf(b, "\\%c", *s);
		start = s + 1;
	}
	buf_put(b, start, (size_t)(s - start));
	buf_put(b, "\"", 1);
}

void
buf_put_url(struct buf *b, const char *s)
{
	static const char	plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL)
			buf_put(b, s, 1);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}
