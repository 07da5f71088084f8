#include "base/csv.h"

#include <string.h>

static bool
is_formula(const char *s)
{
	return (*s != '\0' && strchr("=+-@\t\r", *s) != NULL);
}

void
csv_put(struct buf *b, const char *s, bool is_first)
{
	size_t	n;

	if (!is_first)
		buf_puts(b, ",");
	if (s == NULL)
		return;
	if (!is_formula(s) && s[strcspn(s, ",\"\r\n")] == '\0') {
		buf_puts(b, s);
		return;
	}
	buf_puts(b, is_formula(s) ? "\"'" : "\"");
	for (;; s += n + 1) {
		n = strcspn(s, "\"");
		buf_put(b, s, n);
		if (s[n] == '\0')
			break;
		buf_puts(b, "\"\"");
	}
	buf_puts(b, "\"");
}

void
csv_end_line(struct buf *b)
{
	buf_puts(b, "\r\n");
}
