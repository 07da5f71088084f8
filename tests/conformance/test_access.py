"""keysat.md 0 (admin authentication), 3 (scopes), 3.4 (roles), 3.5 (web login),
D25, D27: every endpoint for every role, as /v1/openapi.json names them."""
import hashlib
import re

import pytest
import requests

from lib.check import NOWHERE, events
from lib.client import Api, expect, new_slug, refused
from lib.roles import EXTRA, WRITES, allows, make_key
from lib.web import by_session, log_in, set_password, status

METHODS = ("get", "post", "put", "patch", "delete")
# Keys as they are given: role and scopes beyond it.
KEYS = [(role, extras) for role in WRITES for extras in ((), (EXTRA,))]


# Every endpoint, every role

@pytest.fixture(scope="module")
def operations(server):
    """(method, path with no such ids, scope) of every admin endpoint."""
    document = requests.get(server.url + "/v1/openapi.json", timeout=10).json()
    return [(method.upper(), re.sub(r"\{[^}]*\}", NOWHERE, path),
             node["x-scope"])
            for path, item in document["paths"].items()
            for method, node in item.items()
            if method in METHODS
            and node.get("x-scope", "customer") != "customer"]


@pytest.mark.parametrize("role,extras", KEYS,
                         ids=lambda v: v if isinstance(v, str) else len(v))
def test_every_endpoint_for_every_role(api, operations, role, extras):
    """3: scopes of all routes; 3.4: roles.  An empty body and an unknown id
    keep the allowed calls from doing anything."""
    key = make_key(api, role, scopes=list(extras))
    assert {s for _, _, s in operations} >= {"master", "licenses:write",
                                             "webhooks:read", EXTRA}
    wrong, seen = [], set()
    for method, path, scope in operations:
        r = api.call(method, path, {} if method != "GET" else None,
                     token=key["token"])
        may = r.status_code not in (401, 403)
        seen.add(may)
        if may != allows(role, scope, extras):
            wrong.append((method, path, scope, r.status_code, r.text[:200]))
        assert r.status_code < 500 or "btcpay" in path, r.text
        if not may:
            refused(r, 403, "forbidden")
    assert wrong == [] and seen == {True, False}


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
    ("GET", "/tier"): "tier:read",
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


# 0, the three ways, and who the audit says it was

def test_three_ways_in(own_instance):
    """0 (1) the master key, (2) a scoped key, (3) a session; the actor is the
    SHA-256 of the token.  D29: each kind by its name."""
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    scoped = make_key(api, "merchant-onboard")["token"]
    session = log_in(api, set_password(api))

    def make(**how):
        return expect(api.call("POST", "/v1/admin/products", {
            "slug": new_slug(), "name": "n", "price_sats": 1}, **how), 200)
    cookie = {"Cookie": "keysat_session=" + session}
    for token, kind, how in (
            (server.admin_key, "admin_api_key", {"token": server.admin_key}),
            (scoped, "scoped_api_key", {"token": scoped}),
            (session, "web_ui", {"headers": cookie})):
        event, = events(server, make(**how)["id"])
        assert (event["actor_kind"], event["actor_hash"]) == (
            kind, hashlib.sha256(token.encode()).hexdigest())


def test_D27_nothing_readable_opens_anything(own_instance):
    """A key that may only read sees no token, no hash that is one, and no
    secret, wherever it looks."""
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    session = log_in(api, set_password(api))
    by_session(api, session, "POST", "/v1/admin/webhook-endpoints",
               {"url": "https://hooks.example/a", "secret": "sign with this"})
    reader = make_key(api, "read-only")["token"]
    paths = [p for p, item in api.get("/v1/openapi.json")["paths"].items()
             if p.startswith("/v1/admin") and "get" in item and "{" not in p]
    seen = ""
    for path in paths:
        seen += api.call("GET", path, token=reader).text
    assert "web_ui.login" in seen and "webhook_endpoint.create" in seen
    for secret in (session, reader, server.admin_key, "sign with this",
                   "$argon2id"):
        assert secret not in seen
    for found in set(re.findall(r"[0-9a-f]{64}", seen)):
        refused(api.call("GET", "/v1/admin/audit", token=found), 403,
                "forbidden")
        refused(by_session(api, found[:43], "GET", "/v1/admin/audit"), 401,
                "unauthorized")


def test_web_login_in_a_row(own_instance):
    """3.5."""
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    assert status(api) == {"has_password": False, "logged_in": False}
    refused(api.public("POST", "/admin/login", {"password": "x" * 12}), 503,
            "service_unavailable")
    refused(api.admin("POST", "/web-password", {"password": "x" * 11}), 400,
            "bad_request")
    refused(api.call("POST", "/v1/admin/web-password", {"password": "x" * 12},
                     token=make_key(api, "full-admin")["token"]), 403,
            "forbidden")
    set_password(api, "x" * 12)
    refused(api.public("POST", "/admin/login", {"password": "y" * 12}), 401,
            "unauthorized")
    session = log_in(api, "x" * 12)
    assert status(api, session) == {"has_password": True, "logged_in": True}
    assert by_session(api, session, "POST", "/admin/logout"
                      ).status_code == 204
    assert status(api, session) == {"has_password": True, "logged_in": False}
