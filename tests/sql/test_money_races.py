"""Everything that touches money, done by many at once."""
import threading
import uuid

import pytest

from endpoint import buy, call, count, events, outbox, policy, product, provider, \
    purchase, settle
from session import Refused

CROWD = 8


def at_once(sessions, work):
    """Each session does its work at the same moment; what they answered, or
    the exception that stopped them."""
    gate = threading.Barrier(len(sessions))
    answers = [None] * len(sessions)

    def one(n):
        gate.wait()
        try:
            answers[n] = work(sessions[n], n)
        except Exception as e:
            answers[n] = e

    threads = [threading.Thread(target=one, args=(n,))
               for n in range(len(sessions))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


@pytest.fixture
def crowd(connect):
    return [connect() for _ in range(CROWD)]


def no_trouble(answers):
    for a in answers:
        if isinstance(a, Exception):
            raise a


@pytest.mark.parametrize("lock", ["invoice_settle_lock", None])
def test_one_license_however_often_told(db, crowd, lock):
    p = product(db)
    policy(db, p, duration_seconds=60)
    pid = provider(db)
    invoices = [purchase(db, p)["invoice_id"] if n % 3 == 0 else buy(db, p)
                for n in range(60)]

    def tell(session, n):
        told = []
        for k in range(len(invoices)):
            iid = invoices[(k if n % 2 else k + n) % len(invoices)]
            told.append((iid, call(
                session, "invoice_settle", lock=lock, provider_id=pid,
                provider_invoice_id="px-" + iid, order_id=iid,
                reported_sats=999, status="settled")))
        return told

    answers = at_once(crowd, tell)
    no_trouble(answers)
    outcomes = {}
    for iid, row in sum(answers, []):
        outcomes.setdefault(iid, []).append(row)
    for iid, rows in outcomes.items():
        assert sorted(r["outcome"] for r in rows if r["license_id"]
                      and r["outcome"] == "settled") == ["settled"]
        if lock:
            assert len({r["license_id"] for r in rows}) == 1
        assert len(events(db, iid, "invoice.settle")) == 1
        assert len(events(db, iid, "invoice.amount_mismatch")) == 1
    assert count(db, "licenses", f"product_id = '{p['id']}'") == len(invoices)
    assert len(outbox(db, p["id"], "license.issued")) == len(invoices)
    assert len(outbox(db, p["id"], "invoice.settled")) == len(invoices)


def test_settled_wins_over_expired(db, crowd):
    p = product(db)
    invoices = [buy(db, p) for _ in range(40)]
    status = ("settled", "expired", "invalid", "expired")
    answers = at_once(crowd, lambda s, n: [
        settle(s, iid, status[n % 4]) for iid in invoices])
    no_trouble(answers)
    for iid in invoices:
        assert call(db, "purchase_poll", id=iid)["body"]["status"] == "settled"
    assert len(outbox(db, p["id"], "license.issued")) == len(invoices)


def test_one_attaches(db, crowd):
    for _ in range(20):
        iid = purchase(db, product(db))["invoice_id"]
        answers = at_once(crowd, lambda s, n: call(
            s, "invoice_attach", id=iid, provider_invoice_id=f"a{n}-{iid}",
            checkout_url=f"https://u/{n}"))
        no_trouble(answers)
        assert sum(a["attached"] == "t" for a in answers) == 1
        assert len({(a["provider_invoice_id"], a["checkout_url"])
                    for a in answers}) == 1


def test_attach_against_abandon_and_settle(db, crowd):
    for _ in range(20):
        iid = purchase(db, product(db))["invoice_id"]
        work = (lambda s: call(s, "invoice_attach", id=iid, checkout_url="u",
                               provider_invoice_id="px-" + iid),
                lambda s: call(s, "invoice_abandon", id=iid),
                lambda s: settle(s, iid), lambda s: settle(s, iid))
        no_trouble(at_once(crowd, lambda s, n: work[n % 4](s)))
        row = call(db, "purchase_poll", id=iid)["body"]
        # The provider's word comes back with the reconciler if it came early.
        if row["status"] != "settled":
            assert settle(db, iid)["outcome"] == "settled"
        assert count(db, "licenses", f"invoice_id = '{iid}'") == 1


def test_one_trial_to_an_address(db, crowd):
    p = product(db)
    policy(db, p, is_recurring=True, renewal_period_days=30, trial_days=7)
    answers = at_once(crowd, lambda s, n: purchase(
        s, p, provider_id=None, buyer_email="a@b.c" if n % 2 else "A@B.C"))
    no_trouble(answers)
    assert sum(a["fault"] is None for a in answers) == 1
    assert {a["fault"] for a in answers} == {None, "bad_request"}
    assert count(db, "licenses", f"product_id = '{p['id']}'") == 1
    assert len(outbox(db, p["id"], "license.issued")) == 1


@pytest.mark.parametrize("force", [True, False])
def test_purchase_under_delete(db, crowd, force):
    for _ in range(15):
        p = product(db)
        policy(db, p, price_sats_override=0)
        pid = provider(db)

        def work(session, n):
            if n < 2:
                return call(session, "product_delete", id=p["id"],
                            force=force, lock="product_delete_lock")
            if n == 2:
                return call(session, "policy_create", name="x", slug="late",
                            product_slug=p["slug"])
            if n == 3:
                return call(session, "license_issue", product_slug=p["slug"])
            return purchase(session, p, provider_id=pid)

        answers = at_once(crowd, work)
        no_trouble(answers)
        for a in answers[2:]:
            assert a["fault"] in (None, "not_found")
        left = count(db, "products", f"id = '{p['id']}'")
        bought = [a for a in answers[4:] if a["fault"] is None]
        deleted = [a["body"] for a in answers[:2] if a and a["body"]]
        assert len(deleted) == 1 - left
        for table in ("invoices", "licenses", "policies"):
            found = count(db, table, f"product_id = '{p['id']}'")
            assert left or found == 0
        if not force and bought:
            assert left == 1
        if left:
            assert count(db, "invoices", f"product_id = '{p['id']}'") \
                == len(bought)


@pytest.mark.parametrize("what", ["product", "policy"])
def test_settle_under_delete(db, crowd, what):
    """Neither waits for the other for ever, and nothing is half done."""
    for _ in range(15):
        p = product(db)
        y = policy(db, p)
        invoices = [buy(db, p) for _ in range(CROWD - 1)]
        target = {"product": p, "policy": y}[what]

        def work(session, n):
            if n == 0:
                return call(session, what + "_delete", id=target["id"],
                            force=True, lock=what + "_delete_lock")
            return settle(session, invoices[n - 1])

        answers = at_once(crowd, work)
        no_trouble(answers)
        assert answers[0]["body"]["ok"]
        gone = int(answers[0]["body"]["cascaded_invoices"])
        assert gone == len(invoices)
        assert count(db, "licenses", f"product_id = '{p['id']}'") == 0
        # `unchanged': found before, gone by the time of the update.
        assert {a["outcome"] for a in answers[1:]} <= \
            {"settled", "unknown", "unchanged"}


def test_deletes_at_once(db, crowd):
    for _ in range(15):
        p = product(db)
        tiers = [policy(db, p) for _ in range(CROWD - 1)]
        for y in tiers * 3:
            settle(db, buy(db, p, policy_slug=y["slug"]))

        def work(session, n):
            what, target = ("product", p) if n == CROWD - 1 else \
                ("policy", tiers[n])
            return call(session, what + "_delete", id=target["id"],
                        force=True, lock=what + "_delete_lock")

        answers = at_once(crowd, work)
        no_trouble(answers)
        gone = [a["body"] for a in answers if a]
        assert sum(g["cascaded_licenses"] for g in gone) == \
            sum(g["cascaded_invoices"] for g in gone) == 3 * len(tiers)


def test_claims_are_shared_out(db, crowd):
    p = product(db)
    for _ in range(50):
        buy(db, p)
    db.sql("UPDATE invoices SET next_check_at = NULL WHERE product_id <> "
           f"'{p['id']}'")
    db.sql("UPDATE invoices SET next_check_at = now() - interval '1 s' WHERE "
           f"product_id = '{p['id']}'")
    answers = at_once(crowd, lambda s, n: sum(
        (s.call("invoice_claim_due", limit=7, retry_seconds=60)
         for _ in range(10)), []))
    no_trouble(answers)
    claimed = [r["id"] for a in answers for r in a]
    assert len(claimed) == len(set(claimed)) == 50


def test_housekeeping_is_done_by_one(db, crowd):
    db.sql("UPDATE jobs SET next_run = now() - interval '1 s'")
    answers = at_once(crowd, lambda s, n: s.call("housekeeping_claim"))
    no_trouble(answers)
    assert sum(len(a) for a in answers) == 1


def test_claim_pace(db):
    p = product(db)
    pace = {"young": buy(db, p), "old": buy(db, p), "ancient": buy(db, p),
            "expired": buy(db, p), "unattached": purchase(db, p)["invoice_id"],
            "settled": buy(db, p), "later": buy(db, p)}
    settle(db, pace["expired"], "expired")
    settle(db, pace["settled"])
    for name, age in (("old", "73 hours"), ("ancient", "31 days")):
        db.sql(f"UPDATE invoices SET created_at = now() - interval '{age}' "
               f"WHERE id = '{pace[name]}'")
    db.sql("UPDATE invoices SET next_check_at = CASE WHEN id <> "
           f"'{pace['later']}' AND product_id = '{p['id']}' AND status <> "
           "'settled' THEN now() - interval '1 s' END")
    rows = {r["id"]: r for r in db.call("invoice_claim_due", limit=50,
                                        retry_seconds=90)}
    assert rows.keys() == {pace[n] for n in (
        "young", "old", "ancient", "expired", "unattached")}
    assert rows[pace["unattached"]]["provider_invoice_id"] is None
    assert rows[pace["expired"]]["status"] == "expired"
    assert rows[pace["young"]]["provider_invoice_id"] == "px-" + pace["young"]
    wait = lambda n: db.sql(
        "SELECT round(extract(epoch FROM next_check_at - now())) FROM "
        f"invoices WHERE id = '{pace[n]}'")[0][0]
    assert [wait(n) for n in ("young", "old", "ancient", "expired",
                              "unattached")] == \
        ["90", "21600", None, "21600", "90"]
    def check_soon(name, seconds):
        db.call("invoice_check_soon", seconds=seconds, provider_id=provider(db),
                provider_invoice_id="px-" + pace[name])
    check_soon("young", 30)
    assert wait("young") == "30"
    check_soon("settled", 1)
    assert wait("settled") is None


def test_sandbox(db, crowd):
    p = product(db)
    iid = purchase(db, p)["invoice_id"]
    answers = at_once(crowd, lambda s, n: call(
        s, "sandbox_create", id=f"sb{n}-{iid}", order_id=iid,
        amount_sats=1000))
    no_trouble(answers)
    sid, = {a["id"] for a in answers}
    row = call(db, "sandbox_get", id=sid)
    assert (row["product_name"], row["invoice_id"], row["status"],
            row["amount_sats"], row["redirect_url"]) == (
        "Demo", iid, "pending", "1000",
        "https://licet.test/thank-you?invoice_id=" + iid)
    assert call(db, "sandbox_find", order_id=iid)["id"] == sid
    status = ("settled", "expired")
    answers = at_once(crowd, lambda s, n: call(
        s, "sandbox_set_status", id=sid, status=status[n % 2]))
    no_trouble(answers)
    assert sum(a["changed"] == "t" for a in answers) == 1
    assert len({a["status"] for a in answers}) == 1
    for name in ("sandbox_get", "sandbox_set_status"):
        args = {"status": "settled"} if name.endswith("status") else {}
        assert call(db, name, id="none", **args) is None
    assert call(db, "sandbox_find", order_id=str(uuid.uuid4())) is None


def test_providers_are_one_row_each(db, crowd):
    """Every replica of a new installation names the same provider; one
    connected provider of a kind is all that a profile may have."""
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() "
           "WHERE kind = 'btcpay'")
    ensure = lambda s, store: call(
        s, "provider_ensure", kind="btcpay", label="Test",
        base_url="https://pay.test", store_id=store)
    answers = at_once(crowd, lambda s, n: ensure(s, "fresh"))
    no_trouble([a for a in answers if not isinstance(a, Refused)])
    made = [a for a in answers if isinstance(a, dict)]
    assert len(made) == 1
    assert count(db, "payment_providers",
                 "kind = 'btcpay' AND disconnected_at IS NULL") == 1
    assert ensure(db, "other") is None
    answers = at_once(crowd, lambda s, n: ensure(s, f"store{n}"))
    no_trouble(answers)
    assert not any(answers)


def test_signing_keys(db):
    add = lambda i, key: call(db, "signing_key_ensure", id=i, public_key=key)
    active = lambda: [k["id"] for k in db.call("signing_keys_list")
                      if k["active"] == "t"]
    assert add(7, "07" * 32)["public_key"] == "07" * 32
    assert add(7, "08" * 32)["public_key"] == "07" * 32
    with pytest.raises(Refused):
        add(8, "07" * 32)
    assert active() == ["1"]
    assert call(db, "signing_key_activate", id=99) is None
    assert active() == ["1"]
    row = call(db, "signing_key_activate", id=7)
    assert (row["id"], row["retired_id"]) == ("7", "1")
    assert call(db, "signing_key_activate", id=7)["retired_id"] is None
    assert active() == ["7"]
    assert call(db, "signing_key_activate", id=1)["retired_id"] == "7"
    assert active() == ["1"]


def test_system_odds_and_ends(db):
    assert db.call("ready_probe") == [{"ready": "1"}]
    db.call("partitions_make")
    assert db.call("operator_name_get") == []
    db.sql("INSERT INTO settings VALUES ('operator_name', 'Op')")
    assert db.call("operator_name_get") == [{"operator_name": "Op"}]
    db.sql("DELETE FROM settings")
