"""Moves between policies: what they do to license and subscription, once,
whatever else happens at the same time."""
import uuid

import pytest

import shop
from endpoint import call, count, events, outbox, policy, product, provider, \
    settle
from test_money_races import at_once, no_trouble

DAY = 86400
NOW = "date_trunc('second', licet_now())"


def recurring(days=30, **more):
    return {"is_recurring": True, "renewal_period_days": days, **more}


class Tiers:
    """A product with two recurring policies and a perpetual one."""

    def __init__(self, db):
        self.db = db
        self.product = product(db)
        self.low = self.add("low", 500, **recurring(entitlements=["a"]))
        self.high = self.add("high", 2000, **recurring(
            entitlements=["a", "b"], max_machines=5, grace_period_days=3))
        self.ever = self.add("ever", 9000, max_machines=9)

    def add(self, slug, price, **more):
        return policy(self.db, self.product, name=slug, slug=slug,
                      price_sats_override=price, **more)

    def license(self, y, **columns):
        return shop.license(self.db, self.product["id"], **{
            "policy_id": shop.text(y and y["id"]), "issued_at": NOW,
            **columns})

    def subscribed(self, y, days_left, status="active", **columns):
        """A license whose subscription is due in so many days."""
        due = f"{NOW} + interval '{int(days_left * DAY)} s'"
        lid = self.license(y, expires_at=due, grace_seconds=str(7 * DAY))
        values = {
            "license_id": shop.text(lid), "policy_id": shop.text(y["id"]),
            "product_id": shop.text(self.product["id"]),
            "period_days": str(y["renewal_period_days"]),
            "grace_period_days": str(y["grace_period_days"]),
            "listed_currency": "'SAT'",
            "listed_value": str(y["price_sats_override"]),
            "status": shop.text(status), "started_at": "licet_now()",
            "next_renewal_at": due, "next_attempt_at": due}
        if status == "cancelled":
            values["cancelled_at"] = "licet_now()"
        if status == "lapsed":
            values["lapsed_at"] = NOW
        values.update(columns)
        (sid,), = self.db.sql(
            f"INSERT INTO subscriptions ({', '.join(values)}) VALUES "
            f"({', '.join(values.values())}) RETURNING id")
        return lid, sid

    def facts(self, lid, to, mode="admin", db=None):
        return call(db or self.db, "tier_facts", license_id=lid,
                    target_slug=to["slug"], mode=mode)

    def arguments(self, lid, to, db=None, **args):
        return {
            "license_id": lid, "to_policy_id": to["id"],
            "seen": self.facts(lid, to, db=db)["seen"],
            "direction": "upgrade", "listed_currency": "SAT",
            "next_listed_value": to["price_sats_override"]
            if to["is_recurring"] else None, **args}

    def open(self, lid, to, db=None, **args):
        """The row of tier_open, for a change that costs 100 sats."""
        db = db or self.db
        args = self.arguments(lid, to, db, **args)
        args.setdefault("invoice_id", str(uuid.uuid4()))
        if args["invoice_id"] is not None:
            args.setdefault("amount_sats", 100)
            args.setdefault("provider_id", provider(db))
        row = call(db, "tier_open", lock="license_lock", charge_value=100,
                   actor="buyer", **args)
        return row, args["invoice_id"]

    def opened(self, lid, to, db=None, **args):
        """The invoice, known to the provider as `px-<our id>'."""
        row, iid = self.open(lid, to, db, **args)
        assert row["fault"] is None, row["message"]
        call(db or self.db, "invoice_attach", id=iid,
             provider_invoice_id="px-" + iid, checkout_url="https://pay.test")
        return iid

    def schedule(self, lid, to):
        row, _ = self.open(lid, to, invoice_id=None, direction="downgrade")
        assert row["fault"] is None, row["message"]
        return row["tier_change_id"]

    def now(self, lid, to, db=None, **args):
        return call(db or self.db, "tier_now", lock="license_lock",
                    **self.arguments(lid, to, db, **args))

    def due(self, lid):
        return call(self.db, "tier_apply_due", lock="license_lock",
                    license_id=lid)

    def renewal(self, lid, sid, cycle=2):
        """An invoice for the next cycle, as the renewal worker writes it."""
        iid = str(uuid.uuid4())
        self.db.sql(
            "INSERT INTO invoices (id, kind, license_id, product_id, "
            "policy_id, provider_id, provider_invoice_id, amount_sats, "
            f"base_price_sats) SELECT '{iid}', 'renewal', l.id, l.product_id, "
            f"l.policy_id, '{provider(self.db)}', 'px-{iid}', 500, 500 "
            f"FROM licenses l WHERE l.id = '{lid}'")
        self.db.sql(
            "INSERT INTO subscription_invoices (subscription_id, invoice_id, "
            "cycle_number, cycle_start_at, cycle_end_at) SELECT b.id, "
            f"'{iid}', {cycle}, b.next_renewal_at, b.next_renewal_at + "
            "make_interval(secs => b.period_days * 86400) FROM subscriptions "
            f"b WHERE b.id = '{sid}'")
        return iid

    # What came of it

    def row(self, table, rid, *columns):
        (values,) = self.db.sql(f"SELECT {', '.join(columns)} FROM {table} "
                                f"WHERE id = '{rid}'")
        return values if len(columns) > 1 else values[0]

    def policy_of(self, lid):
        return self.row("licenses", lid, "policy_id")

    def lasts(self, lid):
        """Days that the license has left, NULL for ever."""
        left = self.row("licenses", lid, "round(extract(epoch FROM "
                        "expires_at - licet_now()) / 86400, 2)")
        return None if left is None else float(left)

    def sub(self, lid, *columns):
        rows = self.db.sql(f"SELECT {', '.join(columns)} FROM subscriptions "
                           f"WHERE license_id = '{lid}'")
        return rows[0] if rows else None

    def attention(self, iid):
        return self.row("invoices", iid, "status", "attention")

    def told(self):
        return [d for _, d in outbox(self.db, self.product["id"],
                                     "license.tier_changed")]


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


def test_price_of_a_rest_buys_no_whole_cycle(t):
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
    assert t.policy_of(lid) == t.high["id"]
    assert t.lasts(lid) == -8
    assert t.sub(lid, "status", "paid_cycle") == ("lapsed", "1")
    (answer,) = shop.validate(t.db, shop.ask(lid))
    assert answer["reason"] == "expired"
    # Its renewal is still there to be paid.
    settle(t.db, due)
    assert t.attention(due) == ("settled", None)
    assert t.sub(lid, "status") == ("active",)


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


# Many at once

@pytest.fixture
def crowd(connect):
    return [connect() for _ in range(8)]


def test_two_upgrades_both_paid_at_once(t, crowd):
    """D17: concurrent upgrade invoices both get paid; one counts."""
    third = t.add("third", 7000, **recurring())
    for _ in range(6):
        lid, _ = t.subscribed(t.low, 10)
        made = [t.opened(lid, to) for to in (t.high, third)]
        no_trouble(at_once(crowd, lambda s, n: settle(s, made[n % 2])))
        states = [t.attention(i) for i in made]
        assert {s for s, _ in states} == {"settled"}
        assert sorted(str(a) for _, a in states) == ["None", "void_change"]
        won = (t.high, third)[[a for _, a in states].index(None)]
        assert t.policy_of(lid) == won["id"]
        assert count(t.db, "tier_changes", f"license_id = '{lid}' "
                     "AND applied_at IS NOT NULL") == 1
        assert len(outbox_of(t, lid)) == 1


def outbox_of(t, lid):
    return [d for d in t.told() if d["license_id"] == lid]


def test_one_change_however_often_told(t, crowd):
    """The webhook comes twice, and the reconciler looks."""
    made = []
    for _ in range(10):
        lid, _ = t.subscribed(t.low, 10)
        made.append((lid, t.opened(lid, t.high)))

    def tell(session, n):
        for k in range(len(made)):
            settle(session, made[(k + n) % len(made)][1])
    no_trouble(at_once(crowd, tell))
    for lid, iid in made:
        assert t.attention(iid) == ("settled", None)
        assert len(outbox_of(t, lid)) == 1
        assert len(events(t.db, lid, "subscription.upgrade.applied")) == 1


def test_many_requests_leave_one_open(t, crowd):
    lid, _ = t.subscribed(t.low, 10)
    answers = at_once(crowd, lambda s, n: t.open(
        lid, (t.high, t.ever)[n % 2], db=s))
    no_trouble(answers)
    assert all(row["fault"] is None for row, _ in answers)
    assert count(t.db, "tier_changes", f"license_id = '{lid}' AND "
                 "cancelled_at IS NULL") == 1
    assert count(t.db, "invoices", f"license_id = '{lid}' AND "
                 "status = 'pending'") == 1


def test_gifts_at_once_are_one(t, crowd):
    lid, _ = t.subscribed(t.low, 10)
    args = t.arguments(lid, t.high)
    answers = at_once(crowd, lambda s, n: call(
        s, "tier_now", lock="license_lock", **args))
    no_trouble(answers)
    assert sorted(str(a["fault"]) for a in answers) == \
        ["None"] + ["conflict"] * 7
    assert len(t.told()) == 1


def test_payment_and_gift_at_once(t, crowd):
    """Whichever is first, the other doesn't undo it."""
    for _ in range(8):
        lid, _ = t.subscribed(t.low, 10)
        iid = t.opened(lid, t.high)
        args = t.arguments(lid, t.ever)
        answers = at_once(crowd[:2], lambda s, n: settle(s, iid) if n else
                          call(s, "tier_now", lock="license_lock", **args))
        no_trouble(answers)
        if answers[0]["fault"] is None:
            assert t.policy_of(lid) == t.ever["id"]
            assert t.attention(iid) == ("settled", "void_change")
        else:
            assert t.policy_of(lid) == t.high["id"]
            assert t.attention(iid) == ("settled", None)


def test_payment_and_renewal_at_once(t, crowd):
    """A cycle that is paid and a tier that is paid are both had."""
    for _ in range(8):
        lid, sid = t.subscribed(t.low, 1)
        due = t.renewal(lid, sid)
        iid = t.opened(lid, t.high)
        no_trouble(at_once(crowd[:2], lambda s, n: settle(s, (due, iid)[n])))
        assert t.policy_of(lid) == t.high["id"]
        assert t.attention(due) == t.attention(iid) == ("settled", None)
        assert t.lasts(lid) == 31
        assert t.sub(lid, "paid_cycle", "listed_value") == ("2", "2000")


def test_payment_while_the_policy_is_deleted(t, crowd):
    for _ in range(8):
        to = t.add("gone", 700, **recurring())
        lid, _ = t.subscribed(t.low, 10)
        iid = t.opened(lid, to)

        def work(session, n):
            if n:
                return settle(session, iid)
            return session.sql(f"DELETE FROM policies WHERE id = '{to['id']}'")
        no_trouble(at_once(crowd[:2], work))
        told = outbox_of(t, lid)
        assert t.attention(iid) == ("settled", None if told else
                                    "void_change")
        assert t.policy_of(lid) in (
            t.low["id"], None)
