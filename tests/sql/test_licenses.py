"""Licenses by hand: issue, look up, list, search, change of state."""
import uuid

import pytest

import sold
from endpoint import body, call, count, events, fault, outbox, policy, \
    product, slug
from shop import ask, validate
from test_codes import code

DAY = 86400


def issue(db, product, /, **args):
    row = call(db, "license_issue", product_slug=product["slug"], **args)
    assert row["fault"] is None, row["message"]
    return row


def term(row):
    """Seconds from issue to expiry."""
    return int(row["key_expires_at"]) - int(row["key_issued_at"])


def license_of(db, row):
    return body(db, "license_get", id=row["key_license_id"])["license"]


def test_issue_defaults(db):
    p = product(db)
    row = issue(db, p)
    b = row["body"]
    assert set(b) == {"license_id", "product_id", "issued_at", "expires_at",
                      "entitlements", "is_trial", "max_machines"}
    assert (b["expires_at"], b["entitlements"], b["is_trial"],
            b["max_machines"]) == (None, [], False, 1)
    assert row["key_license_id"] == b["license_id"]
    assert row["key_product_id"] == p["id"]
    assert (row["key_expires_at"], row["key_trial"], row["key_entitlements"],
            row["key_signing_key_id"]) == ("0", "f", "[]", "1")
    (action, actor, _), = events(db, b["license_id"])
    assert (action, actor) == ("license.issue_manual", "admin_api_key")
    (_, data), = outbox(db, p["id"], "license.issued")
    assert data == {"license_id": b["license_id"], "product_id": p["id"],
                    "is_trial": False, "expires_at": None, "entitlements": [],
                    "source": "admin_issue"}


def test_issue_takes_the_policys_terms(db):
    p = product(db)
    y = policy(db, p, duration_seconds=3600, grace_seconds=60, max_machines=3,
               is_trial=True, entitlements=["b", "a"])
    row = issue(db, p, policy_slug=y["slug"], note="n", buyer_email="a@b.c",
                nostr_npub="npub1x")
    assert term(row) == 3600
    assert row["key_trial"] == "t" and row["key_entitlements"] == '["b","a"]'
    l = license_of(db, row)
    assert (l["grace_seconds"], l["max_machines"], l["policy_id"],
            l["buyer_email"], l["nostr_npub"]) == \
        (60, 3, y["id"], "a@b.c", "npub1x")
    assert l["metadata"]["note"] == "n"


def test_issue_given_fields_beat_the_policy(db):
    p = product(db)
    y = policy(db, p, duration_seconds=3600, grace_seconds=60, max_machines=3,
               is_trial=True, entitlements=["a"])
    row = issue(db, p, policy_slug=y["slug"], grace_seconds=0, max_machines=0,
                expires_at="2031-01-02T03:04:05.678Z", entitlements=[],
                is_trial=False)
    assert row["body"]["expires_at"] == "2031-01-02T03:04:05Z"
    assert row["key_trial"] == "f" and row["key_entitlements"] == "[]"
    l = license_of(db, row)
    assert (l["grace_seconds"], l["max_machines"]) == (0, 0)


@pytest.mark.parametrize("terms, seconds, grace, trial", [
    ({"renewal_period_days": 30, "duration_seconds": 5}, 30 * DAY, 7 * DAY,
     "f"),
    ({"renewal_period_days": 30, "trial_days": 14, "grace_period_days": 0,
      "grace_seconds": 9}, 14 * DAY, 9, "t"),
])
def test_issue_recurring_ends_with_the_cycle(db, terms, seconds, grace, trial):
    p = product(db)
    y = policy(db, p, is_recurring=True, **terms)
    row = issue(db, p, policy_slug=y["slug"])
    assert (term(row), row["key_trial"]) == (seconds, trial)
    assert license_of(db, row)["grace_seconds"] == grace


def test_issue_unknown_product_or_policy(db):
    p, q = product(db), product(db)
    y = policy(db, q)
    assert fault(db, "license_issue", product_slug="none") == "not_found"
    assert fault(db, "license_issue", product_slug=p["slug"],
                 policy_slug=y["slug"]) == "not_found"
    assert count(db, "licenses", f"product_id = '{p['id']}'") == 0


@pytest.mark.parametrize("wrong", [
    {"entitlements": [f"e{i}" for i in range(256)]},
    {"entitlements": ["x" * 256]}, {"entitlements": ["é" * 128]},
    {"entitlements": [""]}, {"expires_at": "1969-12-31T23:59:59Z"},
    {"expires_at": "12000-01-01T00:00:00Z"}, {"expires_at": "infinity"},
    {"grace_seconds": -1}, {"grace_seconds": 2 ** 62}, {"max_machines": -1},
])
def test_issue_refuses(db, wrong):
    p = product(db)
    assert fault(db, "license_issue", product_slug=p["slug"], **wrong) \
        == "bad_request"
    assert count(db, "licenses", f"product_id = '{p['id']}'") == 0
    assert outbox(db, p["id"], "license.issued") == []


def test_issue_largest_key(db):
    row = issue(db, product(db), entitlements=["x" * 254 + str(i % 10)
                                               for i in range(255)])
    assert len(row["body"]["entitlements"]) == 255


def test_get_tells_all(db):
    p = product(db)
    y = policy(db, p)
    row = issue(db, p, policy_slug=y["slug"])
    lid = row["key_license_id"]
    validate(db, ask(lid, "device"), ask(lid, "other"))
    body(db, "license_suspend", id=lid, reason="why")
    told = body(db, "license_get", id=lid)
    assert set(told) == {"license", "state", "product_slug", "product_name",
                         "policy_slug", "policy_name", "active_machines",
                         "machines", "history", "validations", "subscription",
                         "tier_changes"}
    assert (told["state"], told["active_machines"]) == ("suspended", 1)
    assert (told["subscription"], told["tier_changes"]) == (None, [])
    assert (told["product_slug"], told["policy_slug"]) == (p["slug"], y["slug"])
    assert set(told["license"]) == {
        "id", "product_id", "invoice_id", "policy_id", "status", "fingerprint",
        "bound_identity", "issued_at", "expires_at", "grace_seconds",
        "max_machines", "is_trial", "entitlements", "revoked_at",
        "revocation_reason", "suspended_at", "suspension_reason",
        "nostr_npub", "buyer_email", "metadata"}
    machine, = told["machines"]
    assert machine["active"] and not {"fingerprint", "fingerprint_hash"} \
        & set(machine)
    assert len(told["license"]["fingerprint"]) == 64
    assert [e["action"] for e in told["history"]] == \
        ["license.suspend", "license.issue_manual"]
    assert {v["result"] for v in told["validations"]} == \
        {"ok", "fingerprint_mismatch"}
    assert body(db, "license_get", id=lid,
                validations=False)["validations"] is None
    assert call(db, "license_get", id=str(uuid.uuid4())) is None


def test_get_tells_of_subscription_and_tier_changes(db):
    """D22: the history is that of all that hangs on the license."""
    p, c = product(db), code(db)
    y, z = policy(db, p), policy(db, p)
    lid = sold.everything(db, p, y, z, c["id"])
    ids = dict(db.sql(f"""
SELECT 'subscription', id FROM subscriptions WHERE license_id = '{lid}'
UNION ALL SELECT 'change', id FROM tier_changes WHERE license_id = '{lid}'
UNION ALL SELECT kind, id FROM invoices WHERE license_id = '{lid}'
UNION ALL SELECT 'purchase', invoice_id FROM licenses WHERE id = '{lid}'"""))
    for what, target in ids.items():
        db.sql("INSERT INTO events (actor_kind, action, target_id) VALUES "
               f"('system', 'test.{what}', '{target}')")
    told = body(db, "license_get", id=lid)
    assert told["subscription"]["id"] == ids["subscription"]
    change, = told["tier_changes"]
    assert (change["from_policy_slug"], change["to_policy_slug"]) == \
        (y["slug"], z["slug"])
    assert change["invoice_id"] == ids["tier_change"]
    assert {e["action"] for e in told["history"]} == \
        {"test." + what for what in ids}


def test_fingerprint_only_on_single_seats(db):
    p = product(db)
    row = issue(db, p, max_machines=2)
    validate(db, ask(row["key_license_id"], "device"))
    assert license_of(db, row)["fingerprint"] is None


def pages(db, statement, /, **args):
    seen, cursor = [], None
    while True:
        page = body(db, statement, cursor=cursor, **args)
        assert set(page) == {"licenses", "next_cursor"}
        seen += page["licenses"]
        cursor = page["next_cursor"]
        if cursor is None:
            return [l["id"] for l in seen]
        assert len(page["licenses"]) == args["limit"]


def test_list_pages_newest_first(db):
    p = product(db)
    made = [issue(db, p)["key_license_id"] for _ in range(7)]
    # Rows of the same microsecond must not be lost between pages.
    db.sql("UPDATE licenses SET created_at = (SELECT max(created_at) FROM "
           f"licenses WHERE product_id = '{p['id']}') WHERE id IN "
           f"('{made[2]}', '{made[3]}', '{made[4]}', '{made[6]}')")
    for limit in (1, 2, 3, 7, 8):
        seen = pages(db, "license_list", product_id=p["id"], limit=limit)
        assert sorted(seen) == sorted(made)
        assert seen[-3:] == [made[5], made[1], made[0]]
    everything = pages(db, "license_list", limit=500)
    assert len(everything) == len(set(everything)) == \
        count(db, "licenses", "true")
    assert [i for i in everything if i in set(made)] == seen
    assert pages(db, "license_list", product_id=str(uuid.uuid4()),
                 limit=5) == []


def test_search(db):
    p = product(db)
    y = policy(db, p, name="Gold")
    mail, npub = slug() + "@b.c", "npub" + slug()
    a = issue(db, p, buyer_email=mail, policy_slug=y["slug"])
    b = issue(db, p, buyer_email=mail, nostr_npub=npub)
    c = issue(db, p, nostr_npub=npub)
    a, b, c = (r["key_license_id"] for r in (a, b, c))
    find = lambda **q: pages(db, "license_search", limit=100, **q)
    assert find(buyer_email=mail) == [b, a]
    assert find(nostr_npub=npub) == [c, b]
    assert find(buyer_email=mail, nostr_npub=npub) == [b]
    assert find(buyer_email=mail.upper()) == []
    assert find(license_id=a) == [a]
    assert find(license_id=a, buyer_email=mail) == [a]
    assert find(license_id=a, nostr_npub=npub) == []
    assert find(invoice_id="nothing") == []
    assert find(invoice_id=str(uuid.uuid4()), buyer_email=mail) == []
    newest = body(db, "license_search", limit=3)
    assert [l["id"] for l in newest["licenses"]] == [c, b, a]
    row = newest["licenses"][2]
    assert (row["policy_slug"], row["policy_name"], row["product_slug"]) == \
        (y["slug"], "Gold", p["slug"])
    for q in ({"buyer_email": mail}, {"nostr_npub": npub}):
        assert pages(db, "license_search", limit=1, **q) == find(**q)


def test_states(db):
    p = product(db)
    lid = issue(db, p)["key_license_id"]
    state = lambda: body(db, "license_get", id=lid)["license"]
    step = lambda name, **a: (call(db, "license_" + name, id=lid, **a)
                              or {}).get("body")
    assert step("unsuspend") is None
    assert step("suspend") == {"ok": True}
    assert state()["suspension_reason"] == "admin suspend"
    assert step("suspend") is None
    assert step("unsuspend") == {"ok": True}
    assert state()["suspended_at"] is None and state()["status"] == "active"
    assert step("suspend", reason="late") == {"ok": True}
    assert step("revoke") == {"ok": True}
    assert state()["revocation_reason"] == "admin revoke"
    for name in ("revoke", "suspend", "unsuspend"):
        assert step(name) is None
    assert [(t, d.get("reason")) for t, d in outbox(db, p["id"])[2:]] == [
        ("license.suspended", "admin suspend"), ("license.unsuspended", None),
        ("license.suspended", "late"), ("license.revoked", "admin revoke")]
    assert [e[0] for e in events(db, lid)][1:] == [
        "license.suspend", "license.unsuspend", "license.suspend",
        "license.revoke"]


def test_product_delete(db):
    p = product(db)
    y = policy(db, p)
    lid = issue(db, p, policy_slug=y["slug"])["key_license_id"]
    validate(db, ask(lid, "device"))
    row = call(db, "product_delete", lock="product_delete_lock", id=p["id"])
    assert row["fault"] == "conflict"
    row = call(db, "product_delete", lock="product_delete_lock", id=p["id"],
               force=True)
    assert row["body"] == {
        "ok": True, "deleted": p["slug"], "force": True,
        "cascaded_policies": 1, "cascaded_codes": 0, "cascaded_licenses": 1,
        "cascaded_invoices": 0, "cascaded_machines": 1,
        **{"cascaded_" + what: 0 for what in (
            "redemptions", "subscriptions", "tier_changes", "tips",
            "refunds")}}
    assert events(db, p["id"], "product.delete")
    assert call(db, "license_get", id=lid) is None
    p = product(db)
    policy(db, p)
    assert call(db, "product_delete", id=p["id"])["body"][
        "cascaded_policies"] == 1


def test_policy_delete(db):
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    a, b = (issue(db, p, policy_slug=x["slug"])["key_license_id"]
            for x in (y, z))
    validate(db, ask(a, "device"))
    assert fault(db, "policy_delete", id=y["id"]) == "conflict"
    row = call(db, "policy_delete", lock="policy_delete_lock", id=y["id"],
               force=True)["body"]
    assert (row["deleted"], row["cascaded_licenses"],
            row["cascaded_machines"]) == (y["slug"], 1, 1)
    assert call(db, "license_get", id=a) is None
    body(db, "license_revoke", id=b)
    row = body(db, "policy_delete", id=z["id"])
    assert row["cascaded_licenses"] == 0 and row["force"] is False
    assert body(db, "license_get", id=b)["license"]["policy_id"] is None
