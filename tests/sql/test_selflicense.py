"""sql/selflicense.sql: what caps cost, and what a look at the keys may not
do."""
import json

import pytest

from endpoint import body, call, product, slug
from statements import STATEMENTS

ROOT = "cd" * 32
ID = "0a0b0c0d-0000-4000-8000-00000000000%d"
CREATES = {
    "product_create": {"slug": "never-made", "name": "x", "price_sats": 1},
    "policy_create": {"slug": "never-made", "name": "x", "is_recurring": True},
    "policy_update": {"is_recurring": True, "renewal_period_days": 30},
    "code_create": {"code": "NEVER-MADE", "kind": "percent", "amount": 1},
    "code_set_active": {"active": True},
    "profile_create": {"name": "x"},
    "zaprite_connect": {"label": "x", "base_url": "https://z.test"},
}


@pytest.fixture
def alone(db):
    """What a test does here, others don't see."""
    db.sql("BEGIN")
    yield db
    db.sql("ROLLBACK")


def verdict(*entitlements, expires_at=None, fault=None):
    if fault:
        return {"fault": fault}
    return {"fault": None, "product_id": ID % 1, "license_id": ID % 2,
            "expires_at": expires_at, "entitlements": list(entitlements)}


def store(db, v, root=ROOT, sealed="00"):
    return call(db, "self_license_store", verdict=v, trust_root=root,
                sealed_key=sealed)


def note(db, *seen, root=ROOT):
    return db.call("self_license_note", trust_root=root, verdicts=json.dumps(
        [{"source": s, "sealed_key": k, "verdict": v} for s, k, v in seen]))


def touched(db, name, /, **args):
    """Does it look at the license, with these arguments?"""
    db.prepare(name)
    values = ", ".join(
        "NULL" if args.get(n) is None else
        "'%s'" % json.dumps(args[n]).strip('"') for n in STATEMENTS[name][1])
    (text,), = db.sql(f"EXPLAIN (ANALYZE, FORMAT json) "
                      f"EXECUTE {name}({values})")
    found = []

    def walk(node):
        if node.get("Relation Name") == "self_licenses":
            found.append(node["Actual Loops"])
        for child in node.get("Plans", ()):
            walk(child)
    walk(json.loads(text)[0]["Plan"])
    assert found, f"{name} never asks"
    return any(found)


@pytest.mark.parametrize("name", CREATES)
def test_without_a_trust_root_nothing_is_asked(alone, name):
    p = product(alone)
    y = body(alone, "policy_create", product_slug=p["slug"], name="x",
             slug=slug())
    c = body(alone, "code_create", code=slug(), kind="percent", amount=1)
    body(alone, "code_set_active", id=c["id"], active=False)
    args = {**CREATES[name], "product_slug": p["slug"], "id": y["id"],
            "profile_id": ID % 3, "provider_id": ID % 3,
            "public_url": "https://licet.test", "actor_kind": "system",
            "body": {}}
    if name == "code_create":
        del args["product_slug"]
    if name == "code_set_active":
        args["id"] = c["id"]
    alone.sql("SAVEPOINT s")
    assert not touched(alone, name, **args)
    alone.sql("ROLLBACK TO s")
    assert touched(alone, name, trust_root=ROOT, **args)


def test_nobody_waits_without_a_trust_root(db, connect):
    held, other = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' " \
        "AND pid = pg_backend_pid()", connect()
    other.sql("BEGIN")
    other.call("tier_lock", trust_root=None)
    assert other.sql(held) == [("0",)]
    other.call("tier_lock", trust_root=ROOT)
    assert other.sql(held) == [("1",)]
    other.sql("ROLLBACK")


def test_a_look_never_judges_a_key_that_has_gone(alone):
    """Another key was stored while the one before was looked at."""
    store(alone, verdict("new"), sealed="02")
    assert note(alone, ("stored", "01", verdict(fault="bad_format"))) == []
    got = body(alone, "self_license_get", trust_root=ROOT)
    assert got["entitlements"] == ["new"]


def test_a_look_tells_what_changed_once(alone):
    store(alone, verdict("a"))
    bad = ("stored", "00", verdict(fault="bad_signature"))
    told = [note(alone, bad)[0], note(alone, bad)[0]]
    assert [(t["before"], t["state"]) for t in told] == [
        ("licensed", "bad_signature"), ("bad_signature", "bad_signature")]
    assert alone.sql("SELECT details->>'to' FROM events WHERE action = "
                     "'self_license.change'") == [("bad_signature",)]
    assert body(alone, "self_license_get", trust_root=ROOT)["reason"] == \
        "bad_signature"


@pytest.mark.parametrize("root, v, reason", [
    (None, verdict("a"), "no_trust_root"),
    (None, verdict(fault="bad_signature"), "no_trust_root"),
    (ROOT, verdict("a", expires_at=1), "expired"),
    (ROOT, verdict(fault="bad_format"), "bad_format")])
def test_no_license_that_is_not_in_force_is_kept(alone, root, v, reason):
    row = store(alone, v, root=root)
    assert row["fault"] == "license_invalid" and row["message"]
    assert alone.sql("SELECT count(*) FROM self_licenses") == [("0",)]
    got = body(alone, "self_license_get", trust_root=root)
    assert got["reason"] == (reason if root is None else "no_license")


def test_a_bad_key_grants_nothing_to_who_has_no_root(alone):
    """A row without a signature never looks like a license."""
    alone.call("self_license_enter", sealed_key="00")
    note(alone, ("environment", "00", verdict(fault="bad_signature")),
         root=None)
    assert body(alone, "self_license_get")["reason"] == "no_trust_root"
    assert body(alone, "tier_get", upgrade_url="")["entitlements"] == []
