"""keysat.md 3.2, the rows about licenses.  (Figures: test_rest.py; machines:
test_machines.py; subscriptions: test_subscriptions.py; change-tier:
test_tiers.py.)"""
import pytest

from lib import keys
from lib.check import NOWHERE, ahead, events, is_time, outbox, read_time
from lib.client import new_slug, refused

# 7: all columns of licenses.
LICENSE = {
    "id", "product_id", "invoice_id", "policy_id", "status", "fingerprint",
    "issued_at", "expires_at", "grace_seconds", "max_machines", "is_trial",
    "entitlements", "revoked_at", "revocation_reason", "suspended_at",
    "suspension_reason", "nostr_npub", "buyer_email", "metadata"}


def row(api, made):
    return api.license(made["license_id"])["license"]


# POST /licenses

def test_issue_defaults(api, server):
    """3.2 row `POST /licenses': perpetual, 0 grace, 1 machine; emits
    `license.issued' with source admin_issue; audited."""
    p = api.product()
    got = api.do("POST", "/licenses", {"product_slug": p["slug"]})
    assert got == {
        "license_id": got["license_id"], "product_id": p["id"],
        "license_key": got["license_key"], "issued_at": got["issued_at"],
        "expires_at": None, "entitlements": [], "is_trial": False,
        "max_machines": 1}
    assert keys.parse(got["license_key"]).license_id == got["license_id"]
    assert row(api, got)["grace_seconds"] == 0
    (told,) = outbox(server, "license_id", got["license_id"],
                     "license.issued")
    assert told["data"]["source"] == "admin_issue"
    assert len(events(server, got["license_id"],
                      "license.issue_manual")) == 1


TERMS = {"entitlements": ["own"], "max_machines": 9, "grace_seconds": 90,
         "is_trial": False}


def test_issue_explicit_field_before_policy_before_default(api):
    """3.2 row `POST /licenses': explicit field > policy > default."""
    p = api.product()
    api.policy(p, slug="t", entitlements=["its"], max_machines=3,
               grace_seconds=30, is_trial=True, duration_seconds=86400)
    plain = api.issue(p, policy_slug="t")
    got = row(api, plain)
    assert [got[k] for k in TERMS] == [["its"], 3, 30, True]
    gap = read_time(got["expires_at"]) - read_time(got["issued_at"])
    assert gap.total_seconds() == 86400
    when = ahead(days=400)
    mixed = row(api, api.issue(p, policy_slug="t", expires_at=when, **TERMS))
    assert {k: mixed[k] for k in TERMS} == TERMS
    assert read_time(mixed["expires_at"]) == read_time(when)


def test_issue_keeps_who_it_is_for(api):
    """3.2 row `POST /licenses': note, buyer_email, nostr_npub."""
    got = row(api, api.issue(note="by phone", buyer_email="b@example.com",
                             nostr_npub="npub1x"))
    assert (got["buyer_email"], got["nostr_npub"]) == \
        ("b@example.com", "npub1x")
    assert "by phone" in str(got["metadata"])


def test_issue_never_creates_a_subscription(api, server):
    """3.2 row `POST /licenses': ... of a recurring policy neither."""
    p = api.product()
    api.policy(p, slug="r", is_recurring=True, renewal_period_days=30)
    made = api.issue(p, policy_slug="r")
    assert server.value("SELECT count(*) FROM subscriptions WHERE"
                        " license_id = %s", made["license_id"]) == 0


def test_issue_unknown_product_or_policy(api):
    """0: unknown id or slug: 404."""
    p = api.product()
    for body in ({"product_slug": "never-was"},
                 {"product_slug": p["slug"], "policy_slug": "never-was"}):
        refused(api.admin("POST", "/licenses", body), 404, "not_found")


# GET /licenses, /search

def test_list(api):
    """3.2 row `GET /licenses?product_id=': {licenses:[License]} newest
    first: all columns of licenses, never the key."""
    p = api.product()
    made = [api.issue(p) for _ in range(3)]
    got = api.do("GET", f"/licenses?product_id={p['id']}")["licenses"]
    assert [x["id"] for x in got] == [m["license_id"] for m in
                                      reversed(made)]
    assert all(set(x) >= LICENSE for x in got)
    assert "LIC1-" not in str(got)
    assert is_time(got[0]["issued_at"]) and got[0]["status"] == "active"


def test_search_is_anded_and_exact(api):
    """3.2 row `GET /licenses/search': ANDed exact match; rows add
    policy_slug, policy_name, product_slug."""
    mail, npub = new_slug("m") + "@example.com", new_slug("npub")
    p = api.product()
    api.policy(p, slug="t", name="The Tier")
    a = api.issue(p, policy_slug="t", buyer_email=mail, nostr_npub=npub)
    b = api.issue(p, buyer_email=mail)

    def found(**query):
        r = api.admin("GET", "/licenses/search", params=query)
        assert r.status_code == 200, r.text
        return r.json()["licenses"]
    assert {x["id"] for x in found(buyer_email=mail)} == \
        {a["license_id"], b["license_id"]}
    (one,) = found(buyer_email=mail, nostr_npub=npub)
    assert one["id"] == a["license_id"] and set(one) >= LICENSE
    assert (one["policy_slug"], one["policy_name"], one["product_slug"]) == \
        ("t", "The Tier", p["slug"])
    assert found(buyer_email=mail[:-1]) == []


def test_search_by_invoice(api):
    """3.2 row `GET /licenses/search': invoice_id."""
    bought = api.buy(api.product())
    paid = api.pay(bought)
    (one,) = api.do("GET", "/licenses/search?invoice_id="
                    + bought["invoice_id"])["licenses"]
    assert one["id"] == paid["license_id"]


def test_search_without_criteria(api):
    """3.2 row `GET /licenses/search': none -> newest; at most 100."""
    made = api.issue()
    got = api.do("GET", "/licenses/search")["licenses"]
    assert got[0]["id"] == made["license_id"] and len(got) <= 100
    refused(api.admin("GET", "/licenses/search?limit=101"), 400,
            "bad_request")


# Revoke, suspend, unsuspend

@pytest.mark.parametrize("path,reaches", [
    ([], {"revoke": "revoked", "suspend": "suspended", "unsuspend": None}),
    (["suspend"], {"revoke": "revoked", "suspend": None,
                   "unsuspend": "active"}),
    (["revoke"], {"revoke": None, "suspend": None, "unsuspend": None})],
    ids=["active", "suspended", "revoked"])
def test_transitions(api, path, reaches):
    """3.2 row `revoke, suspend, unsuspend': revoke from any state but
    revoked, terminal; suspend only from active, unsuspend only from
    suspended; otherwise 404."""
    for word, status in reaches.items():
        made = api.issue()
        base = f"/licenses/{made['license_id']}/"
        for step in path:
            api.do("POST", base + step)
        before = row(api, made)["status"]
        r = api.admin("POST", base + word)
        if status is None:
            refused(r, 404, "not_found")
            assert row(api, made)["status"] == before
        else:
            assert r.json() == {"ok": True}
            assert row(api, made)["status"] == status
    refused(api.admin("POST", f"/licenses/{NOWHERE}/revoke"), 404,
            "not_found")


@pytest.mark.parametrize("word,event,told", [
    ("revoke", "license.revoked", "revocation_reason"),
    ("suspend", "license.suspended", "suspension_reason")])
def test_reasons(api, server, word, event, told):
    """3.2 row `revoke, suspend, unsuspend': {reason?}, the defaults "admin
    revoke" and "admin suspend"; events; audited."""
    for body, reason in (({}, f"admin {word}"), ({"reason": "x"}, "x")):
        made = api.issue()
        api.do("POST", f"/licenses/{made['license_id']}/{word}", body)
        assert row(api, made)[told] == reason
        (news,) = outbox(server, "license_id", made["license_id"], event)
        assert news["data"]["reason"] == reason
        assert len(events(server, made["license_id"],
                          f"license.{word}")) == 1


def test_unsuspend_is_told(api, server):
    """3.2: event `license.unsuspended'."""
    made = api.issue()
    for word in ("suspend", "unsuspend"):
        api.do("POST", f"/licenses/{made['license_id']}/{word}")
    (news,) = outbox(server, "license_id", made["license_id"],
                     "license.unsuspended")
    assert news["data"]["license_id"] == made["license_id"]
    got = row(api, made)
    assert got["suspended_at"] is None and got["status"] == "active"
