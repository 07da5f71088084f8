/* The table of roles, and who holds what by it. */
#include "domain/role.h"

#include <bsd/string.h>
#include <string.h>

const struct role	roles[] = {
	{ "read-only", "", "reads everything but the master key's own" },
	{ "license-issuer", "licenses", "issues, revokes, suspends licenses" },
	{ "support", "licenses subscriptions machines",
	    "helps buyers: licenses, subscriptions, machines" },
	{ "merchant-onboard", "products policies licenses",
	    "sets up what is sold" },
	{ "full-admin", "*", "everything but " ROLE_EXTRA_SCOPE
	    " and what only the master key may" },
	{ NULL, NULL, NULL }
};

static bool
has_word(const char *list, const char *word, size_t len)
{
	size_t	n;

	for (; *list != '\0'; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if (n == len && !strncmp(list, word, len))
			return (true);
	}
	return (false);
}

static bool
holds(const struct role *r, const char *scope)
{
	const char	*verb = strchr(scope, ':');

	if (verb == NULL || !strcmp(scope, ROLE_EXTRA_SCOPE))
		return (false);
	if (!strcmp(verb, ":read"))
		return (true);
	return (!strcmp(verb, ":write") && (!strcmp(r->writes, "*") ||
	    has_word(r->writes, scope, (size_t)(verb - scope))));
}

bool
role_allows(const char *role, const char *scope)
{
	const struct role	*r;

	for (r = roles; r->name != NULL; r++) {
		if (!strcmp(r->name, role))
			return (holds(r, scope));
	}
	return (false);
}

void
role_holders(const char *scope, char out[ROLE_LIST_SIZE])
{
	const struct role	*r;

	out[0] = '\0';
	for (r = roles; r->name != NULL; r++) {
		if (!holds(r, scope))
			continue;
		if (*out != '\0')
			(void)strlcat(out, " ", ROLE_LIST_SIZE);
		(void)strlcat(out, r->name, ROLE_LIST_SIZE);
	}
}
