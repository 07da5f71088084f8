/*
 * Where the price of a bitcoin comes from, as data: which URL is asked and how
 * the answer is read.  Does no I/O; the order of the sources is the order in
 * which they are asked, each when those before it failed.
 */
#ifndef PAY_RATES_H
#define PAY_RATES_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_SOURCES	3
#define RATE_TIMEOUT_MS	8000	/* for each source */

struct rate_source {
	const char	*name;		/* invoices.exchange_rate_source */

	/* NULL: it has no such currency.  `base' may end with a slash. */
	const char	*(*url)(struct arena *, const char *base,
			    const char *currency);
	/*
	 * The answer's body (for a status of 200) to a rate as in
	 * domain/money.h, exactly.  False: no rate in it, or an absurd one.
	 */
	bool		 (*read)(const char *body, size_t len,
			    const char *currency, int64_t *rate_e4);
};

extern const struct rate_source	rate_sources[RATE_SOURCES];

/*
 * The whole URL by the settings; NULL: the source is `off' or has no such
 * currency ("USD" and "EUR" are known).
 */
const char	*rate_source_url(struct arena *, const struct rate_source *,
		    const char *currency);

#endif
