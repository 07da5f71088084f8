"""What holds for every route: envelope, CORS, admin auth, values, bodies."""
import hashlib
import json

import pytest
import requests

from lib.check import NOWHERE, events, is_time, is_uuid
from lib.client import Api, expect, new_slug, refused

BODY_MAX = 2 << 20


# Errors

def test_unknown_path_is_404_in_the_envelope(api):
    refused(api.public("GET", "/v1/nothing-here"), 404, "not_found")
    refused(api.public("POST", "/v1/nothing-here", {}), 404, "not_found")
    refused(api.public("GET", "/validate"), 404, "not_found")


def test_wrong_method_is_refused_and_names_the_right_ones(api):
    r = api.public("GET", "/v1/validate")
    refused(r, 405, "method_not_allowed")
    assert "POST" in r.headers["Allow"]
    refused(api.admin("PUT", "/products", {}), 405, "method_not_allowed")


@pytest.mark.parametrize("path", [
    "/v1/validate", "/v1/purchase", "/v1/machines/activate",
    "/v1/machines/heartbeat", "/v1/machines/deactivate",
    "/v1/admin/products", "/v1/admin/policies", "/v1/admin/licenses"])
@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b"\"x\"", b"7", b"{}", b"{\"key\":}",
    b"{} trailing", b"\xff\xfe", b"{\"key\":\"\xff\"}", b"{'a':1}",
    b"[" * 5000, b"{\"a\":" * 5000, b"{\"key\":\"\\ud800\"}",
    b"{\"key\":\"a\\u0000b\"}", b"NaN"])
def test_malformed_body_is_400_in_the_envelope(api, path, body):
    r = api.admin("POST", path, data=body,
                  headers={"Content-Type": "application/json"})
    if path == "/v1/validate" and b"u0000" in body:
        assert r.status_code in (200, 400)  # a string, though no key
        return
    refused(r, 400, "bad_request")


@pytest.mark.parametrize("path,fields", [
    ("/v1/validate", {"key": 5}),
    ("/v1/validate", {"key": "x", "fingerprint": 5}),
    ("/v1/validate", {"key": "x", "product_slug": []}),
    ("/v1/validate", {"product_slug": "x"}),
    ("/v1/purchase", {"product": 5}),
    ("/v1/purchase", {"buyer_email": "a@example.com"}),
    ("/v1/machines/activate", {"key": "x"}),
    ("/v1/machines/activate", {"fingerprint": "x"}),
    ("/v1/machines/heartbeat", {"key": "x", "fingerprint": True}),
    ("/v1/admin/products", {"slug": "ok", "price_sats": 5}),
    ("/v1/admin/products", {"slug": "ok", "name": "n", "price_sats": "5"}),
    ("/v1/admin/products", {"slug": "ok", "name": "n", "price_sats": 1.5}),
    ("/v1/admin/products", {"slug": "ok", "name": "n", "price_sats": 5,
                            "metadata": "no object"}),
    ("/v1/admin/licenses", {"product_slug": "x", "is_trial": "yes"}),
    ("/v1/admin/licenses", {"product_slug": "x", "entitlements": "pro"}),
    ("/v1/admin/licenses", {"product_slug": "x", "entitlements": [1]})])
def test_wrong_type_or_missing_field_is_400_and_named(api, path, fields):
    refused(api.admin("POST", path, fields), 400, "bad_request")


def test_unknown_request_fields_are_ignored(api):
    p = api.product(surprise={"deep": [1, 2, 3]})
    assert "surprise" not in p
    assert api.validate("nonsense", surprise=1)["reason"] == "bad_format"


def test_content_type_does_not_matter(api):
    r = api.public("POST", "/v1/validate", data=b'{"key":"x"}',
                   headers={"Content-Type": "text/plain"})
    assert expect(r, 200)["reason"] == "bad_format"


def test_D33_internal_error_tells_nothing(own_instance):
    server = own_instance()
    api = Api(server.url, server.admin_key)
    api.get("/v1/products")
    server.db.execute("ALTER TABLE products RENAME TO elsewhere")
    r = api.public("GET", "/v1/products")
    body = refused(r, 500, "internal_error")
    for word in ("products", "relation", "exist", "SQL", "42P01", "src/"):
        assert word not in body["message"]
    server.db.execute("ALTER TABLE elsewhere RENAME TO products")
    api.get("/v1/products")


def test_413_body_over_2_MiB(api):
    pad = "x" * (BODY_MAX - 30)
    r = api.public("POST", "/v1/validate", {"key": "k", "pad": pad})
    assert expect(r, 200)["reason"] == "bad_format"
    try:
        r = api.public("POST", "/v1/validate",
                       data=b'{"key":"' + b"x" * BODY_MAX + b'"}')
    except requests.ConnectionError:
        pytest.fail("the connection was cut instead of an answer 413")
    refused(r, 413, "payload_too_large")


# CORS

@pytest.mark.parametrize("method,path,status", [
    ("GET", "/", 200), ("GET", "/v1/products", 200),
    ("GET", "/healthz", 200), ("POST", "/v1/validate", 400),
    ("GET", "/v1/none", 404), ("GET", "/v1/admin/products", 401)])
def test_every_answer_allows_any_origin(api, method, path, status):
    r = api.public(method, path, headers={"Origin": "https://shop.example"})
    assert r.status_code == status
    assert r.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in r.headers


@pytest.mark.parametrize("path", [
    "/", "/v1/validate", "/v1/purchase", "/v1/products/some-slug",
    "/v1/admin/products", f"/v1/admin/licenses/{NOWHERE}/revoke",
    "/v1/btcpay/webhook"])
def test_preflight_is_200_without_authentication(api, path):
    r = api.public("OPTIONS", path, headers={
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers":
            "authorization,content-type,x-anything"})
    assert r.status_code == 200
    assert r.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in r.headers
    methods = r.headers["Access-Control-Allow-Methods"]
    assert methods == "*" or {"GET", "POST", "PATCH", "DELETE"} <= \
        {m.strip() for m in methods.split(",")}
    allowed = {h.strip() for h in
               r.headers["Access-Control-Allow-Headers"].lower().split(",")}
    assert "*" in allowed or \
        {"authorization", "content-type", "x-anything"} <= allowed


# Admin authentication

ADMIN = [("GET", "/v1/admin/products"), ("POST", "/v1/admin/products"),
         ("PATCH", f"/v1/admin/products/{NOWHERE}"),
         ("DELETE", f"/v1/admin/products/{NOWHERE}"),
         ("POST", "/v1/admin/policies"), ("GET", "/v1/admin/policies"),
         ("GET", "/v1/admin/licenses"), ("POST", "/v1/admin/licenses"),
         ("GET", f"/v1/admin/licenses/{NOWHERE}"),
         ("POST", f"/v1/admin/licenses/{NOWHERE}/revoke"),
         ("POST", f"/v1/admin/licenses/{NOWHERE}/suspend"),
         ("GET", "/v1/admin/machines"),
         ("POST", f"/v1/admin/machines/{NOWHERE}/deactivate")]


@pytest.mark.parametrize("method,path", ADMIN)
def test_401_without_a_bearer_token(api, method, path):
    refused(api.call(method, path), 401, "unauthorized")
    refused(api.call(method, path, headers={"Authorization": "Basic eDp5"}),
            401, "unauthorized")


@pytest.mark.parametrize("method,path", ADMIN)
def test_403_with_a_wrong_token(api, method, path):
    refused(api.call(method, path, token="wrong"), 403, "forbidden")


def test_403_near_misses_of_the_master_key(api):
    key = api.admin_key
    for token in (key[:-1], key + "x", key.swapcase(), key[1:], "x" * 5000):
        r = api.call("GET", "/v1/admin/products", token=token)
        assert r.status_code in (403, 431), r.status_code
    expect(api.call("GET", "/v1/admin/products", token=key), 200)


def test_key_is_not_taken_from_query_or_body(api):
    refused(api.call("GET", f"/v1/admin/products?token={api.admin_key}"),
            401, "unauthorized")
    refused(api.call("POST", "/v1/admin/products",
                     {"authorization": f"Bearer {api.admin_key}"}),
            401, "unauthorized")


def test_authentication_comes_before_the_body(api):
    r = api.call("POST", "/v1/admin/products", data=b"{broken")
    refused(r, 401, "unauthorized")


def test_audit_actor_is_the_hash_of_the_token(api, server):
    p = api.product()
    row, = events(server, p["id"], "product.create")
    assert row["actor_kind"] == "admin_api_key"
    assert row["actor_hash"] == \
        hashlib.sha256(api.admin_key.encode()).hexdigest()


def test_audit_row_has_address_and_user_agent(api, server):
    p = api.do("POST", "/products",
               {"slug": new_slug(), "name": "n", "price_sats": 1},
               ip="203.0.113.77", headers={"User-Agent": "audit/1"})
    row, = events(server, p["id"], "product.create")
    assert row["request_ip"] == "203.0.113.77"
    assert row["user_agent"] == "audit/1"


# Values

def test_ids_times_money_and_flags_have_their_forms(api):
    p = api.product(price_sats=21)
    assert is_uuid(p["id"])
    assert is_time(p["created_at"]) and is_time(p["updated_at"])
    assert p["price_sats"] == 21 and type(p["price_sats"]) is int
    assert p["active"] is True


@pytest.mark.parametrize("bad", [
    "x", "1", "00000000-0000-4000-8000-00000000000g", "%00", "%ff",
    NOWHERE + "0", "a" * 300, "'; DROP TABLE licenses; --", "..%2f..",
    "%25s%25n"])
def test_malformed_id_in_the_path_is_4xx(api, bad):
    for method, path in (("GET", f"/v1/admin/licenses/{bad}"),
                         ("GET", f"/v1/purchase/{bad}"),
                         ("PATCH", f"/v1/admin/products/{bad}")):
        r = api.admin(method, path, {} if method != "GET" else None)
        assert r.status_code in (400, 404), (path, r.status_code)
        assert r.json()["ok"] is False


def test_numbers_beyond_64_bits_are_400(api):
    for price in (1 << 63, 1 << 64, -(1 << 63) - 1, 10 ** 40):
        raw = json.dumps({"slug": new_slug(), "name": "n",
                          "price_sats": price})
        refused(api.admin("POST", "/products", data=raw), 400, "bad_request")
