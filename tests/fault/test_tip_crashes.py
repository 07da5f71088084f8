"""Replicas are killed while money leaves: no tip is paid twice, no invoice is
refunded twice, and what was done is found out."""
import collections
import threading

import pytest
import requests

from lib.process import wait_for
from lib.tips import LOOK, PAY, TipShop

pytestmark = pytest.mark.restarts


@pytest.fixture
def make_shop(fragile, btcpay, lnurl):
    def make(replicas=1, **settings):
        server = fragile(replicas=replicas, movable=True, name="tipping",
                         LICET_RECONCILE_SECONDS=1, **btcpay.settings(),
                         **lnurl.settings(), **settings)
        return TipShop(server, btcpay, lnurl)
    return make


def kill(shop):
    """All replicas, with whatever they are at."""
    for r in shop.server.replicas:
        r.kill()
    shop.fake.calm()
    shop.host.calm()


def restart(shop):
    for r in shop.server.replicas:
        r.restart()
    shop.server.clock.wait()


def paid(shop):
    """How often the node was asked to pay each invoice."""
    return collections.Counter(
        r["json"]["BOLT11"] for r in shop.asked_to_pay())


def asked(double, path):
    wait_for(lambda: double.asked(path=path), 60, f"{path} is asked",
             pause=0.02)


@pytest.mark.parametrize("path, fault", [
    ("/lnurlp/", "silent"), ("/lnurl/cb/", "silent"),
    ("/lnurl/cb/", "done:silent")])
def test_killed_before_the_invoice_is_noted(make_shop, path, fault):
    """It begins anew."""
    shop = make_shop()
    shop.host.spoil(fault, path=path)
    sold = shop.sell()
    shop.wake()
    asked(shop.host, path)
    kill(shop)
    assert shop.tip(sold)["status"] == "pending"
    restart(shop)
    shop.hurry(sold)
    shop.becomes(sold, "sent")
    assert list(paid(shop).values()) == [1]
    assert len(shop.paid()) == 1


def test_killed_when_paid_and_not_noted(make_shop):
    """The node has paid; nobody heard."""
    shop = make_shop()
    shop.fake.spoil("done:silent", path=PAY)
    sold = shop.sell()
    shop.wake()
    asked(shop.fake, PAY)
    wait_for(lambda: shop.paid(), 60, "the node has paid")
    kill(shop)
    assert shop.tip(sold)["status"] == "paying"
    restart(shop)
    shop.hurry(sold)
    shop.becomes(sold, "sent")
    assert list(paid(shop).values()) == [1]


def test_killed_before_the_node_hears_of_it(make_shop):
    """Not paid, and not paid later: it may have been."""
    shop = make_shop()
    shop.fake.spoil("silent", path=PAY)
    sold = shop.sell()
    shop.wake()
    asked(shop.fake, PAY)
    kill(shop)
    restart(shop)
    shop.hurry(sold)
    asked(shop.fake, LOOK)
    assert shop.tip(sold)["status"] == "paying"
    shop.move(hours=2)
    shop.hurry(sold)
    shop.becomes(sold, "failed")
    assert list(paid(shop).values()) == [1]
    assert shop.paid() == []


def test_killed_while_it_is_looked_for(make_shop):
    shop = make_shop()
    shop.fake.lightning.next_modes = ["pending"]
    sold = shop.sell()
    tip = shop.waits(sold)
    shop.fake.spoil("done:silent", path=LOOK)
    shop.fake.lightning.finish(tip["payment_hash"])
    shop.hurry(sold)
    asked(shop.fake, LOOK)
    kill(shop)
    restart(shop)
    shop.hurry(sold)
    shop.becomes(sold, "sent")
    assert list(paid(shop).values()) == [1]


def test_killed_between_the_payment_and_its_commit(make_shop):
    """The note waits for a lock when its writer dies."""
    shop = make_shop()
    shop.fake.spoil("slow", path=PAY, seconds=1.0)
    sold = shop.sell()
    shop.wake()
    asked(shop.fake, PAY)
    with shop.server.cluster.connect(shop.server.database) as c, \
            c.transaction():
        c.execute("SELECT FROM tip_attempts WHERE license_id = %s"
                  " FOR UPDATE", [sold["license_id"]])
        wait_for(lambda: shop.server.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND"
            " wait_event_type = 'Lock'", shop.server.database), 60,
            "the note waits")
        kill(shop)
    restart(shop)
    shop.hurry(sold)
    shop.becomes(sold, "sent")
    assert list(paid(shop).values()) == [1]


def test_killed_again_and_again(make_shop):
    """Every few payments all replicas die; each tip is paid at most once, and
    is called sent if, and only if, it was."""
    shop = make_shop(replicas=2)
    sold = [shop.sell(sats=1000 + n) for n in range(16)]
    for n in range(1, 6):
        shop.fake.spoil("done:silent", path=PAY)
        shop.fake.spoil("silent", path=PAY)
        for one in sold:
            shop.hurry(one)
        want = 3 * n
        wait_for(lambda: len(shop.asked_to_pay()) >= want or not open_tips(
            shop, sold, "pending"), 60, "payments are asked for")
        kill(shop)
        restart(shop)
    shop.move(hours=2)
    for one in sold:
        shop.hurry(one)
        shop.until(one, lambda t: t["status"] in ("sent", "failed"),
                   "the tip has ended")
    tips = [shop.tip(one) for one in sold]
    assert set(paid(shop).values()) == {1}
    assert {t["payment_hash"] for t in tips if t["status"] == "sent"} == \
        {m.hash for m in shop.paid()}
    per_license = collections.Counter(t["license_id"] for t in tips)
    assert set(per_license.values()) == {1}


def open_tips(shop, sold, status):
    return [s for s in sold if shop.tip(s)["status"] == status]


# Refunds

def ask_refund(shop, sold):
    """In a thread: the answer never comes."""
    def ask():
        try:
            TipShop.do(shop, "POST",
                       f"/invoices/{sold['invoice_id']}/refund", {})
        except (requests.RequestException, AssertionError):
            pass
    t = threading.Thread(target=ask)
    t.start()
    return t


def pulls(shop, sold):
    return [p for p in shop.fake.pull_payments.values()
            if p.invoice.id == sold["btcpay_invoice_id"]]


@pytest.mark.parametrize("fault, made", [("done:silent", 1), ("silent", 0)])
@pytest.mark.parametrize("by", ["job", "vendor"])
def test_killed_while_a_refund_is_made(make_shop, fault, made, by):
    shop = make_shop()
    sold = shop.settle(shop.buy(shop.product()))
    shop.fake.spoil(fault, method="POST", path="/refund$")
    thread = ask_refund(shop, sold)
    asked(shop.fake, "/refund")
    wait_for(lambda: len(pulls(shop, sold)) == made, 60, "it is made")
    kill(shop)
    thread.join()
    restart(shop)
    shop.move(seconds=130)
    if by == "vendor":
        shop.do("POST", f"/invoices/{sold['invoice_id']}/refund", {})
        assert status_of(shop, sold) == ["made"]
    elif made:
        wait_for(lambda: (shop.wake("refunds"), status_of(shop, sold))[1]
                 == ["made"], 60, "the job finds it", pause=0.05)
    else:
        shop.move(hours=2)
        wait_for(lambda: (shop.wake("refunds"), status_of(shop, sold))[1]
                 == ["failed"], 60, "the job gives it up", pause=0.05)
    assert len(pulls(shop, sold)) == (1 if by == "vendor" else made)
    is_revoked = status_of(shop, sold) == ["made"]
    assert shop.validate(sold["license_key"])["ok"] is not is_revoked


def status_of(shop, sold):
    return [r["status"] for r in shop.server.rows(
        "SELECT status FROM refunds WHERE invoice_id = %s",
        sold["invoice_id"])]
