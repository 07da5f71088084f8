/*
 * Paying to a Lightning address (LUD-16, LUD-06): which URLs are asked, what
 * the answers mean and whether the invoice is the one that was asked for.
 * Does no I/O.  HTTP status and headers mean nothing in LNURL (LUD-01): only
 * bodies are read.
 *
 * `insecure' is for tests: plain http, and a port after the domain.
 */
#ifndef PAY_LNURL_H
#define PAY_LNURL_H

#include "base/arena.h"
#include "pay/bolt11.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LNURL_ADDRESS_MAX	254	/* bytes, as for an email address */

/* What a payRequest says; texts live in the arena. */
struct lnurl_pay {
	const char	*callback;
	const char	*metadata;	/* as its hash is taken: unescaped */
	int64_t		 min_msat, max_msat;
};

/*
 * user@domain of letters of either case, digits, `.', `_' and `-'; the user is
 * not a step of a path (".", ".."), the domain has no empty label.
 */
bool		 lnurl_is_address(const char *, bool insecure);
/* The URL of its payRequest; NULL: not an address. */
const char	*lnurl_address_url(struct arena *, const char *address,
		    bool insecure);

/*
 * Reads the answer.  False: `*why' is a sentence, in the arena, for people:
 * the host's own reason after "the host says: ", cut and freed of controls, or
 * what is wrong with the answer.
 */
bool		 lnurl_pay_read(struct arena *, const char *body, size_t len,
		    bool insecure, struct lnurl_pay *, const char **why);
/* Does it take this much?  False: `*why' as above. */
bool		 lnurl_pay_takes(struct arena *, const struct lnurl_pay *,
		    int64_t msat, const char **why);
/* The URL that asks for the invoice. */
const char	*lnurl_callback_url(struct arena *, const struct lnurl_pay *,
		    int64_t msat);

/* The invoice in the callback's answer, in the arena; NULL: `*why'. */
const char	*lnurl_invoice_read(struct arena *, const char *body,
		    size_t len, const char **why);

/*
 * Is `pr' an invoice over exactly `msat' whose description hash is that of the
 * payRequest's metadata?  Fills `*invoice' (its payment hash is how the payment
 * is looked up later).  False: `*why' is a constant sentence.
 */
bool		 lnurl_check(const char *pr, int64_t msat, const char *metadata,
		    struct bolt11 *invoice, const char **why);

#endif
