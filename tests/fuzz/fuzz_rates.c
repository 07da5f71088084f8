/*
 * Any bytes as the answer of a source of exchange rates: what is read is a
 * rate, within bounds, and it stands where it belongs.
 *
 * The first byte says whose answer it is: K, B or G, small for euros.
 */
#include "pay/rates.h"

#include "base/json.h"
#include "domain/money.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const json_t *
at(const json_t *j, const char *name)
{
	return (json_object_get(j, name));
}

static const json_t *
place(const json_t *j, size_t source, bool euro)
{
	if (source == 0)
		return (json_array_get(at(at(at(j, "result"),
		    euro ? "XXBTZEUR" : "XXBTZUSD"), "c"), 0));
	if (source == 1)
		return (at(at(at(j, "data"), "rates"), euro ? "EUR" : "USD"));
	return (at(at(j, "bitcoin"), euro ? "eur" : "usd"));
}

/* Jansson's own reading, as near as a double comes. */
static void
check_rate(const json_t *value, int64_t rate)
{
	int64_t	again;
	double	near;

	REQUIRE(rate > 0 && rate <= MONEY_RATE_MAX);
	if (json_is_string(value)) {
		REQUIRE(money_rate_parse(json_string_value(value), &again));
		REQUIRE(again == rate);
		return;
	}
	REQUIRE(json_is_number(value));
	near = json_number_value(value) * 10000;
	REQUIRE(fabs(near - (double)rate) <= 0.5001 + near * 1e-12);
}

/* Nothing else keeps a good text from being read. */
static void
check_refusal(const json_t *j, const json_t *value, size_t source)
{
	const char	*of = json_string_value(at(at(j, "data"), "currency"));
	int64_t		 rate;

	if (!json_is_string(value) ||
	    !money_rate_parse(json_string_value(value), &rate))
		return;
	REQUIRE(source != 2);
	REQUIRE(source == 1 ? of != NULL && strcmp(of, "BTC") :
	    !json_is_array(at(j, "error")) ||
	    json_array_size(at(j, "error")) > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t	 source;
	int64_t	 rate = 0;
	json_t	*j;
	char	*body, why[96];
	bool	 euro;

	if (size == 0)
		return (0);
	euro = *data >= 'a';
	source = (*data | 0x20) == 'k' ? 0 : (*data | 0x20) == 'b' ? 1 : 2;
	size--;
	body = malloc(size + (size == 0));
	memcpy(body, data + 1, size);
	j = json_read(body, size, why, sizeof(why));
	if (rate_sources[source].read(body, size, euro ? "EUR" : "USD",
	    &rate)) {
		REQUIRE(j != NULL);
		check_rate(place(j, source, euro), rate);
	} else {
		check_refusal(j, place(j, source, euro), source);
	}
	REQUIRE(!rate_sources[source].read(body, size, "GBP", &rate));
	json_decref(j);
	free(body);

	return (0);
}
