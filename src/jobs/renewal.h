/* One subscription's billing: the flow that renewals.c starts for each. */
#ifndef JOBS_RENEWAL_H
#define JOBS_RENEWAL_H

#include "flow/endpoint.h"
#include "pay/provider.h"

#include <stdint.h>

struct renewal {
	const char		*id;
	const char		*license_id;
	char			 invoice_id[37];	/* the one we open */
	const char		*todo;		/* renewal_facts' word */
	const char		*cycle_number;
	const char		*listed_currency;
	const char		*listed_value;
	const char		*in_force_id;	/* the cycle's invoice so far */
	const char		*failures;
	const char		*reason;	/* why it can't be billed */
	int64_t			 lapse_us;
	struct pay_account	 account;
	struct pay_order	 order;
	struct pay_invoice	 invoice;	/* the provider's */
};

extern const struct flow_step	renewal_steps[];

#endif
