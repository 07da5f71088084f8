/*
 * The page on which a product is bought: what buy.c gathers, and buy_page.c
 * shows.  The flow's body has under `offer' what the API says of product and
 * policies, under `terms' by what it sells without one, in the same words, and
 * under `preview' what the API says of a code that was typed.
 */
#ifndef PAGES_BUY_H
#define PAGES_BUY_H

#include "base/json.h"
#include "flow/flow.h"

#include <stdint.h>

/* The endpoint's state; texts are never NULL unless it says so. */
struct buy {
	/* What came. */
	const char	*slug;
	const char	*policy;	/* "": none was chosen */
	const char	*code;
	const char	*email;
	const char	*prefilled;	/* the code that stood there by itself */
	const char	*token;		/* of the form; NULL: a new one */
	bool		 is_sale;	/* not only a look at it */

	int64_t		 rate_e4;	/* 0: none is known */
	const char	*rate_at;	/* NULL: it is the vendor's own */

	/* Of a code that was typed and is good: it counts. */
	bool		 is_coded;
	long long	 code_amount;

	/* On the way. */
	const json_t	*tier;		/* the chosen one, of offer or terms */
	unsigned int	 pauses;

	/* What went wrong, NULL: nothing. */
	int		 status;
	const char	*fault;
	const char	*code_fault;
	const char	*email_fault;
};

/* Chooses the tier, and whose code it is; once the offer is there. */
void		 buy_choose(struct flow *, struct buy *);

/* Was a code typed, rather than put there by us? */
bool		 buy_is_typed(const struct buy *);

enum flow_next	 buy_page(struct flow *);

#endif
