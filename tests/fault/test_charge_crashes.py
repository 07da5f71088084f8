"""Replicas are killed while cards are charged: no cycle is charged twice, and
what became of each charge is found out."""
import collections
import os
import random

import pytest

from lib.process import wait_for
from lib.zaprite import Shop, connect

pytestmark = pytest.mark.restarts

MANY = int(os.environ.get("LICET_TEST_CARDS", "40"))


@pytest.fixture
def make_shop(fragile, zaprite):
    def make(replicas=1):
        server = fragile(replicas=replicas, movable=True, name="charging",
                         LICET_PAYMENTS="none", LICET_RENEWAL_SECONDS=1,
                         LICET_RECONCILE_SECONDS=1)
        return Shop(server, zaprite, connect(server, zaprite))
    return make


def kill(shop):
    for r in shop.server.replicas:
        r.kill()
    shop.fake.calm()


def restart(shop):
    for r in shop.server.replicas:
        r.restart()
    shop.clock.wait()


def charged(fake):
    """order -> how often we asked to have it charged."""
    return collections.Counter(r["json"]["orderId"] for r in
                               fake.asked("POST", "/v1/orders/charge"))


def asked(fake, path):
    wait_for(lambda: fake.asked("POST", path), 60, f"{path} is asked",
             pause=0.02)


@pytest.mark.parametrize("fault", ["silent", "done:silent"])
def test_killed_while_the_card_is_charged(make_shop, zaprite, fault):
    """With `done' the money moved.  Whoever comes next reads the order; if it
    isn't paid, the buyer is asked ten minutes later."""
    shop = make_shop()
    s = shop.subscribe(grace_period_days=3)
    zaprite.spoil(fault, path="charge$")
    shop.fall_due(s)
    asked(zaprite, "charge")
    kill(shop)
    restart(shop)
    if fault == "done:silent":
        shop.clock.move(seconds=61)
        assert shop.renewed(s)["status"] == "active"
        assert not shop.news(s, "subscription.auto_charge_failed")
    else:
        shop.clock.move(seconds=601)
        shop.announced(s)
        assert len(shop.news(s, "subscription.auto_charge_failed")) == 1
    assert len(shop.news(s, "subscription.auto_charge_initiated")) == 1
    assert list(charged(zaprite).values()) == [1]


def test_killed_while_the_order_is_made(make_shop, zaprite):
    """It is found by our id, then charged, once."""
    shop = make_shop()
    s = shop.subscribe(grace_period_days=3)
    zaprite.spoil("done:silent", method="POST", path="/orders$")
    zaprite.requests.clear()
    shop.fall_due(s)
    asked(zaprite, "/v1/orders")
    kill(shop)
    restart(shop)
    shop.clock.move(seconds=301)
    assert shop.renewed(s)["status"] == "active"
    assert zaprite.billed(str(shop.cycle(s)["id"])) == 1
    assert list(charged(zaprite).values()) == [1]


def stand(shop):
    """cycle 2's invoices: how each subscription stands."""
    return shop.server.rows(
        "SELECT b.id, b.paid_cycle, b.status, c.announced_at,"
        " c.charge_next_at, c.charge_started_at, i.provider_invoice_id,"
        " i.status AS invoice FROM subscriptions b"
        " LEFT JOIN subscription_invoices c ON c.subscription_id = b.id"
        " AND c.cycle_number = 2 LEFT JOIN invoices i ON i.id = c.invoice_id")


def is_over(row):
    return row["invoice"] == "settled" or \
        (row["announced_at"] is not None and row["charge_next_at"] is None)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_cards_a_bad_day_and_two_replicas(make_shop, zaprite, seed):
    rng = random.Random(seed)
    shop = make_shop(replicas=2)
    first = shop.subscribe(grace_period_days=20)
    for _ in range(MANY - 1):
        shop.subscribe(grace_period_days=20)
    zaprite.requests.clear()
    zaprite.chaos(rng, p=0.3, pause=0.2)
    shop.until(first["next_renewal_at"], plus=600)
    for n in range(6):
        seen = len(zaprite.requests)
        wait_for(lambda: len(zaprite.requests) > seen + 5 or
                 all(map(is_over, stand(shop))), 60, "something happens")
        victim = rng.choice(shop.server.replicas)
        victim.kill()
        victim.restart()
        shop.clock.move(seconds=rng.choice((61, 301, 400)))
    zaprite.calm()

    def over():
        if all(map(is_over, stand(shop))):
            return True
        shop.clock.move(seconds=1200)
        return False
    wait_for(over, 120, "every cycle is paid or with the buyer", pause=1)
    rows = stand(shop)
    assert len({r["id"] for r in rows}) == len(rows) == MANY
    assert set(charged(zaprite).values()) <= {1}
    paid = {order for order, _, _ in zaprite.charges}
    for row in rows:
        assert (row["provider_invoice_id"] in paid) == \
            (row["invoice"] == "settled"), row
        assert row["paid_cycle"] == (2 if row["invoice"] == "settled" else 1)
    assert sum(r["invoice"] == "settled" for r in rows) > MANY / 3
