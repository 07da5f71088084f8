"""How a checkout stands, by its rows; who asks the provider, and when again."""
import json
import uuid

import pytest

from endpoint import call, product, provider
from sold import insert, invoice, license
from test_money_races import at_once, crowd, no_trouble     # noqa: F401

TOLD = "2099-01-01T00:00:00Z"


def checkout(db, invoice_id, **columns):
    columns = {"asked_at": "2026-01-01T00:00:00Z", **columns}
    names = {"invoice_id": invoice_id, **columns}
    db.sql(f"INSERT INTO checkouts ({', '.join(names)}) VALUES ("
           + ", ".join("NULL" if v is None else f"'{v}'"
                       for v in names.values()) + ")")
    return invoice_id


def states(db, *ids):
    rows = db.call("checkout_states", ids=list(ids))
    assert len(rows) == len(ids)
    return [(None if r["body"] is None else json.loads(r["body"]),
             r["is_final"] == "t") for r in rows]


def word(db, one):
    (body, final), = states(db, one)
    return body["state"], final


@pytest.mark.parametrize("invoiced,told,expected", [
    ({}, None, "preparing"),
    ({}, {}, "preparing"),
    ({}, {"address": "bcrt1q"}, "waiting"),
    ({}, {"bolt11": "lnbcrt"}, "waiting"),
    ({}, {"bolt11": "l", "seen_sats": 4, "due_sats": 5}, "short"),
    ({}, {"seen_sats": 9, "due_sats": 0}, "seen"),
    ({}, {"seen_sats": 9, "due_sats": 0, "confirmations": 0}, "seen"),
    ({}, {"seen_sats": 9, "due_sats": 0, "confirmations": 2}, "confirming"),
    # Its own word, when the provider's methods were not asked since.
    ({"paid_sats": 4}, None, "short"),
    ({"paid_sats": 9}, {"told_at": "2020-01-01T00:00:00Z", "bolt11": "l"},
     "seen"),
    # A payment that was replaced: the newer answer counts.
    ({"paid_sats": 9}, {"bolt11": "l", "due_sats": 9}, "waiting"),
    ({"status": "expired"}, None, "expired"),
    ({"status": "invalid"}, {"bolt11": "l"}, "expired"),
    ({"status": "expired", "paid_sats": 4}, None, "short_expired"),
    ({"status": "expired", "paid_sats": 9}, None, "late"),
    ({"status": "settled"}, {"bolt11": "l"}, "paid")])
def test_words(db, invoiced, told, expected):
    one = invoice(db, product(db), **invoiced)
    if told is not None:
        checkout(db, one, **{"told_at": TOLD, **told})
    assert word(db, one) == (expected, False)


def test_paid_is_final_once_the_license_is_there(db):
    p = product(db)
    one = invoice(db, p, status="settled")
    assert word(db, one) == ("paid", False)
    license(db, p, invoice_id=one)
    (body, final), = states(db, one)
    assert final and body["key_ready"] is True
    assert body["next_url"] == f"/thank-you?invoice_id={one}"


def test_one_that_follows(db):
    p = product(db)
    old = invoice(db, p, status="expired")
    new = invoice(db, p, follows_id=old, order_id=old)
    (body, final), = states(db, old)
    assert (body["state"], body["next_url"], final) == \
        ("renewed", f"/checkout/{new}", False)
    # Paid late, it is what all of the order lead to.
    db.sql(f"UPDATE invoices SET status = 'settled' WHERE id = '{old}'")
    third = invoice(db, p, follows_id=new, order_id=old)
    for one in (new, third):
        (body, final), = states(db, one)
        assert (body["state"], final) == ("paid", True)
        assert body["next_url"] == f"/thank-you?invoice_id={old}"
    with pytest.raises(Exception, match="invoices_follows"):
        invoice(db, p, follows_id=old, order_id=old)


def test_a_row_for_each_in_order(db):
    a, b = (invoice(db, product(db)) for _ in range(2))
    nobody = str(uuid.uuid4())
    found = states(db, b, nobody, a, b)
    assert [s and s["invoice_id"] for s, _ in found] == [b, None, a, b]
    assert [final for _, final in found] == [False] * 4
    assert states(db) == []


def test_one_asks_first(db, crowd):
    one = invoice(db, product(db))
    answers = at_once(crowd, lambda s, n: call(s, "checkout_begin", id=one))
    no_trouble(answers)
    assert sum(a is not None for a in answers) == 1
    assert call(db, "checkout_begin", id=one) is None
    # Whoever asked has died: another one may, a little later.
    db.sql("UPDATE checkouts SET asked_at = now() - interval '1 minute' "
           f"WHERE invoice_id = '{one}'")
    assert call(db, "checkout_begin", id=one) is not None
    for status, known in (("settled", "px"), ("pending", None)):
        other = invoice(db, product(db), status=status,
                        provider_invoice_id=known)
        assert call(db, "checkout_begin", id=other) is None


def looks(db, one):
    return db.sql("SELECT round(extract(epoch FROM look_at - now())) FROM "
                  f"checkouts WHERE invoice_id = '{one}'")[0][0]


def test_one_asks_again(db, crowd):
    pid = provider(db)
    db.sql("UPDATE checkouts SET look_at = NULL")
    one = invoice(db, product(db), provider_id=pid)
    known = {"provider_id": pid, "provider_invoice_id": f"px-{one}"}
    db.call("checkout_look", **known)       # nobody has its page open
    checkout(db, one)
    db.call("checkout_look", **known)
    answers = at_once(crowd, lambda s, n: s.call("checkout_claim", limit=5))
    no_trouble(answers)
    (row,), = [a for a in answers if a]
    assert (row["id"], row["provider_invoice_id"], row["provider_id"]) == \
        (one, f"px-{one}", pid)
    assert looks(db, one) == "30"           # were the asker to die
    # Heard of again while it is asked: asked anew, three seconds later.
    db.call("checkout_look", **known)
    assert looks(db, one) == "3"
    db.call("checkout_note", id=one, address="bcrt1q", due_sats=9,
            seen_sats=0)
    assert looks(db, one) == "3"
    db.sql("UPDATE checkouts SET look_at = now() WHERE invoice_id = "
           f"'{one}'")
    assert len(db.call("checkout_claim", limit=5)) == 1
    db.call("checkout_note", id=one, bolt11="lnbcrt", seen_sats=0)
    assert looks(db, one) is None
    assert db.sql("SELECT bolt11, address FROM checkouts WHERE invoice_id = "
                  f"'{one}'") == [("lnbcrt", "bcrt1q")]


def test_what_nobody_can_pay_is_let_go(db):
    pid = provider(db)
    db.sql("UPDATE checkouts SET look_at = NULL")
    gone = insert(db, "payment_providers", kind="btcpay", label="Gone",
                  base_url="https://pay.test", store_id=uuid.uuid4(),
                  disconnected_at="2020-01-01T00:00:00Z")
    for columns in ({"status": "settled"}, {"provider_id": gone},
                    {"status": "expired", "created_at": "2020-01-01"}):
        one = invoice(db, product(db), **{"provider_id": pid, **columns})
        checkout(db, one, look_at="2020-01-01T00:00:00Z")
        assert db.call("checkout_claim", limit=5) == []
        assert looks(db, one) is None
