"""Invoices, as the vendor sees them: lists, one with all that hangs on it,
and the mark that somebody should look at it."""
import pytest

from lib.check import NOWHERE, events, is_time, is_uuid
from lib.client import new_slug, refused

COLUMNS = {
    # those of the contract's table (7)
    "id", "btcpay_invoice_id", "product_id", "policy_id", "status",
    "buyer_email", "buyer_note", "amount_sats", "checkout_url",
    "listed_currency", "listed_value", "exchange_rate_centibps",
    "exchange_rate_source", "payment_provider_id", "created_at", "updated_at",
    # ours
    "kind", "license_id", "product_name", "provider_kind", "base_price_sats",
    "discount_applied_sats", "charged_value", "is_trial", "redirect_url",
    "paid_sats", "payment_exception", "attention", "next_check_at",
    "settled_at"}


def listed(api, **query):
    return api.do("GET", "/invoices", params=query)["invoices"]


def one(api, bought):
    return api.do("GET", f"/invoices/{bought['invoice_id']}")


def odd(server, bought, word):
    server.db.execute("UPDATE invoices SET attention = %s WHERE id = %s",
                      [word, bought["invoice_id"]])


def test_a_purchase_from_pending_to_settled(api):
    mail = new_slug("m") + "@example.com"
    p = api.product(price_sats=1234)
    t = api.policy(p)
    bought = api.buy(p, policy_slug=t["slug"], buyer_email=mail,
                     buyer_note="a note")
    seen = one(api, bought)
    assert set(seen) == COLUMNS | {
        "product_slug", "policy_slug", "policy_name", "redemption",
        "subscription_cycle", "tier_change", "refunds", "events"}
    assert is_uuid(seen["id"]) and is_time(seen["created_at"])
    assert (seen["status"], seen["kind"], seen["license_id"],
            seen["settled_at"]) == ("pending", "purchase", None, None)
    assert (seen["product_id"], seen["product_slug"], seen["policy_id"],
            seen["policy_slug"]) == (p["id"], p["slug"], t["id"], t["slug"])
    assert (seen["buyer_email"], seen["buyer_note"]) == (mail, "a note")
    assert (seen["amount_sats"], seen["base_price_sats"],
            seen["discount_applied_sats"]) == (1234, 1234, 0)
    assert seen["btcpay_invoice_id"] == bought["btcpay_invoice_id"]
    assert seen["provider_kind"] == "sandbox"
    assert seen["refunds"] == [] and seen["redemption"] is None
    paid = api.pay(bought)
    seen = one(api, bought)
    assert (seen["status"], seen["license_id"]) == \
        ("settled", paid["license_id"])
    assert is_time(seen["settled_at"])
    assert "invoice.settle" in [e["action"] for e in seen["events"]]


def test_a_free_purchase(api):
    p = api.product()
    t = api.policy(p, price_sats_override=0)
    bought = api.buy(p, policy_slug=t["slug"])
    seen = one(api, bought)
    assert (seen["status"], seen["amount_sats"], seen["provider_kind"],
            seen["license_id"]) == ("settled", 0, None, bought["license_id"])
    assert seen["btcpay_invoice_id"] == "free-" + bought["invoice_id"]


def test_a_purchase_with_a_code_that_renews(api):
    """The use of the code and the cycle that it paid for; the license tells of
    its subscription (D22)."""
    p = api.product(price_sats=1000)
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 2500})
    bought = api.buy(p, policy_slug=t["slug"], code=code["code"])
    seen = one(api, bought)
    assert (seen["amount_sats"], seen["discount_applied_sats"],
            seen["listed_value"], seen["charged_value"]) == \
        (750, 250, 1000, 750)
    assert (seen["redemption"]["status"], seen["redemption"]["code"]) == \
        ("pending", code["code"])
    assert seen["subscription_cycle"] is None
    lid = api.pay(bought)["license_id"]
    seen = one(api, bought)
    assert (seen["redemption"]["status"], seen["redemption"]["license_id"]) \
        == ("redeemed", lid)
    assert seen["subscription_cycle"]["cycle_number"] == 1
    told = api.license(lid)
    assert told["subscription"]["id"] == \
        seen["subscription_cycle"]["subscription_id"]
    assert told["subscription"]["status"] == "active"
    assert told["tier_changes"] == []
    assert "invoice.settle" in [e["action"] for e in told["history"]]


def test_list_filters(api, server):
    p = api.product()
    mail = new_slug("m") + "@example.com"
    paid, open_, gone = (api.buy(p, buyer_email=mail) for _ in range(3))
    lid = api.pay(paid)["license_id"]
    api.expire(gone)
    odd(server, gone, "partial")
    ids = lambda **q: [i["id"] for i in listed(api, **q)]
    every = [x["invoice_id"] for x in (gone, open_, paid)]
    assert ids(product_id=p["id"]) == every
    assert ids(buyer_email=mail.upper()) == every
    assert set(listed(api, product_id=p["id"])[0]) == COLUMNS
    for query, wanted in (
            ({"status": "settled"}, paid), ({"status": "pending"}, open_),
            ({"status": "expired"}, gone), ({"attention": "true"}, gone),
            ({"attention": "partial"}, gone)):
        assert ids(product_id=p["id"], **query) == [wanted["invoice_id"]]
    assert ids(product_id=p["id"], attention="false") == every[1:]
    assert ids(product_id=p["id"], kind="renewal") == []
    assert ids(license_id=lid) == [paid["invoice_id"]]
    assert ids(license_id=NOWHERE) == []


def test_list_pages_by_cursor(api):
    p = api.product()
    made = [api.buy(p)["invoice_id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = api.do("GET", "/invoices", params={
            "product_id": p["id"], "limit": 2,
            **({"cursor": cursor} if cursor else {})})
        seen += [i["id"] for i in page["invoices"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize("query", [
    "status=paid", "kind=gift", "attention=maybe", "product_id=x",
    "license_id=7", "limit=0", "limit=501", "cursor=rubbish"])
def test_list_bad_query_400(api, query):
    refused(api.admin("GET", f"/invoices?{query}"), 400, "bad_request")


# Attention

def test_looked_at(api, server):
    bought = api.buy(api.product())
    odd(server, bought, "over")
    where = f"/invoices/{bought['invoice_id']}"
    for _ in range(2):
        seen = api.do("PATCH", where, {"attention": None})
        assert set(seen) == COLUMNS and seen["attention"] is None
    event, = events(server, bought["invoice_id"], "invoice.looked_at")
    assert event["details"] == {"attention": "over"}
    assert event["actor_kind"] == "admin_api_key"
    assert "invoice.looked_at" in [e["action"] for e in
                                   one(api, bought)["events"]]


@pytest.mark.parametrize("body", [
    {}, {"attention": "over"}, {"attention": ""}, {"attention": 5},
    {"attention": False}, {"status": "settled"}])
def test_nothing_else_can_be_changed(api, server, body):
    bought = api.buy(api.product())
    odd(server, bought, "over")
    refused(api.admin("PATCH", f"/invoices/{bought['invoice_id']}", body),
            400, "bad_request")
    seen = one(api, bought)
    assert (seen["attention"], seen["status"]) == ("over", "pending")


@pytest.mark.parametrize("method,body", [("GET", None),
                                         ("PATCH", {"attention": None})])
def test_unknown_invoice_404(api, method, body):
    for name in (NOWHERE, "x"):
        refused(api.admin(method, f"/invoices/{name}", body), 404,
                "not_found")


@pytest.mark.parametrize("method,rest,scope", [
    ("GET", "", "invoices:read"), ("GET", "/{id}", "invoices:read"),
    ("PATCH", "/{id}", "invoices:write")])
def test_administrators_only(api, method, rest, scope):
    where = "/v1/admin/invoices" + rest
    op = api.get("/v1/openapi.json")["paths"][where][method.lower()]
    assert op["x-scope"] == scope
    refused(api.public(method, where.format(id=NOWHERE), {}), 401,
            "unauthorized")
