#include "domain/tier.h"

#include <stddef.h>
#include <string.h>

#define DAY_US	INT64_C(86400000000)

const char *
tier_fault_message(enum tier_fault fault)
{
	static const char *const	messages[] = {
		[TIER_NO_POLICY] = "The license has no policy to change from.",
		[TIER_SAME_POLICY] = "The license has this policy already.",
		[TIER_OTHER_PRODUCT] =
		    "The policy belongs to another product.",
		[TIER_INACTIVE] = "The policy is not active.",
		[TIER_NO_RANK] = "There is no self-service change between "
		    "these policies: they have no rank.",
		[TIER_EQUAL_RANK] = "There is no self-service change between "
		    "these policies: they rank equally.",
		[TIER_DOWN_FROM_RENEWALS] =
		    "A downgrade to a perpetual policy is not possible.",
	};

	return (messages[fault]);
}

const char *
tier_direction_name(enum tier_direction direction)
{
	return (direction == TIER_UPGRADE ? "upgrade" : "downgrade");
}

enum tier_subscription
tier_subscription_parse(const char *status)
{
	static const char *const	names[] = {
		[TIER_SUBSCRIPTION_ACTIVE] = "active",
		[TIER_SUBSCRIPTION_PAST_DUE] = "past_due",
		[TIER_SUBSCRIPTION_CANCELLED] = "cancelled",
		[TIER_SUBSCRIPTION_LAPSED] = "lapsed",
	};
	size_t				i;

	for (i = 1; status != NULL && i < sizeof(names) / sizeof(names[0]);
	    i++) {
		if (!strcmp(names[i], status))
			return ((enum tier_subscription)i);
	}
	return (TIER_SUBSCRIPTION_NONE);
}

/* Is there a cycle that was paid, or that is about to be? */
static bool
has_cycle(const struct tier_facts *f)
{
	switch (f->subscription) {
	case TIER_SUBSCRIPTION_ACTIVE:
	case TIER_SUBSCRIPTION_PAST_DUE:
		return (true);
	case TIER_SUBSCRIPTION_CANCELLED:
		/* A move to a perpetual policy leaves one behind like this. */
		return (f->from.is_recurring &&
		    f->next_renewal_us > f->now_us);
	case TIER_SUBSCRIPTION_NONE:
	case TIER_SUBSCRIPTION_LAPSED:
		break;
	}
	return (false);
}

static enum tier_direction
direction_of(const struct tier_facts *f)
{
	if (f->from.rank != TIER_UNRANKED && f->to.rank != TIER_UNRANKED &&
	    f->from.rank != f->to.rank)
		return (f->to.rank > f->from.rank ? TIER_UPGRADE :
		    TIER_DOWNGRADE);
	return (f->to.listed_value >= f->from.listed_value ? TIER_UPGRADE :
	    TIER_DOWNGRADE);
}

static enum tier_fault
find_fault(const struct tier_facts *f)
{
	if (!f->has_policy)
		return (TIER_NO_POLICY);
	if (f->same_policy)
		return (TIER_SAME_POLICY);
	if (!f->same_product)
		return (TIER_OTHER_PRODUCT);
	if (!f->to.is_active)
		return (TIER_INACTIVE);
	if (f->mode == TIER_ADMIN)
		return (TIER_OK);
	if (f->from.rank == TIER_UNRANKED || f->to.rank == TIER_UNRANKED)
		return (TIER_NO_RANK);
	if (f->from.rank == f->to.rank)
		return (TIER_EQUAL_RANK);
	if (f->to.rank < f->from.rank && !f->to.is_recurring)
		return (TIER_DOWN_FROM_RENEWALS);
	return (TIER_OK);
}

/* max(0, (to - from) * days div period) */
static int64_t
prorate(int64_t from, int64_t to, int64_t days, int64_t period)
{
	if (to <= from)
		return (0);
	return ((int64_t)(((__int128)to - from) * days / period));
}

/* Whole days to the next renewal, from 0 to the subscription's period. */
static int64_t
days_left(const struct tier_facts *f, int64_t period)
{
	int64_t	days;

	if (f->next_renewal_us <= f->now_us)
		return (0);
	days = (int64_t)(((__int128)f->next_renewal_us - f->now_us) / DAY_US);
	return (days < period ? days : period);
}

static int64_t
charge_of(const struct tier_facts *f, bool cycle)
{
	int64_t	period = f->period_days > 0 ? f->period_days : 1;

	if (!f->to.is_recurring)
		return (prorate(f->from.listed_value, f->to.listed_value, 1,
		    1));
	if (!cycle)
		return (f->to.listed_value);
	return (prorate(f->from.listed_value, f->to.listed_value,
	    days_left(f, period), period));
}

enum tier_fault
tier_quote(const struct tier_facts *f, struct tier_quote *q)
{
	enum tier_fault	fault = find_fault(f);
	bool		cycle = has_cycle(f);

	*q = (struct tier_quote){ .charge_value = 0 };
	if (fault != TIER_OK)
		return (fault);
	q->direction = direction_of(f);
	q->immediate = true;
	q->effective_us = f->now_us;
	if (q->direction == TIER_UPGRADE || !f->to.is_recurring) {
		q->charge_value = charge_of(f, cycle);
	} else if (cycle) {
		q->immediate = false;
		q->effective_us = f->next_renewal_us;
	}
	if (f->to.is_recurring && !(cycle &&
	    f->subscription == TIER_SUBSCRIPTION_CANCELLED)) {
		q->has_next = true;
		q->next_renewal_charge = f->to.listed_value;
		q->next_renewal_period_days = f->to.period_days;
	}
	return (TIER_OK);
}
