/*
 * Payment providers behind one struct.
 *
 * A provider does no I/O.  It says what to ask (an HTTP call, or for the
 * sandbox a statement), the flow asks, and the provider reads the answer.
 */
#ifndef PAY_PROVIDER_H
#define PAY_PROVIDER_H

#include "base/arena.h"
#include "db/rows.h"
#include "db/statement.h"
#include "net/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row of payment_providers and the settings that go with it. */
struct pay_account {
	const char	*id;		/* UUID */
	const char	*base_url;	/* as we reach it, no slash at the end */
	const char	*public_url;	/* as buyers reach it; empty: as it says */
	const char	*store_id;
	const char	*api_key;
	const char	*webhook_secret;
	const char	*here;		/* our own public URL */
};

struct pay_order {
	const char	*id;		/* our invoice, the provider's order id */
	const char	*product_id;
	const char	*product_name;
	const char	*redirect_url;
	int64_t		 amount_sats;
};

/* Either an HTTP request or a statement with text parameters. */
struct pay_ask {
	struct net_request	 http;
	const struct sql_stmt	*sql;
	const char *const	*params;
};

/* What came of it: one of both. */
struct pay_answer {
	const struct net_reply	*reply;
	const struct db_rows	*rows;
};

enum pay_status {
	PAY_PENDING,
	PAY_SETTLED,
	PAY_EXPIRED,
	PAY_INVALID
};

enum pay_result {
	PAY_OK,
	PAY_NONE,	/* it said clearly that there is none, or refused */
	PAY_FAILED	/* no answer, or none that makes sense: unknown */
};

/* An invoice as the provider sees it; texts live in the arena. */
struct pay_invoice {
	const char	*id;
	const char	*order_id;	/* ours; NULL: it doesn't say */
	const char	*checkout_url;
	enum pay_status	 status;
	const char	*detail;	/* its own words, for the audit trail */
	int64_t		 amount_sats;	/* -1: not told in bitcoin */
};

/* What a webhook claims; only a hint where to look. */
struct pay_hook {
	const char	*invoice_id;	/* NULL: nothing that concerns us */
	const char	*order_id;	/* NULL: not told */
};

struct provider {
	const char	*kind;
	const char	*rails;		/* "lightning onchain" */

	void		(*ask_create)(struct arena *, const struct pay_account *,
			    const struct pay_order *, struct pay_ask *);
	void		(*ask_status)(struct arena *, const struct pay_account *,
			    const char *invoice_id, struct pay_ask *);
	/* By our invoice's id, after the answer to a create was lost. */
	void		(*ask_find)(struct arena *, const struct pay_account *,
			    const char *order_id, struct pay_ask *);
	/* The answer to any of the three. */
	enum pay_result	(*read)(struct arena *, const struct pay_account *,
			    const struct pay_answer *, struct pay_invoice *);
	/* False: not signed as it should be.  NULL: it sends no webhooks. */
	bool		(*read_hook)(struct arena *, const struct pay_account *,
			    const char *signature, const void *body, size_t len,
			    struct pay_hook *);
};

extern const struct provider	pay_sandbox;
extern const struct provider	pay_btcpay;

/* Parent, once the provider's row is known; `kind' "" or NULL: none. */
void				 pay_open(const char *kind,
				    const char *provider_id);
/* NULL: no provider is connected. */
const struct provider		*pay_provider(void);
const struct pay_account	*pay_account(void);

/*
 * Is it served?  NULL and words that are no rail ask for nothing special.
 */
bool				 pay_serves(const char *rail);

const char			*pay_status_name(enum pay_status);

#endif
