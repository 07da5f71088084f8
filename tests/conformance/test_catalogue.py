"""keysat.md 3.1, row by row, and the rules below its table.  (Caps and
`recurring_billing', 402: the operator's tier, 3.7.  Tips: test_tips.py.)"""
import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import expect, new_slug, refused

POLICY = {
    "id", "product_id", "name", "slug", "duration_seconds", "grace_seconds",
    "max_machines", "is_trial", "price_sats_override", "entitlements",
    "metadata", "active", "public", "tip_recipient", "tip_pct_bps",
    "tip_label", "is_recurring", "renewal_period_days", "grace_period_days",
    "trial_days", "tier_rank", "archived_at", "created_at", "updated_at",
    "heartbeat_timeout_seconds",         # D20
    "price_currency"}                    # beyond the contract


def product(api, **fields):
    return api.admin("POST", "/products", {
        "slug": new_slug(), "name": "n", **fields})


def policy(api, p, **fields):
    return api.admin("POST", "/policies", {
        "product_slug": p["slug"], "name": "n", "slug": new_slug("t"),
        **fields})


# POST /products

def test_product_create(api, server):
    """3.1 row `POST /products': -> Product; emits product.created; audited."""
    catalog = [{"slug": "pro", "name": "Pro", "description": "all of it"}]
    p = expect(product(api, price_sats=9, description="d",
                       metadata={"a": 1}, entitlements_catalog=catalog), 200)
    assert (p["price_sats"], p["description"], p["metadata"],
            p["entitlements_catalog"], p["active"]) == \
        (9, "d", {"a": 1}, catalog, True)
    bare = expect(product(api, price_sats=9), 200)
    assert (bare["description"], bare["metadata"],
            bare["entitlements_catalog"]) == ("", {}, None)
    (told,) = outbox(server, "id", p["id"], "product.created")
    assert told["data"]["slug"] == p["slug"]
    assert len(events(server, p["id"], "product.create")) == 1


@pytest.mark.parametrize("price,stored", [
    ({"price_sats": 5}, (5, "SAT", 5)),
    ({"price_currency": "SAT", "price_value": 5}, (5, "SAT", 5)),
    ({"price_currency": "USD", "price_value": 4900}, (0, "USD", 4900)),
    ({"price_currency": "EUR", "price_value": 1}, (0, "EUR", 1)),
    ({"price_sats": 5, "price_currency": "SAT", "price_value": 5},
     (5, "SAT", 5)),
    ({"price_sats": 5, "price_currency": "SAT", "price_value": 6}, None),
    ({"price_sats": 5, "price_currency": "USD", "price_value": 5}, None),
    ({"price_currency": "USD"}, None), ({"price_value": 5}, None),
    ({"price_currency": "GBP", "price_value": 5}, None),
    ({"price_currency": "USD", "price_value": 0}, None),
    ({"price_sats": 0}, None), ({"price_sats": -1}, None), ({}, None)])
def test_product_price(api, price, stored):
    """3.1 row `POST /products': currencies SAT, USD, EUR; value > 0; both
    forms only if SAT and equal; half a pair 400; fiat stores price_sats 0."""
    r = product(api, **price)
    if stored is None:
        refused(r, 400, "bad_request")
    else:
        p = expect(r, 200)
        assert (p["price_sats"], p["price_currency"],
                p["price_value"]) == stored


def test_product_duplicate_slug(api):
    """3.1 row `POST /products': duplicate slug 409."""
    p = api.product()
    refused(product(api, slug=p["slug"], price_sats=1), 409, "conflict")


# PATCH /products

@pytest.mark.parametrize("change", [
    {"name": "new"}, {"description": "new"}, {"price_sats": 7},
    {"price_sats": 0}, {"price_currency": "EUR", "price_value": 300},
    {"entitlements_catalog": [{"slug": "a", "name": "A",
                               "description": ""}]}],
    ids=lambda c: "+".join(c))
def test_product_patch(api, server, change):
    """3.1 row `PATCH /products/:id': any of these -> Product; value >= 0,
    the currency may change; nothing else does; audited."""
    p = api.product()
    got = api.do("PATCH", f"/products/{p['id']}", change)
    assert {k: got[k] for k in change} == change
    may = set(change) | {"updated_at"}
    if any(k.startswith("price") for k in change):
        may |= {"price_sats", "price_currency", "price_value"}
    assert {k for k in p if got[k] != p[k]} <= may
    assert events(server, p["id"], "product.update")


@pytest.mark.parametrize("empty", [None, []])
def test_product_patch_clears_the_catalog(api, empty):
    """3.1 row `PATCH /products/:id': null or [] clears the catalogue."""
    p = api.product(entitlements_catalog=[
        {"slug": "a", "name": "A", "description": ""}])
    got = api.do("PATCH", f"/products/{p['id']}",
                 {"entitlements_catalog": empty})
    assert got["entitlements_catalog"] is None


def test_product_patch_slug_is_fixed(api):
    """3.1 row `PATCH /products/:id': slug fixed; unknown product 404,
    unknown profile 404."""
    p = api.product()
    assert api.do("PATCH", f"/products/{p['id']}", {"slug": new_slug()})[
        "slug"] == p["slug"]
    refused(api.admin("PATCH", f"/products/{NOWHERE}", {"name": "x"}), 404,
            "not_found")
    refused(api.admin("PATCH", f"/products/{p['id']}",
                      {"merchant_profile_id": NOWHERE}), 404, "not_found")


def test_product_inactive(api):
    """3.1 row `PATCH /products/:id/active': {ok:true}; unlisted, not
    purchasable, licenses still validate."""
    p = api.product()
    made = api.issue(p)
    assert api.do("PATCH", f"/products/{p['id']}/active",
                  {"active": False}) == {"ok": True}
    assert p["id"] not in [x["id"] for x in
                           api.get("/v1/products")["products"]]
    refused(api.public("POST", "/v1/purchase", {"product": p["slug"]}), 400,
            "bad_request")
    assert api.validate(made["license_key"])["ok"] is True


def test_product_delete(api, server):
    """3.1 row `DELETE /products/:id': 409 if any invoice or license, unless
    force; counts of what went along."""
    p = api.product()
    y = api.policy(p, slug="only")
    api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 10,
        "product_slug": p["slug"]})
    made = api.issue(p, policy_slug="only", max_machines=3)
    api.activate(made["license_key"], "A")
    api.pay(api.buy(p, policy_slug="only"))
    path = f"/products/{p['id']}"
    refused(api.admin("DELETE", path), 409, "conflict")
    refused(api.admin("DELETE", path + "?force=false"), 409, "conflict")
    assert api.policy(p)["product_id"] == p["id"]
    got = api.do("DELETE", path + "?force=true")
    assert (got["ok"], got["deleted"], got["force"]) == \
        (True, p["slug"], True)
    assert {k: got["cascaded_" + k] for k in (
        "policies", "codes", "licenses", "invoices", "machines",
        "redemptions")} == {"policies": 2, "codes": 1, "licenses": 2,
                            "invoices": 1, "machines": 1, "redemptions": 0}
    assert api.validate(made["license_key"])["reason"] == "not_found"
    refused(api.admin("DELETE", path), 404, "not_found")
    assert y["product_id"] == p["id"]


def test_product_delete_unused_needs_no_force(api):
    """3.1 row `DELETE /products/:id': neither invoice nor license."""
    p = api.product()
    api.policy(p)
    got = api.do("DELETE", f"/products/{p['id']}")
    assert (got["force"], got["cascaded_policies"]) == (False, 1)


# POST /policies

def test_policy_create_defaults(api, server):
    """3.1 row `POST /policies': -> Policy, with these defaults; no
    product_slug; audited."""
    p = api.product()
    y = expect(policy(api, p), 200)
    assert set(y) == POLICY
    assert {k: y[k] for k in (
        "duration_seconds", "grace_seconds", "max_machines", "is_trial",
        "price_sats_override", "entitlements", "tip_recipient",
        "tip_pct_bps", "is_recurring", "renewal_period_days",
        "grace_period_days", "trial_days", "tier_rank", "archived_at",
        "active", "public")} == {
        "duration_seconds": 0, "grace_seconds": 0, "max_machines": 1,
        "is_trial": False, "price_sats_override": None, "entitlements": [],
        "tip_recipient": None, "tip_pct_bps": 0, "is_recurring": False,
        "renewal_period_days": 0, "grace_period_days": 7, "trial_days": 0,
        "tier_rank": None, "archived_at": None, "active": True,
        "public": True}
    assert events(server, y["id"], "policy.create")


def test_policy_create_keeps_what_is_given(api):
    """3.1 row `POST /policies': every field; 404 for the product, 409 for a
    slug that is taken in it."""
    p = api.product()
    given = {"name": "Pro", "slug": "pro", "duration_seconds": 86400,
             "grace_seconds": 60, "max_machines": 0, "is_trial": True,
             "price_sats_override": 5, "entitlements": ["b", "a"],
             "metadata": {"x": [1]}, "tip_recipient": "a@example.com",
             "tip_pct_bps": 100, "tip_label": "thanks", "is_recurring": True,
             "renewal_period_days": 30, "grace_period_days": 3,
             "trial_days": 14, "tier_rank": 2}
    y = expect(policy(api, p, **given), 200)
    assert {k: y[k] for k in given} == given
    refused(policy(api, p, slug="pro"), 409, "conflict")
    assert expect(policy(api, api.product(), slug="pro"), 200)
    refused(policy(api, {"slug": "never-was"}), 404, "not_found")


RECURRING = {"is_recurring": True, "renewal_period_days": 30}


@pytest.mark.parametrize("fields,fine", [
    ({"duration_seconds": -1}, False), ({"grace_seconds": -1}, False),
    ({"max_machines": -1}, False), ({"max_machines": 0}, True),
    ({"tip_recipient": "a@example.com", "tip_pct_bps": 10000}, True),
    ({"tip_recipient": "a@example.com", "tip_pct_bps": 10001}, False),
    ({"tip_recipient": "a@example.com", "tip_pct_bps": -1}, False),
    ({"tip_recipient": "a@example.com"}, False),
    ({"tip_pct_bps": 100}, False),
    ({"is_recurring": True}, False),
    ({"is_recurring": True, "renewal_period_days": 0}, False),
    ({"is_recurring": True, "renewal_period_days": 1}, True),
    ({"is_recurring": True, "renewal_period_days": 1830}, True),
    ({"is_recurring": True, "renewal_period_days": 1831}, False),
    ({**RECURRING, "grace_period_days": 0}, True),
    ({**RECURRING, "grace_period_days": 90}, True),
    ({**RECURRING, "grace_period_days": 91}, False),
    ({**RECURRING, "trial_days": 30}, True),
    ({**RECURRING, "trial_days": 31}, False),
    ({**RECURRING, "trial_days": -1}, False),
    ({"tier_rank": 0}, True), ({"tier_rank": 1000}, True),
    ({"tier_rank": -1}, False), ({"tier_rank": 1001}, False)])
def test_policy_rules(api, fields, fine):
    """3.1 "Rules (400)"."""
    r = policy(api, api.product(), **fields)
    if fine:
        expect(r, 200)
    else:
        refused(r, 400, "bad_request")


def test_policy_rules_entitlements_are_in_the_catalogue(api):
    """3.1 rules: entitlements must be in the product's catalogue if that is
    not empty."""
    p = api.product(entitlements_catalog=[
        {"slug": "pro", "name": "Pro", "description": ""}])
    expect(policy(api, p, entitlements=["pro"]), 200)
    refused(policy(api, p, entitlements=["pro", "con"]), 400, "bad_request")
    expect(policy(api, api.product(), entitlements=["anything"]), 200)


@pytest.mark.parametrize("slugs,fine", [
    (["a_1"], True), (["A"], False), (["a-b"], False), ([""], False),
    (["a", "a"], False)])
def test_catalogue_slugs(api, slugs, fine):
    """3.1 rules: catalogue slugs [a-z0-9_]+, unique."""
    r = product(api, price_sats=1, entitlements_catalog=[
        {"slug": s, "name": "n", "description": ""} for s in slugs])
    if fine:
        expect(r, 200)
    else:
        refused(r, 400, "bad_request")


# GET, PATCH, DELETE /policies

def test_policy_list(api):
    """3.1 row `GET /policies': {policies:[Policy]} by name; inactive and
    archived ones only when asked for."""
    p = api.product()
    for name in "bca":
        api.policy(p, name=name, slug=name)
    for slug, what, value in (("off", "active", False),
                              ("old", "archived", True)):
        y = api.policy(p, name=slug, slug=slug)
        api.do("PATCH", f"/policies/{y['id']}/{what}", {what: value})

    def slugs(query=""):
        return [y["slug"] for y in api.do(
            "GET", f"/policies?product_slug={p['slug']}{query}")["policies"]]
    assert slugs() == ["a", "b", "c"]
    assert "off" in slugs("&include_inactive=true")
    assert "off" not in slugs("&include_archived=true")
    assert "old" in slugs("&include_archived=true")


def test_policy_patch(api):
    """3.1 row `PATCH /policies/:id': any of the fields except slug, product
    and tip_*; null clears price_sats_override, tier_rank."""
    p = api.product()
    y = api.policy(p, slug="s", price_sats_override=5, tier_rank=1)
    change = {"name": "new", "duration_seconds": 1, "grace_seconds": 2,
              "max_machines": 3, "is_trial": True, "entitlements": ["x"],
              "metadata": {"k": 1}, "is_recurring": True,
              "renewal_period_days": 30, "grace_period_days": 4,
              "trial_days": 5, "price_sats_override": None,
              "tier_rank": None}
    got = api.do("PATCH", f"/policies/{y['id']}", {
        **change, "slug": "other", "tip_recipient": "a@example.com",
        "tip_pct_bps": 5})
    assert {k: got[k] for k in change} == change
    assert (got["slug"], got["tip_recipient"], got["tip_pct_bps"]) == \
        ("s", None, 0)
    refused(api.admin("PATCH", f"/policies/{NOWHERE}", {"name": "x"}), 404,
            "not_found")
    refused(api.admin("PATCH", f"/policies/{y['id']}",
                      {"renewal_period_days": 0}), 400, "bad_request")


def test_policy_switches(api):
    """3.1 row `PATCH /policies/:id/active, /public, /archived, /tip'."""
    p = api.product()
    y = api.policy(p)
    path = f"/policies/{y['id']}"
    assert api.do("PATCH", path + "/active", {"active": False}) == \
        {"ok": True}
    assert api.do("PATCH", path + "/public", {"public": False}) == \
        {"ok": True}
    assert api.do("PATCH", path + "/archived", {"archived": True}) == \
        {"ok": True, "archived": True}
    got = api.do("PATCH", path + "/tip", {
        "tip_recipient": "a@example.com", "tip_pct_bps": 50,
        "tip_label": "l"})
    assert set(got) == POLICY
    assert (got["active"], got["public"], got["tip_recipient"],
            got["tip_pct_bps"], got["tip_label"]) == \
        (False, False, "a@example.com", 50, "l")
    assert got["archived_at"] is not None
    assert api.do("PATCH", path + "/tip", {
        "tip_recipient": None, "tip_pct_bps": 0})["tip_recipient"] is None
    refused(api.admin("PATCH", path + "/tip", {
        "tip_recipient": None, "tip_pct_bps": 5}), 400, "bad_request")


@pytest.mark.parametrize("what", ["license", "invoice", "subscription"])
def test_policy_delete(api, what):
    """3.1 row `DELETE /policies/:id': 409 if a license that isn't revoked, a
    settled invoice or a live subscription, unless force."""
    p = api.product()
    y = api.policy(p, slug="s", **(RECURRING if what == "subscription"
                                   else {}))
    if what == "license":
        api.issue(p, policy_slug="s")
    else:
        got = api.pay(api.buy(p, policy_slug="s"))
        if what == "invoice":
            api.revoke(got["license_id"])
    path = f"/policies/{y['id']}"
    refused(api.admin("DELETE", path), 409, "conflict")
    got = api.do("DELETE", path + "?force=true")
    assert (got["ok"], got["deleted"], got["force"]) == (True, "s", True)
    assert {k for k in got if k.startswith("cascaded_")} >= {
        "cascaded_codes", "cascaded_licenses", "cascaded_invoices",
        "cascaded_machines", "cascaded_redemptions"}
    refused(api.admin("GET", path), 404, "not_found")


def test_policy_delete_with_a_revoked_license_only(api):
    """3.1 row `DELETE /policies/:id': a revoked license doesn't keep it."""
    p = api.product()
    y = api.policy(p, slug="s")
    api.revoke(api.issue(p, policy_slug="s")["license_id"])
    assert api.do("DELETE", f"/policies/{y['id']}")["deleted"] == "s"
