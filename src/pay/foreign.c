#include "pay/foreign.h"

#include <string.h>

#define ID_MAX		200	/* bytes */

/*
 * Ids come back to us from webhooks and go into paths of URLs: nothing that
 * could mean something there, `..' least of all.
 */
bool
foreign_is_id(const char *s)
{
	size_t	n = s == NULL ? 0 : strlen(s);

	return (n >= 1 && n <= ID_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n);
}

/* Whatever the id is, no byte of it leaves its place in the URL. */
const char *
foreign_escape(struct arena *a, const char *s)
{
	static const char	hex[] = "0123456789ABCDEF";
	char			*out = arena_alloc(a, strlen(s) * 3 + 1), *p = out;

	for (; *s != '\0'; s++) {
		if ((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		    (*s >= 'A' && *s <= 'Z') || *s == '-' || *s == '_') {
			*p++ = *s;
		} else {
			*p++ = '%';
			*p++ = hex[(unsigned char)*s >> 4];
			*p++ = hex[(unsigned char)*s & 15];
		}
	}
	return (out);
}

const char *
foreign_word(const char *s)
{
	return (*s == '\0' || foreign_is_id(s) ? s : "?");
}
