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

/* One row of payment_providers; flow/account.h makes it of a statement's row. */
struct pay_account {
	const struct provider	*provider;
	const char	*id;		/* UUID */
	const char	*base_url;	/* as we reach it, no slash at the end */
	const char	*public_url;	/* as buyers reach it; empty: as it says */
	const char	*store_id;
	const char	*api_key;
	const char	*webhook_secret;
	const char	*here;		/* our own public URL */
};

enum pay_kind {
	PAY_PURCHASE,
	PAY_RENEWAL,
	PAY_TIER_CHANGE
};

/* What is to be paid; NULL texts say nothing. */
struct pay_order {
	const char	*id;		/* our invoice, the provider's order id */
	enum pay_kind	 kind;
	const char	*product_id;
	const char	*product_name;
	const char	*redirect_url;
	const char	*buyer_email;
	int64_t		 amount_sats;
	unsigned int	 expiration_minutes;	/* 0: as the provider likes */
	/* Renewals. */
	const char	*subscription_id;
	const char	*cycle_start_at;
	/* Tier changes. */
	const char	*intent;	/* "tier_change", "admin_tier_change" */
	const char	*license_id;
	const char	*from_policy_id;
	const char	*to_policy_id;
	/* Zaprite: whose saved card this may become, or is. */
	const char	*contact_id;
	bool		 save_card;
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

/* What was odd about a payment; wire words in pay_exception_name(). */
enum pay_exception {
	PAY_AS_ASKED,
	PAY_PARTIAL,
	PAY_LATE,
	PAY_OVER,
	PAY_MARKED		/* by hand, at the provider */
};

enum pay_result {
	PAY_OK,
	PAY_NONE,	/* it said clearly that there is none, or refused */
	PAY_FAILED	/* no answer, or none that makes sense: unknown */
};

/* An invoice as the provider sees it; texts live in the arena. */
struct pay_invoice {
	const char		*id;
	const char		*order_id;	/* ours; NULL: it doesn't say */
	const char		*checkout_url;
	enum pay_status		 status;
	enum pay_exception	 exception;
	bool			 is_under_way;	/* pending, but somebody has
						   paid; few providers tell */
	const char		*detail;	/* its own words, for the audit trail */
	int64_t			 amount_sats;	/* -1: not told in bitcoin */
	int64_t			 paid_sats;	/* -1: not told */
	int64_t			 expires_at;	/* seconds since 1970; 0: not
						   told */
};

/*
 * With what an invoice can be paid now, and what has arrived; texts live in the
 * arena.  Checked: `address' is one, `bolt11' can be read and asks for what is
 * due.
 */
struct pay_methods {
	const char	*bolt11;	/* NULL: none */
	const char	*address;	/* NULL: none */
	int64_t		 due_sats;	/* -1: not told */
	int64_t		 seen_sats;	/* confirmed or not */
	int		 confirmations;	/* -1: not told */
	int		 confirmations_needed;
};

/* What a webhook claims; only a hint where to look. */
struct pay_hook {
	const char	*invoice_id;	/* NULL: nothing that concerns us */
	const char	*order_id;	/* NULL: not told */
};

/* A card that a buyer let the provider keep; texts live in the arena. */
struct pay_card {
	const char	*id;
	const char	*method;	/* its own word; "": not told */
	int64_t		 expires_at;	/* seconds since 1970; 0: not told */
};

struct pay_refund {
	const char	*id;
	const char	*claim_url;	/* where the buyer says whereto */
};

/* A Lightning payment that we make. */
enum pay_sent {
	PAY_SENT_DONE,
	PAY_SENT_WAITING,	/* in flight, or nobody knows: ask again, never
				   pay again */
	PAY_SENT_NONE,		/* the node has heard of no such payment: never
				   sent, unless the order is still on its way:
				   failed once the invoice has expired */
	PAY_SENT_FAILED		/* for certain */
};

struct provider {
	const char	*kind;
	const char	*rails;		/* "lightning onchain", first is the default */

	void		(*ask_create)(struct arena *, const struct pay_account *,
			    const struct pay_order *, struct pay_ask *);
	void		(*ask_status)(struct arena *, const struct pay_account *,
			    const char *invoice_id, struct pay_ask *);
	/* By our invoice's id, after the answer to a create was lost; or NULL. */
	void		(*ask_find)(struct arena *, const struct pay_account *,
			    const char *order_id, struct pay_ask *);
	/* The answer to any of the three. */
	enum pay_result	(*read)(struct arena *, const struct pay_account *,
			    const struct pay_answer *, struct pay_invoice *);
	/* False: not signed as it should be.  NULL: it sends no webhooks. */
	bool		(*read_hook)(struct arena *, const struct pay_account *,
			    const char *signature, const void *body, size_t len,
			    struct pay_hook *);

	/* The rest is NULL where the provider can't. */

	/* So that the buyer can pay on our own page. */
	void		(*ask_methods)(struct arena *,
			    const struct pay_account *, const char *invoice_id,
			    struct pay_ask *);
	enum pay_result	(*read_methods)(struct arena *,
			    const struct pay_account *,
			    const struct pay_answer *, struct pay_methods *);

	/* So that nobody pays it any more; the answer doesn't matter. */
	void		(*ask_void)(struct arena *, const struct pay_account *,
			    const char *invoice_id, struct pay_ask *);
	/* All that was paid goes back; `refund_id' is ours and finds it again. */
	void		(*ask_refund)(struct arena *, const struct pay_account *,
			    const char *invoice_id, const char *refund_id,
			    const char *variant, struct pay_ask *);
	void		(*ask_find_refund)(struct arena *,
			    const struct pay_account *, const char *refund_id,
			    struct pay_ask *);
	enum pay_result	(*read_refund)(struct arena *,
			    const struct pay_account *, const char *refund_id,
			    const struct pay_answer *, struct pay_refund *);
	/* Pays a BOLT11 invoice; later, asks what became of it. */
	void		(*ask_pay)(struct arena *, const struct pay_account *,
			    const char *bolt11, struct pay_ask *);
	void		(*ask_payment)(struct arena *,
			    const struct pay_account *, const char *payment_hash,
			    struct pay_ask *);
	/*
	 * The answers to these two; `detail' is a word for the audit trail.
	 * A refusal says something else after the one than after the other.
	 */
	enum pay_sent	(*read_pay)(struct arena *, const struct pay_account *,
			    const struct pay_answer *, const char **detail);
	enum pay_sent	(*read_payment)(struct arena *,
			    const struct pay_account *,
			    const struct pay_answer *, const char **detail);

	/*
	 * A buyer whose card can be kept: made before the order that names it
	 * as `contact_id'.
	 */
	void		(*ask_contact)(struct arena *,
			    const struct pay_account *, const char *email,
			    struct pay_ask *);
	enum pay_result	(*read_contact)(struct arena *,
			    const struct pay_account *,
			    const struct pay_answer *, const char **contact_id);
	/*
	 * The card that was kept when our invoice `order_id' was paid; PAY_NONE
	 * when there is none.
	 */
	void		(*ask_card)(struct arena *, const struct pay_account *,
			    const char *contact_id, struct pay_ask *);
	enum pay_result	(*read_card)(struct arena *,
			    const struct pay_account *, const char *order_id,
			    const struct pay_answer *, struct pay_card *);
	/*
	 * Pays an invoice with it; `read' reads the answer.  A second call may
	 * be a second payment, so after silence the invoice is read instead.
	 */
	void		(*ask_charge)(struct arena *,
			    const struct pay_account *, const char *invoice_id,
			    const char *card_id, struct pay_ask *);
};

extern const struct provider	pay_sandbox;
extern const struct provider	pay_btcpay;
extern const struct provider	pay_zaprite;

/* NULL: no such kind. */
const struct provider	*pay_provider(const char *kind);
/* "lightning", "onchain", "card"; other words are no rail. */
bool			 pay_is_rail(const char *word);

const char		*pay_status_name(enum pay_status);
const char		*pay_kind_name(enum pay_kind);
/* NULL when all was as asked. */
const char		*pay_exception_name(enum pay_exception);

#endif
