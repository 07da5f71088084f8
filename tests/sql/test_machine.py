"""Explicit activation, giving a seat back, and the admin's view of machines."""
import json
import re

import pytest

from session import Refused
from shop import active, ago, ask, digest, license, product, validate

ACTOR = dict(actor_kind="admin_api_key", actor_hash="cafe",
             request_ip="192.0.2.1", user_agent="test")


def activate(db, license_id, fingerprint, **more):
    rows = db.locked("machine_activate_lock", "machine_activate",
                     license_id=license_id, request_ip="192.0.2.8",
                     fingerprint_hash=digest(fingerprint).hex(), **more)
    return json.loads(rows[0]["body"]) if rows else None


def give_back(db, license_id, fingerprint, **more):
    row, = db.call("machine_deactivate_own", license_id=license_id,
                   fingerprint_hash=digest(fingerprint).hex(), **more)
    return json.loads(row["body"])


def listed(db, **filters):
    row, = db.call("machine_list", **filters)
    return json.loads(row["body"])


def told(db, license_id):
    return [(kind, json.loads(data)) for kind, data in db.sql(
        "SELECT event_type, data FROM outbox WHERE data->>'license_id' = "
        f"'{license_id}' ORDER BY id")]


@pytest.mark.parametrize("cap", [1, 3])
def test_activate_up_to_the_cap(db, cap):
    pid, _ = product(db)
    lid = license(db, pid, max_machines=str(cap))
    seats = [activate(db, lid, f"m{n}") for n in range(cap)]
    for n, body in enumerate(seats):
        assert body == {"ok": True, "machine_id": body["machine_id"],
                        "active_count": n + 1, "max_machines": cap,
                        "reason": None}
    assert activate(db, lid, "m0") == {
        "ok": True, "machine_id": seats[0]["machine_id"], "active_count": cap,
        "max_machines": cap, "reason": None}
    assert activate(db, lid, "late") == {
        "ok": False, "machine_id": None, "active_count": cap,
        "max_machines": cap, "reason": "too_many_machines"}
    assert active(db, lid) == cap
    assert [kind for kind, _ in told(db, lid)] == ["machine.activated"] * cap
    # The same seats count for validations.
    assert [r["reason"] for r in validate(db, ask(lid, "m0"),
                                          ask(lid, "late"))] == [
        None, "fingerprint_mismatch" if cap == 1 else "too_many_machines"]


@pytest.mark.parametrize("columns,reason", [
    (dict(status="'revoked'"), "revoked"),
    (dict(status="'suspended'"), "suspended"),
    (dict(expires_at=ago(5)), "expired"),
    (dict(expires_at=ago(5), grace_seconds="60"), None)])
def test_activate_asks_the_license_first(db, columns, reason):
    pid, _ = product(db)
    lid = license(db, pid, **columns)
    body = activate(db, lid, "one")
    assert (body["ok"], body["reason"]) == (reason is None, reason)
    assert body["active_count"] == active(db, lid) == int(reason is None)
    assert (body["machine_id"] is None) == (reason is not None)


def test_activate_unknown_license(db):
    assert activate(db, "00000000-0000-4000-8000-000000000000", "x") is None


def test_activate_again_is_a_heartbeat(db):
    pid, _ = product(db)
    lid = license(db, pid)
    activate(db, lid, "one", hostname="a")
    db.sql("UPDATE machines SET last_heartbeat_at = now() - interval '1 day' "
           f"WHERE license_id = '{lid}'")
    activate(db, lid, "one", hostname="b")
    assert db.sql("SELECT last_heartbeat_at > now() - interval '5 s', "
                  "hostname, ip_last_seen FROM machines "
                  f"WHERE license_id = '{lid}'") == [("t", "b", "192.0.2.8")]


def test_give_back(db):
    pid, _ = product(db)
    lid = license(db, pid)
    mid = activate(db, lid, "one")["machine_id"]
    assert give_back(db, lid, "other") == {"ok": False, "reason": "not_found"}
    assert give_back(db, lid, "one") == {"ok": True}
    assert give_back(db, lid, "one") == {"ok": False, "reason": "not_found"}
    assert told(db, lid)[1:] == [("machine.deactivated", {
        "license_id": lid, "machine_id": mid, "reason": "client_requested",
        "fingerprint_hash": digest("one").hex()})]
    # The next client can bind, the first again too: as new machines.
    assert validate(db, ask(lid, "two"))[0]["reason"] is None
    assert give_back(db, lid, "two", reason="sold") == {"ok": True}
    assert activate(db, lid, "one")["machine_id"] != mid
    assert told(db, lid)[3][1]["reason"] == "sold"


def test_admin_deactivates(db):
    pid, _ = product(db)
    lid = license(db, pid)
    mid = activate(db, lid, "one")["machine_id"]
    row, = db.call("machine_deactivate", id=mid, reason="stolen", **ACTOR)
    assert json.loads(row["body"]) == {"ok": True}
    assert db.call("machine_deactivate", id=mid, **ACTOR) == []
    assert db.call("machine_deactivate", id=lid, **ACTOR) == []
    assert active(db, lid) == 0
    (kind, actor, what), = db.sql(
        "SELECT actor_kind, actor_hash, details FROM events WHERE action = "
        f"'machine.deactivate' AND target_id = '{mid}'")
    assert (kind, actor) == ("admin_api_key", "cafe")
    assert json.loads(what) == {"license_id": lid, "reason": "stolen"}
    assert told(db, lid)[1][1]["reason"] == "stolen"


def test_silent_machines_are_released_by_their_policy(db, connect):
    pid, _ = product(db)
    (y,), = db.sql("INSERT INTO policies (product_id, name, slug,"
                   f" heartbeat_timeout_seconds) VALUES ('{pid}', 'n', 's',"
                   " 3600) RETURNING id")
    mine = license(db, pid, max_machines="0", policy_id=f"'{y}'")
    other = license(db, pid, max_machines="0")
    for lid, name, seconds in ((mine, "silent", 3601), (mine, "just", 3590),
                               (other, "of no policy", 999999),
                               (mine, "gone", 9999)):
        mid = activate(db, lid, name)["machine_id"]
        db.sql(f"UPDATE machines SET last_heartbeat_at = {ago(seconds)}"
               f" WHERE id = '{mid}'")
    give_back(db, mine, "gone")
    beating = connect()
    beating.sql("BEGIN")
    beating.sql(f"SELECT 1 FROM machines WHERE license_id = '{mine}' FOR"
                " NO KEY UPDATE")
    assert db.call("machine_release_silent") == []      # and waits for nobody
    beating.sql("COMMIT")
    assert len(db.call("machine_release_silent")) == 1
    assert db.call("machine_release_silent") == []
    assert (active(db, mine), active(db, other)) == (1, 1)
    assert told(db, mine)[-1][1]["reason"] == "heartbeat_timeout"


def test_list_filters_and_fields(db):
    pid, slug = product(db)
    other, _ = product(db)
    one = license(db, pid, max_machines="0", buyer_email="'b@example.org'")
    two, far = license(db, pid), license(db, other)
    for lid, name in ((one, "a"), (one, "b"), (two, "c"), (far, "d")):
        activate(db, lid, name, hostname=name)
    give_back(db, one, "b")

    def names(**filters):
        return sorted(m["hostname"] or "" for m in listed(db, **filters)["machines"])

    assert names(license_id=one) == ["a"]
    assert names(license_id=one, include_inactive="true") == ["a", "b"]
    assert names(product_id=pid) == names(product_slug=slug) == ["a", "c"]
    assert names(product_id=pid, include_inactive="true") == ["a", "b", "c"]
    assert names(product_id=other, product_slug=slug) == []
    assert names(license_id=one, product_id=other) == []
    assert names(product_slug="no-such") == []
    everything = names(limit="5000")
    assert {"a", "c", "d"} <= set(everything)
    gone = [m for m in listed(db, license_id=one, include_inactive="true")[
        "machines"] if not m["active"]][0]
    assert set(gone) == {
        "id", "license_id", "hostname", "platform", "ip_last_seen",
        "activated_at", "last_heartbeat_at", "deactivated_at",
        "deactivation_reason", "product_id", "product_slug", "product_name",
        "buyer_email", "license_status", "active"}
    assert gone["deactivation_reason"] == "client_requested"
    assert (gone["product_slug"], gone["buyer_email"]) == (
        slug, "b@example.org")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        gone["deactivated_at"])


def test_list_pages(db):
    pid, _ = product(db)
    lid = license(db, pid, max_machines="0")
    validate(db, *(ask(lid, f"m{n}") for n in range(7)))
    # Three share a moment, so that the id has to break the tie.
    db.sql("UPDATE machines m SET last_heartbeat_at = now() - n / 3 * "
           "interval '1.000001 s' FROM (SELECT id, row_number() OVER "
           f"(ORDER BY id) AS n FROM machines WHERE license_id = '{lid}') r "
           "WHERE r.id = m.id")
    whole = [m["id"] for m in listed(db, license_id=lid)["machines"]]
    assert len(whole) == 7
    paged, cursor = [], None
    for _ in range(10):
        page = listed(db, license_id=lid, limit="2", cursor=cursor)
        paged += [m["id"] for m in page["machines"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == whole
    for bad in ("x", "1_x", "_", "1"):
        with pytest.raises(Refused) as e:
            listed(db, cursor=bad)
        assert e.value.sqlstate == "22P02"
