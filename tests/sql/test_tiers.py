"""Moves between policies: what they do to license and subscription."""
import uuid

import pytest

import shop
from endpoint import call, count, events, outbox, provider, settle
from tiers import DAY, NOW, Tiers


@pytest.fixture
def t(db):
    return Tiers(db)


# Scheduled ones

def test_scheduled_change_is_made_when_due(t):
    """2.8 apply, 4.8: policy, entitlements, machines, price; same dates; the
    news says that the worker did it."""
    lid, sid = t.subscribed(t.high, 0)
    cid = t.schedule(lid, t.low)
    assert t.due(lid)["applied"] == "t"
    assert t.row("licenses", lid, "policy_id", "entitlements",
                 "max_machines") == (t.low["id"], "{a}", "1")
    assert t.sub(lid, "policy_id", "listed_value", "status", "paid_cycle") \
        == (t.low["id"], "500", "active", "1")
    assert t.lasts(lid) == 0
    assert t.told() == [{
        "license_id": lid, "product_id": t.product["id"],
        "from_policy_id": t.high["id"], "to_policy_id": t.low["id"],
        "to_policy_slug": "low", "direction": "downgrade", "actor": "system",
        "tier_change_id": cid, "applied_via": "renewal_worker"}]
    assert events(t.db, lid, "subscription.downgrade.applied")
    assert t.due(lid) is None
    assert len(t.told()) == 1


def test_scheduled_change_waits(t):
    lid, _ = t.subscribed(t.high, 1)
    t.schedule(lid, t.low)
    assert t.due(lid) is None
    assert t.policy_of(lid) == t.high["id"]


def test_scheduled_change_to_an_archived_policy_is_dropped(t):
    lid, _ = t.subscribed(t.high, 0)
    cid = t.schedule(lid, t.low)
    t.db.sql("UPDATE policies SET archived_at = licet_now() "
             f"WHERE id = '{t.low['id']}'")
    assert t.due(lid)["applied"] == "f"
    assert t.policy_of(lid) == t.high["id"]
    assert count(t.db, "tier_changes",
                 f"id = '{cid}' AND cancelled_at IS NOT NULL") == 1
    assert events(t.db, lid, "subscription.downgrade.void")


def test_paid_upgrade_ends_a_scheduled_downgrade(t):
    lid, _ = t.subscribed(t.high, 0)
    t.schedule(lid, t.low)
    settle(t.db, t.opened(lid, t.ever))
    assert t.due(lid) is None
    assert t.policy_of(lid) == t.ever["id"]


def test_worker_makes_nothing_that_is_to_be_paid(t):
    lid, _ = t.subscribed(t.low, 0)
    t.opened(lid, t.high)
    assert t.due(lid) is None
    assert t.policy_of(lid) == t.low["id"]


def test_gift_is_not_made_again_at_the_renewal(t):
    """D17: comp tier changes don't re-apply at renewal."""
    lid, _ = t.subscribed(t.low, 0)
    assert t.now(lid, t.high)["fault"] is None
    assert t.now(lid, t.low)["fault"] is None
    assert t.due(lid) is None
    assert t.policy_of(lid) == t.low["id"]
    assert len(t.told()) == 2


# What a paid change does

def test_within_a_cycle_the_dates_stay(t):
    lid, sid = t.subscribed(t.low, 10)
    settle(t.db, t.opened(lid, t.high))
    assert t.lasts(lid) == 10
    assert t.sub(lid, "id", "policy_id", "listed_value", "status",
                 "paid_cycle", "grace_period_days") == (
        sid, t.high["id"], "2000", "active", "1", "3")
    assert t.row("licenses", lid, "grace_seconds") == str(3 * DAY)


def test_perpetual_to_recurring_begins_a_subscription(t):
    """D7: it gets one, and the license ends with the cycle."""
    lid = t.license(t.ever)
    iid = t.opened(lid, t.high)
    settle(t.db, iid)
    assert t.lasts(lid) == 30
    assert t.sub(lid, "status", "paid_cycle", "listed_value",
                 "payment_provider_id", "began_with_trial") == (
        "active", "1", "2000", provider(t.db), "f")
    assert int(t.row("licenses", lid, "grace_seconds")) >= 3 * DAY
    assert t.db.sql(
        "SELECT c.cycle_number, c.applied_at IS NOT NULL, c.cycle_end_at = "
        "b.next_renewal_at, l.expires_at = b.next_renewal_at "
        "FROM subscription_invoices c JOIN subscriptions b "
        "ON b.id = c.subscription_id JOIN licenses l ON l.id = b.license_id "
        f"WHERE c.invoice_id = '{iid}'") == [("1", "t", "t", "t")]


def test_to_perpetual_ends_the_subscription(t):
    lid, sid = t.subscribed(t.low, 10)
    settle(t.db, t.opened(lid, t.ever))
    assert t.lasts(lid) is None
    assert t.sub(lid, "status", "next_attempt_at", "cancellation_reason") == (
        "cancelled", None, "tier change")
    (_, data), = outbox(t.db, t.product["id"], "subscription.cancelled")
    assert (data["subscription_id"], data["actor"]) == (sid, "buyer")


def test_renewal_paid_after_the_move_to_perpetual_is_surplus(t):
    lid, sid = t.subscribed(t.low, 0, "past_due")
    due = t.renewal(lid, sid)
    assert t.now(lid, t.ever)["fault"] is None
    assert t.attention(due) == ("expired", None)
    settle(t.db, due)
    assert t.attention(due) == ("settled", "surplus")
    assert t.lasts(lid) is None


def test_limited_policy_ends_by_its_duration(t):
    year = t.add("year", 5000, duration_seconds=365 * DAY)
    lid, _ = t.subscribed(t.low, 10)
    settle(t.db, t.opened(lid, year))
    assert t.lasts(lid) == 365


def test_unpaid_renewal_is_billed_anew_at_the_new_price(t):
    lid, sid = t.subscribed(t.low, 0, "past_due", next_attempt_at="NULL")
    due = t.renewal(lid, sid)
    assert t.now(lid, t.high)["fault"] is None
    assert t.attention(due)[0] == "expired"
    assert t.sub(lid, "status", "listed_value",
                 "next_attempt_at <= licet_now()") == ("past_due", "2000", "t")
    # The old one still pays for the cycle, if it is paid first.
    settle(t.db, due)
    assert t.attention(due) == ("settled", None)
    assert t.lasts(lid) == 30


def test_back_from_perpetual_is_a_cycle_of_its_own(t):
    """What was left of the old one went with the move to perpetual."""
    lid, sid = t.subscribed(t.low, 10)
    assert t.now(lid, t.ever)["fault"] is None
    settle(t.db, t.opened(lid, t.high))
    assert t.lasts(lid) == 30
    assert t.sub(lid, "id", "status", "paid_cycle") == (sid, "active", "2")


def test_payment_ends_what_else_is_open(t):
    """D17: also when the older request is the one that is paid."""
    lid, _ = t.subscribed(t.low, 10)
    older, newer = t.opened(lid, t.high), t.opened(lid, t.ever)
    settle(t.db, older)
    assert t.policy_of(lid) == t.high["id"]
    assert t.attention(newer) == ("expired", None)
    assert count(t.db, "tier_changes", f"invoice_id = '{newer}' AND "
                 "cancelled_at IS NOT NULL") == 1


def test_change_is_made_once_even_if_the_license_is_back(t):
    lid, _ = t.subscribed(t.low, 10)
    iid = t.opened(lid, t.high)
    settle(t.db, iid)
    assert t.now(lid, t.low)["fault"] is None
    settle(t.db, iid)
    t.db.sql(f"UPDATE invoices SET status = 'expired' WHERE id = '{iid}'")
    settle(t.db, iid)
    assert t.policy_of(lid) == t.low["id"]
    assert t.attention(iid) == ("settled", "void_change")


def test_a_paid_change_that_cant_be_made_is_closed(t):
    """Its money waits for the vendor; it doesn't wait for money."""
    lid, _ = t.subscribed(t.low, 10)
    iid = t.opened(lid, t.high)
    t.db.sql(f"UPDATE licenses SET policy_id = '{t.ever['id']}' "
             f"WHERE id = '{lid}'")
    settle(t.db, iid)
    assert t.attention(iid) == ("settled", "void_change")
    assert count(t.db, "tier_changes", f"invoice_id = '{iid}' AND "
                 "cancelled_at IS NOT NULL AND applied_at IS NULL") == 1


def test_cancelled_subscription_stays_cancelled(t):
    lid, _ = t.subscribed(t.low, 10, "cancelled", next_attempt_at="NULL")
    settle(t.db, t.opened(lid, t.high))
    assert t.lasts(lid) == 10
    assert t.sub(lid, "status", "next_attempt_at", "policy_id") == (
        "cancelled", None, t.high["id"])


@pytest.mark.parametrize("status, left", [("lapsed", -9), ("cancelled", -1)])
def test_dead_subscription_begins_again(t, status, left):
    lid, sid = t.subscribed(t.low, left, status, next_attempt_at="NULL")
    old = t.renewal(lid, sid)
    iid = t.opened(lid, t.high)
    settle(t.db, iid)
    assert t.lasts(lid) == 30
    assert t.sub(lid, "id", "status", "paid_cycle", "lapsed_at",
                 "cancelled_at", "next_attempt_at = next_renewal_at",
                 "consecutive_failures") == (
        sid, "active", "2", None, None, "t", "0")
    # The cycle that was never paid is paid for now.
    settle(t.db, old)
    assert t.attention(old) == ("settled", "surplus")
    assert t.lasts(lid) == 30


def test_price_of_a_rest_buys_no_lapsed_license(t):
    """Quoted within the cycle, paid after the lapse."""
    lid, sid = t.subscribed(t.low, 1)
    iid = t.opened(lid, t.high)
    t.db.sql(f"UPDATE subscriptions SET status = 'lapsed', lapsed_at = {NOW}, "
             f"next_renewal_at = {NOW} - interval '8 days', "
             f"next_attempt_at = NULL WHERE id = '{sid}'")
    t.db.sql(f"UPDATE licenses SET expires_at = {NOW} - interval '8 days' "
             f"WHERE id = '{lid}'")
    due = t.renewal(lid, sid)
    settle(t.db, iid)
    assert t.attention(iid) == ("settled", "void_change")
    assert t.policy_of(lid) == t.low["id"]
    (answer,) = shop.validate(t.db, shop.ask(lid))
    assert answer["reason"] == "expired"
    # Its renewal is still there to be paid.
    assert t.attention(due) == ("pending", None)
    settle(t.db, due)
    assert t.attention(due) == ("settled", None)
    assert t.sub(lid, "status") == ("active",)


@pytest.mark.parametrize("renewal_first", [True, False])
def test_price_of_a_rest_buys_nothing_of_the_next_cycle(t, renewal_first):
    """Quoted on the last day, paid when the next cycle is due or paid: else
    a day's price and a renewal at the old price would buy a cycle."""
    lid, sid = t.subscribed(t.low, 1)
    iid = t.opened(lid, t.high)
    t.db.sql("UPDATE subscriptions SET status = 'past_due', next_renewal_at = "
             f"{NOW} - interval '1 hour' WHERE id = '{sid}'")
    due = t.renewal(lid, sid)
    for one in (due, iid) if renewal_first else (iid, due):
        settle(t.db, one)
    assert t.attention(iid) == ("settled", "void_change")
    assert t.attention(due) == ("settled", None)
    assert t.policy_of(lid) == t.low["id"]
    assert t.sub(lid, "status", "paid_cycle", "listed_value") == (
        "active", "2", "500")


def test_perpetual_is_had_whatever_cycle_it_is(t):
    """Its price has nothing to do with what is left of one."""
    lid, sid = t.subscribed(t.low, 1)
    iid = t.opened(lid, t.ever)
    t.db.sql("UPDATE subscriptions SET status = 'past_due', next_renewal_at = "
             f"{NOW} - interval '1 hour' WHERE id = '{sid}'")
    settle(t.db, iid)
    assert t.attention(iid) == ("settled", None)
    assert t.policy_of(lid) == t.ever["id"]


def test_downgrade_while_past_due_is_the_workers_at_once(t):
    """What is due is due at the lower price; the dearer bill is put aside."""
    lid, sid = t.subscribed(t.high, -1, "past_due", next_attempt_at=f"{NOW} + "
                            "interval '6 days'")
    due = t.renewal(lid, sid)
    t.schedule(lid, t.low)
    assert t.sub(lid, "next_attempt_at <= licet_now()") == ("t",)
    assert t.due(lid)["applied"] == "t"
    assert t.attention(due)[0] == "expired"
    assert t.sub(lid, "listed_value", "status", "paid_cycle") == (
        "500", "past_due", "1")


def test_whole_cycle_comes_after_one_that_was_paid_meanwhile(t):
    """Quoted after the lapse; then the late renewal is paid first."""
    lid, sid = t.subscribed(t.low, -9, "lapsed", next_attempt_at="NULL")
    due = t.renewal(lid, sid)
    iid = t.opened(lid, t.high)
    settle(t.db, due)
    left = t.lasts(lid)
    assert left > 0
    settle(t.db, iid)
    assert t.lasts(lid) == pytest.approx(left + 30, abs=0.01)
    assert t.sub(lid, "paid_cycle", "status") == ("3", "active")


def test_change_of_a_trial_is_no_trial(t):
    lid, _ = t.subscribed(t.low, 5)
    t.db.sql(f"UPDATE licenses SET is_trial = true WHERE id = '{lid}'")
    settle(t.db, t.opened(lid, t.high))
    assert t.row("licenses", lid, "is_trial") == "f"


def test_target_that_was_deleted_is_void(t):
    lid, _ = t.subscribed(t.low, 5)
    iid = t.opened(lid, t.high)
    t.db.sql(f"DELETE FROM policies WHERE id = '{t.high['id']}'")
    settle(t.db, iid)
    assert t.attention(iid) == ("settled", "void_change")
    assert t.policy_of(lid) == t.low["id"] and t.told() == []


def test_target_no_longer_sold_is_given_to_whom_it_was_sold(t):
    lid, _ = t.subscribed(t.low, 5)
    iid = t.opened(lid, t.high)
    t.db.sql("UPDATE policies SET active = false, archived_at = licet_now() "
             f"WHERE id = '{t.high['id']}'")
    settle(t.db, iid)
    assert t.policy_of(lid) == t.high["id"]


@pytest.mark.parametrize("word", ["expired", "invalid"])
def test_late_payment_counts(t, word):
    lid, _ = t.subscribed(t.low, 5)
    iid = t.opened(lid, t.high)
    settle(t.db, iid, word)
    assert t.policy_of(lid) == t.low["id"]
    settle(t.db, iid)
    assert t.policy_of(lid) == t.high["id"]


def test_revoked_license_takes_the_terms_and_stays_revoked(t):
    lid, _ = t.subscribed(t.low, 5)
    iid = t.opened(lid, t.high)
    t.db.sql(f"UPDATE licenses SET status = 'revoked' WHERE id = '{lid}'")
    settle(t.db, iid)
    assert t.row("licenses", lid, "policy_id", "status") == (
        t.high["id"], "revoked")


# What was quoted for must still be so

@pytest.mark.parametrize("change", [
    "UPDATE licenses SET status = 'suspended' WHERE id = '{lid}'",
    "UPDATE licenses SET policy_id = NULL WHERE id = '{lid}'",
    "UPDATE subscriptions SET next_renewal_at = next_renewal_at + interval "
    "'1 day' WHERE license_id = '{lid}'",
    "UPDATE subscriptions SET status = 'past_due' WHERE license_id = '{lid}'",
    "DELETE FROM policies WHERE id = '{to}'"])
@pytest.mark.parametrize("statement", ["tier_open", "tier_now"])
def test_another_license_than_quoted_is_a_conflict(t, statement, change):
    lid, _ = t.subscribed(t.low, 5)
    args = t.arguments(lid, t.high)
    if statement == "tier_open":
        args.update(invoice_id=str(uuid.uuid4()), amount_sats=1,
                    charge_value=1, provider_id=provider(t.db), actor="buyer")
    t.db.sql(change.format(lid=lid, to=t.high["id"]))
    row = call(t.db, statement, lock="license_lock", **args)
    assert row["fault"] == "conflict"
    assert count(t.db, "tier_changes", f"license_id = '{lid}'") == 0
    assert count(t.db, "invoices", f"license_id = '{lid}'") == 0


# Who takes the money

def test_provider_of_an_upgrade(t):
    """2.8: the subscription's, else the original invoice's, else the
    default; and only one that is connected."""
    db = t.db
    db.sql("BEGIN")
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now()")
    ids = [db.sql(
        "INSERT INTO payment_providers (kind, label, store_id, connected_at) "
        f"VALUES ('{kind}', 'x', '{uuid.uuid4()}', licet_now() - interval "
        f"'{age} days') RETURNING id")[0][0]
        for kind, age in (("zaprite", 1), ("btcpay", 2), ("sandbox", 3))]
    of_subscription, of_invoice, first = ids
    (iid,), = db.sql(
        "INSERT INTO invoices (id, product_id, provider_id, amount_sats, "
        "base_price_sats) VALUES (gen_random_uuid(), "
        f"'{t.product['id']}', '{of_invoice}', 1, 1) RETURNING id")
    lid, _ = t.subscribed(t.low, 5, payment_provider_id=shop.text(
        of_subscription))
    db.sql(f"UPDATE licenses SET invoice_id = '{iid}' WHERE id = '{lid}'")
    try:
        for expected in (of_subscription, of_invoice, first, None):
            assert t.facts(lid, t.high)["provider_id"] == expected
            if expected:
                db.sql("UPDATE payment_providers SET disconnected_at = "
                       f"licet_now() WHERE id = '{expected}'")
    finally:
        db.sql("ROLLBACK")
