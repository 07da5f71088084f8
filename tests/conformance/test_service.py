"""keysat.md 2.1 (service info, keys, catalogue) and 2.9 (pages that there
are, OpenAPI): a test for each sentence."""
import base64

import pytest

from lib import keys
from lib.check import is_time, is_uuid
from lib.client import expect, new_slug, refused

PRODUCT = {
    "id", "slug", "name", "description", "price_sats", "price_currency",
    "price_value", "active", "metadata", "entitlements_catalog",
    "merchant_profile_id", "created_at", "updated_at"}
POLICY = {
    "slug", "name", "description", "price_sats", "duration_seconds",
    "max_machines", "is_trial", "entitlements", "marketing_bullets",
    "marketing_bullets_position", "hidden_entitlements", "highlighted",
    "is_recurring", "renewal_period_days", "trial_days", "featured_discount"}


# 2.1 Service info and keys

def test_root(api):
    """2.1 `GET /': these seven."""
    got = api.get("/")
    assert set(got) == {"service", "version", "operator", "public_key_pem",
                        "key_algorithm", "key_format_version"}
    assert got["service"] == "keysat"
    assert got["key_algorithm"] == "ed25519"
    assert got["key_format_version"] == 2
    keys.public_from_pem(got["public_key_pem"])


def test_healthz(api):
    """2.1 `GET /healthz': {ok:true}."""
    assert api.get("/healthz") == {"ok": True}


def test_pubkey(api):
    """2.1 `GET /v1/pubkey', `GET /v1/issuer/public-key'."""
    pem = api.get("/")["public_key_pem"]
    assert api.get("/v1/pubkey") == {"algorithm": "ed25519",
                                     "public_key_pem": pem}
    assert api.get("/v1/issuer/public-key") == {
        "public_key_pem": pem, "key_algorithm": "ed25519",
        "key_format_version": 2}


def test_public_key_pem(api):
    """1: SubjectPublicKeyInfo of 44 bytes, label PUBLIC KEY, LF, trailing
    newline."""
    pem = api.get("/v1/pubkey")["public_key_pem"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert pem.endswith("\n-----END PUBLIC KEY-----\n") and "\r" not in pem
    der = base64.b64decode("".join(pem.split("\n")[1:-2]))
    assert len(der) == 44 and der[:12].hex() == "302a300506032b6570032100"


# 2.1 Catalogue

def test_products_active_only_by_name(api):
    """2.1 `GET /v1/products': {products:[Product]}, active only, by name."""
    tag = new_slug("zz")
    b, a, off = (api.product(name=f"{tag} {n}") for n in "bac")
    api.do("PATCH", f"/products/{off['id']}/active", {"active": False})
    got = api.get("/v1/products")
    assert set(got) == {"products"}
    mine = [p for p in got["products"] if p["name"].startswith(tag)]
    assert [p["id"] for p in mine] == [a["id"], b["id"]]
    assert all(set(p) == PRODUCT for p in mine)


def test_product_active_or_not(api):
    """2.1 `GET /v1/products/:slug': Product, active or not; 404."""
    p = api.product(metadata={"a": [1]}, description="d")
    assert api.get(f"/v1/products/{p['slug']}") == p
    assert is_uuid(p["id"]) and is_time(p["updated_at"])
    assert (p["price_sats"], p["price_currency"], p["price_value"]) == \
        (50000, "SAT", 50000)
    assert p["metadata"] == {"a": [1]} and p["entitlements_catalog"] is None
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    got = api.get(f"/v1/products/{p['slug']}")
    assert got["active"] is False and got["id"] == p["id"]
    refused(api.public("GET", "/v1/products/never-was"), 404, "not_found")


def test_policies_of_a_missing_or_inactive_product(api):
    """2.1 `GET /v1/products/:slug/policies': 404 if missing or inactive."""
    refused(api.public("GET", "/v1/products/never-was/policies"), 404,
            "not_found")
    p = api.product()
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    refused(api.public("GET", f"/v1/products/{p['slug']}/policies"), 404,
            "not_found")


def test_policies_product_part(api):
    """2.1 policies: product:{slug,name,description,base_price_sats,
    entitlements_catalog:[]}, and D12's price_currency, price_value."""
    p = api.product(description="d", price_sats=77)
    got = api.get(f"/v1/products/{p['slug']}/policies")["product"]
    assert got == {"slug": p["slug"], "name": p["name"], "description": "d",
                   "base_price_sats": 77, "entitlements_catalog": [],
                   "price_currency": "SAT", "price_value": 77}


def test_policies_only_what_is_for_sale_cheapest_first(api):
    """2.1 policies: active, public and not archived, by effective price,
    then name; a missing override is the product's price."""
    p = api.product(price_sats=500)
    for slug, name, price in (("dear", "A", 900), ("plain", "B", None),
                              ("cheap", "C", 100), ("equal", "A", 500)):
        api.policy(p, slug=slug, name=name, price_sats_override=price)
    for what, value in (("active", False), ("public", False),
                        ("archived", True)):
        y = api.policy(p, slug=what)
        api.do("PATCH", f"/policies/{y['id']}/{what}", {what: value})
    got = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    assert [(y["slug"], y["price_sats"]) for y in got] == [
        ("cheap", 100), ("equal", 500), ("plain", 500), ("dear", 900)]


def test_policies_fields(api):
    """2.1 policies: the fields of each; description, bullets, position,
    hidden and highlighted are from its metadata."""
    p = api.product()
    api.policy(p, slug="bare")
    y = api.policy(p, slug="rich", price_sats_override=1,
                   entitlements=["b", "a"], max_machines=3,
                   duration_seconds=86400, metadata={
                       "description": "what", "marketing_bullets": ["x", "y"],
                       "marketing_bullets_position": "above",
                       "hidden_entitlements": ["a"], "highlight": True})
    rich, bare = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    assert set(rich) >= POLICY and set(bare) >= POLICY
    assert rich["slug"] == y["slug"]
    assert [rich[k] for k in (
        "description", "marketing_bullets", "marketing_bullets_position",
        "hidden_entitlements", "highlighted", "entitlements", "max_machines",
        "duration_seconds")] == ["what", ["x", "y"], "above", ["a"], True,
                                 ["b", "a"], 3, 86400]
    assert [bare[k] for k in (
        "marketing_bullets", "hidden_entitlements", "highlighted",
        "entitlements", "featured_discount")] == [[], [], False, [], None]
    assert bare["marketing_bullets_position"] in ("above", "below")


def test_policies_featured_discount(api):
    """2.1 policies: what featured_discount has."""
    p = api.product(price_sats=1000)
    api.policy(p, slug="t")
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("F"), "kind": "percent", "amount": 2500,
        "max_uses": 4, "featured": True, "product_slug": p["slug"],
        "description": "spring"})
    (y,) = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    f = y["featured_discount"]
    assert {k: f[k] for k in (
        "code", "kind", "amount", "description", "expires_at", "max_uses",
        "used_count", "remaining_uses", "discount_applied_sats",
        "discounted_price_sats")} == {
        "code": code["code"], "kind": "percent", "amount": 2500,
        "description": "spring", "expires_at": None, "max_uses": 4,
        "used_count": 0, "remaining_uses": 4, "discount_applied_sats": 250,
        "discounted_price_sats": 750}


def test_policies_numbers_are_numbers(market):
    """2.1: official clients require the numeric fields to be numbers, never
    null, of products listed in a currency, too; D12: these say what it is."""
    p = market.product(price_currency="USD", price_value=4900)
    market.policy(p)
    got = market.get(f"/v1/products/{p['slug']}/policies")
    (y,) = got["policies"]
    for name in ("price_sats", "duration_seconds", "max_machines",
                 "renewal_period_days", "trial_days"):
        assert type(y[name]) is int, name
    assert type(got["product"]["base_price_sats"]) is int
    for part in (y, got["product"]):
        assert (part["price_currency"], part["price_value"]) == ("USD", 4900)


# 2.9 Pages and OpenAPI

def test_thank_you_page(api):
    """2.9 `GET /thank-you?invoice_id=': HTML; a key that is there is shown,
    with text escaped, a policy for content, and nothing from elsewhere."""
    name = "<b>Tom & 'Jerry'</b>"
    p = api.product(name=name)
    api.policy(p, slug="free", price_sats_override=0)
    bought = api.buy(p, policy_slug="free")
    r = api.public("GET", f"/thank-you?invoice_id={bought['invoice_id']}")
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith("text/html")
    assert "Content-Security-Policy" in r.headers
    assert "<b>Tom" not in r.text
    for elsewhere in ('src="http', "src='http", 'href="http'):
        assert elsewhere not in r.text


def test_openapi_describes_the_routes_that_are_served(api):
    """2.9 `GET /v1/openapi.json': OpenAPI 3.1, public; what it names is
    there, and what the contract names is in it."""
    document = api.get("/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path in ("/v1/validate", "/v1/purchase", "/v1/recover", "/v1/redeem",
                 "/v1/machines/activate", "/v1/admin/products",
                 "/v1/admin/licenses/{id}/change-tier"):
        assert path in document["paths"], path
    text = expect(api.public("GET", "/v1/openapi.json"), 200)
    assert text == document


@pytest.mark.parametrize("reason", [
    "rate_limited", "bad_format", "bad_signature", "not_found", "revoked",
    "suspended", "product_mismatch", "expired", "fingerprint_mismatch",
    "too_many_machines"])
def test_openapi_has_the_reasons_right(api, reason):
    """2.9: the reference's copy is wrong on reason names; ours is not."""
    document = api.get("/v1/openapi.json")
    assert reason in str(document["paths"]["/v1/validate"])
