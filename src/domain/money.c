#include "domain/money.h"

#include <stdio.h>
#include <string.h>

#define SATS_PER_BTC	100000000
#define RATE_DECIMALS	4
#define RATE_DIGITS	17		/* of MONEY_RATE_MAX */
/* Far beyond any reply: what is larger only has to stay absurd. */
#define EXPONENT_MAX	100000000

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
		if (*sats > MONEY_SATS_MAX)
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
	return (*p == '\0' && *sats <= MONEY_SATS_MAX);
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

/* JSON's number without a sign, in its parts. */
struct decimal {
	const char	*whole, *fraction;
	size_t		 nwhole, nfraction;
	long		 exponent;
};

static size_t
count_digits(const char *p)
{
	return (strspn(p, "0123456789"));
}

static bool
read_exponent(const char **at, long *exponent)
{
	const char	*p = *at + 1;
	bool		 negative = *p == '-';

	if (*p == '-' || *p == '+')
		p++;
	if (count_digits(p) == 0)
		return (false);
	for (*exponent = 0; *p >= '0' && *p <= '9'; p++) {
		if (*exponent < EXPONENT_MAX)
			*exponent = *exponent * 10 + (*p - '0');
	}
	if (negative)
		*exponent = -*exponent;
	*at = p;
	return (true);
}

static bool
read_json_decimal(const char *p, struct decimal *d)
{
	*d = (struct decimal){ .whole = p, .fraction = "" };
	d->nwhole = count_digits(p);
	if (d->nwhole == 0 || (*p == '0' && d->nwhole > 1))
		return (false);
	p += d->nwhole;
	if (*p == '.') {
		d->fraction = ++p;
		if ((d->nfraction = count_digits(p)) == 0)
			return (false);
		p += d->nfraction;
	}
	if ((*p == 'e' || *p == 'E') && !read_exponent(&p, &d->exponent))
		return (false);
	return (*p == '\0');
}

/* The digit that counts 10^power, which may lie outside of what is written. */
static int
digit_at(const struct decimal *d, long power)
{
	long	i = (long)d->nwhole - 1 + d->exponent - power;

	if (i < 0 || i >= (long)(d->nwhole + d->nfraction))
		return (0);
	if (i < (long)d->nwhole)
		return (d->whole[i] - '0');
	return (d->fraction[i - (long)d->nwhole] - '0');
}

/* The power of ten that its first digit other than 0 counts. */
static bool
first_power(const struct decimal *d, long *power)
{
	size_t	zeros = strspn(d->whole, "0");

	if (zeros >= d->nwhole)
		zeros = d->nwhole + strspn(d->fraction, "0");
	if (zeros >= d->nwhole + d->nfraction)
		return (false);
	*power = (long)d->nwhole - 1 + d->exponent - (long)zeros;
	return (true);
}

bool
money_rate_parse(const char *decimal, int64_t *rate_e4)
{
	struct decimal	d;
	long		power;

	if (!read_json_decimal(decimal, &d) || !first_power(&d, &power) ||
	    power + RATE_DECIMALS >= RATE_DIGITS)
		return (false);
	*rate_e4 = 0;
	for (; power >= -RATE_DECIMALS; power--)
		*rate_e4 = *rate_e4 * 10 + digit_at(&d, power);
	/* The first digit cut off tells whether half or more is cut off. */
	if (digit_at(&d, -RATE_DECIMALS - 1) >= 5)
		(*rate_e4)++;
	return (*rate_e4 > 0 && *rate_e4 <= MONEY_RATE_MAX);
}

bool
money_fiat_to_sats(int64_t cents, int64_t rate_e4, int64_t *sats)
{
	__int128	scaled, result;

	if (cents < 0 || rate_e4 <= 0)
		return (false);
	/* cents * 1e6 / (rate_e4 / 1e4); twice that plus 1, halved, rounds. */
	scaled = (__int128)cents * INT64_C(10000000000);
	result = (2 * scaled + rate_e4) / ((__int128)2 * rate_e4);
	if (result > INT64_MAX)
		return (false);
	*sats = (int64_t)result;
	return (true);
}
