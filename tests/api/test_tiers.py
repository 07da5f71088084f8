"""Moves between policies, as buyers and the vendor see them."""
import threading
import uuid

import pytest

from lib.check import NOWHERE, events, outbox, read_time
from lib.client import expect, refused
from lib.tiers import HIGH, LOW, TOP, Shop, at_sandbox, invoice, \
    lose_void, subscription


@pytest.fixture
def tiers(api):
    return Shop(api)


# The way of an upgrade

def test_upgrade_is_made_when_it_is_paid(server, tiers):
    had = tiers.buy(LOW)
    before = subscription(server, had["license_id"])
    bought = tiers.upgrade(had["license_key"], HIGH)
    # 30 whole days of the cycle are not left any more.
    assert bought == {
        "invoice_id": bought["invoice_id"], "proration_charge_value": 5800,
        "provider_invoice_id": bought["provider_invoice_id"],
        "checkout_url": bought["checkout_url"], "amount_sats": 5800,
        "listed_currency": "SAT", "tier_change_id": bought["tier_change_id"],
        "from_policy_slug": LOW, "to_policy_slug": HIGH}
    assert tiers.policy_of(had["license_id"]) == tiers.id[LOW]
    paid = tiers.api.pay(bought)
    assert paid["status"] == "settled"
    now = tiers.license(had["license_id"])
    assert (now["policy_id"], now["entitlements"], now["max_machines"]) == (
        tiers.id[HIGH], [HIGH], 5)
    after = subscription(server, had["license_id"])
    assert after["id"] == before["id"]
    assert after["next_renewal_at"] == before["next_renewal_at"]
    assert (after["policy_id"], after["listed_value"], after["status"]) == (
        uuid.UUID(tiers.id[HIGH]), 9000, "active")
    assert read_time(now["expires_at"]) == after["next_renewal_at"]
    (change,) = tiers.changes(had["license_id"])
    assert change["status"] == "applied" and change["applied_at"]


def test_old_key_stays_good_after_an_upgrade(tiers):
    had = tiers.buy(LOW)
    tiers.api.pay(tiers.upgrade(had["license_key"], HIGH))
    assert tiers.api.validate(had["license_key"])["ok"]


def test_upgrade_is_told_once_however_often_it_is_paid(server, tiers):
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    for _ in range(3):
        tiers.api.pay(bought)
    (told,) = outbox(server, "tier_change_id", bought["tier_change_id"])
    assert told["event_type"] == "license.tier_changed"
    assert told["data"] == {
        "license_id": had["license_id"], "product_id": tiers.product["id"],
        "from_policy_id": tiers.id[LOW], "to_policy_id": tiers.id[HIGH],
        "to_policy_slug": HIGH, "direction": "upgrade", "actor": "buyer",
        "invoice_id": bought["invoice_id"],
        "tier_change_id": bought["tier_change_id"]}
    (line,) = events(server, had["license_id"], "subscription.upgrade.applied")
    assert line["details"]["invoice_id"] == bought["invoice_id"]
    assert len(server.rows("SELECT 1 FROM licenses WHERE product_id = %s",
                           tiers.product["id"])) == 1


def test_invoice_of_an_upgrade_says_what_it_is(server, tiers):
    had = tiers.buy(LOW, buyer_email="b@example.com")
    bought = tiers.upgrade(had["license_key"], HIGH,
                           redirect_url="https://shop.test/back")
    i = invoice(server, bought)
    assert i["kind"] == "tier_change"
    assert str(i["license_id"]) == had["license_id"]
    assert (i["buyer_email"], i["redirect_url"]) == (
        "b@example.com", "https://shop.test/back")
    assert (i["listed_currency"], i["listed_value"], i["charged_value"],
            i["amount_sats"], i["base_price_sats"]) == (
        "SAT", 5800, 5800, 5800, 5800)
    original = server.row("SELECT i.provider_id FROM invoices i JOIN licenses"
                          " l ON l.invoice_id = i.id WHERE l.id = %s",
                          had["license_id"])
    assert i["provider_id"] == original["provider_id"]


def test_without_redirect_the_buyer_comes_to_thanks(server, tiers):
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    assert invoice(server, bought)["redirect_url"].endswith(
        "/thank-you?invoice_id=" + bought["invoice_id"])


# One open change

def test_newer_request_puts_the_older_aside(server, tiers):
    had = tiers.buy(LOW)
    first = tiers.upgrade(had["license_key"], HIGH)
    second = tiers.upgrade(had["license_key"], TOP)
    assert invoice(server, first)["status"] == "expired"
    assert at_sandbox(server, first) == "expired"
    assert [c["status"] for c in tiers.changes(had["license_id"])] == [
        "pending", "cancelled"]
    tiers.api.pay(second)
    assert tiers.policy_of(had["license_id"]) == tiers.id[TOP]


def test_stale_upgrade_paid_after_the_newer_is_void(server, tiers):
    """D17: stale upgrade invoices don't apply after newer changes."""
    had = tiers.buy(LOW)
    first = tiers.upgrade(had["license_key"], HIGH)
    tiers.api.pay(tiers.upgrade(had["license_key"], TOP))
    lose_void(server, first)
    tiers.api.pay(first)
    assert tiers.policy_of(had["license_id"]) == tiers.id[TOP]
    i = invoice(server, first)
    assert (i["status"], i["attention"]) == ("settled", "void_change")
    assert events(server, first["invoice_id"], "invoice.void_change")


def test_older_one_paid_first_counts_and_ends_the_newer(server, tiers):
    had = tiers.buy(LOW)
    first = tiers.upgrade(had["license_key"], HIGH)
    second = tiers.upgrade(had["license_key"], TOP)
    lose_void(server, first)
    tiers.api.pay(first)
    assert tiers.policy_of(had["license_id"]) == tiers.id[HIGH]
    assert invoice(server, second)["status"] == "expired"
    assert [c["status"] for c in tiers.changes(had["license_id"])] == [
        "cancelled", "applied"]
    tiers.api.pay(second)
    assert tiers.policy_of(had["license_id"]) == tiers.id[HIGH]
    assert invoice(server, second)["attention"] == "void_change"


def test_two_upgrades_at_once_leave_one_open(server, tiers):
    had = tiers.buy(LOW)
    answers = []

    def one(target):
        answers.append(tiers.ask("upgrade", had["license_key"], target))
    crowd = [threading.Thread(target=one, args=(t,))
             for t in (HIGH, TOP) * 4]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    assert {a.status_code for a in answers} == {200}
    listed = tiers.changes(had["license_id"])
    assert [c["status"] for c in listed].count("pending") == 1
    assert len(listed) == len(crowd)
    assert server.value(
        "SELECT count(*) FROM invoices WHERE license_id = %s"
        " AND status = 'pending'", had["license_id"]) == 1


# Downgrades

def test_downgrade_waits_for_the_next_renewal(server, tiers):
    had = tiers.buy(HIGH)
    due = subscription(server, had["license_id"])["next_renewal_at"]
    made = tiers.downgrade(had["license_key"], LOW)
    assert read_time(made.pop("effective_at")) == due
    assert made == {
        "ok": True, "tier_change_id": made["tier_change_id"],
        "from_policy_slug": HIGH, "to_policy_slug": LOW,
        "next_renewal_charge": 3000, "next_renewal_period_days": 30}
    assert tiers.policy_of(had["license_id"]) == tiers.id[HIGH]
    (change,) = tiers.changes(had["license_id"])
    assert (change["status"], change["invoice_id"], change["actor"]) == (
        "scheduled", None, "buyer")


def test_buyer_may_think_better_of_a_downgrade(tiers):
    had = tiers.buy(HIGH)
    made = tiers.downgrade(had["license_key"], LOW)
    back = expect(tiers.ask("downgrade/cancel", had["license_key"]), 200)
    assert back == {"ok": True, "status": "cancelled",
                    "tier_change_id": made["tier_change_id"]}
    assert tiers.changes(had["license_id"])[0]["status"] == "cancelled"
    refused(tiers.ask("downgrade/cancel", had["license_key"]), 404,
            "not_found")


def test_vendors_downgrade_is_not_the_buyers_to_cancel(tiers):
    had = tiers.buy(HIGH)
    expect(tiers.change(had["license_id"], LOW, at="cycle_end"), 200)
    refused(tiers.ask("downgrade/cancel", had["license_key"]), 404,
            "not_found")


def test_downgrade_needs_a_renewal_to_come(tiers):
    had = tiers.buy(HIGH)
    expect(tiers.ask("subscriptions/cancel", had["license_key"]), 200)
    refused(tiers.ask("downgrade", had["license_key"], LOW), 400,
            "bad_request")


def test_upgrade_is_no_downgrade(tiers):
    had = tiers.buy(LOW)
    refused(tiers.ask("downgrade", had["license_key"], HIGH), 403,
            "forbidden")


# The vendor

def test_vendor_changes_at_the_cycles_end(tiers):
    had = tiers.buy(HIGH)
    made = expect(tiers.change(had["license_id"], LOW, at="cycle_end",
                               reason="asked by mail"), 200)
    assert (made["ok"], made["applied"]) == (True, False)
    assert made["effective_at"]
    (change,) = tiers.changes(had["license_id"])
    assert (change["status"], change["actor"], change["reason"]) == (
        "scheduled", "admin", "asked by mail")


def test_gift_at_the_cycles_end_is_a_contradiction(tiers):
    had = tiers.buy(HIGH)
    refused(tiers.change(had["license_id"], LOW, at="cycle_end",
                         skip_payment=True), 400, "bad_request")


def test_cycle_end_needs_a_cycle(tiers):
    made = tiers.issue(HIGH)
    refused(tiers.change(made["license_id"], LOW, at="cycle_end"), 400,
            "bad_request")


def test_unknown_word_for_when(tiers):
    had = tiers.buy(HIGH)
    refused(tiers.change(had["license_id"], LOW, at="someday"), 400,
            "bad_request")


def test_vendor_cancels_an_open_change(server, tiers):
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    path = f"/tier-changes/{bought['tier_change_id']}/cancel"
    assert tiers.api.do("POST", path, {}) == {
        "ok": True, "status": "cancelled",
        "tier_change_id": bought["tier_change_id"]}
    assert invoice(server, bought)["status"] == "expired"
    refused(tiers.api.admin("POST", path, {}), 409, "conflict")
    refused(tiers.api.admin("POST", f"/tier-changes/{NOWHERE}/cancel", {}),
            404, "not_found")


def test_revoked_license_stays_where_it_is(tiers):
    had = tiers.buy(LOW)
    tiers.api.revoke(had["license_id"])
    refused(tiers.change(had["license_id"], HIGH, skip_payment=True), 400,
            "bad_request")


def test_suspended_license_may_be_moved_by_the_vendor(tiers):
    had = tiers.buy(LOW)
    tiers.api.do("POST", f"/licenses/{had['license_id']}/suspend", {})
    expect(tiers.change(had["license_id"], HIGH, skip_payment=True), 200)
    now = tiers.license(had["license_id"])
    assert (now["policy_id"], now["status"]) == (tiers.id[HIGH], "suspended")


def test_gift_puts_aside_what_the_buyer_had_begun(server, tiers):
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    expect(tiers.change(had["license_id"], TOP, skip_payment=True), 200)
    assert invoice(server, bought)["status"] == "expired"
    lose_void(server, bought)
    tiers.api.pay(bought)
    assert tiers.policy_of(had["license_id"]) == tiers.id[TOP]
    assert invoice(server, bought)["attention"] == "void_change"


def test_list_goes_page_by_page(tiers):
    had = tiers.buy(LOW)
    for target in (HIGH, TOP, HIGH):
        tiers.upgrade(had["license_key"], target)
    path = f"/tier-changes?license_id={had['license_id']}&limit=2"
    one = tiers.api.do("GET", path)
    two = tiers.api.do("GET", path + "&cursor=" + one["next_cursor"])
    assert [len(p["tier_changes"]) for p in (one, two)] == [2, 1]
    assert two["next_cursor"] is None
    assert [c["to_policy_slug"] for p in (one, two)
            for c in p["tier_changes"]] == [HIGH, TOP, HIGH]
    everyones = tiers.api.do("GET", "/tier-changes?limit=1")
    assert everyones["tier_changes"][0]["id"] == one["tier_changes"][0]["id"]


def test_list_of_an_unknown_license_is_empty(api):
    assert api.do("GET", f"/tier-changes?license_id={NOWHERE}") == {
        "tier_changes": [], "next_cursor": None}


# What a license is worth decides, not who holds a copy of a quote

def test_price_is_worked_out_anew(tiers):
    had = tiers.buy(LOW)
    quoted = tiers.quote(had["license_key"], HIGH)["proration_charge_value"]
    tiers.api.do("PATCH", f"/policies/{tiers.id[HIGH]}",
                 {"price_sats_override": 12000})
    bought = tiers.upgrade(had["license_key"], HIGH)
    assert quoted == 5800 and bought["amount_sats"] == 8700


@pytest.mark.parametrize("path", ["upgrade-quote", "upgrade", "downgrade",
                                  "downgrade/cancel"])
def test_key_is_the_credential(tiers, path):
    """2.8: bad key, unknown, revoked or suspended: 401."""
    target = None if path.endswith("cancel") else LOW
    had = tiers.buy(HIGH)
    key = had["license_key"]
    for bad in ("", "LIC1-A-B", key[:-2] + ("AA" if key[-2:] != "AA"
                                            else "BB")):
        refused(tiers.ask(path, bad, target), 401, "unauthorized")
    tiers.api.do("POST", f"/licenses/{had['license_id']}/suspend", {})
    refused(tiers.ask(path, key, target), 401, "unauthorized")
    tiers.api.revoke(had["license_id"])
    refused(tiers.ask(path, key, target), 401, "unauthorized")
    gone = tiers.issue(HIGH)
    tiers.api.db.execute("DELETE FROM licenses WHERE id = %s",
                         [gone["license_id"]])
    refused(tiers.ask(path, gone["license_key"], target), 401,
            "unauthorized")


def test_fields_are_needed(tiers):
    had = tiers.buy(LOW)
    refused(tiers.ask("upgrade-quote", had["license_key"]), 400,
            "bad_request")
    refused(tiers.api.public("POST", "/v1/upgrade", {
        "target_policy_slug": HIGH}), 400, "bad_request")
    refused(tiers.api.admin(
        "POST", f"/licenses/{had['license_id']}/change-tier", {}), 400,
        "bad_request")
    refused(tiers.change(NOWHERE, HIGH), 404, "not_found")
