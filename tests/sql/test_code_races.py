"""Codes under many hands: a use that is held is there, one that was given
back is free, and the cap holds, whoever deletes, sweeps or pays meanwhile."""
import itertools

import pytest

from endpoint import body, buy, call, count, policy, product, provider, \
    purchase, settle
from test_codes import code, row
from test_money_races import CROWD, at_once, crowd, no_trouble

assert crowd    # a fixture


@pytest.fixture(autouse=True)
def connected(db):
    provider(db)


def uses(db, one):
    """(what the code counts, what its redemptions hold)"""
    return (row(db, "discount_codes", one["id"], "used_count")[0],
            str(count(db, "discount_redemptions", f"code_id = '{one['id']}' "
                      "AND status <> 'cancelled'")))


def test_delete_of_a_code_that_is_being_used(db, crowd):
    """3.3: 409 if any redemption exists."""
    for _ in range(15):
        p = product(db)
        one = code(db, amount=1000)

        def work(session, n):
            if n == 0:
                return call(session, "code_delete", id=one["id"],
                            lock="code_delete_lock")
            return purchase(session, p, code=one["code"])

        answers = at_once(crowd, work)
        no_trouble(answers)
        sold = [a for a in answers[1:] if a["fault"] is None]
        if answers[0]["fault"] is None:
            assert not sold
            assert {a["fault"] for a in answers[1:]} == {"bad_request"}
        else:
            assert sold and uses(db, one) == (str(len(sold)),) * 2


def test_max_uses_never_below_what_is_used(db, crowd):
    """3.3: max_uses >= used_count, also while it is used."""
    for most in itertools.chain(range(1, CROWD), range(1, CROWD)):
        p = product(db)
        one = code(db, max_uses=100)

        def work(session, n):
            if n == 0:
                return call(session, "code_update", id=one["id"],
                            max_uses=most)
            return purchase(session, p, code=one["code"])

        answers = at_once(crowd, work)
        no_trouble(answers)
        held, there = uses(db, one)
        assert held == there
        if answers[0]["fault"] is None:
            assert int(held) <= most
        else:
            assert int(held) > most


@pytest.mark.parametrize("what", ["product", "policy"])
@pytest.mark.parametrize("scoped", [True, False])
def test_forced_delete_under_purchases(db, crowd, what, scoped):
    """D23: nothing is left half, and a code that stays counts right."""
    for _ in range(10):
        p = product(db)
        y = policy(db, p)
        one = code(db, **({"product_slug": p["slug"],
                           "policy_slugs": [y["slug"]]} if scoped else {}))
        for _ in range(3):
            settle(db, buy(db, p, policy_slug=y["slug"], code=one["code"]))
        target = {"product": p, "policy": y}[what]

        def work(session, n):
            if n == 0:
                return call(session, what + "_delete", id=target["id"],
                            force=True, lock=what + "_delete_lock")
            return purchase(session, p, policy_slug=y["slug"],
                            code=one["code"])

        answers = at_once(crowd, work)
        no_trouble(answers)
        assert answers[0]["body"]["cascaded_licenses"] == 3
        assert count(db, "invoices", f"policy_id = '{y['id']}'") == 0
        left = count(db, "discount_codes", f"id = '{one['id']}'")
        assert left == (0 if scoped else 1)
        if left:
            assert uses(db, one) == ("0", "0")


@pytest.mark.parametrize("cap", ["NULL", 6])
def test_sweep_under_late_payments(db, crowd, cap):
    """D10: on late settle the use is taken again, if one is left; the sweep
    beside it makes no use free that somebody has paid for."""
    for _ in range(8):
        p = product(db)
        policy(db, p)
        one = code(db)
        sold = [buy(db, p, code=one["code"]) for _ in range(6)]
        among = ", ".join(f"'{i}'" for i in sold)
        # What a crash of an earlier release left: expired, the use held.
        db.sql(f"UPDATE invoices SET status = 'expired' WHERE id IN ({among})")
        db.sql(f"UPDATE discount_codes SET max_uses = {cap} "
               f"WHERE id = '{one['id']}'")

        def work(session, n):
            if n < 2:
                return call(session, "code_reap")
            return settle(session, sold[n - 2])

        answers = at_once(crowd, work)
        no_trouble(answers)
        assert {a["outcome"] for a in answers[2:]} == {"settled"}
        assert count(db, "licenses", f"product_id = '{p['id']}'") == 6
        assert count(db, "discount_redemptions",
                     f"code_id = '{one['id']}' AND status = 'redeemed' "
                     "AND license_id IS NOT NULL") == 6
        assert uses(db, one) == ("6", "6")


def test_the_cap_holds_when_swept_uses_were_sold_again(db):
    """D10: a late payment finds no use: the license is made, the cap kept."""
    p = product(db)
    policy(db, p)
    one = code(db, max_uses=1)
    late = buy(db, p, code=one["code"])
    db.sql(f"UPDATE invoices SET status = 'expired' WHERE id = '{late}'")
    call(db, "code_reap")
    assert uses(db, one) == ("0", "0")
    settle(db, buy(db, p, code=one["code"]))
    assert settle(db, late)["outcome"] == "settled"
    assert uses(db, one) == ("1", "1")
    told = body(db, "code_get", id=one["id"])["redemptions"]
    assert sorted(r["status"] for r in told) == ["cancelled", "redeemed"]
    assert all(r["license_id"] for r in told)
