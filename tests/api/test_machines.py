"""Machines: activate, heartbeat, deactivate (2.5) and the admin's view."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import keys
from lib.check import NOWHERE, ahead, events, is_time, is_uuid
from lib.client import refused
from lib.instance import KNOWN_SEED
from lib.process import wait_for

CALLS = ("activate", "heartbeat", "deactivate")


def unknown_key(api):
    own = keys.parse(api.issue()["license_key"])
    own.license_id = NOWHERE
    return own.signed(KNOWN_SEED)


def active(server, license_id):
    return [r["fingerprint_hash"].hex() for r in server.rows(
        "SELECT fingerprint_hash FROM machines WHERE license_id = %s AND"
        " deactivated_at IS NULL ORDER BY activated_at", license_id)]


def told(server, license_id, event_type):
    return [r["data"] for r in server.rows(
        "SELECT data FROM outbox WHERE event_type = %s AND"
        " data->>'license_id' = %s ORDER BY id", event_type, license_id)]


def expire(server, license_id):
    server.db.execute("UPDATE licenses SET expires_at ="
                      " date_trunc('second', now()) WHERE id = %s",
                      [license_id])


# The key

@pytest.mark.parametrize("call", CALLS)
def test_unparsable_or_badly_signed_key_400(api, call):
    made = api.issue()
    foreign = keys.parse(made["license_key"]).signed(b"\x66" * 32)
    for key in ("", "rubbish", made["license_key"][:-8], foreign):
        refused(api.public("POST", f"/v1/machines/{call}",
                           {"key": key, "fingerprint": "A"}),
                400, "bad_request")


def test_activate_unknown_license_404(api):
    refused(api.public("POST", "/v1/machines/activate",
                       {"key": unknown_key(api), "fingerprint": "A"}),
            404, "not_found")


def test_unknown_license_elsewhere_is_an_answer_or_404(api):
    key = unknown_key(api)
    for call, reason in (("heartbeat", "not_activated"),
                         ("deactivate", "not_found")):
        r = api.public("POST", f"/v1/machines/{call}",
                       {"key": key, "fingerprint": "A"})
        if r.status_code == 200:
            assert r.json() == {"ok": False, "reason": reason}
        else:
            refused(r, 404, "not_found")


# Activate

def test_activate_takes_a_seat(api, server):
    made = api.issue(max_machines=3)
    seen = api.activate(made["license_key"], "A", hostname="h1",
                        platform="linux")
    assert is_uuid(seen["machine_id"])
    assert seen == {"ok": True, "machine_id": seen["machine_id"],
                    "active_count": 1, "max_machines": 3, "reason": None}
    row = server.row("SELECT * FROM machines WHERE id = %s",
                     seen["machine_id"])
    assert (row["hostname"], row["platform"]) == ("h1", "linux")
    data, = told(server, made["license_id"], "machine.activated")
    assert data["machine_id"] == seen["machine_id"]
    assert data["fingerprint_hash"] == keys.hash_hex("A")


def test_activate_again_is_a_heartbeat(api, server):
    made = api.issue(max_machines=3)
    first = api.activate(made["license_key"], "A")
    assert api.activate(made["license_key"], "A") == first
    assert len(told(server, made["license_id"], "machine.activated")) == 1


def test_activate_at_the_cap(api):
    made = api.issue(max_machines=2)
    for f in "AB":
        api.activate(made["license_key"], f)
    assert api.activate(made["license_key"], "C") == {
        "ok": False, "machine_id": None, "active_count": 2,
        "max_machines": 2, "reason": "too_many_machines"}


@pytest.mark.parametrize("word", ["suspend", "revoke"])
def test_activate_when_not_active(api, word):
    made = api.issue(max_machines=2)
    api.activate(made["license_key"], "A")
    api.do("POST", f"/licenses/{made['license_id']}/{word}", {})
    seen = api.activate(made["license_key"], "B")
    assert (seen["ok"], seen["machine_id"], seen["active_count"]) == \
        (False, None, 0)
    assert seen["reason"] == {"suspend": "suspended",
                              "revoke": "revoked"}[word]


def test_D18_activate_when_expired(api, server):
    made = api.issue(max_machines=2)
    expire(server, made["license_id"])
    seen = api.activate(made["license_key"], "A")
    assert (seen["ok"], seen["reason"]) == (False, "expired")
    assert active(server, made["license_id"]) == []


def test_D18_activation_binds_a_single_seat_license(api, server):
    made = api.issue()
    key = made["license_key"]
    assert api.activate(key, "A")["ok"] is True
    assert api.validate(key, fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert api.activate(key, "B")["ok"] is False
    assert api.validate(key, fingerprint="A")["ok"] is True
    assert active(server, made["license_id"]) == [keys.hash_hex("A")]


def test_D19_activation_does_not_get_round_a_bound_key(api):
    made = api.issue(max_machines=3)
    own = keys.parse(made["license_key"])
    own.flags = keys.BOUND
    own.fingerprint_hash = bytes.fromhex(keys.hash_hex("A"))
    key = own.signed(KNOWN_SEED)
    api.public("POST", "/v1/machines/activate",
               {"key": key, "fingerprint": "B"})
    assert api.validate(key, fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert api.validate(key, fingerprint="A")["ok"] is True


@pytest.mark.parametrize("cap", [1, 2])
def test_D18_seats_are_not_oversold_by_a_race(api, server, cap):
    made = api.issue(max_machines=cap)
    key = made["license_key"]

    def ask(i):
        call = api.activate if i % 2 else \
            lambda k, f: api.validate(k, fingerprint=f)
        return call(key, f"racer-{i}")["ok"]
    with ThreadPoolExecutor(16) as pool:
        won = sum(pool.map(ask, range(32)))
    assert won == cap
    assert len(active(server, made["license_id"])) == cap


# Heartbeat

def test_heartbeat(api):
    made = api.issue(max_machines=2)
    key = made["license_key"]
    assert api.heartbeat(key, "A") == {"ok": False,
                                       "reason": "not_activated"}
    mid = api.activate(key, "A")["machine_id"]
    assert api.heartbeat(key, "A") == {"ok": True, "machine_id": mid}
    assert api.heartbeat(key, "B")["reason"] == "not_activated"
    api.deactivate(key, "A")
    assert api.heartbeat(key, "A")["reason"] == "not_activated"


def test_heartbeat_limit_is_60_a_license(api, server):
    made = api.issue(max_machines=2)
    api.activate(made["license_key"], "A")
    seen = []

    def limited():
        seen.append(api.heartbeat(made["license_key"], "A"))
        return not seen[-1]["ok"]
    wait_for(limited, 60, "the license is limited", pause=0)
    assert seen[-1] == {"ok": False, "reason": "rate_limited"}
    assert len(seen) >= 61
    if len(server.replicas) == 1:
        assert len(seen) <= 62
    other = api.issue(max_machines=2)
    api.activate(other["license_key"], "A")
    assert api.heartbeat(other["license_key"], "A")["ok"] is True


# Deactivate

def test_deactivate_frees_the_seat(api, server):
    made = api.issue(max_machines=1)
    key, lid = made["license_key"], made["license_id"]
    mid = api.activate(key, "A")["machine_id"]
    assert api.deactivate(key, "B") == {"ok": False, "reason": "not_found"}
    assert api.deactivate(key, "A", reason="moved") == {"ok": True}
    assert api.deactivate(key, "A") == {"ok": False, "reason": "not_found"}
    row = server.row("SELECT * FROM machines WHERE id = %s", mid)
    assert row["deactivation_reason"] == "moved"
    data, = told(server, lid, "machine.deactivated")
    assert (data["machine_id"], data["reason"]) == (mid, "moved")
    assert data["fingerprint_hash"] == keys.hash_hex("A")
    assert api.validate(key, fingerprint="B")["ok"] is True
    assert active(server, lid) == [keys.hash_hex("B")]


def test_deactivate_default_reason(api, server):
    made = api.issue()
    mid = api.activate(made["license_key"], "A")["machine_id"]
    api.deactivate(made["license_key"], "A")
    assert server.value("SELECT deactivation_reason FROM machines"
                        " WHERE id = %s", mid) == "client_requested"


def test_a_machine_may_come_back(api, server):
    made = api.issue()
    key = made["license_key"]
    for _ in range(3):
        assert api.activate(key, "A")["ok"] is True
        assert api.deactivate(key, "A") == {"ok": True}
    assert server.value("SELECT count(*) FROM machines WHERE license_id ="
                        " %s", made["license_id"]) == 3


# The admin's view

def test_admin_deactivate_D18_unlocks_the_customer(api, server):
    made = api.issue()
    key = made["license_key"]
    mid = api.validate(key, fingerprint="A")["machine_id"]
    assert api.do("POST", f"/machines/{mid}/deactivate",
                  {"reason": "lost laptop"}) == {"ok": True}
    refused(api.admin("POST", f"/machines/{mid}/deactivate", {}), 404,
            "not_found")
    refused(api.admin("POST", f"/machines/{NOWHERE}/deactivate", {}), 404,
            "not_found")
    data, = told(server, made["license_id"], "machine.deactivated")
    assert data["reason"] == "lost laptop"
    assert api.validate(key, fingerprint="B")["ok"] is True
    assert len(events(server, mid)) == 1


def test_admin_list_filters_and_fields(api):
    p, q = api.product(), api.product()
    a = api.issue(p, max_machines=0, buyer_email="m@example.com")
    b = api.issue(p, max_machines=0)
    c = api.issue(q, max_machines=0)
    for made in (a, b, c):
        api.activate(made["license_key"], "X")
    api.activate(a["license_key"], "Y")
    api.deactivate(a["license_key"], "Y")

    def ids(query):
        return [m["license_id"] for m in
                api.do("GET", f"/machines?{query}")["machines"]]
    assert ids(f"license_id={a['license_id']}") == [a["license_id"]]
    assert len(ids(f"license_id={a['license_id']}"
                   "&include_inactive=true")) == 2
    assert set(ids(f"product_id={p['id']}")) == \
        {a["license_id"], b["license_id"]}
    assert ids(f"product_slug={q['slug']}") == [c["license_id"]]
    m, = api.do("GET", f"/machines?license_id={a['license_id']}")["machines"]
    assert set(m) >= {
        "id", "license_id", "hostname", "platform", "ip_last_seen",
        "activated_at", "last_heartbeat_at", "deactivated_at",
        "deactivation_reason", "product_id", "product_slug", "product_name",
        "buyer_email", "license_status", "active"}
    assert "fingerprint" not in m
    assert m["active"] is True and m["license_status"] == "active"
    assert m["buyer_email"] == "m@example.com"
    assert m["product_slug"] == p["slug"]
    assert is_time(m["activated_at"]) and m["deactivated_at"] is None


def test_admin_list_by_last_heartbeat(api, server):
    made = api.issue(max_machines=0)
    for f in "ABC":
        api.activate(made["license_key"], f)
    rows = server.rows("SELECT id FROM machines WHERE license_id = %s",
                       made["license_id"])
    for n, r in enumerate(rows):
        server.db.execute("UPDATE machines SET last_heartbeat_at = now() -"
                          " make_interval(hours => %s) WHERE id = %s",
                          [n, r["id"]])
    seen = api.do("GET", f"/machines?license_id={made['license_id']}")
    assert [m["id"] for m in seen["machines"]] == \
        [str(r["id"]) for r in rows]
    seen = api.do("GET", f"/machines?license_id={made['license_id']}&limit=2")
    assert len(seen["machines"]) == 2


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "limit=x",
                                   "limit=-1", "license_id=nonsense"])
def test_admin_list_bad_query_400(api, query):
    refused(api.admin("GET", f"/machines?{query}"), 400, "bad_request")


def test_expiring_soon_still_activates(api):
    made = api.issue(expires_at=ahead(hours=1))
    assert api.activate(made["license_key"], "A")["ok"] is True
