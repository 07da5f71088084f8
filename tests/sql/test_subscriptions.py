"""Subscriptions, statement by statement: what a sale writes, what a bill, its
payment, a failure, a lapse and an end change."""
import uuid

import pytest

from billing import DAY, age, attach, bill, due, facts, fail, lapse, lic, \
    open_as, open_bill, row, seconds, sub, subscribe
from endpoint import body, buy, call, count, events, outbox, policy, product, \
    provider, settle


# ---- the sale ----

def test_a_sale_writes_the_subscription(db):
    """4.4, 4.8, D7: copies of what was agreed, cycle 1, the license's end."""
    s = subscribe(db, renewal_period_days=30, grace_period_days=5,
                  price_sats_override=700, grace_seconds=60)
    assert (s["status"], s["period_days"], s["grace_period_days"],
            s["listed_currency"], s["listed_value"], s["paid_cycle"],
            s["began_with_trial"], s["policy_id"], s["product_id"],
            s["payment_provider_id"]) == (
        "active", "30", "5", "SAT", "700", "1", "f", s["policy"]["id"],
        s["product"]["id"], provider(db))
    assert s["merchant_profile_id"] == \
        db.sql("SELECT merchant_profile_default_1()")[0][0]
    license = lic(db, s)
    assert license["expires_at"] == s["next_renewal_at"] == \
        s["next_attempt_at"]
    assert license["grace_seconds"] == str(5 * DAY)
    assert seconds(db, "b.next_renewal_at - b.started_at", s) == 30 * DAY
    cycle = row(db, "subscription_invoices",
                f"subscription_id = '{s['id']}'")
    assert (cycle["invoice_id"], cycle["cycle_number"],
            cycle["cycle_end_at"]) == (s["first"], "1", s["next_renewal_at"])
    assert cycle["applied_at"] is not None
    assert len(events(db, s["id"], "subscription.create")) == 1


def test_long_grace_of_the_policy_stays(db):
    """D7: the larger of both."""
    s = subscribe(db, grace_period_days=2, grace_seconds=10 * DAY)
    assert lic(db, s)["grace_seconds"] == str(10 * DAY)


def test_edits_do_not_touch_what_was_agreed(db):
    """4.8: later product edits do not touch the snapshot."""
    s = subscribe(db, grace_period_days=5)
    body(db, "policy_update", id=s["policy"]["id"], renewal_period_days=7,
         grace_period_days=1, price_sats_override=9)
    due(db, s)
    f = facts(db, s)
    assert (f["listed_value"], sub(db, s)["period_days"],
            sub(db, s)["grace_period_days"]) == ("1000", "30", "5")


def test_no_subscription_without_recurrence(db):
    s = product(db)
    policy(db, s, slug="default", duration_seconds=60)
    iid = buy(db, s)
    settle(db, iid)
    assert count(db, "subscriptions", f"product_id = '{s['id']}'") == 0


def test_a_tip_is_to_be_made(db):
    """4.11: with the license, from the invoice's provider."""
    p = product(db)
    y = policy(db, p, slug="default", tip_recipient="a@b.example",
               tip_pct_bps=250, tip_label="thanks")
    iid = buy(db, p)
    settle(db, iid)
    tip = row(db, "tip_attempts", f"policy_id = '{y['id']}'")
    assert (tip["paid_sats"], tip["pct_bps"], tip["recipient"],
            tip["provider_id"], tip["status"], tip["amount_sats"]) == (
        "1000", "250", "a@b.example", provider(db), "pending", None)
    settle(db, iid)
    assert count(db, "tip_attempts", f"policy_id = '{y['id']}'") == 1


# ---- billing ----

def test_a_bill_copies_what_a_bill_needs(db):
    """D6: provider and buyer's address; 4.8: past due, not moved."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    i = row(db, "invoices", f"id = '{iid}'")
    assert (i["kind"], i["license_id"], i["provider_id"], i["buyer_email"],
            i["status"], i["amount_sats"], i["listed_value"],
            i["redirect_url"]) == (
        "renewal", s["license_id"], provider(db), "a@b.example", "pending",
        "1000", "1000", f"https://licet.test/thank-you?invoice_id={iid}")
    now = sub(db, s)
    assert (now["status"], now["next_renewal_at"], now["paid_cycle"]) == (
        "past_due", s["next_renewal_at"], "1")
    assert outbox(db, s["product_id"], "subscription.renewal_pending") == []
    attach(db, iid)
    attach(db, iid)
    (_, told), = outbox(db, s["product_id"], "subscription.renewal_pending")
    assert told["due_at"] == told["cycle_start_at"]
    assert (told["subscription_id"], told["invoice_id"], told["checkout_url"],
            told["cycle_number"], told["is_first_paid_cycle"],
            told["buyer_email"]) == (
        s["id"], iid, "https://pay/" + iid, 2, False, "a@b.example")
    assert sub(db, s)["next_attempt_at"] == db.sql(
        "SELECT next_renewal_at + interval '7 days' FROM subscriptions "
        f"WHERE id = '{s['id']}'")[0][0]
    assert facts(db, s)["todo"] == "wait"


def test_nothing_is_due_before_its_time(db):
    """4.8: next_renewal_at <= now."""
    s = subscribe(db)
    assert facts(db, s) is None
    f = {"cycle_number": 2, "listed_currency": "SAT", "listed_value": 1000,
         "invoice_id": None, "provider_id": provider(db)}
    assert open_as(db, s, f) is None


def test_a_bill_begun_is_looked_for(db):
    """A worker that died leaves a row; the next finds it."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    f = facts(db, s)
    assert (f["todo"], f["invoice_id"], f["provider_id"]) == (
        "find", iid, provider(db))
    # nobody opens a second one
    assert open_as(db, s, {**f, "invoice_id": None}) is None


@pytest.mark.parametrize("word", ["expired", "invalid"])
def test_a_bill_that_ended_is_superseded(db, word):
    """One invoice in force to a cycle; at most one new one a day."""
    s = due(db, subscribe(db))
    first = bill(db, s)
    settle(db, first, word)
    assert 86390 < seconds(db, "b.next_attempt_at - now()", s) <= 86400
    f = facts(db, s)
    assert f["todo"] == "open"
    second = open_as(db, s, f)
    old = row(db, "subscription_invoices", f"invoice_id = '{first}'")
    assert old["superseded_at"] is not None and second != first


def test_a_bill_of_a_provider_that_is_gone_is_superseded(db):
    """Unattached, it can't be looked for any more."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    connected = ", ".join(f"'{i}'" for i, in db.sql(
        "SELECT id FROM payment_providers WHERE disconnected_at IS NULL"))
    db.sql("UPDATE payment_providers SET disconnected_at = now() "
           f"WHERE id IN ({connected})")
    try:
        f = facts(db, s)
        assert (f["todo"], f["provider_id"], f["invoice_id"]) == (
            "open", None, iid)
    finally:
        db.sql("UPDATE payment_providers SET disconnected_at = NULL "
               f"WHERE id IN ({connected})")
    assert facts(db, s)["todo"] == "find"


def test_failures_are_counted_once_each(db):
    s = due(db, subscribe(db))
    assert fail(db, s)["consecutive_failures"] == "1"
    assert fail(db, s, failures=0) is None
    assert fail(db, s, cycle_number=3) is None
    assert sub(db, s)["status"] == "past_due"
    for _ in range(3):
        fail(db, s)
    fail(db, s, retry=None)
    now = sub(db, s)
    assert now["consecutive_failures"] == "5"
    assert seconds(db, "b.next_attempt_at - b.next_renewal_at", s) == 7 * DAY
    assert len(events(db, s["id"], "subscription.bill_failed")) == 5


def test_a_retry_is_never_after_the_lapse(db):
    s = due(db, subscribe(db, grace_period_days=1), late=DAY - 100)
    fail(db, s, retry=21600)
    assert seconds(db, "b.next_attempt_at - b.next_renewal_at", s) == DAY


def test_skipping_is_told_once_a_cycle(db):
    s = due(db, subscribe(db))
    body(db, "policy_set_archived", id=s["policy_id"], archived=True)
    assert facts(db, s)["todo"] == "skip"
    for _ in range(2):
        call(db, "renewal_skip", lock="license_lock", subscription_id=s["id"],
             license_id=s["license_id"])
    assert len(outbox(db, s["product_id"],
                      "subscription.renewal_skipped")) == 1
    assert sub(db, s)["status"] == "past_due"
    assert lapse(db) == []
    due(db, s, late=7 * DAY + 1)
    assert lapse(db) == [s["id"]]


# ---- payment ----

def test_paid_in_time(db):
    """D1: the same license and subscription, one cycle further."""
    s = due(db, subscribe(db))
    iid = bill(db, s)
    done = settle(db, iid, paid_sats=1000)
    assert (done["outcome"], done["license_id"]) == ("settled",
                                                     s["license_id"])
    now, license = sub(db, s), lic(db, s)
    assert (now["status"], now["paid_cycle"]) == ("active", "2")
    assert now["next_renewal_at"] == license["expires_at"] == \
        now["next_attempt_at"]
    assert seconds(db, "b.next_renewal_at - b.started_at", s) == 60 * DAY
    for table in ("licenses", "subscriptions"):
        assert count(db, table, f"product_id = '{s['product_id']}'") == 1
    assert count(db, "licenses", f"invoice_id = '{iid}'") == 0
    assert outbox(db, s["product_id"], "subscription.renewed") == [
        ("subscription.renewed", {"subscription_id": s["id"],
                                  "invoice_id": iid, "amount_sats": 1000})]
    assert len(outbox(db, s["product_id"], "license.issued")) == 1
    assert len(outbox(db, s["product_id"], "invoice.settled")) == 2
    assert settle(db, iid)["outcome"] == "unchanged"
    assert sub(db, s) == now
    assert len(outbox(db, s["product_id"], "subscription.renewed")) == 1


def test_paid_in_grace_is_no_longer_cycle(db):
    s = due(db, subscribe(db), late=5 * DAY)
    settle(db, bill(db, s))
    assert seconds(db, "b.next_renewal_at - b.started_at", s) == 60 * DAY


@pytest.mark.parametrize("swept", [True, False])
def test_paid_late_has_all_its_days(db, swept):
    """The days without access are added, whether the sweep came or not."""
    s = due(db, subscribe(db, grace_period_days=3))
    iid = bill(db, s)
    s = due(db, s, late=13 * DAY)
    if swept:
        assert lapse(db) == [s["id"]]
        assert sub(db, s)["lapsed_at"] is not None
    settle(db, iid)
    now = sub(db, s)
    assert (now["status"], now["lapsed_at"]) == ("active", None)
    extra = seconds(db, "b.next_renewal_at - b.started_at", s) - 60 * DAY
    assert 10 * DAY <= extra <= 10 * DAY + 5
    assert lic(db, s)["expires_at"] == now["next_renewal_at"]
    assert lic(db, s)["grace_seconds"] == str(3 * DAY)


def test_the_lapse_cuts_a_long_grace_and_payment_gives_it_back(db):
    s = due(db, subscribe(db, grace_period_days=1, grace_seconds=40 * DAY))
    iid = bill(db, s)
    due(db, s, late=2 * DAY)
    assert lapse(db) == [s["id"]]
    assert lic(db, s)["grace_seconds"] == str(DAY)
    settle(db, iid)
    assert lic(db, s)["grace_seconds"] == str(40 * DAY)


def test_lapsed_to_the_second(db):
    """However late the sweep is: due date + grace."""
    s = due(db, subscribe(db, grace_period_days=3))
    bill(db, s)
    due(db, s, late=9 * DAY)
    lapse(db)
    assert seconds(db, "b.lapsed_at - b.next_renewal_at", s) == 3 * DAY
    assert sub(db, s)["next_attempt_at"] is None
    assert len(outbox(db, s["product_id"], "subscription.lapsed")) == 1
    assert lapse(db) == []


def test_what_was_never_billed_does_not_lapse(db):
    """All was down for longer than the grace: billed first."""
    s = due(db, subscribe(db, grace_period_days=1), late=9 * DAY)
    assert lapse(db) == []
    claimed = [r["id"] for r in db.call("renewal_claim", limit=1000)]
    assert s["id"] in claimed
    iid = bill(db, s)
    assert s["id"] in lapse(db)
    settle(db, iid)
    assert sub(db, s)["status"] == "active"


def test_paid_after_the_end(db):
    s = due(db, subscribe(db))
    iid = bill(db, s)
    call(db, "subscription_cancel", lock="subscription_lock", id=s["id"])
    settle(db, iid)
    now = sub(db, s)
    assert (now["status"], now["paid_cycle"], now["next_attempt_at"]) == (
        "cancelled", "2", None)
    assert lic(db, s)["expires_at"] == now["next_renewal_at"]


def test_ended_within_its_grace_and_paid_days_later(db):
    """Access was lost at the end, so only the days since then are added."""
    s = due(db, subscribe(db), late=5 * DAY)
    iid = bill(db, s)
    call(db, "subscription_cancel", lock="subscription_lock", id=s["id"])
    assert lic(db, s)["grace_seconds"] == "0"
    age(db, s, 2 * DAY)
    db.sql("UPDATE subscriptions SET cancelled_at = cancelled_at - interval "
           f"'2 days' WHERE id = '{s['id']}'")
    settle(db, iid)
    extra = seconds(db, "l.expires_at - b.started_at", s) - 60 * DAY
    assert 2 * DAY <= extra <= 2 * DAY + 5
    assert lic(db, s)["grace_seconds"] == "0"


def test_ended_after_its_grace_and_paid_at_once(db):
    """The end came before the sweep, but access was lost by the grace."""
    s = due(db, subscribe(db, grace_period_days=3))
    iid = bill(db, s)
    s = due(db, s, late=13 * DAY)
    call(db, "subscription_cancel", lock="subscription_lock", id=s["id"])
    settle(db, iid)
    extra = seconds(db, "l.expires_at - b.started_at", s) - 60 * DAY
    assert 10 * DAY <= extra <= 10 * DAY + 5
    assert sub(db, s)["status"] == "cancelled"


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_payment_leaves_the_licenses_status(db, status):
    s = due(db, subscribe(db))
    iid = bill(db, s)
    db.sql(f"UPDATE licenses SET status = '{status}' "
           f"WHERE id = '{s['license_id']}'")
    settle(db, iid)
    license = lic(db, s)
    assert license["status"] == status
    assert license["expires_at"] == sub(db, s)["next_renewal_at"]


def test_the_same_cycle_paid_twice_is_surplus(db):
    s = due(db, subscribe(db))
    first = bill(db, s)
    settle(db, first, "expired")
    second = bill(db, s)
    settle(db, second)
    now = sub(db, s)
    assert settle(db, first)["outcome"] == "settled"
    assert sub(db, s) == now
    i = row(db, "invoices", f"id = '{first}'")
    assert (i["status"], i["attention"]) == ("settled", "surplus")
    assert len(events(db, first, "invoice.surplus")) == 1


def test_a_license_that_became_perpetual_keeps_that(db):
    """A bill from before is surplus."""
    s = due(db, subscribe(db))
    iid = bill(db, s)
    other = policy(db, s["product"])
    db.sql(f"UPDATE licenses SET policy_id = '{other['id']}', expires_at = "
           f"NULL WHERE id = '{s['license_id']}'")
    settle(db, iid)
    assert lic(db, s)["expires_at"] is None
    assert row(db, "invoices", f"id = '{iid}'")["attention"] == "surplus"


def test_an_unattached_bill_is_paid(db):
    """The provider's answer was lost; its webhook names our order."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    assert settle(db, iid)["outcome"] == "settled"
    assert sub(db, s)["paid_cycle"] == "2"
    attach(db, iid)
    assert outbox(db, s["product_id"], "subscription.renewal_pending") == []


def test_a_free_cycle(db):
    s = due(db, subscribe(db, price_sats_override=0))
    iid = open_bill(db, s, provider_id=None)
    assert facts(db, s)["todo"] == "settle"
    row_ = call(db, "invoice_settle", lock="invoice_settle_lock",
                order_id=iid, status="settled")
    assert row_["outcome"] == "settled"
    assert sub(db, s)["paid_cycle"] == "2"
    assert row(db, "invoices", f"id = '{iid}'")["provider_invoice_id"] == \
        "free-" + iid


def test_nobody_settles_a_paid_bill_as_a_free_one(db):
    """No provider matches only what costs nothing."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    row_ = call(db, "invoice_settle", lock="invoice_settle_lock",
                order_id=iid, status="settled")
    assert row_["outcome"] == "unknown"


# ---- odd payments ----

@pytest.mark.parametrize("exception,word", [
    ("over", "over"), ("late", None), ("marked", None)])
def test_odd_payments_that_settle(db, exception, word):
    s = due(db, subscribe(db))
    iid = bill(db, s)
    for _ in range(2):
        settle(db, iid, paid_sats=1500, exception=exception)
    i = row(db, "invoices", f"id = '{iid}'")
    assert (i["paid_sats"], i["payment_exception"], i["attention"]) == (
        "1500", exception, word)
    assert len(events(db, iid, "invoice." + exception)) == 1


def test_a_partial_payment_is_noted_and_then_wants_attention(db):
    s = due(db, subscribe(db))
    iid = bill(db, s)
    look = lambda: tuple(row(db, "invoices", f"id = '{iid}'")[k] for k in (
        "status", "paid_sats", "payment_exception", "attention"))
    for _ in range(2):
        settle(db, iid, "pending", paid_sats=400, exception="partial")
    assert look() == ("pending", "400", "partial", None)
    settle(db, iid, "pending", paid_sats=500, exception="partial")
    assert look() == ("pending", "500", "partial", None)
    settle(db, iid, "expired", paid_sats=500, exception="partial")
    assert look() == ("expired", "500", "partial", "partial")
    assert len(events(db, iid, "invoice.partial")) == 1
    settle(db, iid, paid_sats=1000, exception="late")
    assert look() == ("settled", "1000", "late", None)


def test_nothing_is_noted_of_the_unknown(db):
    s = due(db, subscribe(db))
    iid = bill(db, s)
    before = row(db, "invoices", f"id = '{iid}'")
    assert settle(db, iid, "pending")["outcome"] == "unchanged"
    assert settle(db, iid, "pending", paid_sats=0)["outcome"] == "unchanged"
    assert row(db, "invoices", f"id = '{iid}'") == before


# ---- the end ----

def test_who_may_end_it(db):
    s = subscribe(db)
    end = lambda **a: call(db, "subscription_cancel_by_key",
                           lock="license_lock", **a)
    assert end(license_id=str(uuid.uuid4()))["fault"] == "unauthorized"
    db.sql("UPDATE licenses SET status = 'suspended' "
           f"WHERE id = '{s['license_id']}'")
    assert end(license_id=s["license_id"])["fault"] == "unauthorized"
    db.sql("UPDATE licenses SET status = 'active' "
           f"WHERE id = '{s['license_id']}'")
    assert end(license_id=s["license_id"], reason="r")["body"] == {
        "ok": True, "subscription_id": s["id"], "status": "cancelled"}
    assert end(license_id=s["license_id"])["body"] == {
        "ok": True, "subscription_id": s["id"], "already": "cancelled"}
    assert len(outbox(db, s["product_id"], "subscription.cancelled")) == 1


def test_the_end_drops_a_scheduled_change(db):
    s = subscribe(db)
    other = policy(db, s["product"])
    db.sql("INSERT INTO tier_changes (license_id, from_policy_id, "
           "to_policy_id, direction, listed_currency, proration_charge_value, "
           f"effective_at, actor) VALUES ('{s['license_id']}', "
           f"'{s['policy_id']}', '{other['id']}', 'downgrade', 'SAT', 0, "
           "now() + interval '9 days', 'buyer')")
    call(db, "subscription_cancel", lock="subscription_lock", id=s["id"])
    assert row(db, "tier_changes", f"license_id = '{s['license_id']}'")[
        "cancelled_at"] is not None


# ---- plans ----

@pytest.mark.parametrize("name", [
    "renewal_claim", "renewal_facts", "renewal_open", "renewal_failed",
    "renewal_skip", "renewal_wait", "renewal_stop", "subscription_lapse",
    "subscription_list", "subscription_get", "subscription_cancel",
    "subscription_cancel_by_key", "sweep_unfulfilled", "sweep_unsubscribed",
    "invoice_settle", "invoice_attach"])
def test_rows_are_found_by_indexes(db, name):
    from test_statements import plan
    db.sql("SET enable_seqscan = off")
    whole = [n["Relation Name"] for n, _ in plan(db, name)
             if n["Node Type"] == "Seq Scan"]
    assert not [t for t in whole if t.startswith(
        ("subscription", "invoices", "licenses", "tier_changes",
         "discount_redemptions"))], whole
