"""What random payments brought to light, one by one and without chance."""
import datetime

import pytest

from lib.process import wait_for
from lib.renewals import Shop


@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared):
    return make_instance(movable=True, name="found", LICET_RENEWAL_SECONDS=1,
                         LICET_RECONCILE_SECONDS=1,
                         **btcpay_shared.settings())


@pytest.fixture
def shop(movable, btcpay):
    btcpay.shift = movable.clock.shift().total_seconds()
    yield Shop(movable, btcpay)
    movable.db.execute("UPDATE refunds SET next_check_at = NULL")
    movable.check_workers()


def test_a_refund_ends_the_days_of_grace_too(shop):
    """The license is revoked and its subscription ended by one statement; no
    update of the license is lost for the other.  What is paid afterwards
    counts from the end of access, as for any subscription that was ended."""
    s = shop.subscribe(renewal_period_days=7, grace_period_days=2)
    bill = shop.due(s)
    assert shop.lic(s)["grace_seconds"] == 2 * 86400
    shop.do("POST", f"/invoices/{s['first']}/refund", {})
    assert shop.lic(s)["status"] == "revoked"
    assert shop.lic(s)["grace_seconds"] == 0
    ended = shop.sub(s)
    assert ended["status"] == "cancelled"
    shop.clock.move(days=1)
    shop.pay_bill(bill)
    paid_at = shop.server.value("SELECT settled_at FROM invoices WHERE"
                                " id = %s", bill["id"])
    gap = paid_at - ended["cancelled_at"]
    late = shop.sub(s)["next_renewal_at"] - bill["cycle_end_at"]
    assert abs(late - gap) <= datetime.timedelta(seconds=2)


@pytest.mark.parametrize("part", [0.05, 0.6, 0.95])
def test_a_refund_that_was_never_made_fails_at_the_first_look(shop, part):
    """However the second stands: the time since it was asked for is cut, not
    rounded, or half of the looks would find that it was asked again."""
    bought = shop.buy(shop.product())
    shop.fake.settle(bought["btcpay_invoice_id"])
    shop.paid(bought["invoice_id"])
    shop.server.db.execute(
        "INSERT INTO refunds (id, invoice_id, variant, next_check_at,"
        " updated_at) VALUES (gen_random_uuid(), %s, 'RateThen',"
        " licet_now(), licet_now() - make_interval(secs => 7200 + %s))",
        [bought["invoice_id"], part])
    shop.server.db.execute("SELECT pg_notify('licet_jobs', 'refunds')")
    wait_for(lambda: shop.server.value(
        "SELECT status FROM refunds WHERE invoice_id = %s",
        bought["invoice_id"]) == "failed", 60, "the refund has failed",
             pause=0.03)
