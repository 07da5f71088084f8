/*
 * Secrets as columns of the database keep them (payment_providers,
 * webhook_endpoints, customer_codes): sealed with the key ring, for their column and the row's
 * id, as hexadecimal text.
 */
#ifndef PAY_SEALED_H
#define PAY_SEALED_H

#include "base/arena.h"

#define PAY_SEALED_API_KEY		"payment_providers.api_key"
#define PAY_SEALED_WEBHOOK_SECRET	"payment_providers.webhook_secret"
#define PAY_SEALED_ENDPOINT_SECRET	"webhook_endpoints.secret"
#define PAY_SEALED_LETTER		"customer_codes.sealed"

struct keyring;

/* In the arena; `id' is the row's, as the database writes it. */
const char	*pay_seal(struct arena *, const struct keyring *,
		    const char *purpose, const char *id, const char *secret);

/*
 * The secret, in an arena that is wiped from now on; "" if `hex' is NULL.
 * NULL: it was altered, moved or sealed by another ring.
 */
const char	*pay_unseal(struct arena *, const struct keyring *,
		    const char *purpose, const char *id, const char *hex);

#endif
