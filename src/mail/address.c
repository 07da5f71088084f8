#include "mail/address.h"

#include "base/utf8.h"

#include <bsd/string.h>
#include <string.h>

#define LOCAL_MAX	64

static bool
is_letter(unsigned char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c >= 0x80);
}

/* Parts of characters that `more' or is_letter() allows, a dot between. */
static bool
is_dotted(const char *s, size_t len, const char *more)
{
	size_t	i, part = 0;

	for (i = 0; i < len; i++) {
		if (s[i] == '.') {
			if (part == 0)
				return (false);
			part = 0;
		} else if (is_letter((unsigned char)s[i]) ||
		    strchr(more, s[i]) != NULL) {
			part++;
		} else {
			return (false);
		}
	}
	return (part > 0);
}

bool
mail_address_ok(const char *s)
{
	const char	*at = strchr(s, '@');
	size_t		 len = strlen(s), local;

	if (at == NULL || len > MAIL_ADDRESS_MAX || !utf8_valid(s, len))
		return (false);
	local = (size_t)(at - s);
	return (local <= LOCAL_MAX &&
	    is_dotted(s, local, "!#$%&'*+-/=?^_`{|}~") &&
	    at[1] != '-' && s[len - 1] != '-' &&
	    is_dotted(at + 1, len - local - 1, "-"));
}

const char *
mail_address_domain(const char *s)
{
	return (strchr(s, '@') + 1);
}

static const char *
skip_blanks(const char *s)
{
	return (s + strspn(s, " \t"));
}

/* The text before the <, without blanks and quotes around it. */
static bool
name_copy(struct mail_mailbox *m, const char *s, size_t len)
{
	size_t	i;

	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (len >= 2 && s[0] == '"' && s[len - 1] == '"') {
		s++;
		len -= 2;
	}
	if (len > MAIL_NAME_MAX)
		return (false);
	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 32 || s[i] == 127 || s[i] == '"' ||
		    s[i] == '<' || s[i] == '>')
			return (false);
	}
	memcpy(m->name, s, len);
	m->name[len] = '\0';
	return (utf8_valid(s, len));
}

bool
mail_mailbox_parse(struct mail_mailbox *m, const char *s)
{
	const char	*open = strchr(s, '<'), *close;
	size_t		 len;

	memset(m, 0, sizeof(*m));
	if (open == NULL) {
		if (strlcpy(m->address, s, sizeof(m->address)) >=
		    sizeof(m->address))
			return (false);
		return (mail_address_ok(m->address));
	}
	s = skip_blanks(s);
	if ((close = strchr(open, '>')) == NULL ||
	    *skip_blanks(close + 1) != '\0' ||
	    !name_copy(m, s, (size_t)(open - s)))
		return (false);
	len = (size_t)(close - open) - 1;
	if (len > MAIL_ADDRESS_MAX)
		return (false);
	memcpy(m->address, open + 1, len);
	m->address[len] = '\0';
	return (mail_address_ok(m->address));
}
