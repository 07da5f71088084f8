#include "domain/money.h"

#include <stdio.h>

#define SATS_PER_BTC	100000000
#define SATS_MAX	(INT64_C(21000000) * SATS_PER_BTC)

void
money_sats_to_btc(int64_t sats, char out[MONEY_TEXT_SIZE])
{
	snprintf(out, MONEY_TEXT_SIZE, "%lld.%08lld",
	    (long long)(sats / SATS_PER_BTC), (long long)(sats % SATS_PER_BTC));
}

/* `unit' is how many sats a 1 before the point is. */
static bool
read_decimal(const char *p, int64_t unit, int64_t *sats)
{
	if (*p < '0' || *p > '9')
		return (false);
	for (*sats = 0; *p >= '0' && *p <= '9'; p++) {
		*sats = *sats * 10 + (*p - '0') * unit;
		if (*sats > SATS_MAX)
			return (false);
	}
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return (false);
		for (p++; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			if (unit == 0 && *p != '0')
				return (false);
			*sats += (*p - '0') * unit;
		}
	}
	return (*p == '\0' && *sats <= SATS_MAX);
}

bool
money_btc_to_sats(const char *btc, int64_t *sats)
{
	return (read_decimal(btc, SATS_PER_BTC, sats));
}

bool
money_text_to_sats(const char *text, int64_t *sats)
{
	return (read_decimal(text, 1, sats));
}
