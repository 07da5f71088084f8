"""keysat.md 8: the defects that moves between policies had."""
import pytest

from lib.check import outbox, read_time
from lib.tiers import EVER, HIGH, LOW, TOP, Shop, invoice, lose_void, \
    subscription


@pytest.fixture
def tiers(api):
    return Shop(api)


def lapsed(server, license_id):
    server.db.execute(
        "UPDATE subscriptions SET status = 'lapsed', next_attempt_at = NULL,"
        " next_renewal_at = date_trunc('second', licet_now() - interval"
        " '9 days'), lapsed_at = date_trunc('second', licet_now() - interval"
        " '2 days') WHERE license_id = %s", [license_id])


def test_d7_perpetual_to_recurring(server, tiers):
    """D7: a subscription is created, expires_at = cycle end, grace at least
    grace_period_days."""
    tiers.add("plan", tier_rank=9, price_sats_override=99000,
              grace_period_days=5)
    had = tiers.buy(EVER)
    assert subscription(server, had["license_id"]) is None
    bought = tiers.upgrade(had["license_key"], "plan")
    assert bought["amount_sats"] == 99000
    tiers.api.pay(bought)
    s = subscription(server, had["license_id"])
    now = tiers.license(had["license_id"])
    assert s["status"] == "active" and s["listed_value"] == 99000
    assert read_time(now["expires_at"]) == s["next_renewal_at"]
    left = s["next_renewal_at"] - server.value("SELECT licet_now() AS t")
    assert abs(left.total_seconds() - 30 * 86400) < 60
    assert now["grace_seconds"] >= 5 * 86400
    cycle = server.row("SELECT * FROM subscription_invoices"
                       " WHERE subscription_id = %s", s["id"])
    assert str(cycle["invoice_id"]) == bought["invoice_id"]
    assert cycle["cycle_number"] == 1 and cycle["applied_at"]


def test_lapsed_subscription_starts_anew(server, tiers):
    """D4, D7: what lapsed has no cycle to prorate; a new one is paid for."""
    had = tiers.buy(LOW)
    lapsed(server, had["license_id"])
    assert tiers.quote(had["license_key"], HIGH)[
        "proration_charge_value"] == 9000
    tiers.api.pay(tiers.upgrade(had["license_key"], HIGH))
    s = subscription(server, had["license_id"])
    assert (s["status"], s["paid_cycle"], s["lapsed_at"]) == ("active", 2,
                                                              None)
    assert tiers.api.validate(had["license_key"])["ok"]


def test_d8_poll_of_an_upgrade_has_the_key(tiers):
    """D8: poll resolves through the tier change to the licence."""
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    assert tiers.api.poll(bought)["license_key"] is None
    paid = tiers.api.pay(bought)
    assert paid["license_id"] == had["license_id"]
    assert tiers.api.validate(paid["license_key"])["entitlements"] == [HIGH]


def test_d17_one_open_upgrade_and_no_stale_one(server, tiers):
    """D17: applied_at, one open upgrade per licence, expire the others."""
    had = tiers.buy(LOW)
    first = tiers.upgrade(had["license_key"], HIGH)
    second = tiers.upgrade(had["license_key"], TOP)
    assert invoice(server, first)["status"] == "expired"
    tiers.api.pay(second)
    lose_void(server, first)
    tiers.api.pay(first)
    assert tiers.policy_of(had["license_id"]) == tiers.id[TOP]
    applied = {c["id"]: c["applied_at"] for c in
               tiers.changes(had["license_id"])}
    assert applied[second["tier_change_id"]]
    assert applied[first["tier_change_id"]] is None
    assert len(outbox(server, "license_id", had["license_id"],
                      "license.tier_changed")) == 1
