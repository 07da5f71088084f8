"""Prices in USD and EUR (4.7, 3.4): where the rate comes from, how long it
counts, pins, and what happens when nobody knows it."""
import time

import pytest

from lib.check import events, is_time
from lib.client import expect, refused
from lib.codes import fiat, order

SOURCES = ("kraken", "coinbase", "coingecko")


def invoice(market, got):
    return market.db.execute("SELECT * FROM invoices WHERE id = %s",
                             [got["invoice_id"]]).fetchone()


def listed(market):
    return {r["currency"]: r for r in market.do("GET", "/rates")["rates"]}


def age(market, seconds):
    market.db.execute("UPDATE exchange_rates SET fetched_at = fetched_at -"
                      " make_interval(secs => %s)", [seconds])


def metric(market, server, text):
    return sum(int(line.split()[-1]) for r in server.replicas
               for line in market.public(
                   "GET", r.url + "/metrics").text.splitlines()
               if line.startswith(text))


def all_fail(rates, kind="500"):
    for source in SOURCES:
        rates.fail(source, kind)


# The chain

FAILURES = ["500", "garbage", "empty", "types", "truncated", "hangup"]


@pytest.mark.parametrize("first,kind", [
    (0, "500"), *((n, kind) for n in (1, 2) for kind in FAILURES),
    (1, "error")])      # only Kraken has errors of its own
def test_sources_are_asked_in_order(market, rates, first, kind):
    """4.7: Kraken, then Coinbase, then CoinGecko; a failure is the next
    one's turn."""
    for n, source in enumerate(SOURCES):
        rates.set(source, USD=str(50000 + n))
        if n < first:
            rates.fail(source, kind)
    row = invoice(market, market.buy(fiat(market)))
    assert (row["exchange_rate_source"], row["exchange_rate_centibps"]) == \
        (SOURCES[first], (50000 + first) * 10000)
    asked = [min(rates.calls(s), 1) for s in SOURCES]   # curl may ask again
    assert asked == [1] * (first + 1) + [0] * (2 - first)


@pytest.mark.parametrize("currency,value,price,sats", [
    ("USD", 4900, "97123.45", 50451), ("EUR", 1, "90000", 11),
    ("USD", 1, "100000000", 1), ("USD", 1, "200000001", 1),
    ("EUR", 100, "0.5", 200000000), ("USD", 5, "8.0E+4", 63)])
def test_conversion(market, rates, currency, value, price, sats):
    """4.7: round half away; what is listed above 0 is at least a satoshi."""
    rates.set(**{currency: price})
    got = market.buy(fiat(market, currency, value))
    assert got["amount_sats"] == got["base_price_sats"] == sats


@pytest.mark.parametrize("price", ["0", "-5", "NaN", "1e30", "", None])
def test_absurd_prices_are_none(market, rates, price):
    """A source that says nonsense is one that failed."""
    rates.set("kraken", USD=price)
    rates.set("coinbase", USD="60000")
    row = invoice(market, market.buy(fiat(market)))
    assert row["exchange_rate_source"] == "coinbase"


def test_failures_are_counted(market, rates, rates_server):
    name = 'licet_rate_fetches_total{source="kraken",result="failed"}'
    before = metric(market, rates_server, name)
    rates.fail("kraken")
    market.buy(fiat(market))
    assert metric(market, rates_server, name) == before + 1


def test_one_silent_source_costs_a_part_of_the_time(market, rates):
    """8 s for each would be longer than a client waits."""
    rates.fail("kraken", "silent")
    began = time.monotonic()
    row = invoice(market, market.buy(fiat(market)))
    assert row["exchange_rate_source"] == "coinbase"
    assert time.monotonic() - began < 8


def test_all_silent_is_502_in_time(market, rates):
    all_fail(rates, "silent")
    began = time.monotonic()
    refused(order(market, fiat(market)), 502, "upstream_error")
    assert 3 < time.monotonic() - began < 20    # 3 * 8 it would be


# How long it counts

def test_a_rate_counts_for_a_minute_and_for_all(market, rates):
    """4.7: 60 s cache, shared by workers and replicas."""
    p = fiat(market)
    for _ in range(12):
        market.buy(p)
    assert rates.calls("kraken") == 1
    age(market, 50)
    market.buy(p)
    assert rates.calls("kraken") == 1
    age(market, 15)
    rates.set(USD="110000")
    assert invoice(market, market.buy(p))["exchange_rate_centibps"] == \
        1100000000
    assert rates.calls("kraken") == 2


def test_an_old_rate_is_never_used(market, rates):
    p = fiat(market)
    market.buy(p)
    age(market, 61)
    all_fail(rates)
    refused(order(market, p), 502, "upstream_error")


def test_a_rate_from_the_future_is_none(market, rates):
    market.buy(fiat(market))
    age(market, -3600)
    market.buy(fiat(market))
    assert rates.calls("kraken") == 2


def test_satoshis_need_no_rate(market, rates):
    all_fail(rates)
    row = invoice(market, market.buy(market.product(price_sats=77)))
    assert (row["exchange_rate_centibps"], row["exchange_rate_source"],
            row["listed_value"], row["charged_value"]) == \
        (None, None, 77, 77)
    assert [rates.calls(s) for s in SOURCES] == [0, 0, 0]


def test_an_override_of_nothing_needs_no_rate(market, rates):
    all_fail(rates)
    p = fiat(market)
    t = market.policy(p, price_sats_override=0)
    assert market.buy(p, policy_slug=t["slug"])["license_key"]


def test_more_than_all_bitcoin_is_refused(market, rates):
    rates.set(USD="0.0001")
    refused(order(market, fiat(market, value=10**14)), 502, "upstream_error")


# Pins

def pin(market, currency, units):
    return market.admin("PUT", f"/rates/{currency}/pin",
                        {"units_per_btc": units})


def test_a_pin_beats_everything(market, rates):
    """4.7: manual_rate_pin_<CUR>, source manual_pin."""
    p = fiat(market)
    market.buy(p)
    got = expect(pin(market, "USD", "12345.6789"), 200)
    assert got == {"currency": "USD", "units_per_btc": 12345.6789,
                   "source": "manual_pin"}
    row = invoice(market, market.buy(p))
    assert (row["exchange_rate_source"], row["exchange_rate_centibps"]) == \
        ("manual_pin", 123456789)
    all_fail(rates)
    age(market, 3600)
    market.buy(p)
    assert market.do("DELETE", "/rates/USD/pin") == {"ok": True}
    refused(order(market, p), 502, "upstream_error")
    refused(market.admin("DELETE", "/rates/USD/pin"), 404, "not_found")


@pytest.mark.parametrize("units", ["0", "-1", "x", "1e13", "0.00001", "",
                                   "1,5", "0x10", " 5"])
def test_a_pin_is_a_number(market, units):
    refused(pin(market, "USD", units), 400, "bad_request")
    assert listed(market) == {}


@pytest.mark.parametrize("currency", ["SAT", "GBP", "usd", "%00"])
def test_a_pin_is_of_a_known_currency(market, currency):
    for r in (pin(market, currency, "5"),
              market.admin("DELETE", f"/rates/{currency}/pin")):
        refused(r, 404, "not_found")


def test_a_pin_that_is_nonsense_stops_sales(market, rates):
    """Written by hand into the table: what was meant, nobody knows."""
    market.db.execute("INSERT INTO settings (key, value) VALUES"
                      " ('manual_rate_pin_USD', 'fifty')")
    refused(order(market, fiat(market)), 502, "upstream_error")
    assert listed(market)["USD"]["units_per_btc"] is None


def test_pins_are_audited(market, rates_server):
    pin(market, "EUR", "50000")
    pin(market, "EUR", "60000.5")
    market.do("DELETE", "/rates/EUR/pin")
    rows = [(e["action"], e["details"]) for e in events(rates_server, "EUR")][-3:]
    assert rows == [
        ("rate.pin", {"units_per_btc": "50000.0000", "before": None}),
        ("rate.pin", {"units_per_btc": "60000.5000",
                      "before": "50000.0000"}),
        ("rate.unpin", {"before": "60000.5000"})]


# The vendor's view (3.4)

def test_rates_are_listed(market, rates):
    """3.4: {rates:[{currency,units_per_btc,source,fetched_at_secs_ago}]}."""
    assert listed(market) == {}
    rates.set("kraken", USD="65000.50000")
    market.buy(fiat(market))
    age(market, 100)
    expect(pin(market, "EUR", "60000"), 200)
    got = listed(market)
    assert set(got) == {"EUR", "USD"}
    seconds = got["USD"].pop("fetched_at_secs_ago")
    assert 100 <= seconds < 130
    assert got["USD"] == {"currency": "USD", "units_per_btc": 65000.5,
                          "source": "kraken"}
    assert got["EUR"]["source"] == "manual_pin"
    assert got["EUR"]["units_per_btc"] == 60000


def test_one_rate_with_what_is_beneath_its_pin(market, rates):
    nothing = {"currency": "EUR", "pinned": False, "units_per_btc": None,
               "source": None, "pinned_at": None, "fetched": None}
    assert market.do("GET", "/rates/EUR") == nothing
    rates.set("kraken", EUR="65000.50000")
    market.do("POST", "/rates/refresh", {"currency": "EUR"})
    got = market.do("GET", "/rates/EUR")
    fetched = got["fetched"]
    assert is_time(fetched.pop("fetched_at"))
    assert fetched == {"units_per_btc": 65000.5, "source": "kraken"}
    assert got == {**nothing, "units_per_btc": 65000.5, "source": "kraken",
                   "fetched": fetched}
    expect(pin(market, "EUR", "60000"), 200)
    got = market.do("GET", "/rates/EUR")
    assert is_time(got["pinned_at"]) and got["pinned"] is True
    assert (got["units_per_btc"], got["source"]) == (60000, "manual_pin")
    assert got["fetched"]["units_per_btc"] == 65000.5
    for unknown in ("SAT", "usd", "GBP"):
        refused(market.admin("GET", f"/rates/{unknown}"), 404, "not_found")


def test_refresh(market, rates, rates_server):
    """3.4: {currency,units_per_btc,source}; a fetch, however fresh."""
    market.buy(fiat(market))
    rates.set(USD="70000.25")
    assert market.do("POST", "/rates/refresh", {"currency": "USD"}) == {
        "currency": "USD", "units_per_btc": 70000.25, "source": "kraken"}
    assert rates.calls("kraken") == 2
    assert invoice(market, market.buy(fiat(market)))[
        "exchange_rate_centibps"] == 700002500
    assert rates.calls("kraken") == 2
    last = events(rates_server, "USD")[-1]
    assert (last["action"], last["details"]) == (
        "rate.refresh", {"rate_e4": 700002500, "source": "kraken"})


def test_refresh_of_a_pinned_currency_is_the_pin(market, rates):
    expect(pin(market, "USD", "5"), 200)
    assert market.do("POST", "/rates/refresh", {"currency": "USD"}) == {
        "currency": "USD", "units_per_btc": 5, "source": "manual_pin"}
    assert rates.calls("kraken") == 0


def test_refresh_fails_502_and_keeps_what_there_was(market, rates):
    """3.4: 502."""
    market.buy(fiat(market))
    all_fail(rates)
    refused(market.admin("POST", "/rates/refresh", {"currency": "USD"}), 502,
            "upstream_error")
    market.buy(fiat(market))
    for bad in ({}, {"currency": "SAT"}, {"currency": 5}):
        refused(market.admin("POST", "/rates/refresh", bad), 400,
                "bad_request")


def test_the_rates_are_the_vendors_business(market):
    for method, path in (("GET", ""), ("GET", "/USD"), ("POST", "/refresh"),
                         ("PUT", "/USD/pin"), ("DELETE", "/USD/pin")):
        refused(market.public(method, "/v1/admin/rates" + path,
                              {"currency": "USD", "units_per_btc": "5"}),
                401, "unauthorized")
