"""/v1/openapi.json, and every endpoint it names under bad input.

Whatever is sent, an endpoint answers with a status it documents and never
with a 5xx.
"""
import functools
import json
import re
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lib.check import NOWHERE
from lib.client import new_address

METHODS = ("get", "post", "put", "patch", "delete")
# What HTTP itself may refuse before an endpoint is chosen.
ALWAYS = {404, 405, 413, 414, 431}
MUST_HAVE = [
    ("/", "get"), ("/healthz", "get"), ("/v1/pubkey", "get"),
    ("/v1/issuer/public-key", "get"), ("/v1/products", "get"),
    ("/v1/products/{slug}", "get"), ("/v1/products/{slug}/policies", "get"),
    ("/v1/purchase", "post"), ("/v1/purchase/{id}", "get"),
    ("/v1/validate", "post"), ("/v1/machines/activate", "post"),
    ("/v1/machines/heartbeat", "post"), ("/v1/machines/deactivate", "post"),
    ("/v1/admin/products", "get"), ("/v1/admin/products", "post"),
    ("/v1/admin/products/{id}", "patch"),
    ("/v1/admin/products/{id}", "delete"),
    ("/v1/admin/products/{id}/active", "patch"),
    ("/v1/admin/policies", "get"), ("/v1/admin/policies", "post"),
    ("/v1/admin/policies/{id}", "patch"),
    ("/v1/admin/policies/{id}", "delete"),
    ("/v1/admin/licenses", "get"), ("/v1/admin/licenses", "post"),
    ("/v1/admin/licenses/search", "get"), ("/v1/admin/licenses/{id}", "get"),
    ("/v1/admin/licenses/{id}/revoke", "post"),
    ("/v1/admin/licenses/{id}/suspend", "post"),
    ("/v1/admin/licenses/{id}/unsuspend", "post"),
    ("/v1/admin/machines", "get"),
    ("/v1/admin/machines/{id}/deactivate", "post"),
    ("/v1/admin/merchant-profiles", "get"),
    ("/v1/admin/merchant-profiles", "post"),
    ("/v1/admin/merchant-profiles/{id}", "patch"),
    ("/v1/admin/merchant-profiles/{id}", "delete"),
    ("/v1/admin/merchant-profiles/{id}/set-default", "post"),
    ("/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}", "put"),
    ("/v1/admin/btcpay/connect", "post"), ("/v1/admin/btcpay/status", "get"),
    ("/v1/admin/btcpay/disconnect", "post"),
    ("/v1/admin/zaprite/connect", "post"),
    ("/v1/admin/payment-provider/status", "get"),
    ("/v1/btcpay/webhook", "post")]
# What a stranger's body would make call somewhere in the world.
CALLS_OUT = ("/v1/admin/zaprite/connect",)
HOSTILE = ["", " ", "x", "0", "-1", "'; DROP TABLE licenses; --", "%s%n%x",
           "../../etc/passwd", "\x00", "\x7f", "\ud7ff\U0010ffff", "é" * 200,
           "a" * 3000, "<script>alert(1)</script>", "{}", "[]", "null",
           "NaN", "1e309", "9" * 40, "\\", "\\N", "{\"", "\r\nX-Evil: 1",
           NOWHERE, NOWHERE.upper(), "2030-02-31T25:61:61Z"]
VALUES = [None, True, False, 0, -1, 1, 1.5, 1 << 31, 1 << 63, -(1 << 63),
          1 << 70, 1e308, "", [], {}, [None], [[[]]], {"a": {"b": []}},
          "x" * 70000, ["x"] * 300] + HOSTILE


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        path = node["$ref"].lstrip("#/").split("/")
        node = functools.reduce(lambda d, k: d[k], path, document)
    return node


class Operation:
    def __init__(self, document, path, method, node):
        self.path, self.method = path, method.upper()
        self.name = f"{self.method} {path}"
        self.statuses = {int(s) for s in node["responses"] if s.isdigit()}
        self.query = []
        for p in node.get("parameters", []):
            p = resolve(document, p)
            if p["in"] == "query":
                self.query.append(p["name"])
        self.has_body = "requestBody" in node
        self.fields = []
        if self.has_body:
            content = resolve(document, node["requestBody"])["content"]
            schema = resolve(document, next(iter(content.values()))["schema"])
            self.fields = list(schema.get("properties", {}))

    def __repr__(self):
        return self.name

    def target(self, value=NOWHERE, query=None):
        parts = [urllib.parse.quote(value, safe="") if "{" in p else p
                 for p in self.path.split("/")]
        url = "/".join(parts)
        return url + ("?" + urllib.parse.urlencode(query) if query else "")

    def check(self, response):
        status = response.status_code
        if re.search("/(btcpay|zaprite)/", self.path) and status == 503:
            assert response.json()["error"] == "btcpay_not_configured"
            return
        if self.path == "/admin/login" and status == 503:
            assert response.json()["error"] == "service_unavailable"
            return      # as long as no password is set
        assert status < 500, f"{self.name}: {status} {response.text[:300]}"
        assert status in self.statuses | ALWAYS, \
            f"{self.name}: {status} is not documented: {response.text[:300]}"
        if status >= 400:
            body = response.json()
            assert body["ok"] is False and body["error"], body


@pytest.fixture(scope="module")
def document(server):
    import requests
    return requests.get(server.url + "/v1/openapi.json", timeout=10).json()


@pytest.fixture(scope="module")
def operations(document):
    return [Operation(document, path, method, node[method])
            for path, node in document["paths"].items()
            if path not in CALLS_OUT for method in METHODS if method in node]


def test_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] and document["info"]["version"]


def same(a, b):
    """Equal paths, whatever their parameters are called."""
    a, b = a.split("/"), b.split("/")
    return len(a) == len(b) and all(
        x == y or (x[:1] == y[:1] == "{") for x, y in zip(a, b))


@pytest.mark.parametrize("path,method", MUST_HAVE)
def test_document_names_the_route(document, path, method):
    assert any(same(path, p) and method in node
               for p, node in document["paths"].items())


def test_document_names_only_routes_that_are_served(api, operations):
    for op in operations:
        r = api.public("OPTIONS", op.target())
        assert r.status_code == 200, op.name
        r = api.admin(op.method, op.target(), **(
            {"data": b"{"} if op.has_body else {}))
        assert r.status_code != 405, op.name


def test_every_operation_documents_itself(document):
    for path, node in document["paths"].items():
        for method in METHODS:
            if method in node:
                op = node[method]
                assert op.get("summary") or op.get("description"), path
                assert op["responses"], path
                names = {resolve(document, p)["name"]
                         for p in op.get("parameters", [])
                         if resolve(document, p)["in"] == "path"}
                assert names == {p[1:-1] for p in path.split("/")
                                 if p.startswith("{")}, path


def test_admin_operations_say_that_they_need_a_key(document):
    for path, node in document["paths"].items():
        for method in METHODS:
            if method in node and path.startswith("/v1/admin"):
                assert node[method].get("security",
                                        document.get("security")), path
                assert {"401", "403"} <= set(node[method]["responses"]), path


def test_admin_operations_refuse_strangers(api, operations):
    for op in operations:
        if op.path.startswith("/v1/admin"):
            url = op.target()
            assert api.call(op.method, url).status_code == 401, op.name
            assert api.call(op.method, url,
                            token="wrong").status_code == 403, op.name


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"\x00", b"\xff", b"0", b"\"", b"{\"a\":",
    b"[" * 100000, b"{}", b"{\"\":0}", b"\xef\xbb\xbf{}",
    b"{\"id\":1,\"id\":2}"],
    ids=lambda b: repr(b[:12]))
def test_malformed_bodies(api, operations, body):
    for op in operations:
        if op.has_body:
            op.check(api.admin(op.method, op.target(), data=body))


def test_each_field_mistyped_alone(api, operations):
    for op in operations:
        for field in op.fields:
            for value in (None, True, -1, 1.5, [], {}, "", "\x00",
                          "x" * 70000, 1 << 70):
                op.check(api.admin(op.method, op.target(),
                                   {field: value}))


def test_each_field_missing_from_an_otherwise_filled_body(api, operations):
    for op in operations:
        for field in op.fields:
            body = {f: "x" for f in op.fields if f != field}
            op.check(api.admin(op.method, op.target(), body))


def test_hostile_path_values(api, operations):
    for op in operations:
        if "{" in op.path:
            for value in HOSTILE:
                op.check(api.admin(op.method, op.target(value),
                                   {} if op.has_body else None))


def test_hostile_query_values(api, operations):
    for op in operations:
        for name in op.query:
            for value in HOSTILE:
                op.check(api.admin(op.method, op.target(
                    query={name: value}), {} if op.has_body else None))


@pytest.mark.parametrize("tail", ["?", "?&", "?=", "?%", "?%zz=%", "?a[]=1",
                                  "?limit", "?limit=&limit=1", "?" + "a&" * 99,
                                  "?x=" + "y" * 3000, "#f", "//", "/."],
                         ids=lambda t: t[:12])
def test_hostile_targets(api, operations, tail):
    for op in operations:
        op.check(api.admin(op.method, op.target() + tail,
                           {} if op.has_body else None))


json_values = st.recursive(
    st.one_of(st.sampled_from(VALUES), st.text(max_size=40), st.integers(),
              st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=6)


@settings(max_examples=600, deadline=None, suppress_health_check=list(
    HealthCheck))
@given(data=st.data())
def test_any_body_path_and_query(server, operations, data):
    import requests
    session = SESSION.setdefault(server.url, requests.Session())
    op = data.draw(st.sampled_from(operations))
    value = data.draw(st.sampled_from(HOSTILE + ["demo"]))
    query = {n: data.draw(st.sampled_from(HOSTILE))
             for n in op.query if data.draw(st.booleans())}
    body = None
    if op.has_body:
        names = data.draw(st.lists(st.sampled_from(
            (op.fields or ["x"]) + ["unknown"]), unique=True, max_size=6))
        body = json.dumps({n: data.draw(json_values) for n in names})
    op.check(session.request(
        op.method, server.url + op.target(value, query), data=body,
        headers={"Authorization": f"Bearer {server.admin_key}",
                 "X-Forwarded-For": new_address()},
        timeout=30, allow_redirects=False))


SESSION = {}


def test_the_server_is_unharmed(api):
    made = api.issue()
    assert api.validate(made["license_key"])["ok"] is True
