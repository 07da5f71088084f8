"""Invoices as administrators see them: each filter by its own index, pages,
all that hangs on one, and the mark that somebody should look."""
import json
import uuid

import pytest

import sold
from endpoint import as_text, body, call, events, fault, policy, product
from statements import STATEMENTS
from test_codes import code


def ids(db, **args):
    return [i["id"] for i in body(db, "sale_list", **args)["invoices"]]


@pytest.fixture
def sales(db):
    """Six invoices of one product, oldest first."""
    class Sales:
        p = product(db)
        mail = f"{uuid.uuid4().hex}@example.com"
        settled = sold.invoice(db, p, status="settled", buyer_email=mail)
        license = sold.license(db, p, invoice_id=settled)
        pending = sold.invoice(db, p, buyer_email=mail.upper())
        expired = sold.invoice(db, p, status="expired", attention="partial",
                               paid_sats=3, payment_exception="partial")
        invalid = sold.invoice(db, p, status="invalid")
        renewal = sold.invoice(db, p, kind="renewal", license_id=license,
                               status="settled", attention="surplus")
        change = sold.invoice(db, p, kind="tier_change", license_id=license)
        all = [settled, pending, expired, invalid, renewal, change]
    return Sales


@pytest.mark.parametrize("asked,found", [
    ({}, "settled pending expired invalid renewal change"),
    ({"status": "settled"}, "settled renewal"),
    ({"status": "pending"}, "pending change"),
    ({"status": "expired"}, "expired"),
    ({"kind": "purchase"}, "settled pending expired invalid"),
    ({"kind": "renewal"}, "renewal"),
    ({"kind": "tier_change", "status": "settled"}, ""),
    ({"attention": "true"}, "expired renewal"),
    ({"attention": "surplus"}, "renewal"),
    ({"attention": "true", "status": "expired"}, "expired"),
    ({"attention": "false", "status": "settled"}, "settled"),
    ({"attention": "void_change"}, "")])
def test_filters_are_anded(db, sales, asked, found):
    wanted = [getattr(sales, name) for name in found.split()][::-1]
    assert ids(db, product_id=sales.p["id"], **asked) == wanted
    everywhere = ids(db, limit=1000, **asked)
    assert [i for i in everywhere if i in sales.all] == wanted


def test_by_address_in_any_case(db, sales):
    wanted = [sales.pending, sales.settled]
    for mail in (sales.mail, sales.mail.upper(), f" {sales.mail} "):
        assert ids(db, buyer_email=mail) == wanted
    assert ids(db, buyer_email=sales.mail, status="settled") == wanted[1:]
    assert ids(db, buyer_email=sales.mail[1:]) == []


def test_by_license_brought_and_billed(db, sales):
    assert ids(db, license_id=sales.license) == \
        [sales.change, sales.renewal, sales.settled]
    assert ids(db, license_id=sales.license, kind="purchase") == \
        [sales.settled]
    assert ids(db, license_id=str(uuid.uuid4())) == []
    every = body(db, "sale_list", license_id=sales.license)["invoices"]
    assert {i["license_id"] for i in every} == {sales.license}


@pytest.mark.parametrize("asked", [
    "product_id", "license_id", "status", "kind", "attention", "buyer_email"])
def test_pages_hold_each_once(db, sales, asked):
    args = {"product_id": sales.p["id"]}
    if asked == "license_id":
        args = {asked: sales.license}
    elif asked == "buyer_email":
        args = {asked: sales.mail}
    elif asked != "product_id":
        args[asked] = {"status": "pending", "kind": "purchase",
                       "attention": "true"}[asked]
    whole = ids(db, **args)
    assert len(whole) > 1
    seen, cursor = [], None
    while True:
        page = body(db, "sale_list", limit=1, cursor=cursor, **args)
        assert len(page["invoices"]) == 1
        seen.append(page["invoices"][0]["id"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole


BRANCHES = [({"license_id": str(uuid.uuid4())}, "invoices_license_paid"),
            ({"attention": "true"}, "invoices_attention"),
            ({"buyer_email": "a@b.c"}, "invoices_email"),
            ({"product_id": str(uuid.uuid4())}, "invoices_product_newest"),
            ({"status": "pending"}, "invoices_unsettled"),
            ({"kind": "renewal"}, "invoices_of_kind"),
            ({}, "invoices_newest")]


@pytest.mark.parametrize("args,index", BRANCHES)
def test_only_the_branch_that_was_asked_for_runs(db, args, index):
    db.sql("SET enable_seqscan = off")
    db.sql("SET enable_bitmapscan = off")
    db.prepare("sale_list")
    values = ["NULL" if args.get(n) is None else f"'{as_text(args[n])}'"
              for n in STATEMENTS["sale_list"][1]]
    (text,), = db.sql("EXPLAIN (ANALYZE, FORMAT json, TIMING off) EXECUTE "
                      f"sale_list({', '.join(values)})")
    ran = set()

    def walk(node):
        if node["Actual Loops"] and \
                node.get("Index Name", "").startswith("invoices_"):
            ran.add(node["Index Name"])
        for child in node.get("Plans", ()):
            walk(child)

    walk(json.loads(text)[0]["Plan"])
    assert ran - {"invoices_pkey"} == {index}


def test_one_with_all_that_hangs_on_it(db):
    p, c = product(db), code(db)
    y, z = policy(db, p), policy(db, p)
    one = sold.everything(db, p, y, z, c["id"])
    kinds = {i["kind"]: i["id"] for i in
             body(db, "sale_list", license_id=one)["invoices"]}
    seen = {k: body(db, "sale_get", id=i) for k, i in kinds.items()}
    bought = seen["purchase"]
    assert (bought["product_slug"], bought["policy_slug"]) == \
        (p["slug"], y["slug"])
    assert bought["license_id"] == one and bought["provider_kind"] == "btcpay"
    assert bought["btcpay_invoice_id"] == "px-" + kinds["purchase"]
    assert bought["redemption"]["code"] == c["code"]
    assert bought["redemption"]["license_id"] == one
    assert bought["subscription_cycle"]["cycle_number"] == 1
    assert [r["variant"] for r in bought["refunds"]] == ["full"]
    assert not any("claim_url" in r for r in bought["refunds"])
    assert seen["renewal"]["subscription_cycle"]["cycle_number"] == 2
    change = seen["tier_change"]["tier_change"]
    assert (change["from_policy_id"], change["to_policy_id"]) == \
        (y["id"], z["id"])
    for kind, lacks in (("purchase", ["tier_change"]),
                        ("renewal", ["tier_change", "redemption"]),
                        ("tier_change", ["redemption", "subscription_cycle"])):
        assert all(seen[kind][k] is None for k in lacks)
    assert fault(db, "sale_get", id=str(uuid.uuid4())) == "not_found"


def test_its_events_are_also_those_of_refund_and_change(db):
    p, c = product(db), code(db)
    one = sold.everything(db, p, policy(db, p), policy(db, p), c["id"])
    for i in ids(db, license_id=one):
        seen = body(db, "sale_get", id=i)
        targets = [i] + [r["id"] for r in seen["refunds"]]
        targets += [seen["tier_change"]["id"]] if seen["tier_change"] else []
        for target in targets:
            db.sql("INSERT INTO events (actor_kind, action, target_id) "
                   f"VALUES ('system', 'test.it', '{target}')")
        told = body(db, "sale_get", id=i)["events"]
        assert {e["target_id"] for e in told} == set(targets)


# Attention

def test_looked_at_once(db, sales):
    seen = body(db, "sale_looked_at", id=sales.expired, attention=None)
    assert seen["attention"] is None
    assert (seen["paid_sats"], seen["payment_exception"]) == (3, "partial")
    assert sales.expired not in ids(db, attention="true", limit=1000)
    again = body(db, "sale_looked_at", id=sales.expired, attention=None)
    assert again == seen
    (_, actor, details), = events(db, sales.expired, "invoice.looked_at")
    assert (actor, details) == ("admin_api_key", {"attention": "partial"})


@pytest.mark.parametrize("args", [{}, {"attention": "surplus"},
                                  {"attention": ""}])
def test_attention_can_only_be_cleared(db, sales, args):
    assert fault(db, "sale_looked_at", id=sales.expired, **args) \
        == "bad_request"
    assert sales.expired in ids(db, attention="true", limit=1000)


def test_looked_at_of_nothing(db):
    assert call(db, "sale_looked_at", id=str(uuid.uuid4()),
                attention=None) is None
