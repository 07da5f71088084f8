"""Admin catalogue: products (3.1)."""
import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import new_slug, refused


def create(api, **fields):
    body = {"slug": new_slug(), "name": "n", "price_sats": 5, **fields}
    return api.admin("POST", "/products",
                     {k: v for k, v in body.items() if v is not ...})


def test_create_stores_and_tells(api, server):
    p = api.product(name="Näme", description="d", price_sats=7)
    assert (p["name"], p["description"], p["price_sats"]) == ("Näme", "d", 7)
    assert p["metadata"] == {} and p["active"] is True
    event, = events(server, p["id"], "product.create")
    assert event["target_kind"] == "product"
    told, = server.rows("SELECT * FROM outbox WHERE product_id = %s",
                        p["id"])
    assert told["event_type"] == "product.created"
    data = told["data"].get("product", told["data"])
    assert data["slug"] == p["slug"]


def test_create_default_description_is_empty(api):
    assert api.product()["description"] == ""


@pytest.mark.parametrize("slug", [
    "", "-a", "A", "a_b", "a b", "é", "a" * 64, "a/b", "a.b", "a\n", None,
    "../x"])
def test_D21_create_bad_slug_400(api, slug):
    refused(create(api, slug=slug), 400, "bad_request")


@pytest.mark.parametrize("prefix", ["0", "a-", "a" * 50])
def test_D21_create_good_slug(api, prefix):
    slug = prefix + new_slug("")[1:]
    assert create(api, slug=slug).status_code == 200


def test_create_duplicate_slug_409(api, server):
    p = api.product()
    refused(create(api, slug=p["slug"]), 409, "conflict")
    assert server.value("SELECT count(*) FROM products WHERE slug = %s",
                        p["slug"]) == 1


@pytest.mark.parametrize("fields", [
    {"price_sats": 0}, {"price_sats": -1}, {"price_sats": ...},
    {"price_sats": ..., "price_currency": "USD"},
    {"price_sats": ..., "price_value": 5},
    {"price_sats": ..., "price_currency": "GBP", "price_value": 5},
    {"price_sats": ..., "price_currency": "usd", "price_value": 5},
    {"price_sats": ..., "price_currency": "USD", "price_value": 0},
    {"price_sats": ..., "price_currency": "USD", "price_value": -5},
    {"price_sats": 5, "price_currency": "SAT", "price_value": 6},
    {"price_sats": 5, "price_currency": "USD", "price_value": 5}])
def test_create_bad_price_400(api, fields):
    refused(create(api, **fields), 400, "bad_request")


@pytest.mark.parametrize("fields,expected", [
    ({"price_sats": 5}, (5, "SAT", 5)),
    ({"price_sats": ..., "price_currency": "SAT", "price_value": 9},
     (9, "SAT", 9)),
    ({"price_sats": 9, "price_currency": "SAT", "price_value": 9},
     (9, "SAT", 9)),
    ({"price_sats": ..., "price_currency": "EUR", "price_value": 990},
     (0, "EUR", 990)),
    ({"price_sats": 2100000000000000}, (2100000000000000, "SAT",
                                        2100000000000000))])
def test_create_good_price(api, fields, expected):
    p = create(api, **fields).json()
    assert (p["price_sats"], p["price_currency"], p["price_value"]) == \
        expected


CATALOG = [{"slug": "pro", "name": "Pro", "description": "All of it"},
           {"slug": "multi_device", "name": "Many", "description": ""}]


def test_create_with_entitlements_catalog(api):
    p = api.product(entitlements_catalog=CATALOG)
    assert p["entitlements_catalog"] == CATALOG


@pytest.mark.parametrize("catalog", [
    [{"slug": "Pro", "name": "x", "description": ""}],
    [{"slug": "a-b", "name": "x", "description": ""}],
    [{"slug": "", "name": "x", "description": ""}],
    [{"slug": "a", "name": "x", "description": ""},
     {"slug": "a", "name": "y", "description": ""}],
    [{"name": "no slug"}], ["pro"], {"slug": "pro"}, "pro"])
def test_create_bad_catalog_400(api, catalog):
    refused(create(api, entitlements_catalog=catalog), 400, "bad_request")


# PATCH

def test_patch_changes_what_is_given_and_nothing_else(api, server):
    p = api.product(description="old", metadata={"a": 1})
    q = api.do("PATCH", f"/products/{p['id']}", {"name": "New"})
    assert q["name"] == "New" and q["description"] == "old"
    assert q["metadata"] == {"a": 1} and q["slug"] == p["slug"]
    q = api.do("PATCH", f"/products/{p['id']}", {"description": ""})
    assert (q["name"], q["description"]) == ("New", "")
    assert api.get(f"/v1/products/{p['slug']}") == q
    assert len(events(server, p["id"])) == 3


def test_patch_price_and_currency(api):
    p = api.product()
    path = f"/products/{p['id']}"
    q = api.do("PATCH", path, {"price_currency": "EUR", "price_value": 100})
    assert (q["price_sats"], q["price_currency"], q["price_value"]) == \
        (0, "EUR", 100)
    q = api.do("PATCH", path, {"price_sats": 77})
    assert (q["price_sats"], q["price_currency"], q["price_value"]) == \
        (77, "SAT", 77)
    q = api.do("PATCH", path, {"price_sats": 0})
    assert q["price_sats"] == 0
    for body in ({"price_sats": -1}, {"price_currency": "USD"},
                 {"price_value": 5}, {"price_sats": 1, "price_value": 2,
                                      "price_currency": "SAT"}):
        refused(api.admin("PATCH", path, body), 400, "bad_request")


@pytest.mark.parametrize("nothing", [None, []])
def test_patch_clears_the_catalog(api, nothing):
    p = api.product(entitlements_catalog=CATALOG)
    q = api.do("PATCH", f"/products/{p['id']}",
               {"entitlements_catalog": nothing})
    assert not q["entitlements_catalog"]


def test_patch_slug_is_fixed(api):
    p = api.product()
    r = api.admin("PATCH", f"/products/{p['id']}", {"slug": new_slug()})
    assert r.status_code in (200, 400)
    assert api.get(f"/v1/products/{p['slug']}")["id"] == p["id"]


def test_patch_unknown_404_and_bad_name_400(api):
    refused(api.admin("PATCH", f"/products/{NOWHERE}", {"name": "x"}), 404,
            "not_found")
    p = api.product()
    for bad in (5, "", None):
        refused(api.admin("PATCH", f"/products/{p['id']}", {"name": bad}),
                400, "bad_request")


def test_patch_unknown_merchant_profile_404(api):
    p = api.product()
    r = api.admin("PATCH", f"/products/{p['id']}",
                  {"merchant_profile_id": NOWHERE})
    refused(r, 404, "not_found")


# Active

def test_active_switch(api, server):
    p = api.product()
    path = f"/products/{p['id']}/active"
    assert api.do("PATCH", path, {"active": False}) == {"ok": True}
    assert api.get(f"/v1/products/{p['slug']}")["active"] is False
    assert api.do("PATCH", path, {"active": True}) == {"ok": True}
    for bad in ({}, {"active": "no"}, {"active": None}, {"active": 1}):
        refused(api.admin("PATCH", path, bad), 400, "bad_request")
    refused(api.admin("PATCH", f"/products/{NOWHERE}/active",
                      {"active": True}), 404, "not_found")


# Admin list (D22)

def test_D22_admin_list_shows_inactive_products(api):
    p = api.product()
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    seen = api.do("GET", "/products?limit=200")["products"]
    assert p["id"] in [s["id"] for s in seen]


def test_D22_admin_list_pages_through_everything_once(api, server):
    for _ in range(7):
        api.product()
    seen, cursor = [], None
    for _ in range(10000):
        query = "limit=3" + (f"&cursor={cursor}" if cursor else "")
        page = api.do("GET", f"/products?{query}")
        assert len(page["products"]) <= 3
        seen += [p["id"] for p in page["products"]]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == \
        server.value("SELECT count(*) FROM products")


@pytest.mark.parametrize("query", [
    "limit=0", "limit=x", "limit=100000", "cursor=%00", "cursor=garbage"])
def test_D22_bad_page_400(api, query):
    refused(api.admin("GET", f"/products?{query}"), 400, "bad_request")


# DELETE

def test_delete_unused(api, server):
    p = api.product()
    api.policy(p)
    seen = api.do("DELETE", f"/products/{p['id']}")
    assert (seen["ok"], seen["deleted"], seen["force"]) == \
        (True, p["slug"], False)
    refused(api.public("GET", f"/v1/products/{p['slug']}"), 404, "not_found")
    refused(api.admin("DELETE", f"/products/{p['id']}"), 404, "not_found")
    assert events(server, p["id"], "product.delete")


@pytest.mark.parametrize("user", ["license", "invoice"])
def test_delete_409_when_referenced(api, user):
    p = api.product()
    api.issue(p) if user == "license" else api.buy(p)
    refused(api.admin("DELETE", f"/products/{p['id']}"), 409, "conflict")
    refused(api.admin("DELETE", f"/products/{p['id']}?force=false"), 409,
            "conflict")
    assert api.get(f"/v1/products/{p['slug']}")["id"] == p["id"]


def test_delete_force_cascades_and_counts(api, server):
    p, other = api.product(), api.product()
    t = api.policy(p)
    api.policy(p)
    made = api.issue(p, policy_slug=t["slug"], max_machines=3)
    kept = api.issue(other)
    api.validate(made["license_key"], fingerprint="A")
    api.activate(made["license_key"], "B")
    api.pay(api.buy(p))
    api.buy(p)
    seen = api.do("DELETE", f"/products/{p['id']}?force=true")
    assert (seen["ok"], seen["deleted"], seen["force"]) == \
        (True, p["slug"], True)
    assert {k: v for k, v in seen.items() if k.startswith("cascaded_")} == {
        "cascaded_policies": 2, "cascaded_codes": 0, "cascaded_licenses": 2,
        "cascaded_invoices": 2, "cascaded_machines": 2,
        "cascaded_redemptions": 0, "cascaded_subscriptions": 0,
        "cascaded_tier_changes": 0, "cascaded_tips": 0,
        "cascaded_refunds": 0}
    assert api.validate(made["license_key"])["reason"] == "not_found"
    assert api.validate(kept["license_key"])["ok"] is True
    for table in ("policies", "invoices", "licenses"):
        assert server.value(f"SELECT count(*) FROM {table}"
                            " WHERE product_id = %s", p["id"]) == 0


def test_delete_leaves_the_logs(api, server):
    p = api.product()
    made = api.issue(p)
    api.validate(made["license_key"])
    api.do("DELETE", f"/products/{p['id']}?force=true")
    assert server.value("SELECT count(*) FROM validation_log"
                        " WHERE license_id = %s", made["license_id"]) == 1
    assert events(server, p["id"], "product.create")


def test_late_payment_for_a_deleted_product_harms_nothing(api):
    p = api.product()
    bought = api.buy(p)
    api.do("DELETE", f"/products/{p['id']}?force=true")
    r = api.public("POST", bought["checkout_url"] + "/pay")
    assert r.status_code < 500
    refused(api.public("GET", f"/v1/purchase/{bought['invoice_id']}"), 404,
            "not_found")


def test_outbox_of_creation_is_for_every_product_once(api, server):
    p = api.product()
    rows = outbox(server, "id", p["id"]) or server.rows(
        "SELECT * FROM outbox WHERE product_id = %s", p["id"])
    assert len(rows) == 1
