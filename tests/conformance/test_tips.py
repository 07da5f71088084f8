"""keysat.md 4.11 (tips) and 3.1 (GET /tips): a test for each sentence."""
import contextlib
import json
import pathlib

import pytest

from fake.btcpay_store import Key
from lib.client import Api, refused
from lib.process import wait_for
from lib.tips import PAY, TipShop

VECTORS = json.loads(
    (pathlib.Path(__file__).parents[1] / "vectors" / "keysat-vectors.json")
    .read_text())


@pytest.fixture(scope="module")
def tipping(make_instance, btcpay_shared, lnurl_shared):
    return make_instance(
        movable=True, name="tips", LICET_RECONCILE_SECONDS=1,
        **btcpay_shared.settings(), **lnurl_shared.settings())


@pytest.fixture
def shop(tipping, btcpay, lnurl):
    yield TipShop(tipping, btcpay, lnurl)
    tipping.db.execute("UPDATE tip_attempts SET next_check_at = NULL")
    tipping.check_workers()


def test_after_issuance_in_the_background_never_blocking(shop):
    """4.11: the buyer has the license while the host is silent."""
    shop.host.silent()
    sold = shop.order()
    assert shop.server.value("SELECT count(*) FROM tip_attempts WHERE"
                             " paid_sats = 50000 AND status = 'pending'"
                             " AND license_id IN (SELECT id FROM licenses"
                             " WHERE invoice_id = %s)",
                             sold["invoice_id"]) == 0
    shop.settle(sold)
    assert shop.validate(sold["license_key"])["ok"] is True
    assert shop.tip(sold)["status"] == "pending"


@pytest.mark.parametrize("sats, bps, tip", [
    (50000, 1000, 5000), (9999, 1, 0), (10000, 1, 1), (333, 3333, 110),
    (1, 10000, 1), (12345, 10000, 12345), (50_000_000, 1000, 5_000_000)] + [
    (v["paidSats"], v["bps"], v["tipSats"]) for v in VECTORS["tip"]])
def test_amount(shop, sats, bps, tip):
    """4.11: tip = paid_sats * bps div 10000; 5,000,000 is still sent."""
    row = shop.becomes(shop.sell(sats=sats, bps=bps),
                       "sent" if tip else "skipped")
    assert row["amount_sats"] == tip
    assert sum(m.msat for m in shop.paid()) == tip * 1000


@pytest.mark.parametrize("sats, bps, tip", [
    (50_000_010, 1000, 5_000_001), (9_000_000, 10000, 9_000_000)])
def test_more_than_five_million(shop, sats, bps, tip):
    """4.11: more than 5,000,000 sats is skipped."""
    row = shop.becomes(shop.sell(sats=sats, bps=bps), "skipped")
    assert row["amount_sats"] == tip
    assert shop.host.requests == [] and shop.asked_to_pay() == []


def test_of_what_was_paid_after_the_code(shop):
    """4.11: of paid_sats, not of the listed price."""
    code = shop.do("POST", "/discount-codes", {
        "code": "TIPHALF", "kind": "percent", "amount": 5000})
    product = shop.product(price_sats=50000)
    policy = shop.policy(product, tip_pct_bps=1000,
                         tip_recipient=shop.host.address())
    sold = shop.settle(shop.buy(product, policy_slug=policy["slug"],
                                code=code["code"]))
    row = shop.becomes(sold, "sent")
    assert (row["paid_sats"], row["amount_sats"]) == (25000, 2500)


@pytest.mark.parametrize("name", ["dev", "Dev.O_p-s", "0", "A-Z_a.z"])
def test_lightning_address_charset(shop, name):
    """4.11: user@domain, charset [A-Za-z0-9._-]."""
    shop.becomes(shop.sell(recipient=shop.host.address(name)), "sent")
    asked = [r["path"] for r in shop.host.requests]
    assert f"/.well-known/lnurlp/{name}" in asked


@pytest.mark.parametrize("name", ["a+b", "a%2Fb", "a b", "ü", "a:b"])
def test_not_in_the_charset(shop, name):
    """4.11: other characters are no address: failed, nobody is asked."""
    shop.becomes(shop.sell(recipient=shop.host.address(name)), "failed")
    assert shop.host.requests == []


def test_the_two_questions(shop):
    """4.11: GET /.well-known/lnurlp/user, then callback?amount=<msat>."""
    shop.becomes(shop.sell(), "sent")
    first, second = shop.host.requests
    assert (first["method"], first["path"]) == (
        "GET", "/.well-known/lnurlp/dev")
    assert (second["method"], second["path"], second["query"]) == (
        "GET", "/lnurl/cb/dev", {"user": ["dev"], "amount": ["5000000"]})


@pytest.mark.parametrize("overrides", [
    {"tag": "channelRequest"}, {"tag": None}, {"callback": "ftp://x.test/"},
    {"minSendable": 5_000_001}, {"maxSendable": 4_999_999}])
def test_tag_callback_and_bounds(shop, overrides):
    """4.11: tag payRequest, a callback, min/maxSendable in msat."""
    shop.host.overrides = overrides
    shop.becomes(shop.sell(), "failed")
    assert shop.asked_to_pay() == []


@pytest.mark.parametrize("overrides", [{"minSendable": 5_000_000},
                                       {"maxSendable": 5_000_000}])
def test_bounds_are_inclusive(shop, overrides):
    shop.host.overrides = overrides
    shop.becomes(shop.sell(), "sent")


def test_through_the_invoices_provider(shop):
    """4.11, 4.1: POST .../lightning/BTC/invoices/pay {"BOLT11"}."""
    sold = shop.sell()
    row = shop.becomes(sold, "sent")
    asked, = shop.asked_to_pay()
    assert asked["path"].endswith(f"/stores/{shop.fake.store_id}{PAY}")
    assert asked["json"]["BOLT11"] == row["bolt11"] == shop.made()[0].pr
    assert row["provider_id"] == shop.server.value(
        "SELECT provider_id FROM invoices WHERE id = %s", sold["invoice_id"])


def test_without_lightning_it_is_skipped(own_instance):
    """4.11: the sandbox can't pay: skipped."""
    server = own_instance(movable=True, name="sandbox")
    api = Api(server.url, server.admin_key, server.db)
    product = api.product()
    policy = api.policy(product, tip_pct_bps=100,
                        tip_recipient="dev@example.com")
    sold = api.pay(api.buy(product, policy_slug=policy["slug"]))

    def status():
        server.db.execute("SELECT pg_notify('licet_jobs', 'tips')")
        return server.value("SELECT status FROM tip_attempts WHERE"
                            " license_id = %s", sold["license_id"])
    wait_for(lambda: status() == "skipped", 60, "skipped", pause=0.05)


def test_each_try_is_a_row(shop):
    """4.11, 7: a row `sent|failed|skipped' for each license."""
    want = {}
    want[shop.sell()["license_id"]] = "sent"
    want[shop.sell(recipient="nobody")["license_id"]] = "failed"
    want[shop.sell(sats=1, bps=1)["license_id"]] = "skipped"
    for license_id, status in want.items():
        shop.becomes({"license_id": license_id}, status)
        one, = shop.do("GET", "/tips",
                       params={"license_id": license_id})["tips"]
        assert one["status"] == status
        assert set(one) >= {
            "id", "license_id", "policy_id", "recipient", "amount_sats",
            "pct_bps", "label", "status", "detail", "payment_hash",
            "created_at"}


@pytest.mark.parametrize("limit, fine", [(1, True), (1000, True), (0, False),
                                         (1001, False)])
def test_limit_of_the_list(shop, limit, fine):
    """3.1: limit 1-1000."""
    r = shop.admin("GET", "/tips", params={"limit": limit})
    if fine:
        assert r.status_code == 200 and "tips" in r.json()
    else:
        refused(r, 400, "bad_request")


# D26

@contextlib.contextmanager
def key_with(shop, *permissions):
    """The provider's key may do just this meanwhile."""
    text = shop.fake.api_key
    old = shop.fake.keys[text]
    key = Key([f"btcpay.store.{p}" for p in permissions], "limited")
    key.text = text
    shop.fake.keys[text] = key
    try:
        yield
    finally:
        shop.fake.keys[text] = old


def test_d26_without_the_permission_it_fails_and_says_why(shop):
    """D26: a key without btcpay.store.canuselightningnode."""
    sold = shop.order()
    with key_with(shop, "canviewinvoices", "cancreateinvoice"):
        shop.settle(sold)
        tip = shop.becomes(sold, "failed")
    assert "403" in tip["detail"]
    assert shop.validate(sold["license_key"])["ok"] is True


def test_d26_with_just_the_permission_it_is_sent(shop):
    """D26: canuselightningnode is what a tip needs besides the sale's."""
    sold = shop.order()
    with key_with(shop, "canviewinvoices", "cancreateinvoice",
                  "canuselightningnode"):
        shop.settle(sold)
        shop.becomes(sold, "sent")
    assert len(shop.paid()) == 1
