/* What pages show that take a passkey. */
#ifndef PAGES_PASSKEYS_H
#define PAGES_PASSKEYS_H

#include "base/json.h"

#include <stdbool.h>

/* Can browsers have passkeys at LICET_PUBLIC_URL? */
bool	passkeys_are_here(void);

/*
 * A form for pages/door.h's `passkey', which assets/js/passkey.js fills in and
 * sends to `action': a new object.  What is to be signed is in `options', or
 * asked for at `begin'.  `csrf' may be NULL; without options it stands below
 * another form.
 */
json_t	*passkeys_button(const char *action, const char *csrf,
	    const char *begin, const char *options, const char *label);

#endif
