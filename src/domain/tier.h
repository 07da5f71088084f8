/*
 * May a license move to another policy (a tier) of its product, which way is
 * that, what does it cost and when does it happen?  Decides only; who may ask
 * and what an answer leads to is the caller's.
 *
 * Times are microseconds since 1970: a subscription's remaining days are whole
 * days, and cutting both ends to seconds first could make one more of them.
 */
#ifndef DOMAIN_TIER_H
#define DOMAIN_TIER_H

#include <stdbool.h>
#include <stdint.h>

#define TIER_UNRANKED	(-1)	/* tier_rank is null */

enum tier_mode {
	TIER_BUYER,	/* by the key: only between ranked policies */
	TIER_ADMIN	/* the vendor: ranks where they tell, else prices */
};

/* subscriptions.status, or that there is no subscription. */
enum tier_subscription {
	TIER_SUBSCRIPTION_NONE,
	TIER_SUBSCRIPTION_ACTIVE,
	TIER_SUBSCRIPTION_PAST_DUE,
	TIER_SUBSCRIPTION_CANCELLED,
	TIER_SUBSCRIPTION_LAPSED
};

struct tier_policy {
	int64_t	listed_value;	/* the policy's override, else the product's
				   price; both in the product's currency */
	int	rank;		/* tier_rank or TIER_UNRANKED */
	bool	is_recurring;
	int	period_days;	/* renewal_period_days */
	bool	is_active;	/* and not archived; looked at in `to' only */
};

struct tier_facts {
	enum tier_mode		mode;
	bool			has_policy;	/* the license; else `from'
						   is not looked at */
	bool			same_policy;
	bool			same_product;
	struct tier_policy	from, to;
	enum tier_subscription	subscription;	/* NONE: the next two are not
						   looked at */
	int			period_days;	/* the subscription's own */
	int64_t			next_renewal_us;
	int64_t			now_us;
};

/* All of them are 400 to a client; the first that holds, in this order. */
enum tier_fault {
	TIER_OK,
	TIER_NO_POLICY,		/* the license was issued without one */
	TIER_SAME_POLICY,
	TIER_OTHER_PRODUCT,
	TIER_INACTIVE,		/* the target is not for sale */
	TIER_NO_RANK,		/* buyer: one of the two has none */
	TIER_EQUAL_RANK,	/* buyer: neither up nor down */
	TIER_DOWN_FROM_RENEWALS	/* buyer: down to a perpetual policy */
};

enum tier_direction {
	TIER_UPGRADE,
	TIER_DOWNGRADE
};

struct tier_quote {
	enum tier_direction	direction;
	int64_t			charge_value;	/* listed currency, >= 0 */
	bool			immediate;	/* else at effective_us */
	int64_t			effective_us;	/* now_us when immediate */
	bool			has_next;	/* renewals go on after it */
	int64_t			next_renewal_charge;
	int			next_renewal_period_days;
};

/*
 * TIER_OK fills the quote; anything else zeroes it.
 *
 * Perpetual target: charge max(0, L(to) - L(from)), immediate.  Recurring
 * target, upgrade: within a subscription's paid cycle
 * max(0, (L(to) - L(from)) * R div P), else L(to); immediate.  Recurring
 * target, downgrade: nothing, at the next renewal, or at once when no renewal
 * is to come.  L is listed_value, P the subscription's period in days, R the
 * whole days to its next renewal, from 0 to P.
 *
 * A subscription that lapsed, that was cancelled and whose paid time is over,
 * or that was cancelled by a move to a perpetual policy, has no cycle to
 * prorate: it counts as none, and an upgrade pays a new first cycle.  One that
 * is past due has R = 0 and so charges nothing: the renewal comes first.  A
 * cancelled one in its paid time prorates and stays cancelled: has_next is
 * false.
 */
enum tier_fault	 tier_quote(const struct tier_facts *, struct tier_quote *);

/* A sentence for people; NULL for TIER_OK. */
const char	*tier_fault_message(enum tier_fault);
/* "upgrade" or "downgrade" */
const char	*tier_direction_name(enum tier_direction);
/* subscriptions.status; NULL and unknown words are TIER_SUBSCRIPTION_NONE. */
enum tier_subscription	 tier_subscription_parse(const char *);

#endif
