"""Purchases and what becomes of their invoices, one at a time."""
import uuid

import pytest

from endpoint import body, buy, call, count, events, outbox, policy, product, \
    provider, purchase, settle, slug

DAY = 86400


def invoice(db, iid, columns):
    return db.sql(f"SELECT {columns} FROM invoices WHERE id = '{iid}'")[0]


def refusal(row):
    assert row["path"] is None and row["key_license_id"] is None
    return row["fault"]


def test_checks_come_in_order(db):
    """Each step mends what the step before was refused for."""
    p = product(db, price_currency="EUR", price_value=100)
    y = policy(db, p)
    body(db, "policy_set_public", id=y["id"], public=False)
    body(db, "policy_set_active", id=y["id"], active=False)
    body(db, "policy_set_archived", id=y["id"], archived=True)
    body(db, "product_set_active", id=p["id"], active=False)
    ask = lambda s=y["slug"]: purchase(db, p, policy_slug=s, provider_id=None)
    assert refusal(purchase(db, {"slug": "none"})) == "not_found"
    row = ask("none")
    assert refusal(row) == "bad_request" and "for sale" in row["message"]
    body(db, "product_set_active", id=p["id"], active=True)
    assert refusal(ask("none")) == "not_found"
    for word, mend in (
            ("archived", ("policy_set_archived", {"archived": False})),
            ("active", ("policy_set_active", {"active": True})),
            ("public", ("policy_set_public", {"public": True}))):
        row = ask()
        assert refusal(row) == "bad_request" and word in row["message"]
        body(db, mend[0], id=y["id"], **mend[1])
    row = ask()
    assert refusal(row) == "upstream_error"
    body(db, "product_update", id=p["id"], price_sats=100)
    row = ask()
    assert (refusal(row), row["message"]) == \
        ("bad_request", "no payment provider")
    assert count(db, "invoices", f"product_id = '{p['id']}'") == 0
    row = purchase(db, p, policy_slug=y["slug"])
    assert row["fault"] is None and row["path"] == "paid"


def test_paid_purchase_writes_a_pending_invoice(db):
    p = product(db, price_sats=500)
    row = purchase(db, p, policy_slug="", buyer_email="a@b.c", buyer_note="n")
    iid = row["invoice_id"]
    assert (row["path"], row["amount_sats"], row["base_price_sats"],
            row["discount_applied_sats"], row["product_name"],
            row["redirect_url"]) == (
        "paid", "500", "500", "0", "Demo",
        "https://licet.test/thank-you?invoice_id=" + iid)
    assert invoice(db, iid, "status, provider_invoice_id, buyer_email, "
                   "buyer_note, listed_currency, listed_value, policy_id, "
                   "next_check_at BETWEEN now() + interval '10 s' AND "
                   "now() + interval '15 s'") == (
        "pending", None, "a@b.c", "n", "SAT", "500", None, "t")
    assert outbox(db, p["id"], "license.issued") == []
    other = purchase(db, p, redirect_url="https://shop.test/x")
    assert other["redirect_url"] == "https://shop.test/x"


def test_effective_policy_is_resolved_once(db):
    p = product(db, price_sats=500)
    assert purchase(db, p)["policy_id"] is None
    body(db, "policy_set_public", public=False, id=policy(
        db, p, name="A", price_sats_override=0)["id"])
    b = policy(db, p, name="B", price_sats_override=20)
    c = policy(db, p, name="C", price_sats_override=30)
    row = purchase(db, p)
    assert (row["policy_id"], row["amount_sats"]) == (b["id"], "20")
    d = policy(db, p, name="D", slug="default", price_sats_override=40)
    row = purchase(db, p)
    assert (row["policy_id"], row["amount_sats"]) == (d["id"], "40")
    assert purchase(db, p, policy_slug=c["slug"])["amount_sats"] == "30"
    body(db, "policy_set_public", id=d["id"], public=False)
    assert purchase(db, p)["policy_id"] == d["id"]
    body(db, "policy_set_archived", id=d["id"], archived=True)
    assert purchase(db, p)["policy_id"] == b["id"]


def test_free_purchase_issues_at_once(db):
    p = product(db)
    y = policy(db, p, price_sats_override=0, entitlements=["a"],
               max_machines=4)
    row = purchase(db, p, provider_id=None, buyer_email="a@b.c")
    iid = row["invoice_id"]
    assert (row["path"], row["amount_sats"], row["provider_invoice_id"]) == \
        ("free", "0", "free-" + iid)
    assert row["key_entitlements"] == '["a"]'
    l = body(db, "license_get", id=row["key_license_id"])["license"]
    assert (l["invoice_id"], l["policy_id"], l["max_machines"], l["is_trial"],
            l["buyer_email"], l["metadata"]) == (
        iid, y["id"], 4, False, "a@b.c",
        {"source": "purchase", "btcpay_invoice_id": "free-" + iid})
    assert invoice(db, iid, "status, next_check_at, settled_at IS NOT NULL, "
                   "provider_id") == ("settled", None, "t", None)
    assert [t for t, _ in outbox(db, p["id"])[1:]] == \
        ["invoice.settled", "license.issued"]
    assert [e[:2] for e in events(db, l["id"])] == [("license.issue", "system")]
    assert [e[0] for e in events(db, iid)] == ["invoice.settle"]


def test_trial_is_free_and_one_to_an_address(db):
    p = product(db, price_currency="EUR", price_value=100)
    y = policy(db, p, is_recurring=True, renewal_period_days=30, trial_days=14)
    row = purchase(db, p, provider_id=None, buyer_email="A@b.c")
    assert (row["path"], row["amount_sats"], row["base_price_sats"],
            row["key_trial"]) == ("free", "0", "0", "t")
    assert int(row["key_expires_at"]) - int(row["key_issued_at"]) == 14 * DAY
    l = body(db, "license_get", id=row["key_license_id"])["license"]
    assert l["grace_seconds"] == 7 * DAY
    again = purchase(db, p, policy_slug=y["slug"], buyer_email="a@B.c ")
    assert refusal(again) == "bad_request"
    for mail in ("other@b.c", None, None, ""):
        assert purchase(db, p, buyer_email=mail)["path"] == "free"
    q = product(db)
    policy(db, q, is_recurring=True, renewal_period_days=30, trial_days=14)
    assert purchase(db, q, buyer_email="a@b.c")["path"] == "free"


def test_attach(db):
    p = product(db)
    iid = purchase(db, p)["invoice_id"]
    attach = lambda x, url="https://u": call(
        db, "invoice_attach", id=iid, provider_invoice_id=x, checkout_url=url)
    row = attach("x-" + iid)
    assert (row["attached"], row["status"], row["checkout_url"]) == \
        ("t", "pending", "https://u")
    row = attach("x-" + iid, "https://other")
    assert (row["attached"], row["checkout_url"]) == ("t", "https://u")
    row = attach("y-" + iid)
    assert (row["attached"], row["provider_invoice_id"]) == ("f", "x-" + iid)
    assert call(db, "invoice_abandon", id=iid) is None
    assert call(db, "invoice_attach", id=str(uuid.uuid4()),
                provider_invoice_id="x", checkout_url="") is None


def test_abandon_and_late_attach(db):
    p = product(db)
    iid = purchase(db, p)["invoice_id"]
    assert call(db, "invoice_abandon", id=iid)["status"] == "invalid"
    assert call(db, "invoice_abandon", id=iid) is None
    assert invoice(db, iid, "status, next_check_at") == ("invalid", None)
    call(db, "invoice_attach", id=iid, provider_invoice_id="px-" + iid,
         checkout_url="u")
    assert invoice(db, iid, "next_check_at > now()") == ("t",)
    assert settle(db, iid)["outcome"] == "settled"


def test_settle_issues_by_the_invoices_policy(db):
    p = product(db)
    y = policy(db, p, duration_seconds=100, grace_seconds=5, max_machines=2,
               is_trial=True, entitlements=["e"])
    policy(db, p, slug="default", duration_seconds=7)
    iid = buy(db, p, policy_slug=y["slug"], buyer_email="a@b.c")
    row = settle(db, iid, reported_sats=1000)
    assert (row["outcome"], row["invoice_id"]) == ("settled", iid)
    polled = call(db, "purchase_poll", id=iid)
    assert polled["body"] == {
        "invoice_id": iid, "status": "settled", "product_id": p["id"],
        "amount_sats": 1000, "license_key": None,
        "license_id": row["license_id"]}
    assert int(polled["key_expires_at"]) - int(polled["key_issued_at"]) == 100
    l = body(db, "license_get", id=row["license_id"])["license"]
    assert (l["grace_seconds"], l["max_machines"], l["is_trial"],
            l["entitlements"], l["buyer_email"]) == \
        (5, 2, True, ["e"], "a@b.c")
    assert l["metadata"]["btcpay_invoice_id"] == "px-" + iid
    news = outbox(db, p["id"])[1:]
    assert news[0] == ("invoice.settled", {
        "invoice_id": iid, "product_id": p["id"], "amount_sats": 1000,
        "provider_kind": "sandbox"})
    assert news[1][1] == {
        "license_id": l["id"], "product_id": p["id"], "is_trial": True,
        "expires_at": l["expires_at"], "entitlements": ["e"],
        "source": "purchase", "invoice_id": iid, "policy_id": y["id"]}


def test_settle_recurring_ends_with_the_first_cycle(db):
    p = product(db)
    y = policy(db, p, is_recurring=True, renewal_period_days=30,
               duration_seconds=5, grace_period_days=3)
    iid = buy(db, p)
    # A trial that is offered later doesn't shorten what was paid for.
    body(db, "policy_update", id=y["id"], trial_days=7)
    settle(db, iid)
    row = call(db, "purchase_poll", id=iid)
    assert int(row["key_expires_at"]) - int(row["key_issued_at"]) == 30 * DAY
    assert row["key_trial"] == "f"
    l = body(db, "license_get", id=row["key_license_id"])["license"]
    assert l["grace_seconds"] == 3 * DAY


def test_settle_without_any_policy_is_perpetual(db):
    iid = buy(db, product(db))
    settle(db, iid)
    row = call(db, "purchase_poll", id=iid)
    assert (row["key_expires_at"], row["key_trial"],
            row["key_entitlements"]) == ("0", "f", "[]")


def test_poll_shows_the_key_only_while_active(db):
    iid = buy(db, product(db))
    row = call(db, "purchase_poll", id=iid)
    assert row["key_license_id"] is None
    assert (row["body"]["status"], row["body"]["license_id"]) == \
        ("pending", None)
    lid = settle(db, iid)["license_id"]
    assert call(db, "purchase_poll", id=iid)["key_license_id"] == lid
    body(db, "license_suspend", id=lid)
    row = call(db, "purchase_poll", id=iid)
    assert row["key_license_id"] is None
    assert row["body"]["license_id"] == lid
    assert call(db, "purchase_poll", id=str(uuid.uuid4())) is None


def test_repeats_change_nothing(db):
    p = product(db)
    iid = buy(db, p)
    lid = settle(db, iid)["license_id"]
    before = outbox(db, p["id"]), events(db, iid)
    for status in ("settled", "expired", "invalid"):
        row = settle(db, iid, status, reported_sats=7)
        assert (row["outcome"], row["license_id"]) == ("unchanged", lid)
    assert (outbox(db, p["id"]), events(db, iid)) == before
    assert call(db, "purchase_poll", id=iid)["body"]["status"] == "settled"


@pytest.mark.parametrize("first, action", [
    ("expired", "invoice.expire"), ("invalid", "invoice.invalid")])
def test_late_payment_is_honoured(db, first, action):
    p = product(db)
    iid = buy(db, p)
    assert settle(db, iid, first)["outcome"] == first
    assert settle(db, iid, first)["outcome"] == "unchanged"
    assert settle(db, iid, "expired" if first == "invalid" else "invalid")[
        "outcome"] == "unchanged"
    assert settle(db, iid, "pending")["outcome"] == "unchanged"
    assert call(db, "purchase_poll", id=iid)["body"]["status"] == first
    assert invoice(db, iid, "next_check_at > now()") == ("t",)
    assert settle(db, iid)["outcome"] == "settled"
    assert [e[0] for e in events(db, iid)] == [action, "invoice.settle"]
    assert events(db, iid)[1][2]["from"] == first
    assert invoice(db, iid, "next_check_at") == (None,)


def test_amount_mismatch_is_told_once(db):
    iid = buy(db, product(db))
    for _ in range(3):
        row = settle(db, iid, reported_sats=999, provider_detail="Settled")
    assert row["license_id"]
    (_, actor, details), = events(db, iid, "invoice.amount_mismatch")
    assert actor == "system"
    assert (details["amount_sats"], details["reported_sats"]) == (1000, 999)
    iid = buy(db, product(db))
    settle(db, iid, reported_sats=1000)
    assert events(db, iid, "invoice.amount_mismatch") == []


def test_lost_reply_is_found_by_our_id(db):
    iid = purchase(db, product(db))["invoice_id"]
    found = lambda **a: call(db, "invoice_by_provider", **{
        "provider_id": provider(db), "provider_invoice_id": "q-" + iid,
        "order_id": iid, **a})
    assert found()["id"] == iid
    assert found(provider_id=provider(db, "btcpay")) is None
    assert found(order_id="not-a-uuid") is None
    assert found(order_id=None) is None
    row = settle(db, iid, provider_invoice_id="q-" + iid)
    assert (row["outcome"], row["invoice_id"]) == ("settled", iid)
    assert found(order_id=None)["id"] == iid
    assert found(provider_invoice_id="r-" + iid) is None
    row = call(db, "invoice_attach", id=iid, provider_invoice_id="q-" + iid,
               checkout_url="https://u")
    assert (row["attached"], row["status"], row["checkout_url"]) == \
        ("t", "settled", "https://u")


def test_unknown_invoices(db):
    iid = buy(db, product(db))
    for args in ({"provider_invoice_id": "x", "order_id": None},
                 {"provider_invoice_id": "x", "order_id": iid},
                 {"provider_invoice_id": "x", "order_id": "junk"},
                 {"provider_invoice_id": "px-" + iid, "order_id": iid,
                  "provider_id": provider(db, "btcpay")}):
        args.setdefault("provider_id", provider(db))
        row = call(db, "invoice_settle", status="settled", **args)
        assert (row["outcome"], row["invoice_id"], row["license_id"]) == \
            ("unknown", None, None)
    assert call(db, "purchase_poll", id=iid)["body"]["status"] == "pending"


def test_settled_invoice_without_license_is_healed(db):
    p = product(db)
    iid = buy(db, p)
    lid = settle(db, iid)["license_id"]
    db.sql(f"DELETE FROM licenses WHERE id = '{lid}'")
    assert settle(db, iid, "expired")["license_id"] is None
    row = settle(db, iid)
    assert row["outcome"] == "settled" and row["license_id"] not in (None, lid)
    assert len(outbox(db, p["id"], "invoice.settled")) == 1
    assert len(outbox(db, p["id"], "license.issued")) == 2
    assert len(events(db, iid, "invoice.settle")) == 1


def test_search_by_invoice(db):
    iid = buy(db, product(db), buyer_email=slug() + "@b.c")
    lid = settle(db, iid)["license_id"]
    for q in (iid, iid.upper(), "px-" + iid):
        for more in ({}, {"license_id": lid}):
            found, = body(db, "license_search", invoice_id=q,
                          **more)["licenses"]
            assert found["id"] == lid
    assert body(db, "license_search", invoice_id=iid,
                buyer_email="other")["licenses"] == []


def test_policy_delete_keeps_what_was_not_sold(db):
    p = product(db)
    y = policy(db, p)
    pending, sold = buy(db, p), buy(db, p)
    lid = settle(db, sold)["license_id"]
    body(db, "license_revoke", id=lid)
    drop = lambda **a: call(db, "policy_delete", lock="policy_delete_lock",
                            id=y["id"], **a)
    assert drop()["fault"] == "conflict"
    gone = drop(force=True)["body"]
    assert (gone["cascaded_licenses"], gone["cascaded_invoices"]) == (1, 2)
    y = policy(db, p)
    pending = buy(db, p)
    assert drop()["body"]["cascaded_invoices"] == 0
    assert invoice(db, pending, "policy_id") == (None,)
    assert settle(db, pending)["outcome"] == "settled"


def test_policy_delete_keeps_a_license_that_moved_on(db):
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    iid = buy(db, p, policy_slug=y["slug"])
    lid = settle(db, iid)["license_id"]
    db.sql(f"UPDATE licenses SET policy_id = '{z['id']}' WHERE id = '{lid}'")
    row = call(db, "policy_delete", id=y["id"], force=True)["body"]
    assert (row["cascaded_licenses"], row["cascaded_invoices"]) == (0, 0)
    assert invoice(db, iid, "policy_id, status") == (None, "settled")
    row = call(db, "policy_delete", id=z["id"], force=True)["body"]
    assert (row["cascaded_licenses"], row["cascaded_invoices"]) == (1, 1)
