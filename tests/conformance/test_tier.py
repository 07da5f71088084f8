"""3.7 Operator tier and self-licence, sentence by sentence; with the 402s of
0, 3.1, 3.3 and 3.6, change-tier's 400 of 3.2, and D25."""
import time

import pytest

from lib.client import new_slug, refused
from lib.instance import KNOWN_SEED
from lib.selflicense import (ALL, DAY, UPGRADE_URL, api_of, capped, key_of,
                             make_key, root_pem, standing, store)


@pytest.fixture
def foreign(own_instance):
    """Capped; its license is somebody else's to issue."""
    return api_of(own_instance(LICET_TRUST_ROOT=root_pem(),
                               LICET_UPGRADE_URL=UPGRADE_URL))


@pytest.fixture
def home(own_instance):
    """Capped; the trust root is one of its own signing keys."""
    server = own_instance(LICET_TRUST_ROOT=root_pem(KNOWN_SEED),
                          LICET_UPGRADE_URL=UPGRADE_URL, movable=True)
    api = api_of(server)
    api.clock = server.clock
    return api


def create_product(api):
    return api.admin("POST", "/products", {
        "slug": new_slug(), "name": "x", "price_sats": 1})


def create_policy(api, product, **fields):
    return api.admin("POST", "/policies", {
        "product_slug": product["slug"], "name": "x", "slug": new_slug(),
        **fields})


def create_code(api):
    return api.admin("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1})


def create_profile(api):
    return api.admin("POST", "/merchant-profiles", {"name": new_slug()})


RECURRING = {"is_recurring": True, "renewal_period_days": 30}


# The label

@pytest.mark.parametrize("entitlements, tier", [
    ((), "creator"), (("recurring_billing",), "creator"),
    (("unlimited_products",), "pro"), (("patron",), "patron"),
    (("unlimited_products", "patron"), "patron")])
def test_label(foreign, entitlements, tier):
    """3.7: `patron` -> patron; `unlimited_products` -> pro; else creator."""
    store(foreign, make_key(*entitlements))
    got = foreign.do("GET", "/tier")
    assert (got["tier"], got["tier_name"]) == (tier, tier.capitalize())
    assert got["entitlements"] == list(entitlements)


# The caps

def test_five_products(foreign):
    """3.7, 3.1 row 1: creator has 5 products; 402 at the cap, with
    upgrade_url (0); unlimited_products lifts it."""
    for _ in range(5):
        assert create_product(foreign).status_code == 200
    capped(create_product(foreign))
    store(foreign, make_key("unlimited_products"))
    assert create_product(foreign).status_code == 200


def test_duplicate_slug_is_a_409_at_the_cap_too(foreign):
    """3.1 row 1: duplicate slug 409."""
    made = [foreign.product() for _ in range(5)]
    refused(foreign.admin("POST", "/products", {
        "slug": made[0]["slug"], "name": "x", "price_sats": 1}),
        409, "conflict")


def test_five_policies_a_product(foreign):
    """3.7, 3.1: 5 policies per product; unlimited_policies lifts it."""
    product, other = foreign.product(), foreign.product()
    for _ in range(5):
        assert create_policy(foreign, product).status_code == 200
    capped(create_policy(foreign, product))
    assert create_policy(foreign, other).status_code == 200
    store(foreign, make_key("unlimited_policies"))
    assert create_policy(foreign, product).status_code == 200


def test_ten_active_codes(foreign):
    """3.7, 3.3: 402 at 10 active codes; unlimited_codes lifts it."""
    made = [create_code(foreign).json() for _ in range(10)]
    capped(create_code(foreign))
    off = f"/discount-codes/{made[0]['id']}/active"
    foreign.do("PATCH", off, {"active": False})
    assert create_code(foreign).status_code == 200
    capped(foreign.admin("PATCH", off, {"active": True}))
    # One that is on stays on, and can be said to.
    foreign.do("PATCH", f"/discount-codes/{made[1]['id']}/active",
               {"active": True})
    store(foreign, make_key("unlimited_codes"))
    foreign.do("PATCH", off, {"active": True})
    assert create_code(foreign).status_code == 200


def test_one_merchant_profile(foreign):
    """3.7, 3.6: 1 merchant profile; unlimited_merchant_profiles lifts it."""
    capped(create_profile(foreign))
    store(foreign, make_key("unlimited_merchant_profiles"))
    assert create_profile(foreign).status_code == 200


def test_recurring_billing_gates_subscriptions(foreign):
    """3.7, 3.1: recurring without recurring_billing is a 402, on create and on
    switching a policy to recurring."""
    product = foreign.product()
    capped(create_policy(foreign, product, **RECURRING))
    plain = create_policy(foreign, product).json()
    capped(foreign.admin("PATCH", f"/policies/{plain['id']}", RECURRING))
    store(foreign, make_key("recurring_billing"))
    assert create_policy(foreign, product, **RECURRING).status_code == 200
    foreign.do("PATCH", f"/policies/{plain['id']}", RECURRING)


def test_zaprite_payments_gates_zaprite(foreign, zaprite):
    """3.7, 3.6: connecting Zaprite is a 402 without zaprite_payments; the key
    isn't even tried."""
    body = {"api_key": zaprite.api_key, "base_url": zaprite.url}
    capped(foreign.admin("POST", "/zaprite/connect", body))
    store(foreign, make_key("zaprite_payments"))
    foreign.do("POST", "/zaprite/connect", body)


def test_never_retroactively(home):
    """3.7: checked on create and on switching to recurring, never
    retroactively."""
    license = home.issue(entitlements=list(ALL))
    store(home, key_of(license, *ALL))
    product = home.product()
    policies = [create_policy(home, product, **RECURRING).json()
                for _ in range(6)]
    for _ in range(6):
        home.product()
    home.revoke(license["license_id"])
    capped(create_product(home))
    home.do("PATCH", f"/policies/{policies[0]['id']}",
            {"name": "y", "is_recurring": True})
    home.do("PATCH", f"/products/{product['id']}/active", {"active": False})
    home.do("PATCH", f"/products/{product['id']}/active", {"active": True})
    bought = home.buy(product, policy_slug=policies[0]["slug"])
    assert home.pay(bought)["license_key"]


def test_no_trust_root_no_caps(api):
    """3.7: with no trust root set, no caps apply."""
    got = api.do("GET", "/tier")
    assert got["caps"] == {"products": None, "policies_per_product": None,
                           "active_codes": None}
    assert (got["next_tier"], got["upgrade_url"]) == (None, None)
    product = api.product()
    for _ in range(6):
        api.product()
        assert create_policy(api, product, **RECURRING).status_code == 200
    made = [create_code(api) for _ in range(11)]
    assert {r.status_code for r in made} == {200}
    assert create_profile(api).status_code == 200


# GET /tier

def test_tier(foreign):
    """3.7: {tier,tier_name,sandbox,entitlements,usage:{products,
    active_codes},caps,next_tier|null,upgrade_url|null}."""
    foreign.product()
    code = create_code(foreign).json()
    create_code(foreign)
    foreign.do("PATCH", f"/discount-codes/{code['id']}/active",
               {"active": False})
    assert foreign.do("GET", "/tier") == {
        "tier": "creator", "tier_name": "Creator", "sandbox": True,
        "entitlements": [], "usage": {"products": 1, "active_codes": 1},
        "caps": {"products": 5, "policies_per_product": 5,
                 "active_codes": 10},
        "next_tier": "pro", "upgrade_url": UPGRADE_URL}
    store(foreign, make_key("unlimited_products"))
    got = foreign.do("GET", "/tier")
    assert got["caps"] == {"products": None, "policies_per_product": 5,
                           "active_codes": 10}
    assert (got["next_tier"], got["upgrade_url"]) == ("patron", UPGRADE_URL)
    store(foreign, make_key("patron", *ALL))
    got = foreign.do("GET", "/tier")
    assert set(got["caps"].values()) == {None}
    assert (got["next_tier"], got["upgrade_url"]) == (None, None)


# The license

def test_unlicensed(foreign):
    """3.7: GET /self-license -> {tier:"unlicensed",reason}."""
    assert foreign.do("GET", "/self-license") == {
        "tier": "unlicensed", "reason": "no_license"}


def test_without_trust_root_there_is_no_license(api):
    """3.7: no trust root: unlicensed, and no key can be one."""
    assert api.do("GET", "/self-license") == {
        "tier": "unlicensed", "reason": "no_trust_root"}
    refused(api.admin("POST", "/self-license",
                      {"license_key": make_key(*ALL)}), 400, "license_invalid")


def test_licensed(foreign):
    """3.7: GET /self-license -> {tier:"licensed",license_id,product_id,
    expires_at(unix),entitlements}."""
    ids = {"license_id": "0a0b0c0d-0000-4000-8000-000000000001",
           "product_id": "0a0b0c0d-0000-4000-8000-000000000002"}
    until = int(time.time()) + DAY
    answer = store(foreign, make_key("b", "a", expires_at=until, **ids))
    assert set(answer) == {"ok", "tier", "message"}
    assert (answer["ok"], answer["tier"]) == (True, "licensed")
    assert foreign.do("GET", "/self-license") == {
        "tier": "licensed", "expires_at": until, "entitlements": ["b", "a"],
        "source": "stored", **ids}
    store(foreign, make_key("a", **ids))
    assert foreign.do("GET", "/self-license")["expires_at"] == 0


@pytest.mark.parametrize("key", [
    "", "LIC1-AAAA-BBBB", "x" * 5000, make_key(*ALL, seed=KNOWN_SEED),
    make_key(*ALL, expires_at=time.time() - 1),
    make_key(*ALL)[:-9] + "A" + make_key(*ALL)[-8:]])
def test_license_invalid(foreign, key):
    """3.7: POST /self-license -> 400 {error:"license_invalid",detail}."""
    store(foreign, make_key("patron"))
    body = refused(foreign.admin("POST", "/self-license",
                                 {"license_key": key}), 400,
                   "license_invalid")
    assert body["detail"] and isinstance(body["detail"], str)
    assert foreign.do("GET", "/tier")["tier"] == "patron"   # it stays


def test_admin_only(foreign):
    """D25: the three need admin authentication."""
    for method, path, body in (
            ("GET", "/tier", None), ("GET", "/self-license", None),
            ("POST", "/self-license", {"license_key": make_key(*ALL)}),
            ("POST", "/self-license/refresh", None),
            ("DELETE", "/self-license", None)):
        refused(foreign.public(method, "/v1/admin" + path, body), 401,
                "unauthorized")
        refused(foreign.call(method, "/v1/admin" + path, body, token="x" * 40),
                403, "forbidden")
    assert standing(foreign) == "no_license"


# Live refresh

def refresh(api):
    got = api.do("POST", "/self-license/refresh")
    assert set(got) == {"ok", "tier", "message"} and got["ok"] is True
    return got["tier"]


def test_expiry_demotes(home):
    """3.7: refresh demotes on expiry; the row's time counts."""
    license = home.issue(entitlements=["unlimited_products"],
                         expires_at="2999-01-01T00:00:00Z")
    store(home, key_of(license, "unlimited_products",
                       expires_at=time.time() + DAY))
    home.clock.move(days=2)     # a renewal has extended the row
    assert refresh(home) == "licensed"
    home.db.execute("UPDATE licenses SET expires_at = date_trunc('second', "
                    "licet_now()) WHERE id = %s", [license["license_id"]])
    assert refresh(home) == "unlicensed"
    assert standing(home) == "expired"
    assert home.do("GET", "/tier")["tier"] == "creator"


def test_foreign_expiry_demotes(own_instance):
    """3.7: re-verifies the key, demotes on expiry: of a key from elsewhere,
    the time that is signed."""
    server = own_instance(LICET_TRUST_ROOT=root_pem(), movable=True)
    api = api_of(server)
    store(api, make_key("patron", expires_at=time.time() + DAY))
    server.clock.move(days=2)
    assert standing(api) == "expired"
    assert refresh(api) == "unlicensed"
    assert api.do("GET", "/tier")["tier"] == "creator"


@pytest.mark.parametrize("how, state", [("revoke", "revoked"),
                                        ("suspend", "suspended")])
def test_revocation_and_suspension_demote(home, how, state):
    """3.7: refresh demotes on revocation or suspension, and a license that
    comes back counts again."""
    license = home.issue(entitlements=["patron"])
    store(home, key_of(license, "patron"))
    path = f"/licenses/{license['license_id']}"
    home.do("POST", f"{path}/{how}", {})
    assert refresh(home) == "unlicensed"
    assert standing(home) == state
    refused(home.admin("POST", "/self-license",
                       {"license_key": key_of(license, "patron")}), 400,
            "license_invalid")
    if how == "suspend":
        home.do("POST", f"{path}/unsuspend", {})
        assert refresh(home) == "licensed"
        assert home.do("GET", "/tier")["tier"] == "patron"


def test_entitlements_of_the_row_and_the_signed_set(home):
    """3.7: takes entitlements from the local licence row, of the signed
    set."""
    license = home.issue(entitlements=["c", "unlimited_products", "a"])
    store(home, key_of(license, "a", "b", "unlimited_products"))
    assert refresh(home) == "licensed"
    assert home.do("GET", "/self-license")["entitlements"] == \
        ["a", "unlimited_products"]
    home.db.execute("UPDATE licenses SET entitlements = '{patron,a}' "
                    "WHERE id = %s", [license["license_id"]])
    assert refresh(home) == "licensed"
    assert home.do("GET", "/tier")["entitlements"] == ["a"]
    assert home.do("GET", "/tier")["tier"] == "creator"


def test_own_license_keeps_its_tier(home):
    """3.2 change-tier: the instance's own self-licence -> 400."""
    product = home.product()
    low = home.policy(product, tier_rank=1)
    high = home.policy(product, tier_rank=2, price_sats_override=90000)
    license = home.issue(product, policy_slug=low["slug"])
    other = home.issue(product, policy_slug=low["slug"])
    store(home, key_of(license))
    for body in ({}, {"skip_payment": True}, {"at": "cycle_end"}):
        body["to_policy_slug"] = high["slug"]
        refused(home.admin(
            "POST", f"/licenses/{license['license_id']}/change-tier", body),
            400, "bad_request")
    home.do("POST", f"/licenses/{other['license_id']}/change-tier",
            {"to_policy_slug": high["slug"], "skip_payment": True})
