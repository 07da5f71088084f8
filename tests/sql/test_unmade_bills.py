"""Bills that the provider has not made yet: the renewal worker's to make,
however long the provider was away."""
from billing import DAY, age, attach, due, facts, fail, lapse, open_bill, \
    row, sub, subscribe
from endpoint import call


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
