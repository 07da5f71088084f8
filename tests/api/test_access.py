"""Scoped keys: made, used, revoked; odd headers; guessing.  What each role may
is in conformance/test_access.py."""
import hashlib
import re

import pytest

from lib.check import NOWHERE, events, is_time, is_uuid, read_time
from lib.client import expect, new_address, refused
from lib.process import wait_for
from lib.roles import EXTRA, make_key


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


# Keys

def test_a_key_is_shown_once(api, server):
    """3.4: token = ks_ + base64url of 32 bytes; only its hash is stored."""
    made = make_key(api, "support", "the help desk", scopes=[EXTRA])
    assert set(made) == {"id", "label", "role", "scopes", "created_at",
                         "token"}
    assert re.fullmatch(r"ks_[A-Za-z0-9_-]{43}", made["token"])
    assert is_uuid(made["id"]) and is_time(made["created_at"])
    assert (made["label"], made["role"], made["scopes"]) == \
        ("the help desk", "support", [EXTRA])
    row = server.row("SELECT * FROM scoped_api_keys WHERE id = %s",
                     made["id"])
    assert bytes(row["token_hash"]).hex() == sha256(made["token"])
    listed = api.do("GET", "/api-keys")["api_keys"]
    mine = next(k for k in listed if k["id"] == made["id"])
    assert mine == {**{k: v for k, v in made.items() if k != "token"},
                    "last_used_at": None, "revoked_at": None}
    assert api.do("GET", f"/api-keys/{made['id']}") == \
        {**mine, "actor_hash": sha256(made["token"])}
    (event,) = events(server, made["id"], "api_key.create")
    assert made["token"] not in str(event)


@pytest.mark.parametrize("body", [
    {"role": "read-only"}, {"label": "x"}, {"label": "", "role": "support"},
    {"label": " ", "role": "support"}, {"label": "x" * 81, "role": "support"},
    {"label": "é" * 81, "role": "support"}, {"label": "x", "role": "master"},
    {"label": "x", "role": "root"}, {"label": "x", "role": None},
    {"label": "x", "role": "support", "scopes": ["licenses:write"]},
    {"label": "x", "role": "support", "scopes": [EXTRA, "master"]},
    {"label": "x", "role": "support", "scopes": EXTRA},
    {"label": "x", "role": "support", "scopes": [1]}])
def test_bad_keys_are_refused(api, body):
    """3.4: label 1-80, five roles, one a-la-carte scope."""
    refused(api.admin("POST", "/api-keys", body), 400, "bad_request")


def test_labels_of_80_characters(api):
    assert make_key(api, label="é" * 80)["label"] == "é" * 80
    assert make_key(api, scopes=[EXTRA, EXTRA])["scopes"] == [EXTRA]
    assert make_key(api)["scopes"] == []


def test_keys_page_by_page(api):
    made = [make_key(api)["id"] for _ in range(3)]
    first = api.do("GET", "/api-keys?limit=2")
    assert [k["id"] for k in first["api_keys"]] == [made[2], made[1]]
    then = api.do("GET", "/api-keys?limit=2&cursor=" + first["next_cursor"])
    assert then["api_keys"][0]["id"] == made[0]


def test_use_is_stamped_once_a_minute(clock):
    """0: success stamps last_used_at, and nothing else does."""
    from lib.client import Api
    server = clock.server
    api = Api(server.url, server.admin_key, server.db)
    key = make_key(api, "license-issuer")

    def stamp():
        return server.value("SELECT last_used_at FROM scoped_api_keys"
                            " WHERE id = %s", key["id"])
    refused(api.call("POST", "/v1/admin/products", {}, token=key["token"]),
            403, "forbidden")
    assert stamp() is None
    expect(api.call("GET", "/v1/admin/licenses", token=key["token"]), 200)
    first = stamp()
    assert first is not None
    expect(api.call("GET", "/v1/admin/licenses", token=key["token"]), 200)
    assert stamp() == first
    clock.move(seconds=61)
    expect(api.call("GET", "/v1/admin/licenses", token=key["token"]), 200)
    assert (stamp() - first).total_seconds() >= 61


def test_revoking(api, server):
    """3.4: {ok,revoked_at}, then {ok,already_revoked:true}; 404 unknown."""
    key = make_key(api, "full-admin")
    expect(api.call("GET", "/v1/admin/licenses", token=key["token"]), 200)
    said = api.do("DELETE", f"/api-keys/{key['id']}")
    assert said["ok"] is True and read_time(said["revoked_at"])
    refused(api.call("GET", "/v1/admin/licenses", token=key["token"]), 403,
            "forbidden")
    assert api.do("DELETE", f"/api-keys/{key['id']}") == \
        {"ok": True, "already_revoked": True}
    refused(api.admin("DELETE", f"/api-keys/{NOWHERE}"), 404, "not_found")
    refused(api.admin("GET", f"/api-keys/{NOWHERE}"), 404, "not_found")
    assert len(events(server, key["id"], "api_key.revoke")) == 1
    listed = api.do("GET", "/api-keys")["api_keys"]
    assert next(k for k in listed if k["id"] == key["id"])["revoked_at"] == \
        said["revoked_at"]


def test_audit_tells_scoped_keys_by_their_hash(api, server):
    """0: audit actor = SHA-256 of the token; D29."""
    key = make_key(api, "merchant-onboard")
    slug = "by-" + key["id"][:8]
    made = expect(api.call("POST", "/v1/admin/products",
                           {"slug": slug, "name": "n", "price_sats": 1},
                           token=key["token"]), 200)
    (event,) = events(server, made["id"], "product.create")
    assert (event["actor_kind"], event["actor_hash"]) == \
        ("scoped_api_key", sha256(key["token"]))


@pytest.mark.parametrize("role,shown", [("read-only", False),
                                        ("support", False),
                                        ("full-admin", True)])
def test_secrets_of_webhooks_need_the_right_to_make_some(api, role, shown):
    """D27: a key that may only read must not learn secrets."""
    key = make_key(api, role)
    r = api.call("GET", "/v1/admin/webhook-endpoints?include_secret=true",
                 token=key["token"])
    assert r.status_code == (200 if shown else 403), r.text
    expect(api.call("GET", "/v1/admin/webhook-endpoints",
                    token=key["token"]), 200)


# Odd headers

@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer ", "Basic YTpi", "bearer", "Token x",
    "Bearer\tx"])
def test_what_is_no_bearer(api, header):
    r = api.public("GET", "/v1/admin/products",
                   headers={"Authorization": header})
    assert r.status_code in (401, 403), r.text


def test_bearer_in_any_case(api, server):
    r = api.public("GET", "/v1/admin/products", headers={
        "Authorization": "bEARER  " + server.admin_key})
    assert r.status_code == 200
    r = api.public("GET", "/v1/admin/products", headers={
        "Authorization": "Bearer " + server.admin_key + " "})
    assert r.status_code in (200, 403)
    for almost in (server.admin_key[:-1], server.admin_key + "x",
                   server.admin_key.upper(), "x" + server.admin_key[1:]):
        refused(api.call("GET", "/v1/admin/products", token=almost), 403,
                "forbidden")


@pytest.mark.parametrize("headers", [
    {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"},
    {"Cookie": "keysat_session=" + "A" * 43}])
def test_public_endpoints_ask_nobody(api, headers):
    for path in ("/", "/v1/pubkey", "/v1/products", "/admin/login/status"):
        assert api.public("GET", path, headers=headers).status_code == 200
    r = api.public("POST", "/v1/validate", {"key": "x"}, headers=headers)
    assert expect(r, 200)["reason"] == "bad_format"


# Guessing

def test_guessing_is_slow(api, server):
    """An address that sent many wrong keys is refused the right one, too."""
    ip, codes = new_address(), []
    while 429 not in codes and len(codes) < 200:
        codes.append(api.call("GET", "/v1/admin/products", ip=ip,
                              token=f"wrong-{len(codes)}").status_code)
    # Four workers that haven't heard of each other yet have twenty each.
    assert codes[-1] == 429 and codes.count(403) == len(codes) - 1
    assert 20 <= codes.count(403) <= 80

    def is_refused():
        r = api.admin("GET", "/products", ip=ip)
        return r.status_code == 429 and int(r.headers["Retry-After"]) >= 6
    wait_for(is_refused, 60, "the right key is refused there")
    api.do("GET", "/products", ip=new_address())
    # Scopes that are lacking are no guesses.
    key, ip = make_key(api), new_address()
    for _ in range(60):
        refused(api.call("POST", "/v1/admin/products", {}, ip=ip,
                         token=key["token"]), 403, "forbidden")
