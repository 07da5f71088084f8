"""Ten thousand subscriptions due at once, three replicas of which two are
killed and come back, a payment server that loses answers: each cycle is billed
once and paid once.

LICET_TEST_SUBSCRIPTIONS says how many (default 10000, or 2000 with sanitizers).
"""
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.btcpay import FakeBtcpay
from lib.client import Api
from lib.many import sell
from lib.process import wait_for
from lib.replica import binary, is_sanitized

MANY = int(os.environ.get("LICET_TEST_SUBSCRIPTIONS") or
           (2000 if is_sanitized(binary()) else 10_000))


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def count(instance, where):
    """Bills of the second cycle."""
    return instance.value("SELECT count(*) FROM subscription_invoices c"
                          " JOIN invoices i ON i.id = c.invoice_id"
                          f" WHERE c.cycle_number = 2 AND {where}")


def announced(instance):
    return count(instance, "c.announced_at IS NOT NULL")


def once_each(instance, event_type):
    """That each subscription was told of by one such event."""
    told = instance.row(
        "SELECT count(*) AS n, count(DISTINCT data->>'subscription_id') AS of"
        " FROM outbox WHERE event_type = %s", event_type)
    assert told == {"n": MANY, "of": MANY}, event_type


@pytest.mark.slow
@pytest.mark.restarts
@pytest.mark.timeout(900)
def test_each_cycle_is_billed_and_paid_once(own_instance, fake):
    instance = own_instance(replicas=3, name="renew", movable=True,
                            LICET_RENEWAL_SECONDS=1,
                            LICET_RECONCILE_SECONDS=3600, **fake.settings())
    api = Api(instance.url, instance.admin_key, instance.db)
    sell(instance, api, MANY)
    rng = random.Random(4)
    fake.lose_create(MANY // 50)
    instance.clock.move(days=1, seconds=2)
    bill_all(instance, rng)
    rows = look_at_bills(instance, fake)
    pay_all(instance, fake, rows, rng)
    look_at_licenses(instance)


def bill_all(instance, rng):
    """Two die one after the other in the middle, and come back when a good
    part was billed without them."""
    victims = rng.sample(instance.replicas, 2)
    for n, victim in enumerate(victims, 1):
        wait_for(lambda: announced(instance) >= MANY * n // 5, 300,
                 f"part {n} is billed", pause=0.05)
        victim.kill()
    wait_for(lambda: announced(instance) >= MANY * 3 // 5, 300,
             "one replica goes on alone", pause=0.05)
    for victim in victims:
        victim.restart()
    wait_for(lambda: nothing_is_due(instance), 300, "all are taken up",
             pause=0.1)
    # What the dead held, and what failed, comes due again after five minutes.
    # Nobody takes that long for a renewal, and the clock that is moved mustn't
    # make it look so: nobody is at one then.
    for replica in instance.replicas:
        assert replica.stop() == 0
    instance.clock.move(seconds=301)
    for replica in instance.replicas:
        replica.start(ready=False)
    for replica in instance.replicas:
        replica.wait_ready()
    wait_for(lambda: announced(instance) == MANY, 300, "all are billed",
             pause=0.1)


def nothing_is_due(instance):
    return not instance.value(
        "SELECT EXISTS (SELECT FROM subscriptions WHERE"
        " next_attempt_at <= licet_now())")


def look_at_bills(instance, fake):
    """One invoice in force to each cycle, attached, and the provider's only
    one for its order."""
    rows = instance.rows(
        "SELECT i.id, i.provider_invoice_id, c.subscription_id"
        " FROM subscription_invoices c JOIN invoices i ON i.id = c.invoice_id"
        " WHERE c.cycle_number = 2 AND c.superseded_at IS NULL"
        " AND i.status = 'pending' AND i.checkout_url <> ''")
    assert len(rows) == len({r["subscription_id"] for r in rows}) == MANY
    assert count(instance, "true") == MANY      # none was superseded
    assert fake.bills() == {str(r["id"]): 1 for r in rows}
    made = {i.id: i.order_id for i in fake.invoices.values()}
    assert made == {r["provider_invoice_id"]: str(r["id"]) for r in rows}
    # What was begun and not ended was looked for, not made anew.
    assert [a for a in fake.asked("GET") if "orderId" in a["query"]]
    once_each(instance, "subscription.renewal_pending")
    return rows


def pay_all(instance, fake, rows, rng):
    """Each told twice, to two replicas; two of all die meanwhile."""
    targets = [r.url + "/v1/btcpay/webhook" for r in instance.replicas]
    tries = []
    for r in rows:
        fake.settle(r["provider_invoice_id"], notify=False)
        tries += fake.prepare(r["provider_invoice_id"], "InvoiceSettled", 2,
                              rng.sample(targets, 2))
    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(fake.deliver_all, tries)
        for n, victim in enumerate(rng.sample(instance.replicas, 2), 1):
            wait_for(lambda: paid(instance) >= MANY * n // 6, 300,
                     f"part {n} is paid", pause=0.05)
            victim.kill()
            victim.restart()
        storm.result()

    def all_told():
        fake.deliver_all([d.again() for d in
                          fake.take(lambda d: d.is_retried)])
        return not [d for d in fake.deliveries if d.is_retried]
    wait_for(all_told, 120, "all is told", pause=0.2)
    assert {d.status for d in fake.deliveries} == {200}
    assert len(fake.deliveries) == len(tries)


def paid(instance):
    return instance.value("SELECT count(*) FROM subscriptions WHERE"
                          " paid_cycle = 2")


def look_at_licenses(instance):
    """Each is a period longer, by one payment."""
    assert instance.rows(
        "SELECT b.status, b.paid_cycle, b.consecutive_failures AS failures,"
        " b.next_renewal_at = l.expires_at AS agree,"
        " (b.next_renewal_at - b.started_at)::text AS length, count(*) AS n"
        " FROM subscriptions b JOIN licenses l ON l.id = b.license_id"
        " GROUP BY 1, 2, 3, 4, 5") == [
            {"status": "active", "paid_cycle": 2, "failures": 0,
             "agree": True, "length": "60 days", "n": MANY}]
    assert count(instance, "i.status = 'settled' AND"
                           " c.applied_at IS NOT NULL") == MANY
    assert count(instance, "i.attention IS NOT NULL") == 0
    once_each(instance, "subscription.renewed")
    assert instance.value("SELECT count(*) FROM events WHERE"
                          " action = 'subscription.renew'") == MANY
