"""Subscriptions as buyers and vendors see them: billed, paid, late, ended."""
import datetime

import pytest

from lib.check import NOWHERE
from lib.client import expect, refused
from lib.process import wait_for
from lib.renewals import DAY, Shop


@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared):
    return make_instance(
        movable=True, name="renewals", LICET_RENEWAL_SECONDS=1,
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings())


@pytest.fixture
def shop(movable, btcpay):
    yield Shop(movable, btcpay)
    movable.check_workers()


def test_a_cycle_is_billed_and_paid(shop):
    s = shop.subscribe(grace_period_days=3)
    assert (s["status"], s["paid_cycle"]) == ("active", 1)
    assert s["next_renewal_at"] == shop.lic(s)["expires_at"]
    assert s["next_renewal_at"] - s["started_at"] == 30 * DAY
    bill = shop.due(s)
    now = shop.sub(s)
    assert now["status"] == "past_due"
    assert now["next_renewal_at"] == s["next_renewal_at"]
    assert bill["cycle_number"] == 2
    assert bill["cycle_start_at"] == s["next_renewal_at"]
    assert bill["cycle_end_at"] == s["next_renewal_at"] + 30 * DAY
    assert (bill["kind"], bill["buyer_email"], bill["amount_sats"]) == (
        "renewal", "buyer@example.org", 50000)
    told, = shop.news(s, "subscription.renewal_pending")
    assert told["checkout_url"] == bill["checkout_url"] != ""
    assert shop.fake.billed(str(bill["id"])) == 1
    shop.pay_bill(bill)
    after = shop.sub(s)
    assert (after["status"], after["paid_cycle"],
            after["consecutive_failures"]) == ("active", 2, 0)
    assert after["next_renewal_at"] == bill["cycle_end_at"]
    assert shop.lic(s)["expires_at"] == bill["cycle_end_at"]
    renewed, = shop.news(s, "subscription.renewed")
    assert renewed == {"subscription_id": str(s["id"]),
                       "invoice_id": str(bill["id"]), "amount_sats": 50000}
    assert shop.validate(s["key"])["ok"]


def test_dates_do_not_drift(shop):
    """Paid days late, three times over: each cycle begins where the last
    one ended."""
    s = shop.subscribe(renewal_period_days=7, grace_period_days=5)
    for n in range(1, 4):
        bill = shop.due(s)
        shop.clock.move(days=2, hours=5)
        shop.pay_bill(bill)
        assert shop.sub(s)["next_renewal_at"] == \
            s["started_at"] + (n + 1) * 7 * DAY
    assert len(shop.bills(s)) == 4


def test_unpaid_lapses_and_a_late_payment_revives(shop):
    s = shop.subscribe(grace_period_days=3)
    bill = shop.due(s)
    shop.until(s["next_renewal_at"] + 3 * DAY, plus=-60)
    assert shop.validate(s["key"])["in_grace_period"] is True
    shop.until(s["next_renewal_at"] + 3 * DAY)
    lapsed = shop.becomes(s, "lapsed")
    assert lapsed["lapsed_at"] == s["next_renewal_at"] + 3 * DAY
    assert shop.validate(s["key"])["reason"] == "expired"
    assert len(shop.news(s, "subscription.lapsed")) == 1
    shop.clock.move(days=10)
    before = shop.clock.now()
    shop.pay_bill(bill)
    after = shop.sub(s)
    assert (after["status"], after["lapsed_at"]) == ("active", None)
    late = after["next_renewal_at"] - bill["cycle_end_at"]
    exact = before - lapsed["lapsed_at"]
    assert abs(late - exact) < datetime.timedelta(seconds=30) and late >= exact
    assert shop.lic(s)["expires_at"] == after["next_renewal_at"]
    assert shop.validate(s["key"])["ok"]
    # and it goes on from there
    assert shop.renew(s)["paid_cycle"] == 3


def test_a_trial_is_followed_by_a_first_paid_cycle(shop):
    s = shop.subscribe(trial_days=7, email="trial@example.org")
    assert s["began_with_trial"]
    assert s["next_renewal_at"] - s["started_at"] == 7 * DAY
    assert shop.lic(s)["is_trial"]
    bill = shop.due(s)
    told, = shop.news(s, "subscription.renewal_pending")
    assert told["is_first_paid_cycle"] is True
    assert bill["amount_sats"] == 50000
    assert bill["cycle_end_at"] - bill["cycle_start_at"] == 30 * DAY
    shop.pay_bill(bill)
    assert not shop.lic(s)["is_trial"]
    shop.due(s)
    assert [n["is_first_paid_cycle"] for n in
            shop.news(s, "subscription.renewal_pending")] == [True, False]


def test_the_provider_fails_five_times(shop):
    s = shop.subscribe(grace_period_days=3)
    shop.fake.wrong("500")
    shop.until(s["next_renewal_at"])
    waits = [300, 1800, 7200, 21600]
    for n, seconds in enumerate(waits, 1):
        row = shop.fails(s, n)
        assert row["status"] == "past_due"
        wait = row["next_attempt_at"] - row["last_renewal_attempt_at"]
        assert wait == datetime.timedelta(seconds=seconds)
        shop.until(row["next_attempt_at"])
    row = shop.fails(s, 5)
    assert row["next_attempt_at"] == s["next_renewal_at"] + 3 * DAY
    assert shop.news(s, "subscription.renewal_pending") == []
    assert len(shop.bills(s, 2)) == 1   # one row, looked for each time
    shop.fake.wrong(None)
    shop.until(row["next_attempt_at"])
    shop.becomes(s, "lapsed")


def test_recovers_after_a_failure(shop):
    s = shop.subscribe()
    shop.fake.wrong("500")
    shop.until(s["next_renewal_at"])
    row = shop.fails(s, 1)
    shop.fake.wrong(None)
    shop.until(row["next_attempt_at"])
    bill = shop.billed(s)
    shop.pay_bill(bill)
    assert shop.sub(s)["consecutive_failures"] == 0


def test_an_archived_policy_is_skipped_once(shop):
    s = shop.subscribe(grace_period_days=3)
    shop.do("PATCH", f"/policies/{s['policy']['id']}/archived",
            {"archived": True})
    shop.until(s["next_renewal_at"])
    skipped = wait_for(lambda: shop.news(s, "subscription.renewal_skipped"),
                       60, "it is skipped")
    assert skipped == [{
        "subscription_id": str(s["id"]), "license_id": str(s["license_id"]),
        "product_id": str(s["product_id"]), "policy_id": str(s["policy_id"]),
        "policy_slug": s["policy"]["slug"], "reason": "policy_archived"}]
    shop.clock.move(days=1, hours=1)
    # Not the five minutes of a claim: it was looked at, and put off.
    wait_for(lambda: shop.sub(s)["next_attempt_at"] > shop.clock.now() +
             datetime.timedelta(hours=1), 60, "it is looked at again")
    assert len(shop.news(s, "subscription.renewal_skipped")) == 1
    assert shop.bills(s, 2) == []
    # Out of the archive in time: billed after all.
    shop.do("PATCH", f"/policies/{s['policy']['id']}/archived",
            {"archived": False})
    shop.until(shop.sub(s)["next_attempt_at"])
    shop.pay_bill(shop.billed(s))
    assert shop.sub(s)["status"] == "active"


def test_an_invoice_that_expired_early_is_replaced_daily(shop):
    s = shop.subscribe(grace_period_days=20)
    first = shop.due(s)
    shop.fake.expire(first["provider_invoice_id"])
    wait_for(lambda: shop.sub(s)["next_attempt_at"] <
             s["next_renewal_at"] + 2 * DAY, 60, "it is to be billed again")
    shop.until(shop.sub(s)["next_attempt_at"])
    second = shop.billed(s, 2)
    assert second["id"] != first["id"]
    assert shop.bills(s, 2)[0]["superseded_at"] is not None
    # The old one is paid all the same: it counts, and the new one no more.
    shop.fake.settle(first["provider_invoice_id"])
    shop.paid(first["id"])
    assert shop.sub(s)["paid_cycle"] == 2
    shop.pay_bill(second)
    assert shop.sub(s)["paid_cycle"] == 2
    rows = {b["id"]: b for b in shop.bills(s, 2)}
    assert rows[first["id"]]["applied_at"] is not None
    assert rows[second["id"]]["attention"] == "surplus"
    assert shop.sub(s)["next_renewal_at"] == s["next_renewal_at"] + 30 * DAY


def test_a_free_cycle_needs_no_provider(shop):
    s = shop.subscribe(shop.product(), price_sats_override=0)
    shop.until(s["next_renewal_at"])
    wait_for(lambda: shop.sub(s)["paid_cycle"] == 2, 60, "it goes on")
    row, = shop.bills(s, 2)
    assert (row["status"], row["amount_sats"], row["provider_id"]) == (
        "settled", 0, None)
    assert row["provider_invoice_id"] == f"free-{row['id']}"
    assert shop.sub(s)["status"] == "active"
    assert len(shop.news(s, "subscription.renewed")) == 1


def test_a_revoked_license_is_billed_no_more(shop):
    s = shop.subscribe()
    shop.revoke(s["license_id"])
    shop.until(s["next_renewal_at"])
    assert shop.becomes(s, "cancelled")["cancellation_reason"] == \
        "license revoked"
    assert shop.bills(s, 2) == []


# ---- ending one ----

def cancel(shop, key, **body):
    return shop.public("POST", "/v1/subscriptions/cancel",
                       {"license_key": key, **body})


def test_the_buyer_ends_it(shop):
    s = shop.subscribe()
    sid = str(s["id"])
    assert expect(cancel(shop, s["key"], reason="too dear"), 200) == {
        "ok": True, "subscription_id": sid, "status": "cancelled"}
    row = shop.sub(s)
    assert row["cancellation_reason"] == "too dear"
    assert expect(cancel(shop, s["key"]), 200) == {
        "ok": True, "already": "cancelled", "subscription_id": sid}
    told, = shop.news(s, "subscription.cancelled")
    assert (told["actor"], told["reason"]) == ("buyer", "too dear")
    event, = shop.told(s, "subscription.cancel")
    assert event["actor_kind"] == "buyer_license_key"
    # Access to the end of what was paid, and no bill after it.
    shop.until(s["next_renewal_at"], plus=-60)
    assert shop.validate(s["key"])["ok"]
    other = shop.subscribe()
    shop.due(other)
    assert shop.bills(s, 2) == []


def test_paid_after_it_was_ended(shop):
    s = shop.subscribe()
    bill = shop.due(s)
    expect(cancel(shop, s["key"]), 200)
    shop.pay_bill(bill)
    row = shop.sub(s)
    assert (row["status"], row["paid_cycle"], row["next_attempt_at"]) == (
        "cancelled", 2, None)
    # It was without access from the end on: a moment.
    assert shop.lic(s)["expires_at"] - bill["cycle_end_at"] <= \
        datetime.timedelta(seconds=3)


def test_keys_that_open_nothing(shop):
    s = shop.subscribe()
    for key in ("x", "", s["key"][:-4] + "AAAA", s["key"].replace("1-", "2-")):
        if key:
            refused(cancel(shop, key), 401, "unauthorized")
    refused(cancel(shop, ""), 400, "bad_request")
    refused(shop.public("POST", "/v1/subscriptions/cancel", {}), 400,
            "bad_request")
    for verb in ("suspend", "revoke"):
        shop.do("POST", f"/licenses/{s['license_id']}/{verb}", {})
        refused(cancel(shop, s["key"]), 401, "unauthorized")
    assert shop.sub(s)["status"] == "active"


def test_a_license_without_one(shop):
    refused(cancel(shop, shop.issue()["license_key"]), 404, "not_found")


def test_the_vendor_lists_and_ends(shop):
    s = shop.subscribe()
    listed = shop.do("GET", "/subscriptions?limit=1000")["subscriptions"]
    mine, = [x for x in listed if x["id"] == str(s["id"])]
    assert {k: mine[k] for k in (
        "license_id", "policy_id", "product_id", "period_days",
        "listed_currency", "listed_value", "status", "cancelled_at",
        "consecutive_failures")} == {
            "license_id": str(s["license_id"]),
            "policy_id": str(s["policy_id"]),
            "product_id": str(s["product_id"]), "period_days": 30,
            "listed_currency": "SAT", "listed_value": 50000,
            "status": "active", "cancelled_at": None,
            "consecutive_failures": 0}
    one = shop.do("GET", f"/subscriptions/{s['id']}")
    assert one["subscription"].items() <= mine.items()
    assert [c["cycle_number"] for c in one["cycles"]] == [1]
    assert shop.do("POST", f"/subscriptions/{s['id']}/cancel",
                   {"reason": "gone"}) == {
        "ok": True, "subscription_id": str(s["id"]), "status": "cancelled"}
    assert shop.do("POST", f"/subscriptions/{s['id']}/cancel")["already"] == \
        "cancelled"
    told, = shop.news(s, "subscription.cancelled")
    assert (told["actor"], told["reason"]) == ("admin", "gone")
    for status, there in (("cancelled", True), ("active", False)):
        page = shop.do("GET", f"/subscriptions?status={status}&limit=1000")
        assert there == (str(s["id"]) in
                         [x["id"] for x in page["subscriptions"]])
    refused(shop.admin("GET", f"/subscriptions/{NOWHERE}"), 404, "not_found")
    refused(shop.admin("POST", f"/subscriptions/{NOWHERE}/cancel"), 404,
            "not_found")


@pytest.mark.parametrize("query", ["status=paused", "limit=0", "limit=1001",
                                   "cursor=x", "limit=x"])
def test_bad_lists(shop, query):
    refused(shop.admin("GET", f"/subscriptions?{query}"), 400, "bad_request")


def test_pages(shop):
    made = [str(shop.subscribe()["id"]) for _ in range(3)]
    seen, cursor = [], ""
    while cursor is not None:
        page = shop.do("GET", f"/subscriptions?limit=2{cursor and '&cursor='}"
                       f"{cursor}")
        assert len(page["subscriptions"]) <= 2
        seen += [x["id"] for x in page["subscriptions"]]
        cursor = page["next_cursor"]
    assert seen[:3] == made[::-1] and len(seen) == len(set(seen))


def test_what_became_of_cycles_is_counted(shop):
    def counted():
        lines = shop.public("GET", "/metrics").text.splitlines()
        return {word: sum(float(x.rsplit(" ", 1)[1]) for x in lines if
                          x.startswith("licet_renewals_total{result=\"" + word))
                for word in ("opened", "paid", "failed", "lapsed")}
    before = counted()
    s = shop.subscribe(grace_period_days=0)
    shop.renew(s)
    shop.due(s)
    shop.becomes(s, "lapsed")
    failing = shop.subscribe()
    shop.fake.wrong("500")
    shop.until(failing["next_renewal_at"])
    shop.fails(failing, 1)
    after = counted()
    assert all(after[word] > before[word] for word in before), (before, after)
