#include "pay/rates.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/json.h"
#include "domain/money.h"

#include <string.h>

#define OFF	"off"

/*
 * Currencies as the sources name them.  Kraken answers with its long names of
 * pairs, whichever it is asked by: X for a coin, Z for a state's currency.
 */
static const struct currency {
	const char	*name, *kraken, *lower;
} currencies[] = {
	{ "USD", "XXBTZUSD", "usd" },
	{ "EUR", "XXBTZEUR", "eur" },
};

static const struct currency *
find_currency(const char *name)
{
	size_t	i;

	for (i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++) {
		if (!strcmp(currencies[i].name, name))
			return (&currencies[i]);
	}
	return (NULL);
}

/*
 * Jansson makes doubles of numbers, and a rate's tenth of a thousandth is not
 * to depend on one.  So the text is checked as it is, then read once more with
 * each number in quotes: a decimal is a text like any other.
 */
static void
quote_numbers(struct buf *b, const char *p, const char *end)
{
	const char	*start;
	bool		 quoted = false;

	while (p < end) {
		start = p;
		if (!quoted && (*p == '-' || (*p >= '0' && *p <= '9'))) {
			while (p < end && *p != '\0' &&
			    strchr("0123456789+-.eE", *p) != NULL)
				p++;
			buf_puts(b, "\"");
			buf_put(b, start, (size_t)(p - start));
			buf_puts(b, "\"");
			continue;
		}
		if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			quoted = !quoted;
		p++;
		buf_put(b, start, (size_t)(p - start));
	}
}

static json_t *
read_exactly(const char *body, size_t len)
{
	struct buf	 b;
	json_t		*j;
	char		 why[96];

	if ((j = json_read(body, len, why, sizeof(why))) == NULL)
		return (NULL);
	json_decref(j);
	buf_init(&b, 3 * len + 1);
	quote_numbers(&b, body, body + len);
	j = b.failed ? NULL : json_read(b.data, b.len, why, sizeof(why));
	buf_free(&b);
	return (j);
}

/* A text, or what was a number. */
static bool
read_rate(const json_t *value, int64_t *rate_e4)
{
	const char	*text = json_string_value(value);

	return (text != NULL && money_rate_parse(text, rate_e4));
}

/* A base is given with or without its last slash. */
static int
base_length(const char *base)
{
	size_t	n = strlen(base);

	return ((int)(n > 0 && base[n - 1] == '/' ? n - 1 : n));
}

/* ---- Kraken: {"error":[],"result":{"XXBTZUSD":{"c":["65231.80000",..]}}} ---- */

static const char *
kraken_url(struct arena *a, const char *base, const char *currency)
{
	const struct currency	*c = find_currency(currency);

	return (c == NULL ? NULL : arena_printf(a,
	    "%.*s/0/public/Ticker?pair=%s", base_length(base), base,
	    c->kraken));
}

/* `c' is the last trade: its price and its volume.  Errors come with 200. */
static bool
kraken_read(const char *body, size_t len, const char *currency,
    int64_t *rate_e4)
{
	const struct currency	*c = find_currency(currency);
	const json_t		*errors, *pair;
	json_t			*j;
	bool			 ok;

	if (c == NULL || (j = read_exactly(body, len)) == NULL)
		return (false);
	errors = json_object_get(j, "error");
	pair = json_object_get(json_object_get(j, "result"), c->kraken);
	ok = json_is_array(errors) && json_array_size(errors) == 0 &&
	    read_rate(json_array_get(json_object_get(pair, "c"), 0), rate_e4);
	json_decref(j);
	return (ok);
}

/* ---- Coinbase: {"data":{"currency":"BTC","rates":{"USD":"65231.8",..}}} ---- */

static const char *
coinbase_url(struct arena *a, const char *base, const char *currency)
{
	return (find_currency(currency) == NULL ? NULL : arena_printf(a,
	    "%.*s/v2/exchange-rates?currency=BTC", base_length(base), base));
}

/* Rates are per unit of what was asked for, dollars if it was not heard. */
static bool
coinbase_read(const char *body, size_t len, const char *currency,
    int64_t *rate_e4)
{
	const json_t	*data;
	const char	*of;
	json_t		*j;
	bool		 ok;

	if (find_currency(currency) == NULL ||
	    (j = read_exactly(body, len)) == NULL)
		return (false);
	data = json_object_get(j, "data");
	of = json_text(data, "currency");
	ok = (of == NULL || !strcmp(of, "BTC")) && read_rate(json_object_get(
	    json_object_get(data, "rates"), currency), rate_e4);
	json_decref(j);
	return (ok);
}

/* ---- CoinGecko: {"bitcoin":{"usd":65231.8}} ---- */

static const char *
coingecko_url(struct arena *a, const char *base, const char *currency)
{
	const struct currency	*c = find_currency(currency);

	return (c == NULL ? NULL : arena_printf(a,
	    "%.*s/api/v3/simple/price?ids=bitcoin&vs_currencies=%s",
	    base_length(base), base, c->lower));
}

static bool
coingecko_read(const char *body, size_t len, const char *currency,
    int64_t *rate_e4)
{
	const struct currency	*c = find_currency(currency);
	json_t			*j;
	bool			 ok;

	if (c == NULL || (j = read_exactly(body, len)) == NULL)
		return (false);
	ok = read_rate(json_object_get(json_object_get(j, "bitcoin"),
	    c->lower), rate_e4);
	json_decref(j);
	return (ok);
}

const struct rate_source	rate_sources[RATE_SOURCES] = {
	{ .name = "kraken", .url = kraken_url, .read = kraken_read },
	{ .name = "coinbase", .url = coinbase_url, .read = coinbase_read },
	{ .name = "coingecko", .url = coingecko_url, .read = coingecko_read },
};

const char *
rate_source_url(struct arena *a, const struct rate_source *source,
    const char *currency)
{
	const char *const	bases[RATE_SOURCES] = { conf.rates_kraken_url,
				    conf.rates_coinbase_url,
				    conf.rates_coingecko_url };
	const char		*base = bases[source - rate_sources];

	if (*base == '\0' || conf_is(base, OFF))
		return (NULL);
	return (source->url(a, base, currency));
}
