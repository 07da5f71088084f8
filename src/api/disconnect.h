/*
 * Letting a payment provider go: first here, then, as far as the other side
 * answers, there: the webhook and the API key that came by consent.  The
 * secrets are wiped last.
 */
#ifndef API_DISCONNECT_H
#define API_DISCONNECT_H

#include "base/json.h"
#include "flow/flow.h"
#include "pay/provider.h"

#define DISCONNECT_WARNINGS	5

/* The state of a flow with DISCONNECT_STEPS. */
struct disconnect {
	struct pay_account	 account;	/* provider NULL: nothing to do */
	const char		*webhook_id;	/* NULL: none is known */
	bool			 is_from_environment;
	unsigned int		 nwarnings;
	const char		*warning[DISCONNECT_WARNINGS];	/* for people */
};

/*
 * Takes in a row that has provider_facts, webhook_id and from_environment of
 * what was just disconnected, or NULLs.  Goes before the steps.
 */
void		 disconnect_read(struct flow *);
void		 disconnect_warn(struct flow *, const char *);
/* What people should know, as an array; the caller's. */
json_t		*disconnect_warnings(struct flow *);

enum flow_next	 disconnect_unhook(struct flow *);
enum flow_next	 disconnect_revoke(struct flow *);
enum flow_next	 disconnect_wipe(struct flow *);
/* Then a step that answers. */
/* clang-format off */
#define DISCONNECT_STEPS						\
	FLOW_STEP(disconnect_unhook),	/* call  the webhook, at BTCPay */ \
	FLOW_STEP(disconnect_revoke),	/* call  the API key, at BTCPay */ \
	FLOW_STEP(disconnect_wipe)	/* sql   provider_wipe */
/* clang-format on */

#endif
