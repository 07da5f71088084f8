"""News of invoices: what wakes open checkout pages and what doesn't."""
import json
import uuid

import pytest

from shop import product

LATER = "updated_at = created_at + interval '6 seconds'"


def invoice(db, **columns):
    pid, _ = product(db)
    values = {"product_id": f"'{pid}'", "amount_sats": "9",
              "base_price_sats": "9", "id": "gen_random_uuid()", **columns}
    (made,), = db.sql(f"INSERT INTO invoices ({', '.join(values)}) VALUES"
                      f" ({', '.join(values.values())}) RETURNING id")
    return made


def follower(db, first, **columns):
    return invoice(db, follows_id=f"'{first}'", order_id=f"'{first}'",
                   **columns)


def checkout(db, of, **columns):
    values = {"invoice_id": f"'{of}'", "asked_at": "licet_now()", **columns}
    db.sql(f"INSERT INTO checkouts ({', '.join(values)}) VALUES"
           f" ({', '.join(values.values())})")


@pytest.fixture
def heard(connect):
    """heard(): what was told since the last time."""
    ear = connect()
    ear.sql("LISTEN licet_invoice")

    def told():
        ear.sql("SELECT 1")
        got = []
        while (n := ear.pg.notifies()) is not None:
            got.append(n.extra.decode())
        return sorted(got)
    return told


@pytest.mark.parametrize("change", [
    "status = 'settled', settled_at = licet_now()", "status = 'expired'",
    "status = 'invalid'", "paid_sats = 4", "payment_exception = 'partial'",
    f"provider_invoice_id = 'x', {LATER}"])
def test_what_a_buyer_sees_is_news(db, heard, change):
    i = invoice(db)
    db.sql(f"UPDATE invoices SET {change} WHERE id = '{i}'")
    assert heard() == [i]


@pytest.mark.parametrize("change", [
    "status = status", "next_check_at = licet_now()", "attention = 'over'",
    "updated_at = licet_now()", "buyer_note = 'x'",
    # Whoever buys hasn't opened the page by then.
    "provider_invoice_id = 'x', updated_at = created_at"])
def test_what_no_buyer_sees_is_none(db, heard, change):
    i = invoice(db)
    db.sql(f"UPDATE invoices SET {change} WHERE id = '{i}'")
    assert heard() == []


@pytest.mark.parametrize("change", [
    "seen_sats = 5", "due_sats = 4", "confirmations = 1",
    "confirmations_needed = 2", "bolt11 = 'lnbc1'", "address = 'bc1q'",
    "expires_at = licet_now()"])
def test_what_is_seen_of_a_payment_is_news(db, heard, change):
    i = invoice(db)
    checkout(db, i)
    assert heard() == []
    db.sql(f"UPDATE checkouts SET {change} WHERE invoice_id = '{i}'")
    assert heard() == [i]


def test_that_the_provider_was_asked_is_none(db, heard):
    i = invoice(db)
    checkout(db, i)
    db.sql("UPDATE checkouts SET asked_at = licet_now(), told_at = licet_now(),"
           f" look_at = licet_now() WHERE invoice_id = '{i}'")
    assert heard() == []


def test_a_page_that_begins_with_the_provider_s_answer(db, heard):
    i = invoice(db)
    checkout(db, i, told_at="licet_now()", bolt11="'lnbc1'")
    assert heard() == [i]


def test_who_looks_at_what_expired_hears_of_its_successor(db, heard):
    first = invoice(db, status="'expired'")
    assert heard() == []
    follower(db, first)
    assert heard() == [first]


def test_all_of_an_order_hear_that_one_is_paid(db, heard):
    first = invoice(db, status="'expired'")
    second = follower(db, first, status="'expired'")
    third = invoice(db, follows_id=f"'{second}'", order_id=f"'{first}'")
    invoice(db)
    for paid in (first, third):
        heard()
        db.sql("UPDATE invoices SET status = 'settled',"
               f" settled_at = licet_now() WHERE id = '{paid}'")
        assert heard() == sorted([first, second, third])


def test_once_whatever_a_transaction_does(db, heard):
    i = invoice(db)
    checkout(db, i)
    db.sql(f"BEGIN; UPDATE invoices SET paid_sats = 4 WHERE id = '{i}';"
           f" UPDATE checkouts SET seen_sats = 4 WHERE invoice_id = '{i}';"
           f" UPDATE invoices SET paid_sats = 9 WHERE id = '{i}'; COMMIT")
    assert heard() == [i]


def test_states_come_in_the_order_asked_for(db):
    """A row for each, of what isn't there too: the worker goes by the place."""
    a, b, none = invoice(db), invoice(db, status="'expired'"), uuid.uuid4()
    rows = db.call("checkout_states", ids=[b, none, a, b])
    seen = [r["body"] and json.loads(r["body"]) for r in rows]
    assert [s and (s["invoice_id"], s["status"]) for s in seen] == \
        [(b, "expired"), None, (a, "pending"), (b, "expired")]
    assert list(rows[0]) == ["body", "is_final"]
