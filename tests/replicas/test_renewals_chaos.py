"""A year of subscriptions while every third call to the payment server goes
wrong, webhooks are lost, doubled and late, and replicas die: each cycle is
billed once at a time and paid once, and licenses end when they should.

LICET_TEST_SEED repeats a run.
"""
import os
import random

import pytest

from fake.btcpay import FakeBtcpay
from lib.process import wait_for
from lib.renewals import Shop

MANY = 25
SEED = int(os.environ.get("LICET_TEST_SEED", "7"))


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def bills(server, where="true"):
    return server.rows(
        "SELECT i.id, i.status, i.provider_invoice_id, c.subscription_id,"
        " c.cycle_number, c.applied_at, c.superseded_at, i.attention"
        " FROM subscription_invoices c JOIN invoices i ON i.id = c.invoice_id"
        f" WHERE c.cycle_number > 1 AND {where} ORDER BY i.created_at, i.id")


def act(server, fake, rng):
    """Buyers pay, don't, pay what expired; servers forget."""
    for bill in bills(server, "i.status <> 'settled'"
                              " AND i.provider_invoice_id IS NOT NULL"):
        luck, pid = rng.random(), bill["provider_invoice_id"]
        if luck < 0.45:
            fake.settle(pid, notify=rng.random() < 0.8)
        elif luck < 0.55 and bill["status"] == "pending":
            fake.expire(pid, partial=rng.random() < 0.3)
        elif luck < 0.6 and bill["status"] == "pending":
            fake.invalidate(pid)


def quiet(server, fake):
    """Everything that was paid is taken in."""
    def done():
        open_ = bills(server, "i.status <> 'settled'"
                              " AND i.provider_invoice_id IS NOT NULL")
        paid = [b for b in open_ if fake.invoices[
            b["provider_invoice_id"]].status == "Settled"]
        if paid:
            server.db.execute(
                "UPDATE invoices SET next_check_at = licet_now()"
                " WHERE id = ANY(%s)", [[b["id"] for b in paid]])
        return not paid
    wait_for(done, 60, "what was paid is taken in", pause=0.3)


@pytest.mark.slow
@pytest.mark.restarts
@pytest.mark.timeout(400)
def test_a_year_of_bad_luck(own_instance, fake):
    rng = random.Random(SEED)
    server = own_instance(replicas=2, name="chaos", movable=True,
                          LICET_RENEWAL_SECONDS=1, LICET_RECONCILE_SECONDS=1,
                          **fake.settings())
    shop = Shop(server, fake)
    product = shop.product()
    subs = [shop.subscribe(product, grace_period_days=rng.choice((0, 3, 20)))
            for _ in range(MANY)]
    fake.chaos(rng, p=0.3)
    for _ in range(60):
        server.clock.move(days=rng.choice((1, 3, 8)), seconds=rng.random())
        act(server, fake, rng)
        if rng.random() < 0.1:
            victim = rng.choice(server.replicas)
            victim.kill()
            victim.restart()
    fake.calm()
    quiet(server, fake)
    check(server, subs)


def check(server, subs):
    # The clock jumps over claims that are still at work, as no true clock does,
    # so two workers may ask for one order at once (test_renewals.py has that
    # they don't otherwise).  But the buyer hears of one, once.
    assert server.value(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM outbox WHERE event_type"
        " = 'subscription.renewal_pending' GROUP BY data->>'invoice_id') t"
    ) == 1
    lost = bills(server, "i.status = 'settled' AND c.applied_at IS NULL"
                         " AND i.attention IS DISTINCT FROM 'surplus'")
    assert lost == [], "paid, and without effect"
    for s in subs:
        now = server.row(
            "SELECT b.*, l.expires_at FROM subscriptions b JOIN licenses l"
            " ON l.id = b.license_id WHERE b.id = %s", s["id"])
        rows = [b for b in bills(server) if b["subscription_id"] == s["id"]]
        paid = sorted(b["cycle_number"] for b in rows
                      if b["applied_at"] is not None)
        assert paid == list(range(2, now["paid_cycle"] + 1))
        assert now["expires_at"] == now["next_renewal_at"]
        assert max((b["cycle_number"] for b in rows), default=1) <= \
            now["paid_cycle"] + 1
        in_force = [b["cycle_number"] for b in rows
                    if b["superseded_at"] is None]
        assert len(in_force) == len(set(in_force))
        # Each paid cycle is 30 days of access, and late ones never fewer.
        length = (now["next_renewal_at"] - now["started_at"]).days
        assert length >= 30 * now["paid_cycle"]
        told = server.value(
            "SELECT count(*) FROM outbox WHERE event_type ="
            " 'subscription.renewed' AND data->>'subscription_id' = %s",
            str(s["id"]))
        assert told == now["paid_cycle"] - 1
    assert server.value("SELECT count(*) FROM licenses") == MANY
    assert sum(b["applied_at"] is not None for b in bills(server)) > MANY
