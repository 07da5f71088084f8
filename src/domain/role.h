/*
 * What a scoped API key may: roles are sets of scopes, "resource:read" or
 * "resource:write".  "master" is no scope that a role could hold.
 */
#ifndef DOMAIN_ROLE_H
#define DOMAIN_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#define ROLE_NAMES							\
	"read-only|license-issuer|support|merchant-onboard|full-admin"
/* The one scope that no role holds and a key may be given by itself. */
#define ROLE_EXTRA_SCOPE	"payment_providers:write"
#define ROLE_LIST_SIZE		128

struct role {
	const char	*name;
	const char	*writes;	/* resources, between blanks; "*": all */
	const char	*help;
};

/* Ends with a NULL name. */
extern const struct role	roles[];

/* False for an unknown role, too. */
bool	role_allows(const char *role, const char *scope);

/* The names of all roles that hold the scope, between blanks; may be "". */
void	role_holders(const char *scope, char out[ROLE_LIST_SIZE]);

#endif
