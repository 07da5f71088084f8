"""Saved cards, statement by statement: whose card it is, which renewals it may
pay, and that it is asked to once."""
import concurrent.futures
import uuid

import pytest

from billing import attach, bill, due, open_bill, row, sub, subscribe
from endpoint import call, count, events, outbox, settle


def cycle(db, iid):
    return row(db, "subscription_invoices", f"invoice_id = '{iid}'")


def contact(db, s):
    """As its first purchase left it; seen to at once."""
    call(db, "card_contact_note", invoice_id=s["first"], contact_id="ct_1")
    db.sql("UPDATE card_contacts SET next_check_at = now() - interval '1 s' "
           f"WHERE invoice_id = '{s['first']}'")


def carded(db, expires=None, **terms):
    """A subscription with a card, due now."""
    s = subscribe(db, grace_period_days=5, **terms)
    contact(db, s)
    assert call(db, "card_save", invoice_id=s["first"], card_id="pp_1",
                method="CARD", expires_at=expires)["id"] == s["id"]
    return due(db, s)


def queue(db, s):
    """Its next invoice, known to the provider."""
    iid = open_bill(db, s)
    attach(db, iid)
    return iid


def begin(db, s, iid):
    return call(db, "charge_begin", lock="license_lock", invoice_id=iid,
                license_id=s["license_id"])


def end(db, s, iid, was_started=True, reason="declined"):
    call(db, "charge_end", lock="license_lock", invoice_id=iid,
         license_id=s["license_id"], was_started=was_started, reason=reason)


def news(db, s, kind):
    return [d for _, d in outbox(db, s["product_id"], kind)
            if d["subscription_id"] == s["id"]]


# ---- the card ----

def claimed(db, s):
    return [r for r in db.call("card_claim", limit=1000)
            if r["invoice_id"] == s["first"]]


def test_a_contact_is_looked_up_once_it_paid(db):
    s = subscribe(db)
    contact(db, s)
    found, = claimed(db, s)
    assert found["contact_id"] == "ct_1" and found["provider_id"]
    assert not claimed(db, s)       # the next look is a minute away
    assert row(db, "card_contacts",
               f"invoice_id = '{s['first']}'")["tries"] == "1"


def test_an_unpaid_one_waits(db):
    s = subscribe(db)
    contact(db, s)
    db.sql(f"UPDATE invoices SET status = 'pending' WHERE id = '{s['first']}'")
    assert not claimed(db, s)
    kept = row(db, "card_contacts", f"invoice_id = '{s['first']}'")
    assert kept["tries"] == "0" and kept["next_check_at"] is not None
    db.sql("UPDATE card_contacts SET created_at = now() - interval '31 days',"
           f" next_check_at = now() WHERE invoice_id = '{s['first']}'")
    assert not claimed(db, s)
    assert row(db, "card_contacts",
               f"invoice_id = '{s['first']}'")["next_check_at"] is None


def test_looks_grow_rarer_and_end(db):
    s = subscribe(db)
    contact(db, s)
    waits = []
    for _ in range(8):
        assert claimed(db, s)
        (wait,), = db.sql("SELECT round(extract(epoch FROM next_check_at -"
                          " now()) / 60) FROM card_contacts"
                          f" WHERE invoice_id = '{s['first']}'")
        waits.append(wait and int(wait))
        db.sql("UPDATE card_contacts SET next_check_at = now() "
               f"WHERE invoice_id = '{s['first']}' AND tries < 8")
    assert waits == [1, 4, 16, 64, 256, 1024, 4096, None]
    assert not claimed(db, s)


def test_a_card_is_saved_with_whose_it_is(db):
    s = carded(db, expires=1924991999)
    assert (s["zaprite_contact_id"], s["zaprite_payment_profile_id"],
            s["zaprite_payment_profile_method"], s["card_provider_id"]) == (
        "ct_1", "pp_1", "CARD", s["payment_provider_id"])
    assert s["zaprite_payment_profile_expires_at"].startswith(
        "2030-12-31 23:59:59")
    assert len(events(db, s["id"], "subscription.card_saved")) == 1
    assert not claimed(db, s)


# ---- which renewals it may pay ----

def test_a_queued_cycle_is_not_announced(db):
    s = carded(db)
    iid = queue(db, s)
    c = cycle(db, iid)
    assert c["charge_next_at"] is not None and c["announced_at"] is None
    assert not news(db, s, "subscription.renewal_pending")
    attach(db, iid)                 # said again: nothing changes
    assert cycle(db, iid) == c


@pytest.mark.parametrize("change", [
    "subscriptions SET zaprite_payment_profile_id = NULL WHERE id = '{id}'",
    "subscriptions SET card_provider_id = NULL WHERE id = '{id}'",
    "subscriptions SET zaprite_payment_profile_expires_at = now()"
    " WHERE id = '{id}'",
    "licenses SET status = 'suspended', suspended_at = now()"
    " WHERE id = '{license_id}'"])
def test_what_a_card_may_not_pay_is_announced(db, change):
    s = carded(db)
    db.sql("UPDATE " + change.format(**s))
    iid = queue(db, s)
    assert cycle(db, iid)["charge_next_at"] is None
    assert len(news(db, s, "subscription.renewal_pending")) == 1


def test_what_may_not_be_charged_any_more_is_not_begun(db):
    """Between the queue and the charge: cancelled, paid, suspended."""
    for change in (
            "subscriptions SET status = 'cancelled', cancelled_at = now()"
            " WHERE id = '{id}'",
            "invoices SET status = 'settled' WHERE id = '{iid}'",
            "licenses SET status = 'suspended', suspended_at = now()"
            " WHERE id = '{license_id}'"):
        s = carded(db)
        iid = queue(db, s)
        db.sql("UPDATE " + change.format(iid=iid, **s))
        assert begin(db, s, iid) is None
        end(db, s, iid, was_started=False)
        assert cycle(db, iid)["charge_next_at"] is None
        assert not news(db, s, "subscription.auto_charge_failed")
        assert len(news(db, s, "subscription.renewal_pending")) == \
            ("licenses" in change)


# ---- once ----

def test_begun_once(db):
    s = carded(db)
    iid = queue(db, s)
    assert begin(db, s, iid)["card_id"] == "pp_1"
    assert begin(db, s, iid) is None
    told, = news(db, s, "subscription.auto_charge_initiated")
    assert (told["invoice_id"], told["cycle_number"]) == (iid, 2)


def test_begun_once_by_many(db, connect):
    s = carded(db)
    iid = queue(db, s)
    sessions = [connect() for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda each: begin(each, s, iid), sessions))
    assert sum(w is not None for w in won) == 1
    assert count(db, "events", f"target_id = '{s['id']}' AND action ="
                 " 'subscription.auto_charge_initiated'") == 1


def test_claimed_by_one(db, connect):
    s = carded(db)
    iid = queue(db, s)
    sessions = [connect() for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(
            lambda each: each.call("charge_claim", limit=1000), sessions))
    assert [r["invoice_id"] for rows in found for r in rows].count(iid) == 1


def test_who_did_not_begin_does_not_end(db):
    """It lost the race to begin: the charge under way is another's."""
    s = carded(db)
    iid = queue(db, s)
    begin(db, s, iid)
    end(db, s, iid, was_started=False)
    c = cycle(db, iid)
    assert c["charge_next_at"] is not None and c["announced_at"] is None


def test_failed_once_and_announced_once(db):
    s = carded(db)
    iid = queue(db, s)
    begin(db, s, iid)
    for _ in range(2):
        end(db, s, iid)
    told, = news(db, s, "subscription.auto_charge_failed")
    assert told["reason"] == "declined"
    pending, = news(db, s, "subscription.renewal_pending")
    assert pending["checkout_url"] == "https://pay/" + iid
    assert begin(db, s, iid) is None


def test_paid_is_no_failure(db):
    s = carded(db)
    iid = queue(db, s)
    begin(db, s, iid)
    assert settle(db, iid)["outcome"] == "settled"
    end(db, s, iid, reason=None)
    c = cycle(db, iid)
    assert (c["charge_next_at"], c["charge_failed_at"],
            c["announced_at"]) == (None, None, None)
    assert sub(db, s)["paid_cycle"] == "2"
    assert not news(db, s, "subscription.auto_charge_failed")


def test_paid_though_it_was_called_failed(db):
    """The charge came through late: the cycle is paid all the same."""
    s = carded(db)
    iid = queue(db, s)
    begin(db, s, iid)
    end(db, s, iid)
    assert settle(db, iid)["outcome"] == "settled"
    assert sub(db, s)["status"] == "active"


def test_the_cycles_next_invoice_is_not_charged(db):
    s = carded(db)
    first = queue(db, s)
    begin(db, s, first)
    settle(db, first, "invalid")
    end(db, s, first)
    assert not news(db, s, "subscription.renewal_pending")
    assert len(news(db, s, "subscription.auto_charge_failed")) == 1
    second = bill(db, s)
    assert second != first
    c = cycle(db, second)
    assert c["charge_next_at"] is None and c["announced_at"] is not None


def test_no_lapse_while_it_is_charged(db):
    """Without days of grace it would lapse at once."""
    s = subscribe(db, grace_period_days=0)
    contact(db, s)
    call(db, "card_save", invoice_id=s["first"], card_id="pp_1", method="",
         expires_at=None)
    s = due(db, s)
    queue(db, s)
    lapsed = {r["id"] for r in db.call("subscription_lapse", limit=1000)}
    assert s["id"] not in lapsed


def test_deletes_take_contacts_along(db):
    s = subscribe(db)
    contact(db, s)
    call(db, "product_delete", id=s["product_id"], force=True)
    assert count(db, "card_contacts", f"invoice_id = '{s['first']}'") == 0


def test_a_contact_of_an_unknown_invoice_is_nothing(db):
    call(db, "card_contact_note", invoice_id=str(uuid.uuid4()),
         contact_id="ct_1")
