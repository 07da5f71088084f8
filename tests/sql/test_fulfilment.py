"""What a paid purchase brings about beside the license: the code's use, and
what sweeps do about a purchase that lacks its effect."""
import pytest

from billing import bill, due, row, sub, subscribe
from endpoint import body, buy, call, events, outbox, product, purchase, \
    settle, slug
from session import Refused


# ---- the code's use ----

def sold_by_code(db, max_uses=1):
    """A pending invoice that holds the last use of a code; both."""
    p = product(db)
    code = body(db, "code_create", code=slug().upper(), kind="percent",
                amount=1000, max_uses=max_uses, product_slug=p["slug"])
    return p, buy(db, p, code=code["code"]), code


def use_of(db, code, iid):
    used, = db.sql(f"SELECT used_count FROM discount_codes WHERE id = "
                   f"'{code['id']}'")[0]
    return used, row(db, "discount_redemptions", f"invoice_id = '{iid}'")


def test_a_paid_code_is_redeemed(db):
    p, iid, code = sold_by_code(db)
    settle(db, iid)
    settle(db, iid)
    used, redemption = use_of(db, code, iid)
    assert (used, redemption["status"]) == ("1", "redeemed")
    assert redemption["license_id"] is not None
    (_, told), = outbox(db, p["id"], "code.redeemed")
    assert told == {
        "redemption_id": redemption["id"], "code_id": code["id"],
        "code": code["code"], "license_id": redemption["license_id"],
        "product_id": p["id"], "invoice_id": iid,
        "discount_applied_sats": 100, "base_price_sats": 1000,
        "final_price_sats": 900}


@pytest.mark.parametrize("word", ["expired", "invalid"])
def test_an_unpaid_code_goes_back(db, word):
    """4.3: the use returned, once."""
    _, iid, code = sold_by_code(db)
    settle(db, iid, word)
    settle(db, iid, word)
    used, redemption = use_of(db, code, iid)
    assert (used, redemption["status"]) == ("0", "cancelled")


def test_a_late_payment_takes_the_use_again(db):
    """D10, while one is left."""
    _, iid, code = sold_by_code(db)
    settle(db, iid, "expired")
    settle(db, iid)
    used, redemption = use_of(db, code, iid)
    assert (used, redemption["status"]) == ("1", "redeemed")


def test_a_late_payment_when_no_use_is_left(db):
    """D10: the buyer has the license, the cap holds, and it is told."""
    p, iid, code = sold_by_code(db)
    settle(db, iid, "expired")
    other = buy(db, p, code=code["code"])
    settle(db, iid)
    used, redemption = use_of(db, code, iid)
    assert (used, redemption["status"]) == ("1", "cancelled")
    assert redemption["license_id"] is not None
    assert len(events(db, code["id"], "code.late_without_use")) == 1
    assert outbox(db, p["id"], "code.redeemed") == []
    settle(db, other)
    assert use_of(db, code, other)[0] == "1"


def test_an_abandoned_purchase_gives_the_use_back(db):
    p, _, code = sold_by_code(db, max_uses=2)
    iid = purchase(db, p, code=code["code"])["invoice_id"]
    assert use_of(db, code, iid)[0] == "2"
    call(db, "invoice_abandon", id=iid)
    used, redemption = use_of(db, code, iid)
    assert (used, redemption["status"]) == ("1", "cancelled")


# ---- sweeps ----

def test_a_purchase_without_its_license_is_healed(db):
    """D2: settled, and nothing else."""
    s = subscribe(db)
    db.sql(f"DELETE FROM subscription_invoices WHERE subscription_id = "
           f"'{s['id']}'")
    db.sql(f"DELETE FROM licenses WHERE id = '{s['license_id']}'")
    swept = call(db, "sweep_unfulfilled")
    assert swept["invoice_id"] == s["first"]
    again = sub(db, license_id=swept["license_id"])
    assert again["listed_value"] == "1000"
    assert call(db, "sweep_unfulfilled") is None
    assert len(events(db, s["first"], "invoice.settle")) == 1


def test_a_license_without_its_subscription_is_healed(db):
    """D3: sold by the release before, running beside."""
    s = subscribe(db)
    db.sql(f"DELETE FROM subscriptions WHERE id = '{s['id']}'")
    swept = call(db, "sweep_unsubscribed")
    assert swept["license_id"] == s["license_id"]
    again = sub(db, license_id=s["license_id"])
    for column in ("period_days", "listed_value", "listed_currency",
                   "next_renewal_at", "next_attempt_at", "started_at",
                   "payment_provider_id", "merchant_profile_id", "status"):
        assert again[column] == s[column], column
    assert call(db, "sweep_unsubscribed") is None
    due(db, again)
    assert bill(db, again)


def test_the_sweep_is_done_by_one(db):
    db.sql("UPDATE jobs SET next_run = now() - interval '1 s'")
    assert len(db.call("sweep_claim")) == 1
    assert db.call("sweep_claim") == []


def test_renewal_invoices_never_make_licenses(db):
    """D1, D3: not even a statement of another release can."""
    s = due(db, subscribe(db))
    iid = bill(db, s)
    with pytest.raises(Refused):
        db.sql("INSERT INTO licenses (product_id, invoice_id, signing_key_id, "
               f"issued_at) VALUES ('{s['product_id']}', '{iid}', 1, "
               "date_trunc('second', now()))")
