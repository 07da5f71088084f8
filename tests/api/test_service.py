"""Service information, public keys and the public catalogue (2.1)."""
from lib import keys
from lib.client import expect, refused
from lib.check import is_time, is_uuid

PRODUCT = {"id", "slug", "name", "description", "price_sats",
           "price_currency", "price_value", "active", "metadata",
           "entitlements_catalog", "merchant_profile_id", "created_at",
           "updated_at"}
TIER = {"slug", "name", "description", "price_sats", "duration_seconds",
        "max_machines", "is_trial", "entitlements", "marketing_bullets",
        "marketing_bullets_position", "hidden_entitlements", "highlighted",
        "is_recurring", "renewal_period_days", "trial_days",
        "featured_discount"}


def test_root_describes_the_service(api):
    info = api.get("/")
    assert set(info) >= {"service", "version", "operator", "public_key_pem",
                         "key_algorithm", "key_format_version"}
    assert info["service"] == "keysat"
    assert info["key_algorithm"] == "ed25519"
    assert info["key_format_version"] == 2
    assert info["operator"] is None or isinstance(info["operator"], str)
    assert isinstance(info["version"], str) and info["version"]


def test_healthz(api):
    assert api.get("/healthz")["ok"] is True


def test_health_ready(api):
    assert api.public("GET", "/health/ready").status_code == 200


def test_pubkey_is_one_and_the_same_everywhere(api):
    pem = api.get("/")["public_key_pem"]
    assert len(keys.public_from_pem(pem)) == 32
    assert api.get("/v1/pubkey") == {"algorithm": "ed25519",
                                     "public_key_pem": pem}
    assert api.get("/v1/issuer/public-key") == {
        "public_key_pem": pem, "key_algorithm": "ed25519",
        "key_format_version": 2}


def test_pubkey_verifies_what_is_issued(api):
    made = api.issue()
    assert keys.verifies(made["license_key"],
                         api.get("/v1/pubkey")["public_key_pem"])


def test_products_are_listed_active_only_and_by_name(api):
    b = api.product(name="zz-list-b")
    a = api.product(name="zz-list-a")
    gone = api.product(name="zz-list-c")
    api.do("PATCH", f"/products/{gone['id']}/active", {"active": False})
    seen = api.get("/v1/products")["products"]
    ours = [p["id"] for p in seen if p["name"].startswith("zz-list-")]
    assert ours == [a["id"], b["id"]]
    assert all(p["active"] for p in seen)


def test_product_has_every_field(api):
    made = api.product(description="d", metadata={"k": [1, {"é": None}]})
    seen = api.get(f"/v1/products/{made['slug']}")
    assert seen == made
    assert set(seen) >= PRODUCT
    assert is_uuid(seen["id"]) and is_time(seen["created_at"])
    assert seen["metadata"] == {"k": [1, {"é": None}]}
    assert seen["entitlements_catalog"] is None
    assert (seen["price_currency"], seen["price_value"]) == ("SAT", 50000)


def test_product_by_slug_is_found_inactive_too_and_404_when_unknown(api):
    p = api.product()
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    assert api.get(f"/v1/products/{p['slug']}")["active"] is False
    refused(api.public("GET", "/v1/products/no-such"), 404, "not_found")


def test_policies_404_for_missing_or_inactive_product(api):
    refused(api.public("GET", "/v1/products/no-such/policies"), 404,
            "not_found")
    p = api.product()
    api.get(f"/v1/products/{p['slug']}/policies")
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    refused(api.public("GET", f"/v1/products/{p['slug']}/policies"), 404,
            "not_found")


def test_policies_shows_the_product_without_nulls(api):
    p = api.product(description="about", price_sats=700)
    head = api.get(f"/v1/products/{p['slug']}/policies")["product"]
    assert head["slug"] == p["slug"] and head["name"] == p["name"]
    assert head["description"] == "about"
    assert head["base_price_sats"] == 700
    assert head["entitlements_catalog"] == []
    assert (head["price_currency"], head["price_value"]) == ("SAT", 700)


def test_policies_cheapest_first_then_by_name(api):
    p = api.product(price_sats=500)
    api.policy(p, slug="dear", name="Dear", price_sats_override=900)
    api.policy(p, slug="plain-b", name="Plain B")
    api.policy(p, slug="plain-a", name="Plain A")
    api.policy(p, slug="cheap", name="Cheap", price_sats_override=100)
    api.policy(p, slug="free", name="Free", price_sats_override=0)
    tiers = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    assert [t["slug"] for t in tiers] == \
        ["free", "cheap", "plain-a", "plain-b", "dear"]
    assert [t["price_sats"] for t in tiers] == [0, 100, 500, 500, 900]


def test_policies_only_active_public_and_not_archived(api):
    p = api.product()
    shown = api.policy(p, slug="shown")
    for slug, what, value in (("off", "active", False),
                              ("hidden", "public", False),
                              ("old", "archived", True)):
        made = api.policy(p, slug=slug)
        api.do("PATCH", f"/policies/{made['id']}/{what}", {what: value})
    tiers = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    assert [t["slug"] for t in tiers] == [shown["slug"]]


def test_policies_every_field_and_metadata_lifted(api):
    p = api.product()
    api.policy(p, slug="pro", duration_seconds=86400, max_machines=3,
               entitlements=["b", "a"], metadata={
                   "description": "For teams",
                   "marketing_bullets": ["fast", "sure"],
                   "marketing_bullets_position": "below",
                   "hidden_entitlements": ["a"], "highlight": True})
    api.policy(p, slug="plain", price_sats_override=1)
    plain, pro = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    assert set(pro) >= TIER and set(plain) >= TIER
    assert pro["description"] == "For teams"
    assert pro["marketing_bullets"] == ["fast", "sure"]
    assert pro["marketing_bullets_position"] == "below"
    assert pro["hidden_entitlements"] == ["a"]
    assert pro["highlighted"] is True
    assert pro["entitlements"] == ["b", "a"]
    assert (pro["duration_seconds"], pro["max_machines"]) == (86400, 3)
    assert pro["featured_discount"] is None
    assert plain["marketing_bullets"] == []
    assert plain["marketing_bullets_position"] in ("above", "below")
    assert plain["hidden_entitlements"] == []
    assert plain["highlighted"] is False


def test_policies_numeric_fields_are_never_null(api):
    p = api.product()
    api.policy(p)
    tier, = api.get(f"/v1/products/{p['slug']}/policies")["policies"]
    for field in ("price_sats", "duration_seconds", "max_machines",
                  "renewal_period_days", "trial_days", "price_value"):
        assert type(tier[field]) is int, field


def test_D12_fiat_price_is_listed_with_its_currency(api):
    p = api.product(price_currency="USD", price_value=4900)
    assert (p["price_sats"], p["price_currency"], p["price_value"]) == \
        (0, "USD", 4900)
    api.policy(p, slug="half", price_sats_override=2450)
    seen = api.get(f"/v1/products/{p['slug']}/policies")
    assert (seen["product"]["price_currency"],
            seen["product"]["price_value"]) == ("USD", 4900)
    tier, = seen["policies"]
    assert (tier["price_currency"], tier["price_value"]) == ("USD", 2450)


def test_metadata_that_is_not_what_the_shop_expects_breaks_nothing(api):
    p = api.product()
    api.policy(p, metadata={"description": 5, "marketing_bullets": "x",
                            "marketing_bullets_position": [],
                            "hidden_entitlements": {"a": 1},
                            "highlight": "maybe"})
    tier, = expect(api.public("GET", f"/v1/products/{p['slug']}/policies"),
                   200)["policies"]
    assert isinstance(tier["marketing_bullets"], list)
    assert isinstance(tier["hidden_entitlements"], list)
    assert isinstance(tier["highlighted"], bool)
