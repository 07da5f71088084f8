"""keysat.md 2.5 (machines by key) and 3.2's rows about machines."""
import pytest

from lib import keys
from lib.check import NOWHERE, is_uuid, outbox
from lib.client import refused
from lib.instance import KNOWN_SEED

STRANGER = "11111111-1111-4111-8111-111111111111"


def of_nobody(api):
    """A well signed key of a license that isn't there."""
    own = keys.parse(api.issue()["license_key"])
    return keys.Key(own.product_id, STRANGER, own.issued_at).signed(KNOWN_SEED)


def call(api, word, **body):
    return api.public("POST", f"/v1/machines/{word}", body)


@pytest.mark.parametrize("word", ["activate", "heartbeat", "deactivate"])
def test_unparsable_or_badly_signed_is_400(api, word):
    """2.5: unparsable or badly signed -> 400."""
    own = keys.parse(api.issue()["license_key"])
    for key in ("x", own.signed(b"\x21" * 32)):
        refused(call(api, word, key=key, fingerprint="A"), 400,
                "bad_request")


def test_activate_unknown_license_404(api):
    """2.5: unknown license -> 404 (activate)."""
    refused(call(api, "activate", key=of_nobody(api), fingerprint="A"), 404,
            "not_found")


def test_activate(api, server):
    """2.5 activate: the five fields; hostname and platform are kept."""
    made = api.issue(max_machines=3)
    got = api.activate(made["license_key"], "A", hostname="h", platform="p")
    assert is_uuid(got["machine_id"])
    assert got == {"ok": True, "machine_id": got["machine_id"],
                   "active_count": 1, "max_machines": 3, "reason": None}
    (m,) = api.do("GET", f"/machines?license_id={made['license_id']}")[
        "machines"]
    assert (m["hostname"], m["platform"]) == ("h", "p")


def test_activate_again_is_a_heartbeat(api, server):
    """2.5 activate: already active -> heartbeat, ok."""
    made = api.issue(max_machines=1)
    first = api.activate(made["license_key"], "A")
    server.db.execute("UPDATE machines SET last_heartbeat_at = licet_now() -"
                      " interval '1 day' WHERE id = %s", [first["machine_id"]])
    assert api.activate(made["license_key"], "A") == first
    assert server.value("SELECT last_heartbeat_at > licet_now() - interval"
                        " '1 hour' FROM machines WHERE id = %s",
                        first["machine_id"])


@pytest.mark.parametrize("word,status", [("suspend", "suspended"),
                                         ("revoke", "revoked")])
def test_activate_not_active(api, word, status):
    """2.5 activate: status not active -> ok:false, reason = status,
    active_count:0."""
    made = api.issue(max_machines=2)
    api.activate(made["license_key"], "A")
    api.do("POST", f"/licenses/{made['license_id']}/{word}")
    got = api.activate(made["license_key"], "A")
    assert got == {"ok": False, "machine_id": None, "active_count": 0,
                   "max_machines": 2, "reason": status}


def test_activate_at_the_cap(api):
    """2.5 activate: cap -> ok:false, too_many_machines."""
    made = api.issue(max_machines=1)
    api.activate(made["license_key"], "A")
    got = api.activate(made["license_key"], "B")
    assert (got["ok"], got["machine_id"], got["active_count"],
            got["reason"]) == (False, None, 1, "too_many_machines")


def test_heartbeat(api):
    """2.5 heartbeat: {ok:true,machine_id} | not_activated."""
    made = api.issue(max_machines=2)
    assert api.heartbeat(made["license_key"], "A") == {
        "ok": False, "reason": "not_activated"}
    mid = api.activate(made["license_key"], "A")["machine_id"]
    assert api.heartbeat(made["license_key"], "A") == {
        "ok": True, "machine_id": mid}


def test_deactivate(api, server):
    """2.5 deactivate: {ok:true} | not_found; the default reason; emits
    `machine.deactivated'."""
    made = api.issue(max_machines=2)
    key = made["license_key"]
    mid = api.activate(key, "A")["machine_id"]
    assert api.deactivate(key, "B") == {"ok": False, "reason": "not_found"}
    assert api.deactivate(key, "A") == {"ok": True}
    assert api.deactivate(key, "A") == {"ok": False, "reason": "not_found"}
    (told,) = outbox(server, "license_id", made["license_id"],
                     "machine.deactivated")
    assert told["data"]["machine_id"] == mid
    assert told["data"]["reason"] == "client_requested"
    api.activate(key, "A")
    api.deactivate(key, "A", reason="moved")
    assert outbox(server, "license_id", made["license_id"],
                  "machine.deactivated")[-1]["data"]["reason"] == "moved"


def test_deactivate_single_seat_lets_the_next_bind(api):
    """2.5 deactivate: on single-seat licenses also clears the stored
    fingerprint so that the next client can bind."""
    made = api.issue()
    api.validate(made["license_key"], fingerprint="A")
    api.deactivate(made["license_key"], "A")
    assert api.license(made["license_id"])["license"]["fingerprint"] is None
    assert api.validate(made["license_key"], fingerprint="B")["ok"] is True
    assert api.validate(made["license_key"], fingerprint="A")["reason"] == \
        "fingerprint_mismatch"


# 3.2 The admin's view

def test_admin_list(api):
    """3.2 row `GET /machines': the machine's columns without fingerprints,
    product_id, product_slug, product_name, buyer_email, license_status,
    active; by last heartbeat; filters."""
    made = api.issue(max_machines=3, buyer_email="m@example.com")
    for f in "ABC":
        api.activate(made["license_key"], f)
    api.deactivate(made["license_key"], "B")
    path = f"/machines?license_id={made['license_id']}"
    got = api.do("GET", path)["machines"]
    assert len(got) == 2
    assert len(api.do("GET", path + "&include_inactive=true")[
        "machines"]) == 3
    for m in got:
        assert set(m) >= {
            "id", "license_id", "hostname", "platform", "ip_last_seen",
            "activated_at", "last_heartbeat_at", "deactivated_at",
            "deactivation_reason", "product_id", "product_slug",
            "product_name", "buyer_email", "license_status", "active"}
        assert not [k for k in m if k.startswith("fingerprint")]
    times = [m["last_heartbeat_at"] for m in got]
    assert times == sorted(times, reverse=True)
    for query in (f"product_id={made['product_id']}",
                  f"product_slug={made['product_slug']}"):
        assert len(api.do("GET", f"/machines?{query}")["machines"]) == 2


@pytest.mark.parametrize("limit,fine", [(1, True), (5000, True), (0, False),
                                        (5001, False)])
def test_admin_list_limit(api, limit, fine):
    """3.2 row `GET /machines': limit 1-5000."""
    r = api.admin("GET", f"/machines?limit={limit}")
    assert r.status_code == (200 if fine else 400)


def test_admin_deactivate(api):
    """3.2 row `POST /machines/:id/deactivate': {ok:true}; 404 if unknown or
    inactive."""
    made = api.issue(max_machines=2)
    mid = api.activate(made["license_key"], "A")["machine_id"]
    path = f"/machines/{mid}/deactivate"
    assert api.do("POST", path, {"reason": "gone"}) == {"ok": True}
    refused(api.admin("POST", path), 404, "not_found")
    refused(api.admin("POST", f"/machines/{NOWHERE}/deactivate"), 404,
            "not_found")
