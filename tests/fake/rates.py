"""Kraken, Coinbase and CoinGecko, as far as the price of a bitcoin goes:
one server, a base path for each.

Kraken answers 200 with its errors in a list, and its prices as text with
five decimals; Coinbase answers all its rates as text at once; CoinGecko
answers a number, and an empty object for a currency that it does not know.
"""
import json

from fake.wire import Answer, Double, Refusal

SOURCES = ("kraken", "coinbase", "coingecko")
PAIRS = {"XXBTZUSD": "USD", "XXBTZEUR": "EUR", "XBTUSD": "USD",
         "XBTEUR": "EUR"}
FULL = {"USD": "XXBTZUSD", "EUR": "XXBTZEUR"}
START = {"USD": "100000", "EUR": "90000"}


class Rates(Double):
    wrong_types = b'{"error":{},"result":[],"data":5,"bitcoin":"no"}'

    def __init__(self):
        super().__init__()
        self.prices = {}
        self.failing = {}
        self.reset()

    def reset(self):
        """The prices of the beginning, every source well."""
        super().reset()
        with self.lock:
            self.failing = {}
            self.prices = {s: dict(START) for s in SOURCES}

    def settings(self):
        return {f"LICET_RATES_{s.upper()}_URL": f"{self.url}/{s}"
                for s in SOURCES}

    # What tests set

    def set(self, source=None, **prices):
        """set(USD="101000.5") everywhere, or at one source; the text of the
        price is answered as it stands, None: the currency is not there."""
        with self.lock:
            for s in SOURCES if source is None else (source,):
                self.prices[s].update({c: None if p is None else str(p)
                                       for c, p in prices.items()})

    def fail(self, source, kind="500", times=None, seconds=0.0):
        """This source goes wrong, in a way of the switchboard or with its
        own words for it: "error".  Returns what mend() takes back."""
        if kind == "error":
            self.failing[source] = True
            return None
        return self.spoil(kind, times, path=f"^/{source}/", seconds=seconds)

    def well(self, source):
        """This one alone is well again."""
        with self.lock:
            self.failing.pop(source, None)
            self.rules = [r for r in self.rules
                          if r.path != f"^/{source}/"]

    def calls(self, source):
        """How many times it was asked."""
        return len(self.asked("GET", f"/{source}/"))

    # What they answer

    def answer(self, request):
        if request.method != "GET":
            raise Refusal(405, {"error": "method not allowed"})
        source, _, path = request.path.lstrip("/").partition("/")
        known = {("kraken", "0/public/Ticker"): self.kraken,
                 ("coinbase", "v2/exchange-rates"): self.coinbase,
                 ("coingecko", "api/v3/simple/price"): self.coingecko}
        if (source, path) not in known:
            raise Refusal(404, {"error": ["EGeneral:Unknown method"]})
        with self.lock:
            return Answer(200, known[source, path](
                request, self.prices[source], source in self.failing))

    @staticmethod
    def kraken(request, prices, fails):
        if fails:
            return {"error": ["EService:Unavailable"]}
        pair = request.first("pair", "")
        price = prices.get(PAIRS.get(pair))
        if price is None:
            return {"error": ["EQuery:Unknown asset pair"]}
        whole, _, rest = price.partition(".")
        if whole.isdigit() and (rest.isdigit() or not rest):
            price = f"{whole}.{rest:0<5}"
        ticker = {"a": [price, "1", "1.000"], "b": [price, "1", "1.000"],
                  "c": [price, "0.00067643"],
                  "v": ["4083.67001100", "4412.73601799"],
                  "p": [price, price], "t": [34619, 38907],
                  "l": [price, price], "h": [price, price], "o": price}
        return {"error": [], "result": {FULL[PAIRS[pair]]: ticker}}

    @staticmethod
    def coinbase(request, prices, fails):
        if fails or request.first("currency", "USD") != "BTC":
            raise Refusal(400, {"errors": [{"id": "invalid_request",
                                            "message": "Currency is invalid"
                                            }]})
        rates = {"AED": "367250.0", "BTC": "1", "SATS": "100000000"}
        rates.update({c: p for c, p in prices.items() if p is not None})
        return {"data": {"currency": "BTC", "rates": rates}}

    @staticmethod
    def coingecko(request, prices, fails):
        if fails:
            raise Refusal(429, {"status": {
                "error_code": 429, "error_message": "You've exceeded the "
                "Rate Limit."}}, {"Retry-After": "60"})
        if request.first("ids") != "bitcoin" or \
                "vs_currencies" not in request.query:
            raise Refusal(422, {"error": "Missing parameter vs_currencies"})
        found = []
        for name in request.first("vs_currencies").split(","):
            price = prices.get(name.upper())
            if price is not None:   # a number, digit by digit as it was set
                found.append(f"{json.dumps(name)}:{price}")
        return ('{"bitcoin":{' + ",".join(found) + "}}").encode()
