"""The rate sources' doubles: each in its original's form, each can fail."""
import json
from decimal import Decimal

import pytest
import requests

from fake.rates import SOURCES, Rates

PATHS = {
    "kraken": "/0/public/Ticker?pair=XXBTZ{}",
    "coinbase": "/v2/exchange-rates?currency=BTC",
    "coingecko": "/api/v3/simple/price?ids=bitcoin&vs_currencies={}"}


@pytest.fixture
def fake():
    f = Rates().start()
    yield f
    f.stop()


def get(fake, source, currency="USD"):
    base = fake.settings()[f"LICET_RATES_{source.upper()}_URL"]
    name = currency.lower() if source == "coingecko" else currency
    return requests.get(base + PATHS[source].format(name), timeout=5)


def price(fake, source, currency="USD"):
    """As text, whatever form it has."""
    r = get(fake, source, currency)
    assert r.status_code == 200, r.text
    body = json.loads(r.text, parse_float=str, parse_int=str)
    if source == "kraken":
        assert body["error"] == []
        return body["result"][f"XXBTZ{currency}"]["c"][0]
    if source == "coinbase":
        return body["data"]["rates"][currency]
    return body["bitcoin"][currency.lower()]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_price_is_what_was_set(fake, source, currency):
    fake.set(**{currency: "67187.33"})
    assert Decimal(price(fake, source, currency)) == Decimal("67187.33")
    assert Decimal(price(fake, source, "USD" if currency == "EUR" else
                         "EUR")) in (100000, 90000)


def test_forms_of_the_originals(fake):
    """Kraken: text with five decimals.  Coinbase: text.  CoinGecko: a
    number, with as many digits as it has."""
    fake.set(USD="67187.3358936566")
    fake.set("kraken", USD="67187.3")
    assert get(fake, "kraken").json()["result"]["XXBTZUSD"]["c"][0] == \
        "67187.30000"
    assert get(fake, "coinbase").json()["data"]["rates"]["USD"] == \
        "67187.3358936566"
    assert get(fake, "coingecko").text == \
        '{"bitcoin":{"usd":67187.3358936566}}'


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "1e400", "1e5", "", "x"])
def test_strange_prices_are_passed_on_as_they_stand(fake, text):
    fake.set(USD=text)
    for source in SOURCES:
        assert text in get(fake, source).text


def test_currency_that_is_not_there(fake):
    fake.set(USD=None)
    assert get(fake, "kraken").json() == \
        {"error": ["EQuery:Unknown asset pair"]}
    assert "USD" not in get(fake, "coinbase").json()["data"]["rates"]
    assert get(fake, "coingecko").json() == {"bitcoin": {}}


def test_errors_in_their_own_words(fake):
    for source in SOURCES:
        fake.fail(source, "error")
    r = get(fake, "kraken")
    assert (r.status_code, r.json()["error"]) == \
        (200, ["EService:Unavailable"])
    assert get(fake, "coinbase").json()["errors"][0]["id"]
    assert get(fake, "coingecko").status_code == 429


@pytest.mark.parametrize("source", SOURCES)
def test_each_fails_for_itself(fake, source):
    fake.fail(source, "500")
    for other in SOURCES:
        assert get(fake, other).status_code == (500 if other == source
                                                else 200)
    fake.well(source)
    assert get(fake, source).status_code == 200


def test_failures_that_are_counted_and_timed(fake):
    fake.fail("kraken", "garbage", times=2)
    for _ in range(2):
        with pytest.raises(requests.exceptions.JSONDecodeError):
            get(fake, "kraken").json()
    assert get(fake, "kraken").json()["error"] == []
    assert fake.calls("kraken") == 3
    assert fake.calls("coinbase") == 0
    fake.fail("kraken", "silent")
    with pytest.raises(requests.ReadTimeout):
        requests.get(fake.url + "/kraken/0/public/Ticker?pair=XXBTZUSD",
                     timeout=0.2)
    assert get(fake, "coinbase").status_code == 200


def test_reset_heals(fake):
    fake.set(USD="1")
    fake.fail("kraken")
    fake.fail("coinbase", "error")
    fake.reset()
    assert Decimal(price(fake, "kraken")) == 100000
    assert fake.calls("kraken") == 1
    assert price(fake, "coinbase") == "100000"
