"""Bills that the provider has not made yet, and bills that end there before
the buyer's time does."""
import pytest

from billing import DAY, age, attach, bill, due, facts, fail, lapse, \
    open_bill, row, seconds, sub, subscribe
from endpoint import call, settle


def status(db, iid):
    return row(db, "invoices", f"id = '{iid}'")["status"]


def test_the_reconciler_leaves_what_the_worker_retries(db):
    """4.8: retried for hours; the worker may be making it at this moment."""
    s = due(db, subscribe(db))
    iid = open_bill(db, s)
    fail(db, s, retry=21600)
    assert call(db, "invoice_abandon", id=iid) is None
    assert status(db, iid) == "pending"
    assert facts(db, s)["todo"] == "find"
    attach(db, iid)
    assert sub(db, s)["status"] == "past_due"


def test_what_nobody_makes_any_more_is_given_up(db):
    """After the lapse, or when the subscription was ended."""
    lapsed = due(db, subscribe(db))
    ended = due(db, subscribe(db))
    bills = [open_bill(db, s) for s in (lapsed, ended)]
    call(db, "subscription_cancel", lock="subscription_lock", id=ended["id"])
    fail(db, lapsed, retry=21600)
    age(db, lapsed, 30 * DAY)
    lapse(db)
    assert sub(db, lapsed)["status"] == "lapsed"
    for iid in bills:
        assert call(db, "invoice_abandon", id=iid)["status"] == "invalid"


def lapses_in(db, s):
    return seconds(db, "b.next_renewal_at + b.grace_period_days * interval "
                   "'86400 s' - now()", s)


@pytest.mark.parametrize("left, again", [(30, False), (3500, False),
                                         (3700, True), (2 * DAY, True)])
def test_no_new_bill_for_the_last_hour(db, left, again):
    """4.8: a bill's link ends in the last minute before the lapse; one more
    would be payable beyond it and is no use."""
    s = due(db, subscribe(db, grace_period_days=7))
    iid = bill(db, s)
    s = age(db, s, 7 * DAY - 1 - left)
    assert abs(lapses_in(db, s) - left) <= 2
    settle(db, iid, "expired")
    wait = seconds(db, "b.next_attempt_at - now()", s)
    assert abs(wait - (0 if again else left)) <= 2
