"""Admin catalogue: policies (3.1)."""
import pytest

from lib.check import NOWHERE, events, is_time
from lib.client import new_slug, refused

FIELDS = {"id", "product_id", "name", "slug", "duration_seconds",
          "grace_seconds", "max_machines", "is_trial",
          "price_sats_override", "entitlements", "metadata",
          "tip_recipient", "tip_pct_bps", "tip_label", "is_recurring",
          "renewal_period_days", "grace_period_days", "trial_days",
          "tier_rank", "active", "public", "archived_at", "created_at",
          "updated_at"}
CATALOG = [{"slug": s, "name": s, "description": ""} for s in ("a", "b")]


def create(api, product, **fields):
    return api.admin("POST", "/policies", {
        "product_slug": product["slug"], "name": "n", "slug": new_slug(),
        **fields})


def test_create_defaults(api, server):
    p = api.product()
    t = api.policy(p)
    assert set(t) >= FIELDS and "product_slug" not in t
    assert t["product_id"] == p["id"]
    assert (t["duration_seconds"], t["grace_seconds"],
            t["max_machines"]) == (0, 0, 1)
    assert (t["is_trial"], t["is_recurring"]) == (False, False)
    assert t["price_sats_override"] is None and t["tier_rank"] is None
    assert t["entitlements"] == [] and t["metadata"] == {}
    assert (t["tip_recipient"], t["tip_pct_bps"], t["tip_label"]) == \
        (None, 0, None)
    assert (t["renewal_period_days"], t["grace_period_days"],
            t["trial_days"]) == (0, 7, 0)
    assert t["active"] is True and t["public"] is True
    assert t["archived_at"] is None and is_time(t["created_at"])
    assert events(server, t["id"], "policy.create")


def test_create_keeps_every_field(api):
    p = api.product()
    given = {
        "name": "Yearly", "duration_seconds": 5, "grace_seconds": 6,
        "max_machines": 0, "is_trial": True, "price_sats_override": 0,
        "entitlements": ["z", "a"], "metadata": {"highlight": True},
        "tip_recipient": "dev@example.com", "tip_pct_bps": 250,
        "tip_label": "thanks", "is_recurring": True,
        "renewal_period_days": 365, "grace_period_days": 0,
        "trial_days": 14, "tier_rank": 1000}
    t = api.policy(p, **given)
    assert {k: t[k] for k in given} == given


def test_create_unknown_product_404(api):
    refused(create(api, {"slug": "no-such"}), 404, "not_found")


def test_create_duplicate_slug_in_product_409(api):
    p = api.product()
    api.policy(p, slug="same")
    refused(create(api, p, slug="same"), 409, "conflict")
    api.policy(api.product(), slug="same")


RECURRING = {"is_recurring": True, "renewal_period_days": 30}


@pytest.mark.parametrize("fields", [
    {"duration_seconds": -1}, {"grace_seconds": -1}, {"max_machines": -1},
    {"duration_seconds": 1 << 62}, {"grace_seconds": 1 << 62},
    {"price_sats_override": -1}, {"slug": "Not A Slug"}, {"slug": ""},
    {"name": ""}, {"tip_pct_bps": 100}, {"tip_recipient": "a@example.com"},
    {"tip_recipient": "a@example.com", "tip_pct_bps": 10001},
    {"tip_recipient": "a@example.com", "tip_pct_bps": -1},
    {"is_recurring": True}, {"is_recurring": True, "renewal_period_days": 0},
    {"is_recurring": True, "renewal_period_days": 1831},
    {**RECURRING, "grace_period_days": 91},
    {**RECURRING, "grace_period_days": -1},
    {**RECURRING, "trial_days": 31}, {**RECURRING, "trial_days": -1},
    {"tier_rank": -1}, {"tier_rank": 1001}, {"entitlements": [1]},
    {"entitlements": "a"}, {"entitlements": ["x" * 256]},
    {"entitlements": [f"e{i}" for i in range(256)]},
    {"metadata": []}, {"max_machines": "3"}, {"is_trial": 1}])
def test_create_rules_400(api, fields):
    refused(create(api, api.product(), **fields), 400, "bad_request")


@pytest.mark.parametrize("fields", [
    {**RECURRING, "trial_days": 30}, {**RECURRING, "grace_period_days": 90},
    {"is_recurring": True, "renewal_period_days": 1830},
    {"is_recurring": True, "renewal_period_days": 1},
    {"tier_rank": 0}, {"max_machines": 1000000}])
def test_create_at_the_bounds(api, fields):
    assert create(api, api.product(), **fields).status_code == 200


def test_entitlements_must_be_in_a_catalog_that_has_any(api):
    p = api.product(entitlements_catalog=CATALOG)
    assert create(api, p, entitlements=["b", "a"]).status_code == 200
    refused(create(api, p, entitlements=["a", "c"]), 400, "bad_request")
    t = api.policy(p)
    refused(api.admin("PATCH", f"/policies/{t['id']}",
                      {"entitlements": ["c"]}), 400, "bad_request")
    assert create(api, api.product(), entitlements=["any"]).status_code == 200


# List

def test_list_by_name_with_and_without_the_retired(api):
    p = api.product()
    made = {s: api.policy(p, slug=s, name=s.upper())
            for s in ("c", "a", "b", "d")}
    api.do("PATCH", f"/policies/{made['b']['id']}/active",
           {"active": False})
    api.do("PATCH", f"/policies/{made['d']['id']}/archived",
           {"archived": True})

    def slugs(query=""):
        seen = api.do("GET", f"/policies?product_slug={p['slug']}{query}")
        return [t["slug"] for t in seen["policies"]]
    assert slugs() == ["a", "c"]
    assert slugs("&include_inactive=true") == ["a", "b", "c"]
    assert slugs("&include_archived=true") == ["a", "c", "d"]
    assert slugs("&include_inactive=true&include_archived=true") == \
        ["a", "b", "c", "d"]


def test_list_unknown_product(api):
    r = api.admin("GET", "/policies?product_slug=no-such")
    if r.status_code == 200:
        assert r.json()["policies"] == []
    else:
        refused(r, 404, "not_found")


# PATCH

def test_patch_any_field(api, server):
    p = api.product()
    t = api.policy(p, price_sats_override=5, tier_rank=1)
    given = {"name": "Newer", "duration_seconds": 9, "grace_seconds": 8,
             "max_machines": 7, "is_trial": True, "entitlements": ["e"],
             "metadata": {"k": "v"}, "price_sats_override": 6,
             "tier_rank": 2, "is_recurring": True,
             "renewal_period_days": 30, "grace_period_days": 3,
             "trial_days": 1}
    seen = api.do("PATCH", f"/policies/{t['id']}", given)
    assert {k: seen[k] for k in given} == given
    assert seen["slug"] == t["slug"]
    seen = api.do("PATCH", f"/policies/{t['id']}",
                  {"price_sats_override": None, "tier_rank": None})
    assert seen["price_sats_override"] is None
    assert seen["tier_rank"] is None and seen["name"] == "Newer"
    assert len(events(server, t["id"])) == 3


@pytest.mark.parametrize("fields", [
    {"max_machines": -1}, {"name": ""}, {"name": None},
    {"is_recurring": True}, {"tier_rank": 2000}, {"max_machines": None}])
def test_patch_rules_400(api, fields):
    t = api.policy(api.product())
    refused(api.admin("PATCH", f"/policies/{t['id']}", fields), 400,
            "bad_request")


def test_patch_rules_hold_for_the_whole_policy(api):
    t = api.policy(api.product(), **RECURRING, trial_days=20)
    refused(api.admin("PATCH", f"/policies/{t['id']}",
                      {"renewal_period_days": 10}), 400, "bad_request")


def test_patch_unknown_404(api):
    refused(api.admin("PATCH", f"/policies/{NOWHERE}", {"name": "x"}), 404,
            "not_found")


def test_patch_leaves_existing_licenses_alone(api, server):
    p = api.product()
    t = api.policy(p, max_machines=2)
    made = api.issue(p, policy_slug=t["slug"])
    api.do("PATCH", f"/policies/{t['id']}", {"max_machines": 9})
    assert api.validate(made["license_key"])["max_machines"] == 2


@pytest.mark.parametrize("what,answer", [
    ("active", {"ok": True}), ("public", {"ok": True}),
    ("archived", {"ok": True, "archived": False})])
def test_switches(api, server, what, answer):
    t = api.policy(api.product())
    path = f"/policies/{t['id']}/{what}"
    assert api.do("PATCH", path, {what: False}) == answer
    on = api.do("PATCH", path, {what: True})
    assert on["ok"] is True
    row = server.row("SELECT * FROM policies WHERE id = %s", t["id"])
    if what == "archived":
        assert on["archived"] is True and row["archived_at"] is not None
    else:
        assert row[what] is True
    for bad in ({}, {what: "x"}, {what: None}):
        refused(api.admin("PATCH", path, bad), 400, "bad_request")
    refused(api.admin("PATCH", f"/policies/{NOWHERE}/{what}",
                      {what: True}), 404, "not_found")


def test_tip(api):
    t = api.policy(api.product())
    path = f"/policies/{t['id']}/tip"
    seen = api.do("PATCH", path, {"tip_recipient": "a@example.com",
                                  "tip_pct_bps": 100, "tip_label": "ty"})
    assert (seen["tip_recipient"], seen["tip_pct_bps"],
            seen["tip_label"]) == ("a@example.com", 100, "ty")
    seen = api.do("PATCH", path, {"tip_recipient": None, "tip_pct_bps": 0})
    assert (seen["tip_recipient"], seen["tip_pct_bps"]) == (None, 0)
    for bad in ({"tip_recipient": None, "tip_pct_bps": 5},
                {"tip_recipient": "a@example.com", "tip_pct_bps": 0},
                {"tip_recipient": "a@example.com", "tip_pct_bps": 10001}):
        refused(api.admin("PATCH", path, bad), 400, "bad_request")


# DELETE

def test_delete_unused(api):
    t = api.policy(api.product())
    seen = api.do("DELETE", f"/policies/{t['id']}")
    assert (seen["ok"], seen["deleted"], seen["force"]) == \
        (True, t["slug"], False)
    refused(api.admin("DELETE", f"/policies/{t['id']}"), 404, "not_found")


@pytest.mark.parametrize("status,blocked", [
    ("active", True), ("suspended", True), ("revoked", False)])
def test_delete_409_only_for_a_license_not_revoked(api, status, blocked):
    p = api.product()
    t = api.policy(p)
    made = api.issue(p, policy_slug=t["slug"])
    if status != "active":
        api.do("POST", f"/licenses/{made['license_id']}/"
               + {"suspended": "suspend", "revoked": "revoke"}[status], {})
    r = api.admin("DELETE", f"/policies/{t['id']}")
    if blocked:
        refused(r, 409, "conflict")
    else:
        assert r.status_code == 200, r.text


def test_delete_409_for_a_settled_invoice_not_a_pending_one(api):
    p = api.product()
    sold, open_ = api.policy(p), api.policy(p)
    api.pay(api.buy(p, policy_slug=sold["slug"]))
    refused(api.admin("DELETE", f"/policies/{sold['id']}"), 409, "conflict")
    api.buy(p, policy_slug=open_["slug"])
    r = api.admin("DELETE", f"/policies/{open_['id']}")
    assert r.status_code == 200, r.text


def test_delete_force(api):
    p = api.product()
    t = api.policy(p)
    made = api.issue(p, policy_slug=t["slug"])
    paid = api.pay(api.buy(p, policy_slug=t["slug"]))
    seen = api.do("DELETE", f"/policies/{t['id']}?force=true")
    assert (seen["ok"], seen["deleted"], seen["force"]) == \
        (True, t["slug"], True)
    assert seen["cascaded_licenses"] == 2
    refused(api.admin("DELETE", f"/policies/{t['id']}?force=true"), 404,
            "not_found")
    for key in (made["license_key"], paid["license_key"]):
        assert api.validate(key)["ok"] is False
