/* pay/rates: what the sources are asked and which of their answers count. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/conf.h"
#include "pay/rates.h"

#include <string.h>

#define ROW(...)	{ __VA_ARGS__ }

static const struct rate_source	*const kraken = &rate_sources[0];
static const struct rate_source	*const coinbase = &rate_sources[1];
static const struct rate_source	*const coingecko = &rate_sources[2];

struct row {
	const char	*body;
	int64_t		 rate;		/* -1: refused */
};

static void
check(const struct rate_source *source, const char *currency,
    const struct row *rows, size_t n)
{
	int64_t	got;
	size_t	i;
	bool	ok;

	for (i = 0; i < n; i++) {
		got = -2;
		ok = source->read(rows[i].body, strlen(rows[i].body), currency,
		    &got);
		if (ok != (rows[i].rate >= 0))
			fail_msg("%s: %s", rows[i].body,
			    ok ? "accepted" : "refused");
		if (ok && got != rows[i].rate)
			fail_msg("%s: %lld", rows[i].body, (long long)got);
	}
}

#define ROWS(r)	r, sizeof(r) / sizeof(r[0])

/* ---- what is asked: keysat 4.7 ---- */

static void
urls(void **state)
{
	static const struct {
		const char	*base, *currency;
		const char	*want[RATE_SOURCES];
	} rows[] = {
		{ "https://a.example", "USD",
		    { "https://a.example/0/public/Ticker?pair=XXBTZUSD",
		    "https://a.example/v2/exchange-rates?currency=BTC",
		    "https://a.example/api/v3/simple/price"
		    "?ids=bitcoin&vs_currencies=usd" } },
		{ "http://127.0.0.1:1/b/", "EUR",
		    { "http://127.0.0.1:1/b/0/public/Ticker?pair=XXBTZEUR",
		    "http://127.0.0.1:1/b/v2/exchange-rates?currency=BTC",
		    "http://127.0.0.1:1/b/api/v3/simple/price"
		    "?ids=bitcoin&vs_currencies=eur" } },
		{ "https://a.example", "GBP", { NULL, NULL, NULL } },
		{ "https://a.example", "usd", { NULL, NULL, NULL } },
		{ "https://a.example", "SAT", { NULL, NULL, NULL } },
		{ "https://a.example", "", { NULL, NULL, NULL } },
	};
	struct arena	a;
	const char	*got;
	size_t		i, j;

	arena_init(&a);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (j = 0; j < RATE_SOURCES; j++) {
			got = rate_sources[j].url(&a, rows[i].base,
			    rows[i].currency);
			if (rows[i].want[j] == NULL)
				assert_null(got);
			else
				assert_string_equal(got, rows[i].want[j]);
		}
	}
	arena_reset(&a);
}

static void
settings(void **state)
{
	char		 pinned[] = "LICET_RATES_KRAKEN_URL="
			    "http://127.0.0.1:1/kraken";
	char		 off[] = "LICET_RATES_COINBASE_URL=off";
	char		 empty[] = "LICET_RATES_COINGECKO_URL=";
	char		*none[] = { NULL };
	char		*some[] = { pinned, off, empty, NULL };
	struct buf	 errors;
	struct arena	 a;

	arena_init(&a);
	buf_init(&errors, 1000);
	assert_true(conf_read(none, NULL, &errors));
	assert_string_equal(rate_source_url(&a, kraken, "EUR"),
	    "https://api.kraken.com/0/public/Ticker?pair=XXBTZEUR");
	assert_string_equal(rate_source_url(&a, coinbase, "EUR"),
	    "https://api.coinbase.com/v2/exchange-rates?currency=BTC");
	assert_string_equal(rate_source_url(&a, coingecko, "EUR"),
	    "https://api.coingecko.com/api/v3/simple/price"
	    "?ids=bitcoin&vs_currencies=eur");
	assert_null(rate_source_url(&a, coingecko, "GBP"));

	assert_true(conf_read(some, NULL, &errors));
	assert_string_equal(rate_source_url(&a, kraken, "USD"),
	    "http://127.0.0.1:1/kraken/0/public/Ticker?pair=XXBTZUSD");
	assert_null(rate_source_url(&a, coinbase, "USD"));
	assert_non_null(rate_source_url(&a, coingecko, "USD"));
	buf_free(&errors);
	arena_reset(&a);
}

static void
names(void **state)
{
	assert_string_equal(kraken->name, "kraken");
	assert_string_equal(coinbase->name, "coinbase");
	assert_string_equal(coingecko->name, "coingecko");
}

/* ---- what is answered ---- */

#define TICKER(c)	"{\"error\":[],\"result\":{\"XXBTZUSD\":{\"a\":["	\
    "\"65232.00000\",\"1\",\"1.000\"],\"b\":[\"65231.90000\",\"1\","	\
    "\"1.000\"],\"c\":" c ",\"t\":[12345,67890],\"o\":\"65013.16841\"}}}"

static void
kraken_answers(void **state)
{
	static const struct row	rows[] = {
		ROW(TICKER("[\"65231.80000\",\"0.00802897\"]"), 652318000),
		ROW(TICKER("[\"65231.80000\"]"), 652318000),
		ROW(TICKER("[65231.8,0.1]"), 652318000),
		ROW(" " TICKER("[ \"97123.45\" , 1 ]") "\n", 971234500),

		ROW(TICKER("[]"), -1),
		ROW(TICKER("{}"), -1),
		ROW(TICKER("\"65231.8\""), -1),
		ROW(TICKER("[null]"), -1),
		ROW(TICKER("[true]"), -1),
		ROW(TICKER("[[\"65231.8\"]]"), -1),
		ROW(TICKER("[\"0\"]"), -1),
		ROW(TICKER("[\"-1\"]"), -1),
		ROW(TICKER("[\"\"]"), -1),
		ROW(TICKER("[\"NaN\"]"), -1),
		ROW(TICKER("[\" 65231.8\"]"), -1),
		ROW(TICKER("[\"65,231.8\"]"), -1),
		ROW(TICKER("[\"1000000000001\"]"), -1),
		/* An error comes with status 200, and sometimes with a result. */
		ROW("{\"error\":[\"EQuery:Unknown asset pair\"]}", -1),
		ROW("{\"error\":[\"EService:Unavailable\"],\"result\":{"
		    "\"XXBTZUSD\":{\"c\":[\"1.0\"]}}}", -1),
		ROW("{\"error\":\"\",\"result\":{\"XXBTZUSD\":"
		    "{\"c\":[\"1.0\"]}}}", -1),
		ROW("{\"result\":{\"XXBTZUSD\":{\"c\":[\"1.0\"]}}}", -1),
		/* Another pair's price is none. */
		ROW("{\"error\":[],\"result\":{\"XXBTZEUR\":"
		    "{\"c\":[\"1.0\"]}}}", -1),
		ROW("{\"error\":[],\"result\":{\"XBTUSD\":"
		    "{\"c\":[\"1.0\"]}}}", -1),
		ROW("{\"error\":[],\"result\":{}}", -1),
		ROW("{\"error\":[],\"result\":[]}", -1),
		ROW("", -1), ROW("[]", -1), ROW("null", -1), ROW("<html>", -1),
		ROW("{\"error\":[],\"result\":{\"XXBTZUSD\":{\"c\":[\"1", -1),
	};
	static const struct row	euros[] = {
		ROW("{\"error\":[],\"result\":{\"XXBTZEUR\":"
		    "{\"c\":[\"56000.1\",\"1\"]}}}", 560001000),
		ROW(TICKER("[\"65231.80000\"]"), -1),
	};

	check(kraken, "USD", ROWS(rows));
	check(kraken, "EUR", ROWS(euros));
}

#define RATES(r)	"{\"data\":{\"currency\":\"BTC\",\"rates\":{"	\
    "\"AED\":\"239000.1\"," r "\"ZWL\":\"1\"}}}"

static void
coinbase_answers(void **state)
{
	static const struct row	rows[] = {
		ROW(RATES("\"EUR\":\"56000.1\",\"USD\":\"65231.805\","),
		    652318050),
		ROW(RATES("\"USD\":\"65231.80495\","), 652318050),
		ROW(RATES("\"USD\":65231.80494999,"), 652318049),
		ROW("{\"data\":{\"rates\":{\"USD\":\"5\"}}}", 50000),

		ROW(RATES("\"EUR\":\"56000.1\","), -1),
		ROW(RATES("\"usd\":\"56000.1\","), -1),
		ROW(RATES("\"USD\":null,"), -1), ROW(RATES("\"USD\":\"\","), -1),
		ROW(RATES("\"USD\":[\"5\"],"), -1),
		ROW(RATES("\"USD\":\"5\",\"USD\":\"5\","), -1),
		/* Without having heard what was asked for, it is of dollars. */
		ROW("{\"data\":{\"currency\":\"USD\",\"rates\":"
		    "{\"USD\":\"1.0\"}}}", -1),
		ROW("{\"data\":{\"rates\":[]}}", -1), ROW("{\"data\":[]}", -1),
		ROW("{\"errors\":[{\"id\":\"not_found\"}]}", -1),
		ROW("{}", -1), ROW("5", -1), ROW("", -1),
	};
	static const struct row	euros[] = {
		ROW(RATES("\"EUR\":\"56000.1\",\"USD\":\"65231.805\","),
		    560001000),
	};

	check(coinbase, "USD", ROWS(rows));
	check(coinbase, "EUR", ROWS(euros));
}

/* Numbers, to their last digit: no double on the way. */
static void
coingecko_answers(void **state)
{
#define PRICE(p)	"{\"bitcoin\":{\"usd\":" p "}}"
	static const struct row	rows[] = {
		ROW(PRICE("111813"), 1118130000),
		ROW(PRICE("97284.65"), 972846500),
		ROW(PRICE("60000.0"), 600000000),
		ROW(PRICE("6.5231805e4"), 652318050),
		ROW(PRICE("65231805E-3"), 652318050),
		ROW(PRICE("64999.99995"), 650000000),
		ROW(PRICE("64999.99994999999999999999999"), 649999999),
		ROW(PRICE("999999999999.9999"), INT64_C(9999999999999999)),
		ROW(PRICE("999999999999.99994"), INT64_C(9999999999999999)),
		ROW(PRICE("\"97284.65\""), 972846500),
		ROW("{\"bitcoin\":{\"eur\":1,\"usd\":2,\"usd_24h_change\":-2.5}}",
		    20000),
		ROW("{\"a-1\\\"2\":\"\\\\\",\"bitcoin\":{\"usd\":3,\"b\":[-1,"
		    "true,null,\"e1\"]}}", 30000),

		ROW(PRICE("0"), -1), ROW(PRICE("-5"), -1), ROW(PRICE("-0"), -1),
		ROW(PRICE("1e13"), -1), ROW(PRICE("1e400"), -1),
		ROW(PRICE("1e-400"), -1), ROW(PRICE("05"), -1),
		ROW(PRICE("5."), -1), ROW(PRICE("+5"), -1), ROW(PRICE("5e"), -1),
		ROW(PRICE("NaN"), -1), ROW(PRICE("null"), -1),
		ROW(PRICE("true"), -1), ROW(PRICE("[5]"), -1),
		ROW(PRICE("99999999999999999999999"), -1),
		ROW("{\"bitcoin\":{\"eur\":1}}", -1),
		ROW("{\"ethereum\":{\"usd\":1}}", -1), ROW("{\"usd\":1}", -1),
		ROW("{\"bitcoin\":{}}", -1), ROW("{\"bitcoin\":1}", -1),
		ROW("{\"status\":{\"error_code\":429}}", -1),
		ROW("{}", -1), ROW("5", -1), ROW("", -1),
	};
	static const struct row	euros[] = {
		ROW("{\"bitcoin\":{\"usd\":2,\"eur\":1.5}}", 15000),
	};

	check(coingecko, "USD", ROWS(rows));
	check(coingecko, "EUR", ROWS(euros));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(settings),
		cmocka_unit_test(names),
		cmocka_unit_test(kraken_answers),
		cmocka_unit_test(coinbase_answers),
		cmocka_unit_test(coingecko_answers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
