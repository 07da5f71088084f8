"""Buying with a code when something goes wrong: the provider, the network,
another buyer.  A use is held by who may still pay, and by nobody else."""
import threading

import pytest
import requests

from lib.check import events
from lib.client import Api, refused
from lib.codes import code, fiat, order, preview, redeem, uses
from lib.process import wait_for
from lib.sales import becomes, created, hurry


@pytest.fixture
def sale(shop):
    """A product at 1000 and a code of one use that takes 100 off."""
    p = shop.product(price_sats=1000)
    return p, code(shop, p, max_uses=1)


# The provider

def test_the_provider_is_asked_for_what_is_left(shop, btcpay, sale):
    p, c = sale
    assert shop.buy(p, code=c["code"])["amount_sats"] == 900
    assert created(btcpay)[-1]["json"]["amount"] == "0.00000900"


def test_nothing_left_asks_no_provider(shop, btcpay):
    p = shop.product()
    shop.buy(p, code=code(shop, p, amount=10000)["code"])
    c = code(shop, p, kind="free_license")
    assert redeem(shop, p, code=c["code"]).status_code == 200
    assert created(btcpay) == []


@pytest.mark.parametrize("kind", ["401", "404", "422"])
def test_a_clear_no_gives_the_use_back(shop, btcpay, btcpay_server, sale,
                                       kind):
    p, c = sale
    btcpay.wrong(kind)
    refused(order(shop, p, code=c["code"]), 502, "upstream_error")
    assert uses(shop, c) == (0, ["cancelled"])
    assert btcpay_server.value("SELECT status FROM invoices WHERE"
                               " product_id = %s", p["id"]) == "invalid"
    btcpay.wrong(None)
    shop.buy(p, code=c["code"])


@pytest.mark.parametrize("kind", ["garbage", "500", "429", "truncated"])
def test_no_sensible_answer_gives_it_back_and_keeps_the_invoice(
        shop, btcpay, btcpay_server, sale, kind):
    p, c = sale
    btcpay.wrong(kind)
    refused(order(shop, p, code=c["code"]), 502, "upstream_error")
    assert uses(shop, c) == (0, ["cancelled"])
    assert btcpay_server.value("SELECT status FROM invoices WHERE"
                               " product_id = %s", p["id"]) == "pending"
    assert [e["action"] for e in events(btcpay_server, c["id"])][-1] == \
        "code.release"
    btcpay.wrong(None)
    assert shop.buy(p, code=c["code"])["amount_sats"] == 900
    assert uses(shop, c) == (1, ["cancelled", "pending"])


def test_away_gives_it_back(shop, btcpay, sale):
    p, c = sale
    with btcpay.away():
        refused(order(shop, p, code=c["code"]), 502, "upstream_error")
    assert uses(shop, c) == (0, ["cancelled"])


def test_a_lost_answer_that_is_paid_takes_the_use_again(
        shop, btcpay, btcpay_server, sale):
    p, c = sale
    btcpay.lose_create()
    refused(order(shop, p, code=c["code"]), 502, "upstream_error")
    assert uses(shop, c) == (0, ["cancelled"])
    iid = created(btcpay)[0]["json"]["metadata"]["orderId"]
    for theirs in btcpay.orders[iid]:
        btcpay.settle(theirs.id, notify=False)
    hurry(btcpay_server, iid)
    assert becomes(shop, {"invoice_id": iid}, "settled")["license_key"]
    assert uses(shop, c) == (1, ["redeemed"])
    refused(order(shop, p, code=c["code"]), 400, "bad_request")


def test_a_buyer_who_left_holds_the_use_until_it_is_known(
        shop, btcpay, btcpay_server, sale):
    """The client goes while the provider thinks: nobody is there to answer,
    so the reconciler finds the invoice, and its expiry gives the use back."""
    p, c = sale
    btcpay.slow(2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        shop.public("POST", "/v1/purchase",
                    {"product": p["slug"], "code": c["code"]}, timeout=0.5)
    assert uses(shop, c) == (1, ["pending"])
    iid = str(btcpay_server.value("SELECT id FROM invoices WHERE"
                                  " product_id = %s", p["id"]))
    wait_for(lambda: btcpay.orders.get(iid), 60, "the provider has made it")
    btcpay.slow(0)
    for theirs in btcpay.orders[iid]:
        btcpay.expire(theirs.id, notify=False)
    hurry(btcpay_server, iid)
    becomes(shop, {"invoice_id": iid}, "expired")
    assert uses(shop, c) == (0, ["cancelled"])


@pytest.mark.parametrize("what,expected,rows", [
    ("settle", "settled", (1, ["redeemed"])),
    ("mark_settled", "settled", (1, ["redeemed"])),
    ("expire", "expired", (0, ["cancelled"])),
    ("invalidate", "invalid", (0, ["cancelled"]))])
def test_the_providers_word(shop, btcpay, sale, what, expected, rows):
    p, c = sale
    got = shop.buy(p, code=c["code"])
    for _ in range(3):
        getattr(btcpay, what)(got["btcpay_invoice_id"])
    becomes(shop, got, expected)
    assert uses(shop, c) == rows


# Another buyer

class Held:
    """The code's row is locked by a transaction that takes its last use."""

    def __init__(self, server, made):
        self.server, self.made = server, made

    def __enter__(self):
        self.other = self.server.cluster.connect(self.server.database)
        self.other.execute("BEGIN")
        self.other.execute("UPDATE discount_codes SET used_count = max_uses"
                           " WHERE id = %s", [self.made["id"]])
        return self

    def waited_for(self):
        wait_for(lambda: self.server.value(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type ="
            " 'Lock' AND datname = current_database()") > 0, 60,
            "somebody wants the code")

    def __exit__(self, *_):
        self.other.execute("COMMIT")
        self.other.close()


def answer_while_held(server, api, made, p, **fields):
    answers = []
    t = threading.Thread(target=lambda: answers.append(
        order(api, p, **fields)))
    with Held(server, made) as held:
        t.start()
        held.waited_for()
    t.join(60)
    return answers[0]


def test_who_comes_too_late_with_a_typed_code_is_told(api, server):
    p = api.product(price_sats=1000)
    c = code(api, p, max_uses=1)
    r = answer_while_held(server, api, c, p, code=c["code"])
    refused(r, 400, "bad_request")
    assert server.value("SELECT count(*) FROM invoices WHERE product_id = %s",
                        p["id"]) == 0


def test_who_comes_too_late_for_a_featured_code_buys_without(api, server):
    p = api.product(price_sats=1000)
    t = api.policy(p)
    c = code(api, p, max_uses=1, featured=True)
    r = answer_while_held(server, api, c, p, policy_slug=t["slug"])
    assert r.status_code == 200, r.text
    assert (r.json()["amount_sats"], r.json()["discount_applied_sats"]) == \
        (1000, 0)
    assert uses(api, c)[1] == []


def test_too_late_for_a_featured_code_that_made_it_free(api, server):
    """What was free is to be paid now: a provider's invoice, no license."""
    p = api.product(price_sats=1000)
    t = api.policy(p)
    c = code(api, p, max_uses=1, featured=True, kind="free_license")
    r = answer_while_held(server, api, c, p, policy_slug=t["slug"])
    got = r.json()
    assert got["amount_sats"] == 1000 and got["checkout_url"]
    assert "license_key" not in got
    assert api.pay(got)["license_key"]


def test_many_buyers_of_few_uses(api):
    p = api.product(price_sats=1000)
    c = code(api, p, max_uses=5)
    answers = []

    def one():
        answers.append(order(api, p, code=c["code"]).status_code)

    threads = [threading.Thread(target=one) for _ in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [200] * 5 + [400] * 25
    assert uses(api, c) == (5, ["pending"] * 5)


# Currencies

def test_what_is_left_of_a_fiat_price(market, rates):
    """The same from preview, purchase and the invoice, at one rate."""
    rates.set(EUR="33333.33")
    p = fiat(market, "EUR", 1999)
    for c, left in (
            (code(market, p, amount=3333), 1333),
            (code(market, p, kind="fixed_sats", amount=1, discount_currency="EUR"),
             1998),
            (code(market, p, kind="set_price", amount=99,
                  discount_currency="EUR"), 99),
            (code(market, p, kind="fixed_sats", amount=1998,
                  discount_currency="EUR"), 1)):
        sats = round(left * 10**6 / 33333.33)
        said = preview(market, p, code=c["code"]).json()
        got = market.buy(p, code=c["code"])
        assert got["amount_sats"] == said["final_price_sats"] == sats
        assert got["base_price_sats"] == said["base_price_sats"] == 59970
        assert got["discount_applied_sats"] == 59970 - sats
        row = market.db.execute("SELECT charged_value FROM invoices WHERE"
                                " id = %s", [got["invoice_id"]]).fetchone()
        assert row["charged_value"] == left


def test_all_off_a_fiat_price_is_free_and_notes_the_rate(market, rates):
    rates.set(USD="50000")
    p = fiat(market, value=1000)
    got = market.buy(p, code=code(market, p, amount=10000)["code"])
    assert got["license_key"] and got["base_price_sats"] == 20000
    row = market.db.execute("SELECT * FROM invoices WHERE id = %s",
                            [got["invoice_id"]]).fetchone()
    assert (row["listed_value"], row["charged_value"],
            row["exchange_rate_centibps"]) == (1000, 0, 500000000)


# What buyers send

@pytest.mark.parametrize("typed", ["'; DROP TABLE x", "%", "_", "\u0130",
                                   "a" * 200, "CODE\n", "\u0000"])
def test_odd_codes_are_unknown(api, typed):
    p = api.product()
    refused(order(api, p, code=typed), 400, "bad_request")
    refused(redeem(api, p, code=typed), 400, "bad_request")


def test_blank_codes_are_none(api):
    p = api.product(price_sats=1000)
    t = api.policy(p)
    code(api, p, featured=True)
    for blank in ("", "   "):
        assert api.buy(p, code=blank)["amount_sats"] == 1000
        assert api.buy(p, code=blank,
                       policy_slug=t["slug"])["amount_sats"] == 900


def test_an_empty_fingerprint_is_none(api):
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30, trial_days=7)
    for _ in range(2):
        api.buy(p, policy_slug=t["slug"], fingerprint="")


def test_slow_rates_leave_time_to_hear_of_a_silent_provider(
        own_instance, rates, btcpay):
    """The request's deadline is no accident: its use comes back too."""
    server = own_instance(**rates.settings(), **btcpay.settings())
    api = Api(server.url, server.admin_key, server.db)
    p = fiat(api)
    c = code(api, p)
    rates.fail("kraken", "silent")
    rates.fail("coinbase", "silent")
    btcpay.silent()
    refused(order(api, p, code=c["code"]), 502, "upstream_error")
    assert uses(api, c) == (0, ["cancelled"])
