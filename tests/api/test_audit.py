"""The audit trail (3.4): filters, pages, and that it can't be rewritten."""
import hashlib

import psycopg
import pytest

from lib.check import NOWHERE, is_time, is_uuid
from lib.client import expect, new_address, refused

ENTRY = {"id", "actor_kind", "actor_hash", "action", "target_kind",
         "target_id", "request_ip", "user_agent", "details", "occurred_at"}


def audit(api, **query):
    return expect(api.admin("GET", "/audit", params=query), 200)


def actions(api, **query):
    return [e["action"] for e in audit(api, **query)["entries"]]


@pytest.fixture
def history(api):
    """A license that was suspended, taken back and revoked."""
    one = api.issue()["license_id"]
    for verb in ("suspend", "unsuspend", "suspend", "revoke"):
        api.do("POST", f"/licenses/{one}/{verb}", {"reason": "why not"})
    return one


NEWEST = ["license.revoke", "license.suspend", "license.unsuspend",
          "license.suspend", "license.issue_manual"]


def test_entry_says_who_did_what_to_what(api):
    ip = new_address()
    one = api.issue()["license_id"]
    api.admin("POST", f"/licenses/{one}/revoke", {"reason": "fraud"}, ip=ip,
              headers={"User-Agent": "auditor/1"})
    entry = audit(api, target_id=one)["entries"][0]
    assert set(entry) == ENTRY
    assert is_uuid(entry["id"]) and is_time(entry["occurred_at"])
    assert entry["actor_kind"] == "admin_api_key"
    assert entry["actor_hash"] == hashlib.sha256(
        api.admin_key.encode()).hexdigest()
    assert (entry["action"], entry["target_kind"], entry["target_id"]) == (
        "license.revoke", "license", one)
    assert (entry["request_ip"], entry["user_agent"]) == (ip, "auditor/1")
    assert entry["details"] == {"reason": "fraud"}


def test_newest_first(api, history):
    everything = audit(api, limit=50)["entries"]
    times = [e["occurred_at"] for e in everything]
    assert times == sorted(times, reverse=True)
    ours = [e["action"] for e in everything if e["target_id"] == history]
    assert ours == NEWEST


def test_filters_are_anded(api, history):
    assert actions(api, target_id=history) == NEWEST
    assert actions(api, target_id=history, action="license.suspend") == \
        ["license.suspend"] * 2
    assert actions(api, target_id=history, action="license.refund") == []
    assert actions(api, target_id=NOWHERE) == []
    assert set(actions(api, action="license.suspend", limit=1000)) == \
        {"license.suspend"}
    assert actions(api, action="license.susp") == []
    assert actions(api, action="%") == []


def test_by_whom(api, history):
    """The way in, and the credential; ANDed with what it was about."""
    key = hashlib.sha256(api.admin_key.encode()).hexdigest()
    made = api.do("POST", "/api-keys", {"label": "a", "role": "support"})
    other = hashlib.sha256(made["token"].encode()).hexdigest()
    api.call("POST", f"/v1/admin/licenses/{api.issue()['license_id']}/revoke",
             {"reason": "x"}, token=made["token"])
    mine, = audit(api, by_hash=other)["entries"]
    assert (mine["action"], mine["actor_kind"]) == ("license.revoke",
                                                    "scoped_api_key")
    assert actions(api, by_hash=other, action="license.suspend") == []
    assert actions(api, by_hash=other, by="web_ui") == []
    assert actions(api, by_hash=other, by="scoped_api_key",
                   action="license.revoke") == ["license.revoke"]
    assert audit(api, by="scoped_api_key", limit=1)["entries"] == [mine]
    assert audit(api, by="scoped_api_key", action="license.revoke",
                 limit=1)["entries"] == [mine]
    assert actions(api, by="nobody") == actions(api, by_hash="x") == []
    assert actions(api, target_id=history, by_hash=key) == NEWEST
    assert actions(api, target_id=history, by="admin_api_key") == NEWEST
    assert actions(api, target_id=history, by_hash=other) == []


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_pages_hold_each_once(api, history, limit):
    seen, query = [], {"target_id": history, "limit": limit}
    while True:
        page = audit(api, **query)
        assert len(page["entries"]) <= limit
        seen += page["entries"]
        if page["next_cursor"] is None:
            break
        assert len(page["entries"]) == limit
        query["cursor"] = page["next_cursor"]
    assert [e["action"] for e in seen] == NEWEST
    assert len({e["id"] for e in seen}) == len(NEWEST)


def test_pages_by_action_and_of_all_go_on(api, history):
    for query in ({"action": "license.suspend"}, {},
                  {"by": "admin_api_key"}, {"by_hash": hashlib.sha256(
                      api.admin_key.encode()).hexdigest()}):
        both = audit(api, limit=2, **query)["entries"]
        first = audit(api, limit=1, **query)
        second = audit(api, limit=1, cursor=first["next_cursor"], **query)
        assert [first["entries"][0]["id"], second["entries"][0]["id"]] == \
            [e["id"] for e in both]


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 1001}, {"limit": "many"}, {"cursor": "x"},
    {"cursor": "1_x"}, {"action": "x" * 101}])
def test_bad_query_is_400(api, query):
    refused(api.admin("GET", "/audit", params=query), 400, "bad_request")


def test_needs_an_admin(api):
    refused(api.public("GET", "/v1/admin/audit"), 401, "unauthorized")
    refused(api.call("GET", "/v1/admin/audit", token="x" * 40), 403,
            "forbidden")


def test_one_entry(api, history):
    """Found by its id and the second that it names."""
    for entry in audit(api, target_id=history)["entries"]:
        at = entry["occurred_at"]
        path = f"/audit/{entry['id']}?at="
        assert expect(api.admin("GET", path + at), 200) == entry
        for other in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
            refused(api.admin("GET", path + other), 404, "not_found")
    refused(api.admin("GET", f"/audit/{NOWHERE}?at={at}"), 404, "not_found")
    refused(api.admin("GET", f"/audit/{NOWHERE}"), 400, "bad_request")
    refused(api.admin("GET", f"/audit/{NOWHERE}?at=x"), 400, "bad_request")


def test_tells_no_secret(api):
    """D27: neither the key that asked nor the key that was made."""
    made = api.issue()
    api.validate(made["license_key"], fingerprint="SECRET-PRINT")
    text = api.admin("GET", "/audit", params={"limit": 1000}).text
    for secret in (api.admin_key, made["license_key"], "SECRET-PRINT"):
        assert secret not in text


def test_trail_is_append_only(server, history):
    for change in ("UPDATE events SET action = 'x'", "DELETE FROM events"):
        with pytest.raises(psycopg.errors.RaiseException):
            server.db.execute(f"{change} WHERE target_id = '{history}'")
