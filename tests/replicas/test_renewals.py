"""Many subscriptions due at once, two replicas that are killed and come back,
a payment server that loses answers: each cycle is billed once and paid once.

LICET_TEST_SUBSCRIPTIONS=10000 makes it the real size.
"""
import os
import random

import pytest

from fake.btcpay import FakeBtcpay
from lib.client import Api
from lib.process import wait_for

MANY = int(os.environ.get("LICET_TEST_SUBSCRIPTIONS", "600"))


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def sell(instance, api, n):
    """n subscriptions, as the settle pipeline leaves them, due in a day."""
    product = api.product()
    policy = api.policy(product, is_recurring=True, renewal_period_days=30)
    provider = instance.value("SELECT id FROM payment_providers"
                              " WHERE disconnected_at IS NULL")
    instance.db.execute("""
        WITH sold AS (
            INSERT INTO invoices (id, provider_id, provider_invoice_id,
                product_id, policy_id, status, amount_sats, base_price_sats,
                listed_currency, listed_value, settled_at)
            SELECT gen_random_uuid(), %(v)s, 'old-' || n, %(p)s, %(y)s,
                'settled', 50000, 50000, 'SAT', 50000, licet_now()
            FROM generate_series(1, %(n)s) AS n
            RETURNING id
        ), licensed AS (
            INSERT INTO licenses (product_id, invoice_id, policy_id,
                signing_key_id, issued_at, expires_at, grace_seconds)
            SELECT %(p)s, s.id, %(y)s, k.id,
                date_trunc('second', licet_now()) - interval '29 days',
                date_trunc('second', licet_now()) + interval '1 day', 604800
            FROM sold s, signing_keys k WHERE k.active
            RETURNING id, invoice_id, issued_at, expires_at
        ), subscribed AS (
            INSERT INTO subscriptions (license_id, policy_id, product_id,
                period_days, grace_period_days, listed_currency,
                listed_value, started_at, next_renewal_at, next_attempt_at,
                merchant_profile_id, payment_provider_id)
            SELECT l.id, %(y)s, %(p)s, 30, 7, 'SAT', 50000, l.issued_at,
                l.expires_at, l.expires_at, merchant_profile_default_1(),
                %(v)s
            FROM licensed l
            RETURNING id, license_id, started_at, next_renewal_at
        )
        INSERT INTO subscription_invoices (subscription_id, invoice_id,
            cycle_number, cycle_start_at, cycle_end_at, applied_at)
        SELECT b.id, l.invoice_id, 1, b.started_at, b.next_renewal_at,
            licet_now()
        FROM subscribed b JOIN licensed l ON l.id = b.license_id""",
                        {"v": provider, "p": product["id"],
                         "y": policy["id"], "n": n})
    return product


def announced(instance):
    return instance.value("SELECT count(*) FROM subscription_invoices"
                          " WHERE cycle_number = 2"
                          " AND announced_at IS NOT NULL")


@pytest.mark.slow
@pytest.mark.restarts
@pytest.mark.timeout(900)
def test_each_cycle_is_billed_and_paid_once(own_instance, fake):
    instance = own_instance(replicas=2, name="renew", movable=True,
                            LICET_RENEWAL_SECONDS=1, LICET_RECONCILE_SECONDS=1,
                            **fake.settings())
    api = Api(instance.url, instance.admin_key, instance.db)
    product = sell(instance, api, MANY)
    rng = random.Random(4)
    fake.lose_create(MANY // 50)
    instance.clock.move(days=1, seconds=2)
    for n in range(1, 5):       # one dies in the middle, four times
        wait_for(lambda: announced(instance) >= MANY * n // 6, 300,
                 "the next part is billed", pause=0.05)
        victim = rng.choice(instance.replicas)
        victim.kill()
        victim.restart()
    # What a dead worker held, and what failed, comes due again.
    def all_billed():
        if announced(instance) == MANY:
            return True
        instance.clock.move(seconds=60)
        return False
    wait_for(all_billed, 400, "all are billed", pause=1)
    orders = fake.bills()
    rows = instance.rows(
        "SELECT i.id, i.provider_invoice_id, count(*) OVER (PARTITION BY"
        " c.subscription_id) AS n FROM subscription_invoices c"
        " JOIN invoices i ON i.id = c.invoice_id WHERE c.cycle_number = 2")
    assert len(rows) == MANY and {r["n"] for r in rows} == {1}
    assert {orders[str(r["id"])] for r in rows} == {1}
    assert instance.value(
        "SELECT count(*) FROM outbox WHERE"
        " event_type = 'subscription.renewal_pending'") == MANY
    pay_all(instance, fake, rows, rng)
    assert instance.rows(
        "SELECT b.status, b.paid_cycle, b.consecutive_failures AS failures,"
        " b.next_renewal_at = l.expires_at AS agree,"
        " (b.next_renewal_at - b.started_at)::text AS length, count(*) AS n"
        " FROM subscriptions b JOIN licenses l ON l.id = b.license_id"
        " WHERE b.product_id = %s GROUP BY 1, 2, 3, 4, 5", product["id"]) == [
            {"status": "active", "paid_cycle": 2, "failures": 0,
             "agree": True, "length": "60 days", "n": MANY}]
    assert instance.value(
        "SELECT count(*) FROM outbox WHERE"
        " event_type = 'subscription.renewed'") == MANY
    assert instance.value("SELECT count(*) FROM invoices WHERE"
                          " attention IS NOT NULL") == 0


def pay_all(instance, fake, rows, rng):
    """Each told twice, to either replica, one of which dies meanwhile."""
    targets = [r.url + "/v1/btcpay/webhook" for r in instance.replicas]
    tries = []
    for r in rows:
        fake.settle(r["provider_invoice_id"], notify=False)
        tries += fake.prepare(r["provider_invoice_id"], "InvoiceSettled", 2,
                              targets)
    rng.shuffle(tries)
    half = len(tries) // 2
    fake.deliver_all(tries[:half])
    victim = rng.choice(instance.replicas)
    victim.kill()
    fake.deliver_all(tries[half:half + half // 2])
    victim.restart()
    fake.deliver_all(tries[half + half // 2:])

    def all_paid():
        if instance.value("SELECT count(*) FROM subscriptions WHERE"
                          " paid_cycle = 2") == len(rows):
            return True
        fake.redeliver_failed()
        return False
    wait_for(all_paid, 120, "all are paid", pause=0.5)
