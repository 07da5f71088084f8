/*
 * The provider that a statement's row names, with its secrets opened.
 *
 * A statement that leads to a call selects the fragment provider_facts; there
 * is no memory of providers in a worker, so nothing goes stale.
 */
#ifndef FLOW_ACCOUNT_H
#define FLOW_ACCOUNT_H

#include "flow/flow.h"
#include "pay/provider.h"

/*
 * Row `row' of the flow's rows, copied to the flow's arena; wiped with it.
 * False: the row names no provider, or its secrets don't open with this key
 * ring (logged).
 */
bool	account_read(struct flow *, const struct db_rows *, unsigned int row,
	    struct pay_account *out);

/*
 * Sealed, as hex text in the arena, for the columns sealed_api_key and
 * sealed_webhook_secret of the provider `id'.
 */
const char	*account_seal_api_key(struct flow *, const char *id, const char *secret);
const char	*account_seal_webhook_secret(struct flow *, const char *id, const char *secret);

#endif
