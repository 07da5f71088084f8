"""Tips and refunds, by many at once: one payment, one refund, one effect."""
import uuid

import pytest

from endpoint import CONTEXT, call, count, events, outbox, product, run
from session import Refused
from sold import invoice, license, refund, tip
from test_money_races import at_once, no_trouble

CROWD = 6


@pytest.fixture
def crowd(connect):
    return [connect() for _ in range(CROWD)]


def sold(db):
    """(product, settled invoice, its license)"""
    p = product(db)
    bought = invoice(db, p, status="settled")
    return p, bought, license(db, p, invoice_id=bought)


def digest():
    return uuid.uuid4().hex * 2


def paying(db, tip_id, payment_hash):
    row = call(db, "tip_paying", id=tip_id, bolt11="lnbc1x",
               payment_hash=payment_hash, amount_sats="5")
    return row["is_paying"] == "t", row["is_known"] == "t"


def column(db, table, row_id, name):
    return db.sql(f"SELECT {name} FROM {table} WHERE id = '{row_id}'")[0][0]


def test_a_tip_is_claimed_by_one(db, crowd):
    mine = {tip(db, sold(db)[2]) for _ in range(20)}
    answers = at_once(crowd, lambda s, n: [
        r["id"] for _ in range(8)
        for r in run(s, "tip_claim", {"limit": "50"})])
    no_trouble(answers)
    got = [i for a in answers for i in a if i in mine]
    assert sorted(got) == sorted(mine)


def test_one_begins_to_pay(db, crowd):
    """Whoever claimed it how often: one goes on to the payment."""
    for _ in range(10):
        t = tip(db, sold(db)[2])
        answers = at_once(crowd,
                          lambda s, n: paying(s, t, digest()))
        no_trouble(answers)
        assert [a[0] for a in answers].count(True) == 1
        assert len(events(db, column(db, "tip_attempts", t, "license_id"),
                          "tip.pay")) == 1


def test_one_invoice_for_one_tip(db, crowd):
    """The host gives all of them the same invoice."""
    for _ in range(10):
        tips = [tip(db, sold(db)[2]) for _ in crowd]
        same = digest()
        answers = at_once(crowd, lambda s, n: paying(s, tips[n], same))
        assert answers.count((True, False)) == 1
        for a in answers:
            if isinstance(a, Exception):
                assert isinstance(a, Refused) and a.sqlstate == "23505", a
        assert count(db, "tip_attempts", f"payment_hash = '{same}'") == 1
        assert paying(db, tip(db, sold(db)[2]), same) == (False, True)


def end(db, tip_id, was, status):
    return call(db, "tip_end", id=tip_id, was=was, status=status,
                detail="x", amount_sats="5") is not None


@pytest.mark.parametrize("now, was, status, changes", [
    ("pending", "pending", "failed", True),
    ("pending", "pending", "skipped", True),
    ("paying", "pending", "failed", False),     # a slow one is too late
    ("paying", "pending", "skipped", False),
    ("paying", "paying", "sent", True),
    ("paying", "paying", "failed", True),
    ("failed", "paying", "sent", True),         # it was sent after all
    ("sent", "paying", "failed", False),
    ("sent", "pending", "failed", False),
    ("skipped", "pending", "failed", False)])
def test_what_ends_a_tip(db, now, was, status, changes):
    t = tip(db, sold(db)[2], status=now)
    assert end(db, t, was, status) is changes
    assert column(db, "tip_attempts", t, "status") == (
        status if changes else now)


def test_looks_become_rarer(db):
    """After as long as it has waited, 15 s to 6 h; never after 40 days."""
    for age, wait in (("1 s", "15"), ("100 s", "100"), ("3 h", "10800"),
                      ("2 days", "21600"), ("41 days", None)):
        t = tip(db, sold(db)[2], status="paying")
        db.sql("UPDATE tip_attempts SET created_at = licet_now() - interval "
               f"'{age}' WHERE id = '{t}'")
        call(db, "tip_later", id=t, was="paying", detail="x")
        got = column(db, "tip_attempts", t,
                     "extract(epoch FROM next_check_at - licet_now())")
        assert got is None if wait is None else \
            abs(float(got) - float(wait)) < 5, (age, got)


# Refunds

def made(db, lid, refund_id):
    """The pair that a worker sends as one implicit transaction."""
    db.sql("BEGIN")
    try:
        run(db, "license_lock", {"license_id": lid})
        rows = run(db, "refund_made", {
            **{k: v for k, v in CONTEXT.items() if k.startswith("actor")},
            "refund_id": refund_id, "provider_refund_id": "pp",
            "claim_url": "https://pay.test/pp", "reason": "refunded"})
    except BaseException:
        db.sql("ROLLBACK")
        raise
    db.sql("COMMIT")
    return rows[0] if rows else None


def test_one_refund_to_an_invoice(db, crowd):
    for _ in range(10):
        _, bought, _ = sold(db)
        answers = at_once(crowd, lambda s, n: call(
            s, "refund_open", id=bought, refund_id=str(uuid.uuid4()),
            variant="RateThen"))
        no_trouble(answers)
        assert len([a for a in answers if a is not None]) == 1
        assert count(db, "refunds", f"invoice_id = '{bought}'") == 1


def test_one_may_ask_again(db, crowd):
    _, bought, _ = sold(db)
    r = refund(db, bought, variant="RateThen")
    seen = column(db, "refunds", r, "updated_at")
    assert call(db, "refund_take", refund_id=r, asked_at=seen) is None
    db.sql("UPDATE refunds SET updated_at = licet_now() - interval '61 s' "
           f"WHERE id = '{r}'")
    seen = column(db, "refunds", r, "updated_at")
    answers = at_once(crowd, lambda s, n: call(
        s, "refund_take", refund_id=r, asked_at=seen))
    no_trouble(answers)
    assert len([a for a in answers if a is not None]) == 1


def test_a_refund_has_its_effect_once(db, crowd):
    for _ in range(10):
        p, bought, lid = sold(db)
        r = refund(db, bought, variant="RateThen")
        answers = at_once(crowd, lambda s, n: made(s, lid, r))
        no_trouble(answers)
        assert [a["is_news"] for a in answers].count("t") == 1
        assert len({str(a["body"]) for a in answers}) == 1
        assert column(db, "licenses", lid, "status") == "revoked"
        assert len(events(db, lid, "license.revoke")) == 1
        assert len(outbox(db, p["id"], "license.revoked")) == 1


def test_one_that_was_asked_anew_has_not_failed(db):
    """The job gave up what the vendor has just asked for again."""
    _, bought, _ = sold(db)
    r = refund(db, bought, variant="RateThen")
    assert call(db, "refund_failed", refund_id=r, detail="x",
                idle_seconds="3700") is None
    assert column(db, "refunds", r, "status") == "asked"
    db.sql("UPDATE refunds SET updated_at = licet_now() - interval '2 hours' "
           f"WHERE id = '{r}'")
    assert call(db, "refund_failed", refund_id=r, detail="x",
                idle_seconds="3700") is not None


def test_deleting_the_product_meanwhile(db, crowd):
    """Whoever comes first: nothing is left half done, nobody is stuck."""
    for _ in range(10):
        p, bought, lid = sold(db)
        r = refund(db, bought, variant="RateThen")

        def work(s, n):
            if n % 2:
                return made(s, lid, r)
            return call(s, "product_delete", lock="product_delete_lock",
                        id=p["id"], force=True)
        answers = at_once(crowd[:2], work)
        no_trouble(answers)
        assert count(db, "refunds", f"id = '{r}'") == 0
