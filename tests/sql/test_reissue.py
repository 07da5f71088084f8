"""A license issued anew while its subscription is billed, paid or ended: no
day and no satoshi is lost on the way."""
from billing import DAY, bill, due, open_bill, row, seconds, sub, subscribe
from endpoint import body, call, count, fault, outbox, settle
from test_money_races import at_once, crowd, no_trouble  # noqa: F401


def reissue(db, license_id, **args):
    return call(db, "license_reissue", lock="license_hold", id=license_id,
                **args)


def test_paid_before_or_after_or_meanwhile(db, crowd):
    """The cycle is the new license's, whichever comes first."""
    for _ in range(15):
        s = due(db, subscribe(db))
        iid = bill(db, s)
        answers = at_once(crowd, lambda c, n: (
            settle(c, iid) if n % 2 else reissue(c, s["license_id"])))
        no_trouble(answers)
        made = [a["body"]["license_id"] for a in answers[::2]
                if a["fault"] is None]
        assert len(made) == 1
        now = sub(db, s)
        assert (now["license_id"], now["paid_cycle"]) == (made[0], "2")
        assert seconds(db, "l.expires_at - b.started_at", s) == 60 * DAY
        assert row(db, "licenses", f"id = '{made[0]}'")["status"] == "active"
        assert row(db, "invoices", f"id = '{iid}'")["license_id"] == made[0]
        assert len(outbox(db, s["product_id"], "subscription.renewed")) == 1


def test_billed_meanwhile(db, crowd):
    """A bill is the old one's and moves along, or isn't made."""
    for _ in range(15):
        s = due(db, subscribe(db))
        answers = at_once(crowd, lambda c, n: (
            open_bill(c, s) if n % 2 else reissue(c, s["license_id"])))
        no_trouble(answers)
        lid = sub(db, s)["license_id"]
        assert lid != s["license_id"]
        assert count(db, "invoices", "kind = 'renewal' AND license_id ="
                     f" '{s['license_id']}'") == 0
        iid = ([a for a in answers[1::2] if a]
               or [open_bill(db, {**s, "license_id": lid})])[0]
        assert row(db, "invoices", f"id = '{iid}'")["license_id"] == lid


def test_cancelled_meanwhile(db, crowd):
    for _ in range(10):
        s = subscribe(db)
        no_trouble(at_once(crowd, lambda c, n: (
            call(c, "subscription_cancel", lock="subscription_lock",
                 id=s["id"]) if n % 2 else reissue(c, s["license_id"]))))
        now = sub(db, s)
        assert now["status"] == "cancelled"
        assert now["license_id"] != s["license_id"]
        assert len(outbox(db, s["product_id"], "subscription.cancelled")) == 1


def test_again_and_again(db):
    s = subscribe(db)
    lid = s["license_id"]
    for _ in range(5):
        lid = reissue(db, lid)["body"]["license_id"]
    assert sub(db, s)["license_id"] == lid
    assert row(db, "licenses", f"id = '{lid}'")["invoice_id"] == s["first"]
    assert count(db, "licenses", f"product_id = '{s['product_id']}'"
                 " AND status = 'active'") == 1
    assert seconds(db, "l.expires_at - b.started_at", s) == 30 * DAY


def test_mails_that_wait_go_along(db):
    """What is about a bill is for the new license; a receipt has the old
    one's key and isn't sent any more."""
    s = subscribe(db)
    lid = s["license_id"]
    db.sql("INSERT INTO mails (kind, about, license_id, to_address) SELECT k,"
           f" k || '{lid}', '{lid}', 'a@b.example' FROM unnest(ARRAY["
           "'receipt', 'renewal_due', 'lapsed']) k")
    new = reissue(db, lid)["body"]["license_id"]
    assert sorted(db.sql("SELECT kind, license_id FROM mails WHERE about LIKE"
                         f" '%{lid}'")) == [
        ("lapsed", new), ("receipt", lid), ("renewal_due", new)]


def test_an_end_that_is_paid_for_is_not_taken(db):
    """Extended, renewed, extended: the later end holds."""
    s = due(db, subscribe(db))
    iid = bill(db, s)
    lid = s["license_id"]
    extend = {"id": lid, "lock": "license_hold"}
    (later,), = db.sql("SELECT rfc3339(licet_now() + interval '90 days')")
    assert body(db, "license_extend", expires_at=later, **extend)
    settle(db, iid)
    assert sub(db, s)["paid_cycle"] == "2"
    assert db.sql(f"SELECT rfc3339(expires_at) FROM licenses WHERE id = '{lid}'"
                  ) == [(later,)]
    (sooner,), = db.sql("SELECT rfc3339(licet_now() + interval '20 days')")
    assert fault(db, "license_extend", expires_at=sooner, **extend) == \
        "conflict"
