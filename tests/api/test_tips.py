"""Tips to Lightning addresses: what is sent, what fails, what only waits."""
import pytest

from lib.check import NOWHERE, events
from lib.client import refused
from lib.tips import LOOK, PAY, TipShop


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


def test_a_tip_is_sent(shop):
    sold = shop.sell(bps=1000, tip_label="for the library")
    tip = shop.becomes(sold, "sent")
    assert (tip["paid_sats"], tip["amount_sats"], tip["pct_bps"],
            tip["label"]) == (50000, 5000, 1000, "for the library")
    made, = shop.paid()
    assert made.msat == 5000 * 1000
    assert tip["payment_hash"] == made.hash
    assert tip["next_check_at"] is None and tip["detail"] is None
    assert len(shop.asked_to_pay()) == 1
    told = events(shop.server, sold["license_id"], "tip.sent")
    assert [t["details"]["payment_hash"] for t in told] == [made.hash]


def test_the_sale_does_not_wait_for_it(shop):
    """The host never answers; the buyer has the key at once."""
    shop.host.silent()
    sold = shop.sell()
    assert sold["license_key"]
    assert shop.validate(sold["license_key"])["ok"] is True
    assert shop.tip(sold)["status"] == "pending"


def test_free_sales_and_policies_without_a_tip_have_none(shop):
    free = shop.sell(sats=50000, price_sats_override=0)
    assert shop.tip(free) is None
    plain = shop.settle(shop.buy(shop.product()))
    assert shop.tip(plain) is None


@pytest.mark.parametrize("address", [
    "dev", "@example.com", "dev@", "../x@example.com", "a b@example.com",
    "dev@example.com/x", "dév@example.com"])
def test_no_lightning_address(shop, address):
    sold = shop.sell(recipient=address)
    tip = shop.becomes(sold, "failed")
    assert "no Lightning address" in tip["detail"]
    assert shop.host.requests == []


@pytest.mark.parametrize("cheat", ["more", "less", "amountless", "other hash",
                                   "description", "expired"])
def test_an_invoice_for_something_else_is_not_paid(shop, cheat):
    shop.host.cheat = cheat
    tip = shop.becomes(shop.sell(), "failed")
    assert "the host's invoice" in tip["detail"]
    assert tip["bolt11"] is None and shop.asked_to_pay() == []


def test_an_invoice_that_can_be_paid_for_ever_is_not(shop, monkeypatch):
    import fake.bolt11
    encode = fake.bolt11.encode
    monkeypatch.setattr(fake.bolt11, "encode",
                        lambda **how: encode(**how, expiry=10**8))
    tip = shop.becomes(shop.sell(), "failed")
    assert "too long" in tip["detail"]
    assert shop.asked_to_pay() == []


@pytest.mark.parametrize("broken", ["", "lnbc1", "lightning:lnbc1x", "x" * 9000])
def test_an_invoice_that_is_none(shop, broken):
    shop.host.broken_pr = broken
    shop.becomes(shop.sell(), "failed")
    assert shop.asked_to_pay() == []


@pytest.mark.parametrize("override, word", [
    ({"tag": "withdrawRequest"}, "payRequest"),
    ({"callback": None}, "callback"),
    ({"callback": "file:///etc/passwd"}, "callback"),
    ({"metadata": None}, "metadata"),
    ({"minSendable": 6_000_000}, "takes"),
    ({"maxSendable": 4_999_999}, "takes"),
    ({"maxSendable": "lots"}, "amounts"),
])
def test_an_offer_that_is_none(shop, override, word):
    shop.host.overrides = override
    tip = shop.becomes(shop.sell(), "failed")
    assert word in tip["detail"], tip["detail"]
    assert shop.asked_to_pay() == []


def test_what_the_host_says_is_kept(shop):
    shop.host.error = "The node is on holiday"
    tip = shop.becomes(shop.sell(), "failed")
    assert tip["detail"] == "the host says: The node is on holiday"


@pytest.mark.parametrize("fault", ["silent", "503", "truncated"])
def test_a_host_that_is_away_is_asked_again(shop, fault):
    """When it is asked for its offer, and for its invoice."""
    for path in ("lnurlp", "/lnurl/cb/"):
        shop.host.spoil(fault, path=path)
    both = [shop.sell() for _ in range(2)]
    for sold in both:
        tip = shop.waits(sold, "pending")
        assert tip["next_check_at"] is not None
    for sold in both:
        shop.hurry(sold)
        shop.becomes(sold, "sent")
    assert len(shop.asked_to_pay()) == 2


def test_a_host_that_stays_away_for_a_day(shop):
    with shop.host.away():
        sold = shop.sell()
        shop.waits(sold, "pending")
        shop.move(hours=25)
        tip = shop.becomes(sold, "failed")
    assert "no answer" in tip["detail"]


def test_the_same_invoice_is_not_paid_for_two_sales(shop):
    shop.becomes(shop.sell(), "sent")
    shop.host.broken_pr = shop.made()[0].pr
    tip = shop.becomes(shop.sell(), "failed")
    assert tip["detail"] == "the host gave this invoice before"
    assert len(shop.asked_to_pay()) == 1


# At the provider

def test_no_route(shop):
    shop.fake.lightning.next_modes = ["no-route"]
    sold = shop.sell()
    tip = shop.becomes(sold, "failed")
    assert "could-not-find-route" in tip["detail"]
    assert len(shop.asked_to_pay()) == 1
    assert events(shop.server, sold["license_id"], "tip.failed")


def test_an_invoice_of_another_network(shop):
    shop.host.cheat = "testnet"
    assert "422" in shop.becomes(shop.sell(), "failed")["detail"]


@pytest.mark.parametrize("outcome, status", [
    ("Complete", "sent"), ("Failed", "failed")])
def test_in_flight_is_looked_for_never_paid_again(shop, outcome, status):
    """202: only the hash is asked for, until it is known."""
    shop.fake.lightning.next_modes = ["pending"]
    sold = shop.sell()
    tip = shop.waits(sold)
    shop.hurry(sold)
    shop.until(sold, lambda t: len(shop.fake.asked("GET", LOOK)) > 0,
               "it is looked for")
    assert shop.tip(sold)["status"] == "paying"
    shop.fake.lightning.finish(tip["payment_hash"], outcome)
    shop.hurry(sold)
    shop.becomes(sold, status)
    assert len(shop.asked_to_pay()) == 1


@pytest.mark.parametrize("fault", ["lost", "done:500", "done:garbage",
                                   "done:truncated", "done:503", "done:400"])
def test_the_answer_to_the_payment_is_lost(shop, fault):
    """Paid, but nobody heard: found by its hash."""
    shop.fake.spoil(fault, path=PAY)
    sold = shop.sell()
    shop.waits(sold)
    shop.hurry(sold)
    shop.becomes(sold, "sent")
    assert len(shop.asked_to_pay()) == 1
    assert len(shop.paid()) == 1


@pytest.mark.parametrize("mode", ["unknown", "error", "down"])
def test_what_the_node_never_heard_of_fails_once_it_has_expired(shop, mode):
    shop.fake.lightning.next_modes = [mode]
    sold = shop.sell()
    tip = shop.waits(sold)
    shop.hurry(sold)
    shop.until(sold, lambda t: len(shop.fake.asked("GET", LOOK)) > 0,
               "it is looked for")
    shop.move(seconds=59 * 60)
    shop.hurry(sold)
    shop.until(sold, lambda t: len(shop.fake.asked("GET", LOOK)) > 1,
               "it is looked for again")
    assert shop.tip(sold)["status"] == "paying"
    shop.move(seconds=12 * 60)
    shop.hurry(sold)
    after = shop.becomes(sold, "failed")
    assert after["detail"] == "the invoice expired unpaid"
    assert after["payment_hash"] == tip["payment_hash"]
    assert len(shop.asked_to_pay()) == 1


def test_a_node_that_is_down_proves_nothing(shop):
    """Expired long ago, but the look-up gets 503: it stays unknown."""
    shop.fake.spoil("lost", path=PAY)
    sold = shop.sell()
    shop.waits(sold)
    shop.fake.lightning.mode = "down"
    shop.move(hours=5)
    seen = len(shop.fake.asked("GET", LOOK))
    # A look may be under way, and put the next one off after it was hurried.
    shop.until(sold, lambda t: len(shop.fake.asked("GET", LOOK)) > seen or
               shop.hurry(sold), "it is looked for")
    assert shop.tip(sold)["status"] == "paying"
    shop.fake.lightning.mode = "paid"
    shop.until(sold, lambda t: t["status"] == "sent" or shop.hurry(sold),
               "it is found")


def test_many_wakes_pay_each_once(shop):
    sold = [shop.sell(sats=1000 + n) for n in range(12)]
    for _ in range(30):
        shop.wake()
    for one in sold:
        shop.becomes(one, "sent")
    assert len(shop.asked_to_pay()) == 12
    assert len(shop.paid()) == 12


def test_a_sale_that_is_given_back_is_not_tipped(shop):
    with shop.host.away():
        sold = shop.sell()
        shop.waits(sold, "pending")
        shop.do("POST", f"/invoices/{sold['invoice_id']}/refund", {})
    shop.hurry(sold)
    tip = shop.becomes(sold, "skipped")
    assert tip["detail"] == "the sale is given back"
    assert shop.asked_to_pay() == []


def test_a_host_at_a_private_address_is_not_asked(own_instance, btcpay,
                                                  lnurl):
    """LICET_OUTBOUND_INSECURE is off unless said otherwise."""
    server = own_instance(movable=True, name="strict", **btcpay.settings())
    shop = TipShop(server, btcpay, lnurl)
    with_port = shop.sell(recipient=lnurl.address())
    assert "no Lightning address" in \
        shop.becomes(with_port, "failed")["detail"]
    inside = shop.sell(recipient="dev@127.0.0.1")
    assert "no answer" in shop.waits(inside, "pending")["detail"]
    assert lnurl.requests == []


# The list

def listed(shop, **query):
    return shop.do("GET", "/tips", params=query)["tips"]


def test_list(shop):
    sold = shop.sell(tip_label="thanks")
    row = shop.becomes(sold, "sent")
    one, = listed(shop, license_id=sold["license_id"])
    assert {k: one[k] for k in one if not k.endswith("_at")} == {
        "id": str(row["id"]), "license_id": sold["license_id"],
        "policy_id": str(row["policy_id"]),
        "payment_provider_id": str(row["provider_id"]),
        "recipient": shop.host.address(), "paid_sats": 50000,
        "amount_sats": 5000, "pct_bps": 1000, "label": "thanks",
        "status": "sent", "detail": None,
        "payment_hash": row["payment_hash"]}
    assert listed(shop, license_id=NOWHERE) == []


def test_list_by_recipient_and_in_pages(shop):
    address = shop.host.address("pages")
    sold = [shop.sell(recipient=address) for _ in range(3)]
    want = [s["license_id"] for s in sold][::-1]
    assert [t["license_id"] for t in listed(shop, recipient=address)] == want
    first = shop.do("GET", "/tips", params={"recipient": address, "limit": 2})
    assert [t["license_id"] for t in first["tips"]] == want[:2]
    rest = shop.do("GET", "/tips", params={
        "recipient": address, "limit": 2, "cursor": first["next_cursor"]})
    assert [t["license_id"] for t in rest["tips"]] == want[2:]
    assert rest["next_cursor"] is None
    assert [t["license_id"] for t in listed(shop, limit=1)] == want[:1]
    assert listed(shop, recipient=address, license_id=NOWHERE) == []


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"license_id": "x"},
    {"cursor": "x"}])
def test_list_refuses(shop, query):
    refused(shop.admin("GET", "/tips", params=query), 400, "bad_request")


def test_list_is_for_administrators(shop):
    refused(shop.public("GET", "/v1/admin/tips"), 401, "unauthorized")
