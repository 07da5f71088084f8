"""Moves between policies, by many at once: each is made once, and none undoes
another."""
import pytest

from endpoint import call, count, events, settle
from test_money_races import at_once, no_trouble
from tiers import Tiers, recurring


@pytest.fixture
def t(db):
    return Tiers(db)


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
    """What was quoted for the cycle before is void, whichever comes first."""
    for _ in range(8):
        lid, sid = t.subscribed(t.low, 0, "past_due")
        due = t.renewal(lid, sid)
        iid = t.opened(lid, t.high)
        no_trouble(at_once(crowd[:2], lambda s, n: settle(s, (due, iid)[n])))
        assert t.policy_of(lid) == t.low["id"]
        assert t.attention(due) == ("settled", None)
        assert t.attention(iid) == ("settled", "void_change")
        assert t.lasts(lid) == 30
        assert t.sub(lid, "paid_cycle", "listed_value") == ("2", "500")


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
