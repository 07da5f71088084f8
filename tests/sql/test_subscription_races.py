"""Subscriptions, done by many at once: no cycle billed or paid twice, no day
lost, nobody waits for ever."""
import random

from billing import DAY, attach, bill, due, facts, lapse, lic, open_as, \
    open_bill, row, seconds, sub, subscribe
from endpoint import call, count, events, outbox, product, settle
from test_money_races import at_once, crowd, no_trouble  # noqa: F401


def test_claims_are_shared_out(db, crowd):
    p = product(db)
    made = {due(db, subscribe(db, p))["id"] for _ in range(40)}
    answers = at_once(crowd, lambda s, n: sum(
        (s.call("renewal_claim", limit=3) for _ in range(20)), []))
    no_trouble(answers)
    claimed = [r["id"] for a in answers for r in a]
    assert len(claimed) == len(set(claimed)) and made <= set(claimed)
    assert db.call("renewal_claim", limit=100) == []
    # Whoever died with them: due again five minutes later.
    db.sql("UPDATE subscriptions SET next_attempt_at = next_attempt_at - "
           f"interval '5 minutes' WHERE product_id = '{p['id']}'")
    assert made == {r["id"] for r in db.call("renewal_claim", limit=100)}


def test_one_bill_to_a_cycle(db, crowd):
    """Claims that ran out, workers that come back from the dead."""
    for _ in range(10):
        s = due(db, subscribe(db))
        answers = at_once(crowd, lambda c, n: open_bill(c, s))
        no_trouble(answers)
        assert sum(a is not None for a in answers) == 1
        assert count(db, "subscription_invoices",
                     f"subscription_id = '{s['id']}'") == 2


def test_one_supersedes(db, crowd):
    for _ in range(10):
        s = due(db, subscribe(db))
        settle(db, bill(db, s), "expired")
        f = facts(db, s)
        answers = at_once(crowd, lambda c, n: open_as(c, s, f))
        no_trouble(answers)
        assert sum(a is not None for a in answers) == 1
        assert count(db, "subscription_invoices", "superseded_at IS NULL AND "
                     f"subscription_id = '{s['id']}'") == 2


def test_one_announces(db, crowd):
    for _ in range(10):
        s = due(db, subscribe(db))
        iid = open_bill(db, s)
        no_trouble(at_once(crowd, lambda c, n: attach(c, iid)))
        assert len(outbox(db, s["product_id"],
                          "subscription.renewal_pending")) == 1


def test_paid_once_however_often_told(db, crowd):
    made = [due(db, subscribe(db)) for _ in range(20)]
    bills = [bill(db, s) for s in made]

    def tell(session, n):
        return [settle(session, iid, paid_sats=1000)
                for iid in random.Random(n).sample(bills, len(bills))]

    no_trouble(at_once(crowd, tell))
    for s, iid in zip(made, bills):
        assert sub(db, s)["paid_cycle"] == "2"
        assert seconds(db, "l.expires_at - b.started_at", s) == 60 * DAY
        assert len(outbox(db, s["product_id"], "subscription.renewed")) == 1
        assert len(events(db, iid, "invoice.settle")) == 1
        assert row(db, "invoices", f"id = '{iid}'")["attention"] is None


def test_two_bills_of_a_cycle_paid_at_once(db, crowd):
    """One counts, the other is surplus, whichever comes first."""
    for _ in range(15):
        s = due(db, subscribe(db))
        first = bill(db, s)
        settle(db, first, "expired")
        second = bill(db, s)
        no_trouble(at_once(crowd, lambda c, n: settle(
            c, (first, second)[n % 2])))
        assert sub(db, s)["paid_cycle"] == "2"
        assert seconds(db, "l.expires_at - b.started_at", s) == 60 * DAY
        words = [row(db, "invoices", f"id = '{i}'")["attention"]
                 for i in (first, second)]
        assert sorted(words, key=str) == [None, "surplus"]
        assert count(db, "subscription_invoices", "applied_at IS NOT NULL AND "
                     f"subscription_id = '{s['id']}'") == 2


def test_payment_against_lapse(db, crowd):
    """Either it was paid in time, or it lapsed and the days are added; never
    lapsed and paid, never a day short."""
    for _ in range(20):
        s = due(db, subscribe(db, grace_period_days=2))
        iid = bill(db, s)
        due(db, s, late=2 * DAY)
        answers = at_once(crowd, lambda c, n: settle(c, iid) if n % 2
                          else lapse(c))
        no_trouble(answers)
        now = sub(db, s)
        assert (now["status"], now["lapsed_at"], now["paid_cycle"]) == (
            "active", None, "2")
        assert now["next_renewal_at"] == lic(db, s)["expires_at"]
        assert lic(db, s)["grace_seconds"] == str(2 * DAY)
        assert 60 * DAY <= seconds(db, "l.expires_at - b.started_at", s) \
            <= 60 * DAY + 5
        assert lapse(db) == []


def test_payment_against_end_and_bill(db, crowd):
    for _ in range(20):
        s = due(db, subscribe(db))
        iid = bill(db, s)
        work = (lambda c: settle(c, iid),
                lambda c: call(c, "subscription_cancel",
                               lock="subscription_lock", id=s["id"]),
                lambda c: open_bill(c, s),
                lambda c: c.call("renewal_claim", limit=5))
        no_trouble(at_once(crowd, lambda c, n: work[n % 4](c)))
        now = sub(db, s)
        assert (now["status"], now["paid_cycle"], now["next_attempt_at"]) == (
            "cancelled", "2", None)
        assert lic(db, s)["expires_at"] == now["next_renewal_at"]
        assert len(outbox(db, s["product_id"],
                          "subscription.cancelled")) == 1


def test_failures_against_payment(db, crowd):
    """A worker that gave up a moment ago doesn't unpay what is paid."""
    for _ in range(15):
        s = due(db, subscribe(db))
        iid = bill(db, s)
        f = facts(db, s)
        no_trouble(at_once(crowd, lambda c, n: settle(c, iid) if n == 0 else
                           call(c, "renewal_failed", lock="license_lock",
                                subscription_id=s["id"], failures=0,
                                license_id=s["license_id"], reason="test",
                                cycle_number=f["cycle_number"],
                                retry_seconds=300)))
        now = sub(db, s)
        assert (now["status"], now["consecutive_failures"],
                now["paid_cycle"]) == ("active", "0", "2")
        assert now["next_attempt_at"] == now["next_renewal_at"]


def test_many_lapse_at_once(db, crowd):
    p = product(db)
    made = []
    for _ in range(60):
        s = due(db, subscribe(db, p, grace_period_days=0))
        bill(db, s)
        made.append(s["id"])
    answers = at_once(crowd, lambda c, n: sum((lapse(c, 7) for _ in range(12)),
                                              []))
    no_trouble(answers)
    told = [i for a in answers for i in a if i in made]
    rest = [i for i in lapse(db) if i in made]
    assert sorted(told + rest) == sorted(made)
    assert len(outbox(db, p["id"], "subscription.lapsed")) == 60


def test_a_random_life(db, crowd):
    """What may happen to subscriptions, in any order, by all at once: cycles
    are paid at most once, dates and licenses agree, and nothing is billed
    twice."""
    p = product(db)
    made = [due(db, subscribe(db, p, grace_period_days=1)) for _ in range(12)]
    for s in made:
        bill(db, s)

    def live(c, n):
        rng = random.Random(n)
        for _ in range(60):
            s = rng.choice(made)
            what = rng.randrange(7)
            if what == 0:
                lapse(c)
            elif what == 1:
                iid = open_bill(c, s)
                if iid is not None and rng.random() < 0.8:
                    attach(c, iid)
            elif what == 2 and facts(c, s) is not None:
                f = facts(c, s)
                f and call(c, "renewal_failed", lock="license_lock",
                           subscription_id=s["id"], reason="test",
                           license_id=s["license_id"], retry_seconds=1,
                           failures=f["consecutive_failures"],
                           cycle_number=f["cycle_number"])
            elif what == 3:
                c.call("renewal_claim", limit=2)
            else:
                ids = c.sql("SELECT invoice_id FROM subscription_invoices "
                            f"WHERE subscription_id = '{s['id']}' "
                            "AND cycle_number > 1")
                settle(c, rng.choice(ids)[0], rng.choice(
                    ("expired", "settled", "invalid", "pending")),
                    paid_sats=rng.choice((None, 0, 500, 1000)))

    no_trouble(at_once(crowd, live))
    for s in made:
        now, license = sub(db, s), lic(db, s)
        assert now["next_renewal_at"] == license["expires_at"]
        paid = db.sql("SELECT cycle_number, max(cycle_end_at) FROM "
                      "subscription_invoices WHERE applied_at IS NOT NULL AND "
                      f"subscription_id = '{s['id']}' GROUP BY 1 ORDER BY 1")
        assert [int(c) for c, _ in paid] == \
            list(range(1, int(now["paid_cycle"]) + 1))
        assert paid[-1][1] == now["next_renewal_at"]
        assert count(db, "subscription_invoices", "superseded_at IS NULL AND "
                     f"subscription_id = '{s['id']}' AND cycle_number = "
                     f"{int(now['paid_cycle'])}") <= 1
        settled = count(
            db, "invoices i JOIN subscription_invoices c ON c.invoice_id = "
            "i.id", f"c.subscription_id = '{s['id']}' AND i.status = "
            "'settled' AND c.applied_at IS NULL AND i.attention IS DISTINCT "
            "FROM 'surplus'")
        assert settled == 0
    assert count(db, "licenses", f"product_id = '{p['id']}'") == len(made)
