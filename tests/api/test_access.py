"""Who may: the master key, scoped keys, every endpoint for every role."""
import hashlib
import re

import pytest
import requests

from lib.check import NOWHERE, events, is_time, is_uuid, read_time
from lib.client import expect, new_address, refused
from lib.process import wait_for
from lib.roles import EXTRA, WRITES, allows, make_key

METHODS = ("get", "post", "put", "patch", "delete")
# Keys as they are given: role and scopes beyond it.
KEYS = [(role, extras) for role in WRITES for extras in ((), (EXTRA,))]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


# Every endpoint, every role

@pytest.fixture(scope="module")
def operations(server):
    """(method, path with no such ids, scope) of every admin endpoint."""
    document = requests.get(server.url + "/v1/openapi.json", timeout=10).json()
    return [(method.upper(), re.sub(r"\{[^}]*\}", NOWHERE, path),
             node["x-scope"])
            for path, item in document["paths"].items()
            for method, node in item.items()
            if method in METHODS and "x-scope" in node]


@pytest.mark.parametrize("role,extras", KEYS,
                         ids=lambda v: v if isinstance(v, str) else len(v))
def test_every_endpoint_for_every_role(api, operations, role, extras):
    """3: scopes of all routes; 3.4: roles.  An empty body and an unknown id
    keep the allowed calls from doing anything."""
    key = make_key(api, role, scopes=list(extras))
    assert {s for _, _, s in operations} >= {"master", "licenses:write",
                                             "webhooks:read", EXTRA}
    wrong = []
    for method, path, scope in operations:
        r = api.call(method, path, {} if method != "GET" else None,
                     token=key["token"])
        may = r.status_code not in (401, 403)
        if may != allows(role, scope, extras):
            wrong.append((method, path, scope, r.status_code, r.text[:200]))
        assert r.status_code < 500 or "btcpay" in path, r.text
        if not may:
            refused(r, 403, "forbidden")
    assert wrong == []


def test_master_may_everything(api, operations):
    for method, path, _ in operations:
        if method == "GET":
            r = api.admin(method, path)
            assert r.status_code not in (401, 403), (path, r.text)


def test_nobody_may_anything(api, operations):
    """0: no bearer is 401, a wrong one 403."""
    for method, path, _ in operations:
        body = {} if method != "GET" else None
        refused(api.public(method, path, body), 401, "unauthorized")
        refused(api.call(method, path, body, token="ks_nonsense"), 403,
                "forbidden")


# Scopes that the contract names

CONTRACT = {
    ("POST", "/products"): "products:write",
    ("PATCH", "/products/{id}"): "products:write",
    ("PATCH", "/products/{id}/active"): "products:write",
    ("DELETE", "/products/{id}"): "products:write",
    ("POST", "/policies"): "policies:write",
    ("GET", "/policies"): "policies:read",
    ("PATCH", "/policies/{id}"): "policies:write",
    ("PATCH", "/policies/{id}/active"): "policies:write",
    ("PATCH", "/policies/{id}/public"): "policies:write",
    ("PATCH", "/policies/{id}/archived"): "policies:write",
    ("PATCH", "/policies/{id}/tip"): "policies:write",
    ("DELETE", "/policies/{id}"): "policies:write",
    ("GET", "/tips"): "policies:read",
    ("POST", "/licenses"): "licenses:write",
    ("GET", "/licenses"): "licenses:read",
    ("GET", "/licenses/search"): "licenses:read",
    ("GET", "/licenses/summary"): "licenses:read",
    ("GET", "/licenses/counts"): "licenses:read",
    ("GET", "/revenue/summary"): "licenses:read",
    ("POST", "/licenses/{id}/revoke"): "licenses:write",
    ("POST", "/licenses/{id}/suspend"): "licenses:write",
    ("POST", "/licenses/{id}/unsuspend"): "licenses:write",
    ("POST", "/licenses/{id}/change-tier"): "master",
    ("GET", "/machines"): "machines:read",
    ("POST", "/machines/{id}/deactivate"): "machines:write",
    ("GET", "/subscriptions"): "subscriptions:read",
    ("POST", "/subscriptions/{id}/cancel"): "subscriptions:write",
    ("POST", "/discount-codes"): "discount_codes:write",
    ("GET", "/discount-codes"): "discount_codes:read",
    ("GET", "/discount-codes/{id}"): "discount_codes:read",
    ("PATCH", "/discount-codes/{id}"): "discount_codes:write",
    ("PATCH", "/discount-codes/{id}/active"): "discount_codes:write",
    ("DELETE", "/discount-codes/{id}"): "discount_codes:write",
    ("POST", "/webhook-endpoints"): "webhooks:write",
    ("GET", "/webhook-endpoints"): "webhooks:read",
    ("PATCH", "/webhook-endpoints/{id}/active"): "webhooks:write",
    ("DELETE", "/webhook-endpoints/{id}"): "webhooks:write",
    ("GET", "/webhook-deliveries"): "webhooks:read",
    ("POST", "/webhook-deliveries/{id}/retry"): "webhooks:write",
    ("GET", "/audit"): "audit:read",
    ("GET", "/settings/operator-name"): "settings:read",
    ("POST", "/settings/operator-name"): "master",
    ("GET", "/rates"): "rates:read",
    ("POST", "/rates/refresh"): "rates:write",
    ("POST", "/api-keys"): "master",
    ("GET", "/api-keys"): "master",
    ("DELETE", "/api-keys/{id}"): "master",
    ("GET", "/db-info"): "master",
    ("POST", "/import-issuer-key"): "master",
    ("POST", "/web-password"): "master",
    ("GET", "/merchant-profiles"): "merchant_profiles:read",
    ("POST", "/merchant-profiles"): "merchant_profiles:write",
    ("GET", "/merchant-profiles/{id}"): "merchant_profiles:read",
    ("PATCH", "/merchant-profiles/{id}"): "merchant_profiles:write",
    ("DELETE", "/merchant-profiles/{id}"): "merchant_profiles:write",
    ("POST", "/merchant-profiles/{id}/set-default"):
        "merchant_profiles:write",
    ("PUT", "/merchant-profiles/{id}/rail-preferences/{rail}"):
        "merchant_profiles:write",
    ("DELETE", "/merchant-profiles/{id}/rail-preferences/{rail}"):
        "merchant_profiles:write",
    ("POST", "/btcpay/connect"): EXTRA,
    ("POST", "/btcpay/disconnect"): "master",
    ("POST", "/zaprite/connect"): "master",
    ("POST", "/zaprite/disconnect"): "master",
    ("GET", "/payment-provider/status"): "payment_providers:read",
}


def test_scopes_are_the_contracts(api):
    """3.1 to 3.6, the column of scopes."""
    paths = api.get("/v1/openapi.json")["paths"]
    have = {key: paths["/v1/admin" + key[1]][key[0].lower()]["x-scope"]
            for key in CONTRACT}
    assert have == CONTRACT


def test_admin_paths_need_a_scope(api):
    """3, D25: nothing under /v1/admin is public."""
    for path, item in api.get("/v1/openapi.json")["paths"].items():
        if path.startswith("/v1/admin"):
            for method in set(item) & set(METHODS):
                assert "x-scope" in item[method], (method, path)


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


# Guessing

def test_guessing_is_slow(api, server):
    """An address that sent many wrong keys is refused the right one, too."""
    ip = new_address()
    codes = [api.call("GET", "/v1/admin/products", token=f"wrong-{i}",
                      ip=ip).status_code for i in range(60)]
    assert codes[0] == 403 and codes[-1] == 429
    assert 20 <= codes.count(403) <= 50

    def is_refused():
        r = api.admin("GET", "/products", ip=ip)
        return r.status_code == 429 and int(r.headers["Retry-After"]) >= 6
    wait_for(is_refused, 10, "the right key is refused there")
    api.do("GET", "/products", ip=new_address())
    # Scopes that are lacking are no guesses.
    key, ip = make_key(api), new_address()
    for _ in range(60):
        refused(api.call("POST", "/v1/admin/products", {}, ip=ip,
                         token=key["token"]), 403, "forbidden")
