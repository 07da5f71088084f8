"""The figures of the front page (3.2): after every change, what is counted
row by row."""
import datetime

import pytest

from lib.client import Api, new_slug

DAY = datetime.timedelta(days=1)


@pytest.fixture
def shop(own_instance):
    server = own_instance(movable=True)
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    return api


def summary(api):
    return api.do("GET", "/licenses/summary")


def revenue(api):
    return api.do("GET", "/revenue/summary")


def test_nothing_yet(shop):
    assert summary(shop) == dict.fromkeys(
        ("total", "active", "suspended", "revoked", "last_24h", "last_7d"), 0)
    assert shop.do("GET", "/licenses/counts") == {
        "by_product": {}, "by_policy": {}}
    assert revenue(shop) == dict.fromkeys(
        ("total_sats", "last_24h_sats", "last_7d_sats", "last_30d_sats",
         "settled_paid_invoice_count"), 0)


def test_licenses_by_status(shop):
    made = [shop.issue()["license_id"] for _ in range(6)]
    shop.revoke(made[0])
    shop.revoke(made[1])
    for one in made[2:5]:
        shop.do("POST", f"/licenses/{one}/suspend", {})
    shop.do("POST", f"/licenses/{made[4]}/unsuspend", {})
    shop.revoke(made[3])
    assert summary(shop) == {"total": 6, "active": 2, "suspended": 1,
                             "revoked": 3, "last_24h": 6, "last_7d": 6}


def test_licenses_grow_older_by_the_second(shop):
    """D30: not by the day.  A license's time is its issued_at."""
    first = shop.issue()
    at = datetime.datetime.fromisoformat(
        first["issued_at"].replace("Z", "+00:00"))
    for after, last_24h, last_7d in (
            (DAY - 30 * DAY / 86400, 1, 1), (DAY + DAY / 86400, 0, 1),
            (7 * DAY - 30 * DAY / 86400, 0, 1), (7 * DAY + DAY / 86400, 0, 0)):
        shop.server.clock.set(at + after)
        got = summary(shop)
        assert (got["last_24h"], got["last_7d"]) == (last_24h, last_7d), after
    assert got["total"] == got["active"] == 1
    shop.issue()
    got = summary(shop)
    assert (got["total"], got["last_24h"], got["last_7d"]) == (2, 1, 1)


def test_counts_by_product_and_policy(shop):
    a, b = shop.product(), shop.product()
    gold = shop.policy(a, slug=new_slug("t"))
    for fields in ({}, {"policy_slug": gold["slug"]},
                   {"policy_slug": gold["slug"]}):
        last = shop.issue(a, **fields)
    shop.issue(b)
    shop.revoke(last["license_id"])
    shop.product()
    assert shop.do("GET", "/licenses/counts") == {
        "by_product": {a["id"]: 3, b["id"]: 1},
        "by_policy": {gold["id"]: 2}}


def test_revenue_counts_what_settled(shop):
    p = shop.product(price_sats=700)
    shop.buy(p)
    shop.expire(shop.buy(p))
    shop.pay(shop.buy(p))
    free = shop.policy(p, price_sats_override=0)
    assert shop.buy(p, policy_slug=free["slug"])["license_key"]
    assert revenue(shop) == {
        "total_sats": 700, "last_24h_sats": 700, "last_7d_sats": 700,
        "last_30d_sats": 700, "settled_paid_invoice_count": 1}


def test_revenue_by_when_it_settled_not_when_it_was_asked(shop):
    p = shop.product(price_sats=100)
    early, late = shop.buy(p), shop.buy(p)
    shop.pay(early)
    for days, expected in ((2, (100, 0, 100, 100)), (6, (100, 0, 0, 100)),
                           (23, (100, 0, 0, 0))):
        shop.server.clock.move(days=days)
        got = revenue(shop)
        assert tuple(got[n] for n in (
            "total_sats", "last_24h_sats", "last_7d_sats",
            "last_30d_sats")) == expected, days
    shop.pay(late)
    got = revenue(shop)
    assert (got["total_sats"], got["last_24h_sats"]) == (200, 100)
    assert got["settled_paid_invoice_count"] == 2
